//! Starts the token function.

use lambda_http::{Error, LambdaEvent, lambda_runtime, service_fn};
use serde_json::Value;
use startup::Environment;
use startup::function::Function;
use token::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    let function = Function::<App>::start(move || {
        let environment = environment.clone();
        async move { Box::pin(App::from_environment(&environment)).await }
    })
    .await;
    let function = &function;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        Ok::<_, Error>(match function.get().await {
            Ok(app) => Box::pin(app.handle(event.payload)).await,
            Err(error) => token::not_ready(&event.payload, &error),
        })
    }))
    .await
}
