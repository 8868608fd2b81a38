//! API Gateway's events, of a REST API (payload 1.0) or an HTTP API (payload 2.0), read into one `ApiRequest`.

mod fields;
mod http_api;
mod response;
mod rest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::form::decode;
use crate::renewal;

pub use response::ApiResponse;

/// The most bytes of a decoded request body: 4.5 MiB, which is what base64 leaves of Lambda's 6 MiB for an event. The
/// effective limit is a little lower, since the rest of the event takes space too.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024 / 4 * 3;

/// The kind of API that sent the event, which determines the form of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// REST API (or payload format 1.0).
    Rest,
    /// HTTP API, payload format 2.0.
    Http,
}

impl ApiVersion {
    /// The kind of API that sent an event, also if the event cannot be read.
    pub fn of(event: &Value) -> Self {
        if event.get("version").is_some_and(|version| version == "2.0") { Self::Http } else { Self::Rest }
    }
}

/// The query of a request, as exactly as the event holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// REST API: decoded names and values; their order is kept only among the values of one name.
    Decoded(Vec<(String, String)>),
    /// HTTP API: the raw text after `?`, empty if there is none.
    Raw(String),
}

/// The id that API Gateway gave the request, which the app also got. For a renewal's event it is the id of the request for
/// which the proxy renews. `None` for other events.
pub fn request_id(event: &Value) -> Option<&str> {
    let id = event.pointer("/requestContext/requestId").or_else(|| event.get(renewal::RENEW)?.get("request_id"));
    id.and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// One request as API Gateway passed it to an authorizer or to the function behind it.
#[derive(Clone, PartialEq)]
pub struct ApiRequest {
    /// The kind of API, which determines the form of the response.
    pub version: ApiVersion,
    /// The method as sent.
    pub method: String,
    /// The path without the stage, percent-encoded: as the event of a REST API has it, and as it is made of the decoded one
    /// of an HTTP API.
    pub path: String,
    /// The query.
    pub query: Query,
    /// Every header value, with repeated names; [`ApiRequest::header_values`] looks them up.
    pub headers: Vec<(String, String)>,
    /// The body, decoded from base64 if it was encoded. Always empty in authorizer events.
    pub body: Bytes,
    /// The client's address as API Gateway saw it, never from a header.
    pub source_ip: Option<String>,
    /// The stage's name.
    pub stage: Option<String>,
    /// Stage variables, empty if there are none.
    pub stage_variables: BTreeMap<String, String>,
    /// API Gateway's id of this request.
    pub request_id: Option<String>,
    /// What the authorizer put into the context; `None` if no authorizer ran.
    pub authorizer: Option<Map<String, Value>>,
    /// `methodArn` or `routeArn`; only authorizer events have one.
    pub method_arn: Option<String>,
    /// The host name by which the client reached API Gateway.
    pub domain_name: Option<String>,
}

/// Why an event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// It is not an event that this gateway knows.
    #[error(
        "unknown event: expected an API Gateway REST API event (with httpMethod, path, requestContext) \
         or an HTTP API event (with version 2.0, rawPath, requestContext.http), got {0}"
    )]
    UnknownShape(&'static str),
    /// A required field is absent.
    #[error("the event lacks {0}")]
    Missing(&'static str),
    /// A field has another type than documented.
    #[error("the event's {field} is not {expected}")]
    WrongType {
        /// The field, by its name in the event.
        field: &'static str,
        /// The expected type.
        expected: &'static str,
    },
    /// `headers` and `multiValueHeaders` disagree, so that two readers could see different requests.
    #[error("headers and multiValueHeaders disagree")]
    ConflictingHeaders,
    /// The body claims to be base64 and is not.
    #[error("the body is not base64 although isBase64Encoded says so")]
    BodyNotBase64,
    /// The body is larger than [`MAX_BODY_BYTES`].
    #[error("the body is larger than {MAX_BODY_BYTES} bytes")]
    BodyTooLarge,
}

impl EventError {
    /// The HTTP status if the client caused the error; `None` if the function got an event that it cannot handle, which is a
    /// mistake in the set-up.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::ConflictingHeaders | Self::BodyNotBase64 => Some(400),
            Self::BodyTooLarge => Some(413),
            Self::UnknownShape(_) | Self::Missing(_) | Self::WrongType { .. } => None,
        }
    }
}

/// A header that may occur once was sent more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the header was sent more than once")]
pub struct Repeated;

impl ApiRequest {
    /// Reads an event from its JSON text.
    pub fn parse(json: &[u8]) -> Result<Self, EventError> {
        let value = serde_json::from_slice(json).map_err(|_| EventError::UnknownShape("text that is not JSON"))?;
        Self::from_value(value)
    }

    /// Reads an event: proxy or REQUEST authorizer, of a REST or an HTTP API.
    pub fn from_value(event: Value) -> Result<Self, EventError> {
        let Value::Object(event) = event else {
            return Err(EventError::UnknownShape("something that is not an object"));
        };
        match event.get("version") {
            Some(Value::String(version)) if version == "2.0" => http_api::read(event),
            None | Some(Value::Null) => rest::read(event),
            Some(Value::String(version)) if version == "1.0" => rest::read(event),
            Some(_) => Err(EventError::UnknownShape("another version")),
        }
    }

    /// The only value of a parameter of the query, `None` if it was not sent or cannot be read.
    pub fn parameter(&self, name: &str) -> Result<Option<String>, Repeated> {
        let pairs = match &self.query {
            Query::Decoded(pairs) => pairs.clone(),
            Query::Raw(raw) => raw
                .split('&')
                .filter_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    Some((decode(name).ok()?, decode(value).ok()?))
                })
                .collect(),
        };
        let mut values = pairs.into_iter().filter(|(given, _)| given == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(Repeated),
        }
    }

    /// The values of a header in order, its name compared without case.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The only value of a header, `None` if it was not sent.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Ok(Some(value)),
            (Some(_), Some(_)) => Err(Repeated),
        }
    }
}

/// Shows only what is safe to log, since headers, query and body can hold secrets.
impl std::fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRequest")
            .field("version", &self.version)
            .field("method", &self.method)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
