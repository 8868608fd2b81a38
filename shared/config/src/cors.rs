//! The web pages that may call the gateway, as the file writes them.

use crate::url::{Origin, is_loopback};
use crate::{NotAllowed, duration, header};
use gateway_domain::cors::Cors;
use gateway_domain::time::Seconds;
use http::uri::Scheme;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Which web pages may call, and which headers they may send and read besides those of the gateway itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cors")]
pub(crate) struct CorsFields {
    /// The origins of the pages, 1 to 32, each as browsers send it, such as `https://app.example.com`.
    #[schemars(length(min = 1, max = 32))]
    pub(crate) origins: Vec<WebOrigin>,
    /// How long a browser may cache the response to a preflight request, 0 s to 24 h.
    #[serde(default = "default_max_age", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "10m"))]
    pub(crate) max_age: Seconds,
    /// The headers that pages may send besides `Authorization`, `Content-Type` and `Idempotency-Key`, at most 16.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) request_headers: Vec<header::Text>,
    /// The headers of back ends' responses that pages may read besides those of rate limits and refusals, at most 16.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub(crate) response_headers: Vec<header::Text>,
}

impl CorsFields {
    /// The rule that these fields describe.
    pub(crate) fn to_rule(&self) -> Cors {
        let names = |list: &[header::Text]| list.iter().map(|name| name.name().to_string()).collect::<Vec<_>>();
        let origins = self.origins.iter().map(|origin| origin.0.clone());
        Cors::new(origins, self.max_age, &names(&self.request_headers), &names(&self.response_headers))
    }

    /// The index of the first origin that repeats an earlier one.
    pub(crate) fn repeated(&self) -> Option<usize> {
        let mut seen = BTreeSet::new();
        self.origins.iter().position(|origin| !seen.insert(origin.0.as_str()))
    }
}

/// The origin of a web page, exactly as browsers send it (RFC 6454 §6.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https?://[^/?#@{}* A-Z]+$"))]
pub(crate) struct WebOrigin(String);

impl TryFrom<String> for WebOrigin {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let origin = Origin::read(&text).filter(|origin| {
            let usual = if origin.scheme() == &Scheme::HTTPS { 443 } else { 80 };
            let safe = origin.scheme() == &Scheme::HTTPS || is_loopback(origin.authority().host());
            // Origins are compared byte for byte, and browsers send neither capitals nor the default port.
            safe && origin.authority().port_u16() != Some(usual) && !text.bytes().any(|b| b.is_ascii_uppercase())
        });
        match origin {
            Some(_) => Ok(Self(text)),
            None => Err(NotAllowed::new(format!(
                "`{text}` is not the origin of a web page: write it as browsers send it, such as \
                 https://app.example.com or http://localhost:5173, in small letters, without path, final slash, the \
                 usual port and wildcards; http is for 127.0.0.1, [::1] and localhost only"
            ))),
        }
    }
}

const fn default_max_age() -> Seconds {
    Seconds::new(600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends_and_nothing_wider() {
        for good in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://xn--bcher-kva.example",
        ] {
            assert!(WebOrigin::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "*",
            "null",
            "https://*.example.com",
            "http://app.example.com",
            "http://localhost.evil.test",
            "https://app.example.com/",
            "https://app.example.com:443",
            "http://localhost:80",
            "https://APP.example.com",
            "app.example.com",
            "https://u@app.example.com",
            "https://bücher.example",
            "capacitor://localhost",
            "",
        ] {
            assert!(WebOrigin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
