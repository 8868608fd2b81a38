//! A request as it was received, with what API Gateway knows about it.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use bytes::Bytes;
use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use http::uri::PathAndQuery;
use http::{HeaderMap, Version};

use crate::limits;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// The id that API Gateway gave it.
    pub(super) request_id: String,
    /// The id of its trace, which is the same for all functions that it invokes.
    pub(super) trace_root: String,
    /// Method as sent.
    pub(super) method: String,
    /// Path, undecoded.
    pub(super) path: String,
    /// What followed the question mark, undecoded.
    pub(super) query: String,
    /// Header lines in order. Names are in lower case, as HTTP/2 sends them.
    pub(super) headers: Vec<(String, String)>,
    /// Body.
    pub(super) body: Bytes,
    /// The address and port of the client.
    pub(super) source: SocketAddr,
    /// The port on which it was received.
    pub(super) port: u16,
    /// When it was received, in milliseconds since 1970.
    pub(super) time: i64,
    /// The protocol, such as `HTTP/1.1`.
    pub(super) protocol: &'static str,
}

/// Why API Gateway refuses a request before it looks for a route.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// The path and query exceed the limit.
    #[error("the URL exceeds {} bytes", limits::URL)]
    UrlTooLong,
    /// The request line and the headers exceed the limit.
    #[error("the request line and headers exceed {} bytes", limits::REQUEST_HEADERS)]
    HeadersTooLarge,
    /// The body exceeds the limit, or ends too early.
    #[error("the body exceeds {} bytes", limits::REQUEST_BODY)]
    BodyTooLarge,
}

impl Received {
    pub(super) async fn read(
        request: Request<Body>,
        source: SocketAddr,
        port: u16,
        request_id: String,
    ) -> Result<Self, Unreadable> {
        let time = SystemClock.now_millis();
        let (parts, body) = request.into_parts();
        let url = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).len();
        if url > limits::URL {
            return Err(Unreadable::UrlTooLong);
        }
        let line = parts.method.as_str().len() + url + "  HTTP/1.1\r\n".len();
        if line + size(&parts.headers) > limits::REQUEST_HEADERS {
            return Err(Unreadable::HeadersTooLarge);
        }
        let body = to_bytes(body, limits::REQUEST_BODY).await.map_err(|_| Unreadable::BodyTooLarge)?;
        let headers =
            parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect();
        Ok(Self {
            request_id,
            trace_root: crate::random::trace_root(),
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            source,
            port,
            time,
            protocol: if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
        })
    }

    /// Whether a header field exists and is not empty.
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, value)| other.eq_ignore_ascii_case(name) && !value.is_empty())
    }

    /// The last value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().rev().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Bytes of all header lines with separators and line breaks.
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len()).sum()
}

/// A header value as text: UTF-8 if it is valid, else one character for each byte.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}
