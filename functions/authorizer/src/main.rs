//! Starts the authorizer function.

use std::process::ExitCode;
use std::sync::Arc;

use domain::event::request_id;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use startup::function::{self, Function};
use startup::{Environment, Observer, SystemClock};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    function::run(&environment, serve(environment.clone())).await
}

async fn serve(environment: Environment) -> Result<(), Error> {
    let observer = &Observer::new(&environment, "authorizer", Arc::new(SystemClock));
    let function = &observer.starting(Function::start(move || authorizer::start(environment.clone()))).await;
    run(service_fn(|event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let request_id = request_id(&payload).unwrap_or(&context.request_id).to_owned();
        async move {
            let decision = async {
                let authorizer = function.get().await.map_err(|error| authorizer::not_ready(&error))?;
                Box::pin(authorizer.authorize(payload)).await
            };
            observer.observe(&request_id, context.xray_trace_id.as_deref(), decision).await
        }
    }))
    .await
}
