//! A function's response, written in the form that the kind of API requires.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::ApiVersion;

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: u16,
    /// Header values in order; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The body; sent as base64 when it is not UTF-8.
    pub body: Bytes,
}

impl ApiResponse {
    /// A response without headers or body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A response with a JSON body of this media type, which no cache may store.
    pub fn json(status: u16, media_type: &str, body: &Value) -> Self {
        Self::new(status)
            .header("Content-Type", media_type)
            .header("Cache-Control", "no-store")
            .with_body(body.to_string())
    }

    /// Adds a header value; a name that is added twice is sent twice.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The values of a header, its name compared without case.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Status and headers as a REST API reads them before a body that is streamed, and that body as far as it is there.
    pub fn into_prelude(self) -> (Value, Bytes) {
        let headers = Value::Object(grouped(self.headers));
        (json!({ "statusCode": self.status, "multiValueHeaders": headers }), self.body)
    }

    /// The JSON that API Gateway requires: `multiValueHeaders` for a REST API, `headers` and `cookies` for an HTTP API.
    pub fn into_value(self, version: ApiVersion) -> Value {
        let (body, encoded) = match std::str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(&self.body), true),
        };
        let mut response = json!({ "statusCode": self.status, "body": body, "isBase64Encoded": encoded });
        if let Value::Object(response) = &mut response {
            match version {
                ApiVersion::Rest => {
                    response.insert("multiValueHeaders".to_owned(), Value::Object(grouped(self.headers)));
                }
                ApiVersion::Http => {
                    let (cookies, others): (Vec<_>, Vec<_>) =
                        self.headers.into_iter().partition(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
                    response.insert("headers".to_owned(), Value::Object(joined(others)));
                    response.insert("cookies".to_owned(), cookies.into_iter().map(|(_, value)| value).collect());
                }
            }
        }
        response
    }
}

/// The values of each name as a list, under the name's first spelling.
fn grouped(headers: Vec<(String, String)>) -> Map<String, Value> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in headers {
        match groups.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups.into_iter().map(|(name, values)| (name, Value::from(values))).collect()
}

/// The values of each name joined by commas (RFC 9110 §5.3), under the name's first spelling.
fn joined(headers: Vec<(String, String)>) -> Map<String, Value> {
    let mut groups: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        match groups.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(&value);
            }
            None => groups.push((name, value)),
        }
    }
    groups.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}
