//! Names of headers, and the ones that no configuration may take.

use crate::NotAllowed;
use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Names, folded, that carry a message or belong to one connection (RFC 9110 §7.6.1), or that the gateway sets itself.
const RESERVED: [&str; 27] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-amzn-trace-id",
    "x-request-id",
];

/// The name of an HTTP header (a token of RFC 9110 §5.6.2), such as `X-Session`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", rename = "HeaderName", extend("pattern" = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))]
pub(crate) struct Text(HeaderName);

impl Text {
    pub(crate) fn name(&self) -> &HeaderName {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        HeaderName::try_from(text.as_str()).map(Self).map_err(|_| {
            NotAllowed::new(format!(
                "`{text}` is not the name of a header: write letters, digits and `-`, such as X-Session"
            ))
        })
    }
}

pub(crate) fn optional_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    Option::<Text>::deserialize(deserializer).map(|text| text.map(|text| text.0))
}

/// A name as a careless back end may see it: CGI and its heirs do not tell `-`, `_` and `.` apart.
pub(crate) fn folded(name: &HeaderName) -> String {
    name.as_str().replace(['_', '.'], "-")
}

/// Whether a name has a meaning in HTTP or to the gateway, so that it can carry nothing else.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    let name = folded(name);
    RESERVED.contains(&name.as_str()) || name.starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_meaning_in_http_are_reserved_however_they_are_written() {
        for name in ["Connection", "transfer_encoding", "Content.Length", "X-Forwarded-For", "x_forwarded_host", "Host"]
        {
            assert!(is_reserved(&name.parse().unwrap()), "{name}");
        }
        for name in ["X-Session", "X-User", "X-Authenticated-UserId"] {
            assert!(!is_reserved(&name.parse().unwrap()), "{name}");
        }
    }
}
