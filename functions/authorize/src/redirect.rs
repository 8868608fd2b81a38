//! The authorization response: a redirect to the client with a code or an error (RFC 6749 §4.1.2).

use crate::Request;
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::authorization_request::{Refused, Target};
use gateway_domain::event::ApiResponse;
use gateway_web::see_other;

/// The code, for the client alone: it is in no log, since locations are not logged.
pub(crate) fn with_code(request: &Request<'_>, target: &Target, code: &AuthorizationCode) -> ApiResponse {
    let text = code.text();
    to(request, target, &[("code", text.expose())])
}

/// The error.
pub(crate) fn with_error(request: &Request<'_>, target: &Target, refused: &Refused) -> ApiResponse {
    tracing::info!(error = %refused.code, reason = refused.description, "refused");
    gateway_telemetry::count(gateway_telemetry::Metric::Refusal { reason: refused.code.as_str() });
    to(request, target, &[("error", refused.code.as_str()), ("error_description", refused.description)])
}

/// Adds parameters to the redirect URI, which keeps the query that it was registered with (RFC 6749 §3.1.2). `iss` names the
/// server that answers, so that a client of several cannot be confused (RFC 9207).
fn to(request: &Request<'_>, target: &Target, parameters: &[(&str, &str)]) -> ApiResponse {
    let state = target.state.iter().map(|state| ("state", state.as_str()));
    let pairs = parameters.iter().copied().chain(state).chain([("iss", request.issuer)]);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let uri = &target.redirect_uri;
    let separator = if uri.contains('?') { '&' } else { '?' };
    see_other(&format!("{uri}{separator}{query}"))
}
