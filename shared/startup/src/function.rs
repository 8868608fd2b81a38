//! What a function builds on its first use: once when it works, anew with every request while it does not.

use crate::{Environment, StartError};
use domain::causes;
use std::error::Error;
use std::pin::Pin;
use std::process::ExitCode;
use tokio::sync::OnceCell;

type Building<T> = Pin<Box<dyn Future<Output = Result<T, StartError>> + Send>>;

/// A value that is built at start, and again later if the start failed: a secret store that is down at a cold start
/// makes answers of 503 until it is back, not a crashing function.
pub struct Function<T> {
    cell: OnceCell<T>,
    build: Box<dyn Fn() -> Building<T> + Send + Sync>,
}

impl<T> Function<T> {
    /// Tries to build at once, so that connections are open before the first request.
    pub async fn start<F>(build: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, StartError>> + Send + 'static,
    {
        let function = Self { cell: OnceCell::new(), build: Box::new(move || Box::pin(build())) };
        if let Err(error) = function.get().await {
            tracing::error!(%error, "the function is not ready yet");
        }
        function
    }

    /// The value, built now if it was not.
    pub async fn get(&self) -> Result<&T, StartError> {
        self.cell.get_or_try_init(|| (self.build)()).await
    }
}

/// Runs a function until Lambda ends it. `work` asks the Runtime API for invocations; when it ends by itself, or this is no
/// Lambda, the reason is one line of the log, in words.
pub async fn run<E>(environment: &Environment, work: impl Future<Output = Result<(), E>>) -> ExitCode
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let ended = match inside_lambda(environment) {
        Ok(()) => work.await.map_err(|error| causes(&*error.into())),
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

/// Whether the variables are there without which the runtime panics.
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
