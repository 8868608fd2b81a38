//! Starts the renewal function.

use domain::event::request_id;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use startup::function::{self, Function};
use startup::{Environment, Observer, SystemClock};
use std::process::ExitCode;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    function::run(&environment, serve(environment.clone())).await
}

async fn serve(environment: Environment) -> Result<(), Error> {
    let observer = &Observer::new(&environment, "renewal", Arc::new(SystemClock));
    let function = &observer.starting(Function::start(move || renewal::start(environment.clone()))).await;
    run(service_fn(|event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let request_id = request_id(&payload).unwrap_or(&context.request_id).to_owned();
        async move {
            let answer = async {
                match function.get().await {
                    Ok(renewal) => Box::pin(renewal.handle(&payload)).await,
                    Err(error) => renewal::not_ready(&error),
                }
            };
            Ok::<_, Error>(observer.observe(&request_id, context.xray_trace_id.as_deref(), answer).await)
        }
    }))
    .await
}
