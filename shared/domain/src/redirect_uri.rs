//! Redirection endpoints of clients (RFC 6749 §3.1.2), of the three kinds that RFC 8252 §7 allows.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The longest redirect URI that may be registered, in bytes.
const MAX_LENGTH: usize = 512;

/// The loopback addresses of RFC 8252 §7.3, as they are written in a URI. `localhost` is none: it may resolve to something
/// else (RFC 8252 §8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Why a redirect URI cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// Empty, too long, or with characters that a URI cannot have.
    #[error("a redirect URI has 1 to {MAX_LENGTH} characters that a URI may have (RFC 3986 §2)")]
    Characters,
    /// Codes are added to the query, so a fragment would hide them (RFC 6749 §3.1.2).
    #[error("a redirect URI has no fragment: leave out # and what follows it")]
    Fragment,
    /// `https` without a host, or with a user.
    #[error("an https redirect URI names a host and no user, such as https://app.example.com/signed-in")]
    Host,
    /// `http` to another machine.
    #[error(
        "an http redirect URI is http://127.0.0.1 or http://[::1] with any port (RFC 8252 §7.3); localhost may be another machine"
    )]
    Http,
    /// A scheme that another application may register by accident, or that browsers run.
    #[error(
        "the scheme of a native application is a domain name of its maker in reverse, such as com.example.app:/signed-in (RFC 8252 §7.1)"
    )]
    Scheme,
}

/// A registered redirect URI: claimed `https`, loopback `http`, or a private-use scheme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Parses a redirect URI as it is registered.
    pub fn parse(text: &str) -> Result<Self, InvalidRedirectUri> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(allowed) {
            return Err(InvalidRedirectUri::Characters);
        }
        if text.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        let (scheme, rest) = text.split_once(':').ok_or(InvalidRedirectUri::Scheme)?;
        match scheme {
            "https" => {
                let authority = rest.strip_prefix("//").ok_or(InvalidRedirectUri::Host)?.split(['/', '?']).next();
                let host_only = authority.is_some_and(|authority| !authority.contains('@'));
                let host = text.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
                if !host_only || host.is_none_or(|host| host.is_empty()) {
                    return Err(InvalidRedirectUri::Host);
                }
            }
            "http" => {
                loopback(text).ok_or(InvalidRedirectUri::Http)?;
            }
            _ => {
                let begins = scheme.starts_with(|first: char| first.is_ascii_lowercase());
                let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
                // A single slash or none: with two, what follows would be a host (RFC 8252 §7.1).
                let path = rest.starts_with('/') && !rest.starts_with("//");
                if !begins || !scheme.bytes().all(letters) || !scheme.contains('.') || !path {
                    return Err(InvalidRedirectUri::Scheme);
                }
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its host has a `*`, which stands for itself alone: the address that is asked for is compared as a whole
    /// (RFC 9700 §4.1.3).
    pub fn has_wildcard(&self) -> bool {
        let authority = self.0.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
        authority.is_some_and(|authority| authority.contains('*'))
    }

    /// Whether a request for this URI may be served: it is the same text, or differs in the port of a loopback address
    /// alone, which a native application learns when it starts to listen (RFC 8252 §7.3).
    pub fn permits(&self, asked: &str) -> bool {
        asked == self.0 || loopback(&self.0).is_some_and(|own| loopback(asked) == Some(own))
    }
}

/// A loopback URI without its port, as host and the rest.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    LOOPBACK.iter().find_map(|host| {
        let rest = uri.strip_prefix(host)?;
        let after_port = match rest.strip_prefix(':') {
            None => rest,
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (port, rest) = rest.split_at_checked(digits)?;
                port.parse::<u16>().ok().filter(|port| *port > 0)?;
                rest
            }
        };
        (after_port.is_empty() || after_port.starts_with(['/', '?'])).then_some((*host, after_port))
    })
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checklist N-01, N-02, N-03.
    #[test]
    fn the_three_kinds_of_native_applications_are_registered() {
        for uri in [
            "https://app.example.com/signed-in",
            "https://app.example.com",
            "https://app.example.com:8443/a?b=c",
            "http://127.0.0.1/signed-in",
            "http://127.0.0.1:7000/",
            "http://[::1]/",
            "com.example.app:/signed-in",
            "com.example.app-2:/",
        ] {
            assert_eq!(RedirectUri::parse(uri).map(|uri| uri.to_string()), Ok(uri.to_owned()));
        }
    }

    /// Checklist N-01, N-04, S-02.
    #[test]
    fn what_leads_elsewhere_is_refused_with_what_to_do() {
        use InvalidRedirectUri as E;
        for (uri, error) in [
            ("", E::Characters),
            ("https://app.example.com/ x", E::Characters),
            ("https://app.example.com/\\evil", E::Characters),
            ("https://app.example.com/\u{e9}", E::Characters),
            ("https://app.example.com/#there", E::Fragment),
            ("https:app.example.com", E::Host),
            ("https:///path", E::Host),
            ("https://app@evil.example/", E::Host),
            ("https://:443/", E::Host),
            ("http://app.example.com/", E::Http),
            ("http://localhost/", E::Http),
            ("http://127.0.0.1.evil.example/", E::Http),
            ("http://127.0.0.1@evil.example/", E::Http),
            ("http://127.0.0.1:99999/", E::Http),
            ("http://127.0.0.1:0/", E::Http),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("myapp:/signed-in", E::Scheme),
            ("myapp://signed-in", E::Scheme),
            ("com.example.app://signed-in", E::Scheme),
            ("com.example.app:signed-in", E::Scheme),
            ("COM.example.app:/signed-in", E::Scheme),
            ("signed-in", E::Scheme),
        ] {
            assert_eq!(RedirectUri::parse(uri), Err(error), "{uri}");
        }
    }

    #[test]
    fn a_star_in_a_host_is_seen() {
        let has_wildcard = |uri: &str| RedirectUri::parse(uri).unwrap().has_wildcard();
        assert!(has_wildcard("https://*.example.com/cb") && has_wildcard("https://a*"));
        assert!(!has_wildcard("https://app.example.com/*") && !has_wildcard("com.example.app:/*"));
    }

    /// Abuse case J1; checklist G-21, N-03, S-02.
    #[test]
    fn a_request_names_the_same_text_but_for_the_port_of_a_loopback_address() {
        let permits = |registered: &str, asked: &str| RedirectUri::parse(registered).unwrap().permits(asked);
        assert!(permits("https://a.example/cb", "https://a.example/cb"));
        assert!(permits("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"));
        assert!(permits("http://127.0.0.1:8000/cb", "http://127.0.0.1/cb"));
        assert!(permits("http://[::1]:8000/cb?x=1", "http://[::1]:9/cb?x=1"));
        for (registered, asked) in [
            ("https://a.example/cb", "https://a.example/cb/"),
            ("https://a.example/cb", "https://a.example/cb?x=1"),
            ("https://a.example/cb", "https://A.example/cb"),
            ("https://a.example/cb", "https://a.example:443/cb"),
            ("https://a.example/cb", "https://a.example/cb/../evil"),
            ("https://a.example/cb", "https://a.example/%63b"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80/other"),
            ("http://127.0.0.1/cb", "http://[::1]/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1/cb"),
            ("com.example.app:/cb", "com.example.app:/cb2"),
        ] {
            assert!(!permits(registered, asked), "{asked}");
        }
    }
}
