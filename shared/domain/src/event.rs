//! API Gateway's events, REST (payload 1.0) or HTTP API (payload 2.0), read into one `ApiRequest`.

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

use crate::renewal;

pub use response::ApiResponse;

/// Most bytes a request body may have once decoded: what base64 leaves of Lambda's 6 MiB for an event, about 4.5 MB. The
/// rest of the event takes its part of it as well.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024 / 4 * 3;

/// Which kind of API Gateway sent the event, and so which form of response it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// REST API (or payload format 1.0).
    Rest,
    /// HTTP API, payload format 2.0.
    Http,
}

impl ApiVersion {
    /// The version of an event's sender, also where the event is none that can be read.
    pub fn of(event: &Value) -> Self {
        if event.get("version").is_some_and(|version| version == "2.0") { Self::Http } else { Self::Rest }
    }
}

/// The query of a request, as exactly as the event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// REST API: names and values decoded, the order kept per name only.
    Decoded(Vec<(String, String)>),
    /// HTTP API: the raw text after `?`, empty if there was none.
    Raw(String),
}

/// The id of the request that an event is about: API Gateway's, which the app got too, also where the proxy asks for a
/// renewal in its name. `None` for other events.
pub fn request_id(event: &Value) -> Option<&str> {
    let id = event.pointer("/requestContext/requestId").or_else(|| event.get(renewal::RENEW)?.get("request_id"));
    id.and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// One call as API Gateway handed it over: to an authorizer or to the function behind it.
#[derive(Clone, PartialEq)]
pub struct ApiRequest {
    /// Decides the shape of the response.
    pub version: ApiVersion,
    /// The method as sent.
    pub method: String,
    /// The path without stage, undecoded by us.
    pub path: String,
    /// The query.
    pub query: Query,
    /// Every header value, repeated names kept; look up with [`ApiRequest::header_values`].
    pub headers: Vec<(String, String)>,
    /// The body, base64 undone. Always empty in authorizer events.
    pub body: Bytes,
    /// The peer's address as API Gateway saw it (never from a header).
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
    /// The host name API Gateway was reached by.
    pub domain_name: Option<String>,
}

/// Why an event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// Not an event this gateway knows.
    #[error(
        "unknown event: expected an API Gateway REST API event (with httpMethod, path, requestContext) \
         or an HTTP API event (with version 2.0, rawPath, requestContext.http), got {0}"
    )]
    UnknownShape(&'static str),
    /// A field that the event cannot do without is absent.
    #[error("the event lacks {0}")]
    Missing(&'static str),
    /// A field has another type than documented.
    #[error("the event's {field} is not {expected}")]
    WrongType {
        /// The field, by its name in the event.
        field: &'static str,
        /// What was expected there.
        expected: &'static str,
    },
    /// `headers` and `multiValueHeaders` disagree, so that two readers could see two requests.
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
    /// The HTTP status when the caller caused it; `None` when the event itself is not one of ours (an error of set-up).
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::ConflictingHeaders | Self::BodyNotBase64 => Some(400),
            Self::BodyTooLarge => Some(413),
            Self::UnknownShape(_) | Self::Missing(_) | Self::WrongType { .. } => None,
        }
    }
}

/// A header that may come once came more than once.
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

/// Names what is safe to log: headers, query and body can hold secrets.
impl std::fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRequest")
            .field("version", &self.version)
            .field("method", &self.method)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
