//! Builds the token function's responses, and refuses parameters in the query.

use crate::error::Failure;
use gateway_domain::acr::ACR_VALUES;
use gateway_domain::event::{ApiRequest, ApiResponse, Query};
use gateway_telemetry::Metric;
use lambda_http::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// A JSON response that holds or describes a token, or an error: no cache may keep it (RFC 6749 §5.1).
pub(crate) fn private(status: u16, body: &Value) -> ApiResponse {
    ApiResponse::json(status, JSON, body).header(PRAGMA.as_str(), "no-cache")
}

/// A JSON response that is the same for every client: caches may keep it for five minutes.
pub(crate) fn public(body: String) -> ApiResponse {
    ApiResponse::new(200)
        .header(CONTENT_TYPE.as_str(), JSON)
        .header(CACHE_CONTROL.as_str(), "public, max-age=300")
        .with_body(body)
}

/// The error response of RFC 6749 §5.2. The failure's own text goes to the log, once, and its kind is counted.
pub(crate) fn failure(failure: &Failure) -> ApiResponse {
    let (error, kind) = (failure.response(), failure.kind());
    gateway_telemetry::count(Metric::Refusal { reason: kind });
    if error.status >= 500 {
        tracing::error!(status = error.status, error = %error.code, kind, reason = %failure, "failed");
    } else {
        tracing::info!(status = error.status, error = %error.code, kind, reason = %failure, "refused");
    }
    let mut body = json!({ "error": error.code.as_str(), "error_description": error.description });
    if let (Some(acr_values), Some(members)) = (error.acr_values, body.as_object_mut()) {
        members.insert(ACR_VALUES.to_owned(), acr_values.into());
    }
    let mut response = private(error.status, &body);
    if let Some(challenge) = error.challenge {
        // A REST API sends this field as x-amzn-remapped-www-authenticate, so clients should read `error` in the body.
        response = response.header(WWW_AUTHENTICATE.as_str(), challenge);
    }
    if let Some(wait) = error.retry_after {
        response = response.header(RETRY_AFTER.as_str(), wait.to_string());
    }
    if let Some(methods) = error.allow {
        response = response.header(ALLOW.as_str(), methods);
    }
    response
}

/// Refuses parameters in the URL, where logs would keep them (RFC 6749 §2.3.1).
pub(crate) fn no_query(request: &ApiRequest) -> Result<(), Failure> {
    let empty = match &request.query {
        Query::Decoded(pairs) => pairs.is_empty(),
        Query::Raw(text) => text.is_empty(),
    };
    if empty { Ok(()) } else { Err(Failure::Query) }
}
