//! Asks the renewal function to replace an internal token. Of the gateway's roles that serve calls, only the proxy's may.

use gateway_domain::renewal::{RenewalRequest, RenewalResponse};
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
