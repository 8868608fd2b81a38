//! The Lambda Runtime API for one process: the process asks for an invocation, receives one, and posts the response.
//!
//! The protocol has no credentials, so the address is the secret: the paths of the API begin with a random segment, which
//! runtimes keep as part of `AWS_LAMBDA_RUNTIME_API`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::output::{Output, Piece};
use crate::{limits, random, visitors};

/// The field that says which error a function reports.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// One invocation on its way to the process.
pub(crate) struct Invocation {
    /// Its id.
    pub(crate) request_id: String,
    /// Its trace, as an X-Ray header value.
    pub(crate) trace: String,
    /// The event.
    pub(crate) event: Bytes,
    /// Its deadline, in milliseconds since 1970.
    pub(crate) deadline_ms: i64,
    /// Where the outcome goes.
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

/// The response of the process to an invocation, or the error that it reported.
pub(crate) type Outcome = Result<Output, FunctionError>;

/// The error a function reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// `errorType`.
    pub kind: String,
    /// `errorMessage`.
    pub message: String,
}

/// How far the process has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not yet asked for an invocation.
    Starting,
    /// It asks for invocations.
    Ready,
    /// It reported that it cannot start.
    Failed(FunctionError),
}

/// The server for one process. It ends when dropped.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// Address with port and secret path, without scheme. Only the one process is given it.
    pub(crate) endpoint: String,
    /// How far the process has come.
    pub(crate) phase: watch::Receiver<Phase>,
    invocations: mpsc::Sender<Invocation>,
    server: JoinHandle<()>,
}

struct Shared {
    function_arn: String,
    waiting: Mutex<mpsc::Receiver<Invocation>>,
    current: SyncMutex<Option<(String, oneshot::Sender<Outcome>)>>,
    phase: watch::Sender<Phase>,
}

impl RuntimeApi {
    /// Starts listening on a free port of the loopback address.
    pub(crate) async fn start(function: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let secret = random::name().map_err(std::io::Error::other)?;
        let endpoint = format!("{}/{secret}", listener.local_addr()?);
        let (invocations, waiting) = mpsc::channel(1);
        let (phase_sender, phase) = watch::channel(Phase::Starting);
        let shared = Arc::new(Shared {
            function_arn: crate::arn::function(function),
            waiting: Mutex::new(waiting),
            current: SyncMutex::new(None),
            phase: phase_sender,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared);
        let router = visitors::programs_only(Router::new().nest(&format!("/{secret}"), router), &listener);
        let server = tokio::spawn(async move {
            // It only ends by being aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { endpoint, phase, invocations, server })
    }

    /// Hands an invocation to the process. There is no outcome if the process ends.
    pub(crate) async fn hand_over(&self, invocation: Invocation) {
        // The receiver lives as long as the server, which lives as long as `self`.
        let _ = self.invocations.send(invocation).await;
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.phase.send_replace(Phase::Ready);
    let Some(invocation) = shared.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", shared.function_arn.clone()),
        ("lambda-runtime-trace-id", invocation.trace),
        ("content-type", "application/json".to_owned()),
    ];
    *shared.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.request_id, invocation.outcome));
    (headers, invocation.event).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming") {
        return streamed(&shared, &id, body).await;
    }
    let Ok(bytes) = to_bytes(body, limits::PAYLOAD).await else {
        let kind = "Function.ResponseSizeTooLarge".to_owned();
        let message = format!("the response is larger than {} bytes", limits::PAYLOAD);
        settle(&shared, &id, Err(FunctionError { kind, message }));
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    settle(&shared, &id, Ok(Output::Whole(bytes)))
}

/// Hands the pieces of a body on as they come. Its trailers say whether it is complete; if the connection ends before them,
/// it has no end.
async fn streamed(shared: &Shared, id: &str, mut body: Body) -> Response {
    let (sender, pieces) = mpsc::channel(1);
    let response = settle(shared, id, Ok(Output::Stream(pieces)));
    if !response.status().is_success() {
        return response;
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return StatusCode::BAD_REQUEST.into_response() };
        let piece = match frame.into_data() {
            Ok(data) => Piece::Data(data),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                if !trailers.contains_key(ERROR_TYPE) {
                    continue;
                }
                Piece::Failed(reported_by(&trailers))
            }
        };
        let failed = matches!(piece, Piece::Failed(_));
        // Who takes the pieces runs the invocation to its end, whether or not anybody takes them from there.
        let _ = sender.send(piece).await;
        if failed {
            return response;
        }
    }
    let _ = sender.send(Piece::End).await;
    response
}

/// The error in the trailers of a streamed response.
fn reported_by(trailers: &HeaderMap) -> FunctionError {
    let encoded = trailers.get("lambda-runtime-function-error-body").map(http::HeaderValue::as_bytes);
    let body = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    reported(trailers, &body.unwrap_or_default())
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    settle(&shared, &id, Err(reported(&headers, &body)))
}

async fn init_error(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.phase.send_replace(Phase::Failed(reported(&headers, &body)));
    accepted()
}

fn settle(shared: &Shared, id: &str, outcome: Outcome) -> Response {
    let mut current = shared.current.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take() {
        Some((expected, sender)) if expected == id => {
            // The caller may have stopped waiting.
            let _ = sender.send(outcome);
            accepted()
        }
        other => {
            *current = other;
            let body = json!({ "errorType": "InvalidRequestID", "errorMessage": "this invocation is not running" });
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
}

fn reported(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    let header = headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    FunctionError {
        kind: text("errorType").or(header.map(str::to_owned)).unwrap_or_else(|| "Unknown".to_owned()),
        message: text("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()),
    }
}
