//! Checks the path of a call: one canonical form, which is decided on and forwarded, or a refusal.
//!
//! The authorizer, the proxy and API Gateway all get the path as the client sent it, so no decision may depend on the
//! spelling. A path that two readers could split differently is refused. Paths that are equivalent by RFC 3986 §6.2.2 get
//! the same form.

mod best_fit;
mod likeness;
mod segment;
#[cfg(test)]
mod tests;

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

pub use likeness::{Readings, loose, without_format};
pub use segment::Segment;

/// The longest path, in bytes. Recipients should support URIs of 8,000 bytes (RFC 9110 §4.1). API Gateway limits the
/// request line and all headers together to 10,240.
pub const MAX_PATH_BYTES: usize = 8_192;

/// An absolute path (RFC 3986 §3.3) in the canonical form of RFC 3986 §6.2.2: percent-encodings of unreserved characters
/// are decoded, and the remaining ones have upper-case digits. Every reader splits it into the same segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedPath {
    text: String,
    segments: Vec<Segment>,
}

/// Why a path was refused. The status is 414 if it is too long, and 400 otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRefused {
    /// More than [`MAX_PATH_BYTES`].
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// It is relative, or a complete URL.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// Two slashes in a row. Some readers take them for the start of an authority, others for one slash.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`, plain or percent-encoded.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A byte that RFC 3986 does not allow in a path, or `;`, whose meaning differs between servers.
    #[error("the path has a character that is not allowed")]
    Character,
    /// `*`, which would be a wildcard in the authorizer's policy.
    #[error("the path has a `*`, which has to be written as %2A")]
    Asterisk,
    /// An encoded slash, backslash or control character.
    #[error("the path has an encoded character that is not allowed")]
    EncodedCharacter,
    /// A percent-encoding of a percent-encoding. Its meaning depends on how often a reader decodes.
    #[error("the path is percent-encoded twice")]
    EncodedTwice,
    /// Percent-encoded bytes that are not UTF-8, overlong forms included: some readers replace them, others drop them.
    #[error("the path has encoded bytes that are not UTF-8")]
    NotUtf8,
    /// A percent sign without two hexadecimal digits.
    #[error("the path has a malformed percent-encoding")]
    Malformed,
}

impl CheckedPath {
    /// Checks a path as it was sent, without its query, and makes it canonical.
    pub fn parse(raw: &str) -> Result<Self, PathRefused> {
        if raw.len() > MAX_PATH_BYTES {
            return Err(PathRefused::TooLong);
        }
        let rest = raw.strip_prefix('/').ok_or(PathRefused::NotAbsolute)?;
        let segments = rest.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        // Only the last segment may be empty: a trailing slash is a path of its own.
        if segments.iter().rev().skip(1).any(|segment| segment.as_str().is_empty()) {
            return Err(PathRefused::EmptySegment);
        }
        Ok(Self::of(segments))
    }

    /// The path of these segments. Only the last one may be empty.
    pub fn of(segments: Vec<Segment>) -> Self {
        let text = segments.iter().flat_map(|segment| ["/", segment.as_str()]).collect();
        Self { text, segments }
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The texts between the slashes: `/a/b` has two segments, `/a/` has `a` and an empty one, `/` has an empty one.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The URI of this path on a fixed authority. `query` is sent if it is not empty, and must come from [`crate::query`].
    pub fn on(&self, scheme: Scheme, authority: Authority, query: &str) -> Result<Uri, http::Error> {
        let target = if query.is_empty() { self.text.clone() } else { format!("{}?{query}", self.text) };
        let target = PathAndQuery::try_from(target)?;
        Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build()
    }
}

impl fmt::Display for CheckedPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
