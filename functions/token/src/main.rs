//! Starts the token function.

use domain::event::request_id;
use lambda_http::{Error, LambdaEvent, lambda_runtime, service_fn};
use serde_json::Value;
use startup::function::{self, Function};
use startup::{Environment, Observer, SystemClock};
use std::process::ExitCode;
use std::sync::Arc;
use token::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::from_process();
    startup::tracing(&environment);
    function::run(&environment, serve(environment.clone())).await
}

async fn serve(environment: Environment) -> Result<(), Error> {
    let observer = &Observer::new(&environment, "token", Arc::new(SystemClock));
    let start = Function::<App>::start(move || {
        let environment = environment.clone();
        async move { Box::pin(App::from_environment(&environment)).await }
    });
    let function = &observer.starting(start).await;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context } = event;
        let request_id = request_id(&payload).unwrap_or(&context.request_id).to_owned();
        let answer = async {
            match function.get().await {
                Ok(app) => Box::pin(app.handle(payload)).await,
                Err(error) => token::not_ready(&payload, &error),
            }
        };
        Ok::<_, Error>(observer.observe(&request_id, context.xray_trace_id.as_deref(), answer).await)
    }))
    .await
}
