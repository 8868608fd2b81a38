//! The start of a back end's response. It is enough to find out whether the session there is over, so the rest need not
//! have been received.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

/// The most of a body that is examined, in bytes. Login pages and SOAP faults are small.
pub const MAX_START: usize = 64 * 1024;

/// Status, fields and the first [`MAX_START`] bytes of the decoded body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseStart<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> ResponseStart<'a> {
    /// The start of a response with this head and this received part of its body. Bytes beyond the bound are not examined.
    pub fn new(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self { status, headers, body: body.get(..MAX_START).unwrap_or(body) }
    }

    /// The start of a response that was received completely.
    pub fn of(response: &'a Response<Bytes>) -> Self {
        Self::new(response.status(), response.headers(), response.body())
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its fields.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The part of its body that may be examined.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_bound_is_not_seen() {
        let body: Vec<u8> = (0..=u8::MAX).cycle().take(MAX_START + 1).collect();
        let response = Response::builder().status(200).body(Bytes::from(body.clone())).unwrap();
        assert_eq!(ResponseStart::of(&response).body(), &body[..MAX_START]);
        let headers = HeaderMap::new();
        assert_eq!(ResponseStart::new(StatusCode::OK, &headers, b"short").body(), b"short");
    }
}
