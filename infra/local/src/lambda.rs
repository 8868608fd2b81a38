//! Lambda's `Invoke` on a loopback port, for a function that asks another one.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

use crate::access::Access;
use crate::functions::Functions;
use crate::process::InvokeError;

/// Answers on this listener, to whom it is allowed, until dropped.
pub(crate) async fn serve(listener: TcpListener, functions: Functions, access: Access) {
    let router = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke));
    // It only ends by being aborted.
    let _ = axum::serve(listener, router.with_state((functions, access))).await;
}

async fn invoke(
    State((functions, access)): State<(Functions, Access)>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    if let Some(refusal) = access.refusal(&headers, vec![("lambda:InvokeFunction".to_owned(), name.clone())]) {
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
