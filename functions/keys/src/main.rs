//! Starts the keys function.

use keys::Keys;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use startup::Environment;
use startup::function::{self, Function};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    function::run(&environment, serve(environment.clone())).await
}

async fn serve(environment: Environment) -> Result<(), Error> {
    let function = Function::start(move || {
        let environment = environment.clone();
        async move { Keys::from_environment(&environment) }
    })
    .await;
    let function = &function;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context } = event;
        let work = async {
            let outcome = Box::pin(keys::handle(function.get().await, payload)).await;
            outcome.map_err(Error::from)
        };
        startup::trace::answering(&context.request_id, work).await
    }))
    .await
}
