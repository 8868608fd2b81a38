//! The start of a back end's response. It is enough to find out whether the session there is over, so the rest need not
//! have been received.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::response::Parts;
use http::{Extensions, HeaderMap, Response, StatusCode, Uri};
use url::Url;

use crate::{charset, content_coding, reference};

/// The most of a body that is examined, in bytes. Login pages and SOAP faults are small.
pub const MAX_START: usize = 64 * 1024;

/// The URL of the request that a response answers. The client for back ends puts it into the response's extensions, so that
/// it is the one that was used.
#[derive(Clone, Debug)]
pub(crate) struct RequestUrl(pub(crate) Uri);

/// Status, fields and the first [`MAX_START`] bytes of the decoded body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseStart<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: &'a [u8],
    url: Option<&'a Uri>,
}

impl<'a> ResponseStart<'a> {
    /// The start of a response with this head and this received part of its body. Bytes beyond the bound are not examined.
    pub fn new(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self { status, headers, body: body.get(..MAX_START).unwrap_or(body), url: None }
    }

    /// The start of a response that was received completely.
    pub fn of(response: &'a Response<Bytes>) -> Self {
        let start = Self::new(response.status(), response.headers(), response.body());
        Self { url: url_in(response.extensions()), ..start }
    }

    /// The start of a response with this head, from the client for back ends, and this received part of its body.
    pub fn of_head(head: &'a Parts, body: &'a [u8]) -> Self {
        Self { url: url_in(&head.extensions), ..Self::new(head.status, &head.headers, body) }
    }

    /// The same, as the response to a request to this URL.
    #[must_use]
    pub fn at(self, url: &'a Uri) -> Self {
        Self { url: Some(url), ..self }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its fields.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The URL that was requested, if it is known. A relative reference in the response means nothing without it.
    pub fn url(&self) -> Option<&'a Uri> {
        self.url
    }

    /// The part of its body that may be examined. It is decoded with each call, so a connector asks for it only when it
    /// looks for something.
    pub fn body(&self) -> Cow<'a, [u8]> {
        content_coding::start(self.headers, self.body, MAX_START)
    }

    /// The URL that was requested, and the one that the response redirects to. Where the former is not known, only what names its path
    /// from the root, or its host, can lead somewhere.
    pub(crate) fn redirect(&self) -> Option<(Url, Url)> {
        let location = self.headers.get(LOCATION).and_then(|value| value.to_str().ok())?;
        let requested = self.url.and_then(reference::url).or_else(|| Url::parse("http://unknown.invalid/").ok())?;
        let target = reference::resolved(&requested, location)?;
        self.status.is_redirection().then_some((requested, target))
    }

    /// Whether a text occurs in that part, in whatever encoding its characters are.
    pub(crate) fn has(&self, text: &str) -> bool {
        charset::has(self.content_type(), &self.body(), text)
    }

    pub(crate) fn content_type(&self) -> Option<&'a str> {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
    }
}

fn url_in(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<RequestUrl>().map(|url| &url.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::CONTENT_ENCODING;
    use std::io::Write as _;

    #[test]
    fn what_is_beyond_the_bound_is_not_seen() {
        let body: Vec<u8> = (0..=u8::MAX).cycle().take(MAX_START + 1).collect();
        let response = Response::builder().status(200).body(Bytes::from(body.clone())).unwrap();
        assert_eq!(ResponseStart::of(&response).body(), &body[..MAX_START]);
        let headers = HeaderMap::new();
        assert_eq!(ResponseStart::new(StatusCode::OK, &headers, b"short").body(), &b"short"[..]);
    }

    #[test]
    fn a_compressed_body_is_seen_decoded_and_no_further() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![b'a'; 10 * MAX_START]).unwrap();
        let response = Response::builder().header(CONTENT_ENCODING, "gzip").body(encoder.finish().unwrap().into());
        assert_eq!(ResponseStart::of(&response.unwrap()).body(), vec![b'a'; MAX_START]);
    }
}
