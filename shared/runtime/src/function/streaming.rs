//! The main loop of a function whose answers can be streamed.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::FutureExt as _;
use gateway_domain::clock::Clock as _;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::PooledClient;
use serde_json::Value;
use tokio::time::Instant;

use super::runtime_api::{Answering, Reply};
use super::{built, ids, started};
use crate::{Environment, Platform, StartError, SystemClock};

/// The time of an invocation whose deadline is none: `cargo lambda watch` gives one of 1970.
const USUAL: Duration = Duration::from_secs(29);

/// How long before the deadline a body is cut, so that the caller is told so before Lambda ends the process.
const SPARE: Duration = Duration::from_millis(500);

/// One event, and the time for it.
#[derive(Debug)]
pub struct Invocation {
    /// The event.
    pub event: Value,
    /// When Lambda ends the process.
    pub deadline: Instant,
    /// Whether API Gateway takes streamed answers of this function, and no others. The events of an HTTP API, which takes none,
    /// tell so by themselves.
    pub streams: bool,
}

/// As [`run`](super::run), for a function that may stream what it answers. An invocation lasts until everything is sent: what
/// is counted, logged and traced meanwhile belongs to it.
pub async fn run_streaming<T, B, E>(
    name: &'static str,
    start: impl Fn(Platform) -> B + Send + Sync + Copy + 'static,
    handle: impl AsyncFn(Result<&T, StartError>, Invocation) -> Result<Reply, E>,
) -> ExitCode
where
    B: Future<Output = Result<T, StartError>> + Send + 'static,
    E: Into<Diagnostic>,
{
    started(name, async |environment| serve(name, environment, start, handle).await).await
}

async fn serve<T, B, E>(
    name: &'static str,
    environment: Environment,
    start: impl Fn(Platform) -> B + Send + Sync + Copy + 'static,
    handle: impl AsyncFn(Result<&T, StartError>, Invocation) -> Result<Reply, E>,
) -> Result<(), Error>
where
    B: Future<Output = Result<T, StartError>> + Send + 'static,
    E: Into<Diagnostic>,
{
    let streams = streams(&environment);
    let (observer, function) = &built(name, environment, start).await;
    let (client, handle) = (&PooledClient::builder().build(), &handle);
    let answer = move |invocation: LambdaInvocation| async move {
        let LambdaInvocation { parts, body, context } = invocation;
        let (deadline, request_id) = (deadline(context.deadline), context.request_id.clone());
        let answering = Answering::new(client, &request_id, &parts.headers);
        let event: Value = match serde_json::from_slice(&body) {
            Ok(event) => event,
            Err(error) => return answering.failed(&Error::from(error).into()).await,
        };
        let ids = ids(context, &event);
        let answered = async {
            let handled = async { handle(function.get().await, Invocation { event, deadline, streams }).await };
            match AssertUnwindSafe(handled).catch_unwind().await {
                Ok(Ok(reply)) => answering.reply(reply, deadline.checked_sub(SPARE).unwrap_or(deadline)).await,
                Ok(Err(error)) => answering.failed(&error.into()).await,
                Err(panic) => answering.failed(&panicked(&*panic)).await,
            }
        };
        observer.observe(ids, answered).await
    };
    // The crate asks for invocations; the layer answers them, instead of the service that the crate would answer with.
    let unused = service_fn(|_: LambdaEvent<Value>| async { Ok::<_, Error>(Value::Null) });
    Runtime::new(unused).layer(layer_fn(|_| service_fn(answer))).run().await
}

/// Whether answers are streamed. The variable stands beside the integrations in the template, and says the same. `sam local`,
/// which sets the other variable, reads the variables of the template but does not know its streaming integrations.
fn streams(environment: &Environment) -> bool {
    environment.get("RESPONSE_TRANSFER_MODE") == Some("RESPONSE_STREAM") && environment.get("AWS_SAM_LOCAL").is_none()
}

/// When Lambda ends the process, from milliseconds since 1970.
fn deadline(millis: u64) -> Instant {
    let now = u64::try_from(SystemClock.now_millis()).unwrap_or_default();
    let left = millis.checked_sub(now).map_or(USUAL, Duration::from_millis);
    Instant::now() + left
}

/// What a panic is reported as. The process goes on: it has answered, and holds nothing of the call.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Diagnostic {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let error_message = text.unwrap_or("the function panicked").to_owned();
    tracing::error!(error = error_message, "the function panicked");
    Diagnostic { error_type: "Panic".to_owned(), error_message }
}
