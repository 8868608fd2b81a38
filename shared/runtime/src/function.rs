//! The main loop of every function: it builds the function's state once, then handles events. If the build fails, each
//! event tries it again.

mod runtime_api;
mod streaming;

use crate::{Environment, Platform, StartError, SystemClock, SystemEntropy};
use gateway_domain::causes;
use gateway_domain::event::request_id;
use gateway_telemetry::{Ids, Observer};
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::OnceCell;

pub use runtime_api::{Chunks, Cut, Reply, Streamed};
pub use streaming::{Invocation, run_streaming};

type Building<T> = Pin<Box<dyn Future<Output = Result<T, StartError>> + Send>>;

/// The state of a function, built at its start, or by a later event if that failed. If Secrets Manager does not respond at
/// a cold start, the function responds with errors until it does, and does not crash.
struct Function<T> {
    cell: OnceCell<T>,
    build: Box<dyn Fn() -> Building<T> + Send + Sync>,
}

impl<T> Function<T> {
    /// Tries to build at once, so that connections are open before the first request.
    async fn start<F>(build: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, StartError>> + Send + 'static,
    {
        let function = Self { cell: OnceCell::new(), build: Box::new(move || Box::pin(build())) };
        if let Err(error) = function.get().await {
            tracing::error!(%error, "the function is not ready yet");
        }
        function
    }

    /// The state, built now if no build has succeeded yet.
    async fn get(&self) -> Result<&T, StartError> {
        self.cell.get_or_try_init(|| (self.build)()).await
    }
}

/// Runs a function until Lambda ends it: `start` builds its state, and `handle` handles one event with the state or with
/// the reason why there is none. If the function ends by itself, or does not run in Lambda, the reason is logged.
pub async fn run<T, B, E>(
    name: &'static str,
    start: impl Fn(Platform) -> B + Send + Sync + Copy + 'static,
    handle: impl AsyncFn(Result<&T, StartError>, Value) -> Result<Value, E>,
) -> ExitCode
where
    B: Future<Output = Result<T, StartError>> + Send + 'static,
    E: Into<Diagnostic> + std::fmt::Debug,
{
    started(name, async |environment| serve(name, environment, start, handle).await).await
}

/// Runs what serves events, in the environment of this process.
async fn started(name: &'static str, serve: impl AsyncFnOnce(Environment) -> Result<(), Error>) -> ExitCode {
    let environment = Environment::from_process();
    gateway_telemetry::begin(&environment.telemetry(name), Arc::new(SystemClock));
    let ended = match inside_lambda(&environment) {
        Ok(()) => serve(environment).await.map_err(|error| causes(&*error)),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            tracing::error!(reason, "the function has ended");
            ExitCode::FAILURE
        }
    }
}

/// Takes one event after the other from the Runtime API, and observes each under its ids.
async fn serve<T, B, E>(
    name: &'static str,
    environment: Environment,
    start: impl Fn(Platform) -> B + Send + Sync + Copy + 'static,
    handle: impl AsyncFn(Result<&T, StartError>, Value) -> Result<Value, E>,
) -> Result<(), Error>
where
    B: Future<Output = Result<T, StartError>> + Send + 'static,
    E: Into<Diagnostic> + std::fmt::Debug,
{
    let (observer, function) = &built(name, environment, start).await;
    let handle = &handle;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context } = event;
        observer.observe(ids(context, &payload), async { handle(function.get().await, payload).await }).await
    }))
    .await
}

/// The observer of this container, and the function's state.
async fn built<T, B>(
    name: &'static str,
    environment: Environment,
    start: impl Fn(Platform) -> B + Send + Sync + Copy + 'static,
) -> (Observer, Function<T>)
where
    B: Future<Output = Result<T, StartError>> + Send + 'static,
{
    let observer = Observer::new(&environment.telemetry(name), Arc::new(SystemClock), Arc::new(SystemEntropy));
    let function = observer
        .starting(Function::start(move || {
            let platform = Platform::new(environment.clone());
            async move { start(platform?).await }
        }))
        .await;
    (observer, function)
}

/// The ids of an invocation with this event.
fn ids(context: Context, event: &Value) -> Ids {
    let correlation_id = request_id(event).map(str::to_owned);
    Ids { function_request_id: context.request_id, correlation_id, trace: context.xray_trace_id }
}

/// Checks the variables without which the runtime panics, so that the failure names the missing one.
fn inside_lambda(environment: &Environment) -> Result<(), StartError> {
    let hint =
        "what Lambda gives; on a machine of your own start the function with `cargo run` or `cargo lambda watch`";
    for name in ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"] {
        environment.require(name, hint)?;
    }
    let memory = environment.require("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", hint)?;
    memory.parse::<i32>().map(drop).map_err(|error| StartError::Invalid {
        what: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(),
        reason: error.to_string(),
    })
}
