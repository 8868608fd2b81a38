//! The stored form of a session: one byte for the kind of token, then the token.

use gateway_domain::time::Timestamp;
use http::header::HeaderValue;
use zeroize::Zeroizing;

use super::misbehaved;
use crate::ConnectorError;

/// The largest assertion that is decompressed, in bytes of XML.
const MAX_ASSERTION: usize = 256 * 1024;
/// The strongest and slowest compression. It runs once for each login, and what it saves counts for every call.
const LEVEL: u8 = 9;

const ASSERTION: u8 = 1;
const COOKIES: u8 = 2;
const BEARER: u8 = 3;
/// An assertion behind the time until which it can be renewed, in seconds, eight bytes, the highest first.
const RENEWABLE: u8 = 4;

/// What calls carry to the back end.
pub(super) enum Token {
    /// An assertion, compressed (raw DEFLATE, RFC 1951), and until when it can be renewed without the password.
    Assertion(Zeroizing<Vec<u8>>, Option<Timestamp>),
    /// Cookies, as one `Cookie` header.
    Cookies(Zeroizing<String>),
    /// A token of the back end's own.
    Bearer(Zeroizing<String>),
}

impl Token {
    /// Compresses an assertion.
    pub(super) fn assertion(xml: &str, renew_until: Option<Timestamp>) -> Self {
        let compressed = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), LEVEL);
        Self::Assertion(Zeroizing::new(compressed), renew_until)
    }

    /// The bytes to seal.
    pub(super) fn to_state(&self) -> Zeroizing<Vec<u8>> {
        let until = match self {
            Self::Assertion(_, until) => *until,
            Self::Cookies(_) | Self::Bearer(_) => None,
        };
        let (shape, bytes) = match self {
            Self::Assertion(compressed, None) => (ASSERTION, compressed.as_slice()),
            Self::Assertion(compressed, Some(_)) => (RENEWABLE, compressed.as_slice()),
            Self::Cookies(text) => (COOKIES, text.as_bytes()),
            Self::Bearer(text) => (BEARER, text.as_bytes()),
        };
        let mut state = Zeroizing::new(Vec::with_capacity(bytes.len().saturating_add(9)));
        state.push(shape);
        state.extend(until.iter().flat_map(|until| until.as_secs().to_be_bytes()));
        state.extend_from_slice(bytes);
        state
    }

    /// Reads the opened bytes.
    pub(super) fn from_state(state: &[u8]) -> Result<Self, ConnectorError> {
        let unknown = || misbehaved("what the session keeps is of another kind");
        let (shape, bytes) = state.split_first().ok_or_else(unknown)?;
        let text = || std::str::from_utf8(bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| unknown());
        match *shape {
            ASSERTION => Ok(Self::Assertion(Zeroizing::new(bytes.to_vec()), None)),
            RENEWABLE => {
                let (until, compressed) = bytes.split_first_chunk().ok_or_else(unknown)?;
                let until = Timestamp::from_secs(i64::from_be_bytes(*until));
                Ok(Self::Assertion(Zeroizing::new(compressed.to_vec()), Some(until)))
            }
            COOKIES => Ok(Self::Cookies(text()?)),
            BEARER => Ok(Self::Bearer(text()?)),
            _ => Err(unknown()),
        }
    }
}

/// Decompresses an assertion.
pub(super) fn expanded(compressed: &[u8]) -> Result<Zeroizing<String>, ConnectorError> {
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(compressed, MAX_ASSERTION).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Zeroizing::new);
    text.ok_or_else(|| misbehaved("the assertion that the session keeps is broken"))
}

/// A header value that is marked as sensitive, so it is not logged.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, ConnectorError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| misbehaved("the token is no header value"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether this can be part of a header or a cookie and not end it early.
pub(super) fn is_token(text: &str) -> bool {
    const LONGEST: usize = 16 * 1024;
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}
