//! The start of a back end's response: all that is looked at to find out whether a session is over there, so that a
//! response need not have come whole.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

/// The most of a body that is looked at, in bytes: pages that ask for a login, and faults, are small.
pub const MAX_START: usize = 64 * 1024;

/// Status, fields and the first [`MAX_START`] bytes of the decoded body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseStart<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> ResponseStart<'a> {
    /// The start of a response with this head, of whose body this much has come. What is beyond the bound is not seen.
    pub fn new(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self { status, headers, body: body.get(..MAX_START).unwrap_or(body) }
    }

    /// The start of a response that has come whole.
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

    /// What may be seen of its body.
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
