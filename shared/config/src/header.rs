//! Names of headers, and the names that no configuration may use.

use crate::NotAllowed;
use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Reserved names in their squashed form. They describe a message (RFC 9110 §8), or clients and responses use them.
const RESERVED: [&str; 8] =
    ["acceptencoding", "contentencoding", "contenttype", "cookie", "date", "range", "setcookie", "wwwauthenticate"];

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

pub(crate) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    Text::deserialize(deserializer).map(|text| text.0)
}

pub(crate) fn optional_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    Option::<Text>::deserialize(deserializer).map(|text| text.map(|text| text.0))
}

/// A name as a back end may see it that does not distinguish case and punctuation.
pub(crate) fn squashed(name: &HeaderName) -> String {
    gateway_domain::headers::squash(name.as_str())
}

/// Whether a name has a meaning in HTTP or to the gateway, so it cannot carry another value.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    let name = squashed(name);
    RESERVED.contains(&name.as_str()) || gateway_domain::headers::is_set_by_gateway(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_meaning_in_http_are_reserved_however_they_are_written() {
        let framing =
            ["Connection", "transfer_encoding", "Content.Length", "Host", "Via", "TE", "Keep-Alive", "Upgrade"];
        let hops =
            ["X-Forwarded-For", "x_forwarded_host", "Forwarded", "X-Real-IP", "Proxy-Authorization", "XForwardedFor"];
        let traces = ["X-Amzn-Trace-Id", "traceparent", "Tracestate", "baggage", "b3", "X-B3-TraceId", "X-Request-Id"];
        for name in framing.into_iter().chain(hops).chain(traces) {
            assert!(is_reserved(&name.parse().unwrap()), "{name}");
        }
        for name in ["X-Session", "X-User", "X-Authenticated-UserId"] {
            assert!(!is_reserved(&name.parse().unwrap()), "{name}");
        }
    }
}
