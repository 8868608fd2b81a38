//! Asks the renewal function to renew an internal token, or to keep what a response has made of one. Of the gateway's roles that serve calls, only the proxy's may.

use gateway_domain::renewal::{RenewalRequest, RenewalResponse, ReplaceRequest, ReplaceResponse};
use gateway_invoke::Function;
use std::time::Duration;

/// How long a renewal may take: enough for the legacy system, with time left for a response to the client.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The outcome of a renewal; [`RenewalResponse::Later`] if it is unknown. It is not asked again, since the client may repeat
/// its call.
pub(crate) async fn renew(function: &Function, request: &RenewalRequest) -> RenewalResponse {
    let reason = match function.ask(&request.to_event(), TIMEOUT).await {
        Ok(response) => match serde_json::from_value(response) {
            Ok(response) => return response,
            Err(_) => "it did not respond as to a renewal".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    tracing::error!(reason, "the renewal function could not be asked");
    RenewalResponse::Later
}

/// The outcome of a replacement; [`ReplaceResponse::Failed`] if it is unknown after this time, or after that of a renewal. The
/// renewal function goes on meanwhile: what it keeps later serves the next call.
pub(crate) async fn replace(function: &Function, request: &ReplaceRequest, within: Duration) -> ReplaceResponse {
    let reason = match function.ask(&request.to_event(), within.min(TIMEOUT)).await {
        Ok(response) => match serde_json::from_value(response) {
            Ok(response) => return response,
            Err(_) => "it did not respond as to a replacement".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    tracing::error!(reason, "the renewal function could not be asked");
    ReplaceResponse::Failed
}
