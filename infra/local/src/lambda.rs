//! Serves Lambda's `Invoke` on a local port: for a function that waits for the response of another one, or for an operator
//! who queues an event.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod queue;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use crate::access::{Access, Asked};
use crate::functions::Functions;
use crate::log::Log;
use crate::process::InvokeError;
use crate::{limits, visitors};
use queue::Queue;

/// The service. Clones share its queue.
#[derive(Debug, Clone)]
pub(crate) struct Lambda {
    functions: Functions,
    access: Access,
    queue: Queue,
}

impl Lambda {
    /// Serves these functions to callers that `access` allows. `retries` says how often each repeats an event that failed.
    pub(crate) fn new(functions: Functions, access: Access, retries: BTreeMap<String, u32>, log: Log) -> Self {
        Self { queue: Queue::new(functions.clone(), retries, log), functions, access }
    }

    /// Queues an event that another service sends to a function, which is not told if the queue is full.
    pub(crate) fn queue(&self, function: &str, event: Bytes) {
        if !self.queue.push(function, event) {
            self.queue.log.push(function, "an event was dropped: the queue is full");
        }
    }

    /// Serves this listener until dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let router = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke));
        let router = visitors::programs_only(router.with_state(self), &listener);
        // It only ends by being aborted.
        let _ = axum::serve(listener, router).await;
    }
}

async fn invoke(State(lambda): State<Lambda>, Path(name): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(event) = to_bytes(body, limits::PAYLOAD).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let asked = Asked::plain(("lambda:InvokeFunction".to_owned(), name.clone()));
    if let Some(refusal) = lambda.access.refusal(&parts, &event, &[asked]) {
        return refusal;
    }
    if !lambda.functions.knows(&name) {
        let message = format!("Function not found: {}", crate::arn::function(&name));
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message);
    }
    match parts.headers.get("x-amz-invocation-type").map(http::HeaderValue::as_bytes) {
        None | Some(b"RequestResponse") => response(&lambda.functions, &name, event).await,
        Some(b"Event") if event.len() > limits::QUEUED_PAYLOAD => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Some(b"Event") if lambda.queue.push(&name, event) => StatusCode::ACCEPTED.into_response(),
        Some(b"Event") => refused(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "the queue is full"),
        Some(_) => {
            let message = "the local stack invokes as RequestResponse or Event";
            refused(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
        }
    }
}

/// Invokes the function and waits for its response.
async fn response(functions: &Functions, name: &str, event: Bytes) -> Response {
    match functions.invoke(name, event).await {
        Ok(response) => response.into_response(),
        // The function ran and failed: `Invoke` reports that in a response with status 200 and `x-amz-function-error`.
        Err(error @ (InvokeError::Reported(_) | InvokeError::Crashed { .. } | InvokeError::TimedOut(_))) => {
            let body = json!({ "errorMessage": error.to_string() }).to_string();
            ([("x-amz-function-error", "Unhandled")], body).into_response()
        }
        Err(InvokeError::CannotStart(error)) => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &error.to_string())
        }
    }
}

fn refused(status: StatusCode, kind: &'static str, message: &str) -> Response {
    // `Type` says whether the fault is the service's or the caller's; Lambda spells them `Server` and `User`.
    let whose = if status.is_server_error() { "Server" } else { "User" };
    (status, [("x-amzn-errortype", kind)], json!({ "Type": whose, "Message": message }).to_string()).into_response()
}

#[cfg(test)]
mod tests;
