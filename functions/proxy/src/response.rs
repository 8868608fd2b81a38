//! Turns the back end's response into one for API Gateway.

use bytes::Bytes;
use gateway_config::Api;
use gateway_connectors::back_end::BackEndError;
use gateway_domain::event::{ApiResponse, ApiVersion};
use gateway_domain::headers::{Cleaning, clean_response, isolate};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::Value;

use crate::failure::Failure;

/// The largest response Lambda carries, in bytes of its JSON.
pub(crate) const MAX_RESPONSE: usize = 6 * 1024 * 1024;

/// The longest body that fits for certain: a byte may become six in JSON, and the headers need room too.
const CERTAINLY_FITS: usize = MAX_RESPONSE / 8;

/// The type of a body whose back end gave none (RFC 9110 §8.3). Without it API Gateway would set `application/json`.
const UNTYPED: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Passes a response of an API on: its status and body unchanged, and its end-to-end headers after cleaning, isolated from
/// the gateway's pages unless the API's pages are trusted.
pub(crate) fn pass_on(
    response: Response<Bytes>,
    method: &Method,
    api: &Api,
    cleaning: Cleaning<'_>,
) -> Result<ApiResponse, Failure> {
    let (head, body) = response.into_parts();
    if head.status.as_u16() > 599 {
        return Err(BackEndError::Broken.into());
    }
    // Without its target a redirect says nothing, and with it an inner address.
    let target = head.headers.get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if head.status.is_redirection() && target.is_some_and(|target| cleaning.outside.is_nowhere(&target)) {
        return Err(Failure::Redirect);
    }
    let without_body =
        *method == Method::HEAD || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if without_body { Bytes::new() } else { body };
    let mut headers = clean_response(&head.headers, cleaning);
    if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, UNTYPED);
    }
    // For HEAD the length is that of the response to a GET (RFC 9110 §9.3.2). For others the body itself determines it.
    if *method == Method::HEAD
        && let Some(length) = head.headers.get(CONTENT_LENGTH)
    {
        headers.insert(CONTENT_LENGTH, length.clone());
    }
    if !api.trusted_pages {
        isolate(head.status, &mut headers);
    }
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(ApiResponse { status: head.status.as_u16(), headers, body })
}

/// The response as JSON for Lambda, or 502 if that is too large. `dress` adds the CORS fields to either.
pub(crate) fn for_lambda(
    response: ApiResponse,
    version: ApiVersion,
    dress: impl Fn(ApiResponse) -> ApiResponse,
) -> Value {
    let large = response.body.len() > CERTAINLY_FITS;
    let value = dress(response).into_value(version);
    if large && serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len()) > MAX_RESPONSE {
        return dress(Failure::BackEnd(BackEndError::TooLarge).response()).into_value(version);
    }
    value
}

/// A header value as text for JSON: UTF-8 is kept, and anything else is read as ISO 8859-1.
fn text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}
