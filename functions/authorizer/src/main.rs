//! Starts the authorizer function.

use authorizer::AuthorizerError;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use startup::Environment;
use startup::function::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    let function = &Function::start(move || authorizer::start(environment.clone())).await;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let authorizer = function.get().await.map_err(|error| AuthorizerError::Failed(error.to_string()))?;
        Box::pin(authorizer.authorize(event.payload)).await
    }))
    .await
}
