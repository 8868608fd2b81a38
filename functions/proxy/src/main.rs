//! Starts the proxy function.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use config::Gateway;
use connectors::back_end::BackEndClients;
use domain::event::request_id;
use domain::sealing::SealingKeys;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use proxy::{Proxy, Renewer};
use serde_json::Value;
use startup::function::{self, Function};
use startup::{Aws, Clock, CorrectedClock, Environment, Fresh, Observer, Secrets, StartError, SystemClock};
use store::Sessions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    function::run(&environment, serve(environment.clone())).await
}

async fn serve(environment: Environment) -> Result<(), Error> {
    let observer = &Observer::new(&environment, "proxy", Arc::new(SystemClock));
    let proxy = &observer.starting(Function::start(move || build(environment.clone()))).await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let request_id = request_id(&payload).unwrap_or(&context.request_id).to_owned();
        async move {
            let answer = async {
                match proxy.get().await {
                    Ok(proxy) => Ok(Box::pin(proxy.handle(payload)).await?),
                    Err(error) => Ok::<_, Error>(proxy::not_ready(&payload, &error)),
                }
            };
            observer.observe(&request_id, context.xray_trace_id.as_deref(), answer).await
        }
    }))
    .await
}

async fn build(environment: Environment) -> Result<Proxy, StartError> {
    let path = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
    let gateway = Gateway::load(Path::new(path)).map_err(|error| unusable("the configuration", &error))?;
    let sessions = environment.require("SESSIONS_TABLE", "the name of the table of sessions")?;
    let corrected = CorrectedClock::new(Arc::new(SystemClock));
    let aws = Aws::dated(&environment, &corrected)?;
    let sessions = Sessions::new(aws.dynamodb(), sessions);
    let (secrets, clock) = (Secrets::new(&aws), corrected as Arc<dyn Clock>);
    let keys = Fresh::read(&secrets, &environment, "SEALING_KEYS_SECRET", &clock, SealingKeys::parse).await?;
    let tls = secrets.texts(gateway.tls_secrets()).await?;
    let clients = BackEndClients::new(&gateway, &tls).map_err(|error| unusable("TLS for back ends", &error))?;
    Ok(Proxy::new(gateway, sessions, keys, Renewer::new(&environment, &aws)?, clients, clock))
}

fn unusable(what: &str, reason: &dyn std::fmt::Display) -> StartError {
    StartError::Invalid { what: what.to_owned(), reason: reason.to_string() }
}
