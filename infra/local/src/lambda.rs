//! Lambda's `Invoke` on a loopback port, for a function that asks another one.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use crate::access::{Access, Asked};
use crate::functions::Functions;
use crate::process::InvokeError;
use crate::{limits, visitors};

/// Answers on this listener, to whom it is allowed, until dropped.
pub(crate) async fn serve(listener: TcpListener, functions: Functions, access: Access) {
    let router = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke));
    let router = visitors::programs_only(router.with_state((functions, access)), &listener);
    // It only ends by being aborted.
    let _ = axum::serve(listener, router).await;
}

async fn invoke(
    State((functions, access)): State<(Functions, Access)>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(event) = to_bytes(body, limits::PAYLOAD).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let asked = Asked::plain(("lambda:InvokeFunction".to_owned(), name.clone()));
    if let Some(refusal) = access.refusal(&parts, &event, &[asked]) {
        return refusal;
    }
    match functions.invoke(&name, event).await {
        Ok(answer) => answer.into_response(),
        // The function was run, and failed: to Lambda that is an answer.
        Err(error @ (InvokeError::Reported(_) | InvokeError::Crashed { .. } | InvokeError::TimedOut(_))) => {
            let body = json!({ "errorMessage": error.to_string() }).to_string();
            ([("x-amz-function-error", "Unhandled")], body).into_response()
        }
        Err(InvokeError::CannotStart(error)) => {
            let body = json!({ "Type": "Server", "Message": error.to_string() }).to_string();
            (StatusCode::INTERNAL_SERVER_ERROR, [("x-amzn-errortype", "ServiceException")], body).into_response()
        }
    }
}
