//! Addresses in the configuration: the issuer, back ends and the URLs of connectors.

use crate::NotAllowed;
use gateway_domain::path::{CheckedPath, Segment};
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;

/// The longest accepted URL, in bytes.
const LONGEST: usize = 2048;

/// The address of a system: scheme, host and port, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https?://[^/?#@{} ]+$"))]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// `http` or `https`.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Host and port as configured. They are the `Host` of every request (RFC 9112 §3.2).
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Its port, also where it is the usual one and not written.
    pub fn port(&self) -> u16 {
        let usual = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    /// Reads an origin that is written as such, without path, query, user and final slash.
    pub(crate) fn read(text: &str) -> Option<Self> {
        // The crate `http` gives a URL without a path the path `/`, so only the text shows whether there was one.
        let (origin, uri) = parse(text)?;
        (uri.query().is_none() && !text.contains('#') && origin.to_string() == text).then_some(origin)
    }

    /// Whether requests to this address cross a network unencrypted.
    pub(crate) fn is_exposed(&self) -> bool {
        self.scheme == Scheme::HTTP && !is_loopback(self.authority.host())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl TryFrom<String> for Origin {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        Self::read(&text).ok_or_else(|| {
            NotAllowed::new(format!(
                "`{text}` is not the address of a system: write scheme, host and port only, such as \
                 https://sso.internal:8443, without path, query, user or final slash"
            ))
        })
    }
}

/// The address of a system that calls are forwarded to: scheme, host and port, with the path below which its resources are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https?://[^/?#@{} ]+(/[^/?#;{} ]+)*$"))]
pub struct BackEnd {
    origin: Origin,
    base: Vec<Segment>,
}

impl BackEnd {
    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The segments of the path that stands before that of each call; none if there is no such path.
    pub fn base(&self) -> &[Segment] {
        &self.base
    }
}

impl fmt::Display for BackEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)?;
        self.base.iter().try_for_each(|segment| write!(f, "/{}", segment.as_str()))
    }
}

impl TryFrom<String> for BackEnd {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let read = || {
            let (origin, uri) = parse(&text)?;
            let path = text.strip_prefix(&origin.to_string())?;
            if uri.query().is_some() || path.contains(['?', '#']) {
                return None;
            }
            if path.is_empty() {
                return Some(Self { origin, base: Vec::new() });
            }
            let base = CheckedPath::parse(path).ok()?.segments().to_vec();
            base.iter().all(|segment| !segment.as_str().is_empty()).then_some(Self { origin, base })
        };
        read().ok_or_else(|| {
            NotAllowed::new(format!(
                "`{text}` is not the address of a back end: write scheme, host and port, and a base path if all of its \
                 paths begin with one, such as https://orders.internal:8443/app, without query, user or final slash"
            ))
        })
    }
}

/// An absolute `http` or `https` URL without user, fragment or placeholder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https?://[^/?#@{} ]+([/?][^#{} ]*)?$"))]
pub struct HttpUrl {
    origin: Origin,
    uri: Uri,
}

impl HttpUrl {
    /// The URL, always with scheme and authority.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Its scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The same scheme, host and port with the path `/`.
    pub(crate) fn root(&self) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Self { origin: self.origin.clone(), uri: Uri::from_parts(parts).unwrap_or_else(|_| self.uri.clone()) }
    }
}

impl TryFrom<String> for HttpUrl {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        match parse(&text) {
            Some((origin, uri)) if !text.contains(['#', '{', '}']) => Ok(Self { origin, uri }),
            _ => Err(NotAllowed::new(format!(
                "`{text}` is not a URL that a connector may call: write an absolute one, \
                 such as https://sso.internal/login, without user, fragment and placeholders"
            ))),
        }
    }
}

/// The issuer identifier (RFC 8414 §2): an `https` URL without query and fragment; `http` is allowed only on this machine.
/// Slashes at its end are removed, because the URLs of endpoints are built by adding paths to it. Tokens, their
/// verification and the metadata all use this one form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https?://[^/?#@{} ]+(/[^?#{} ]*)?$"))]
pub struct Issuer(String);

impl Issuer {
    /// The identifier as configured, without slashes at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Issuer {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        match parse(&text) {
            Some((origin, _)) if !text.contains(['?', '#', '{', '}']) && !origin.is_exposed() => {
                Ok(Self(text.trim_end_matches('/').to_owned()))
            }
            _ => Err(NotAllowed::new(format!(
                "`{text}` is not an issuer (RFC 8414 §2): write an https URL without user, query and fragment, \
                 such as https://auth.example.com; http is for 127.0.0.1, [::1] and localhost only"
            ))),
        }
    }
}

/// Why the issuer of the tokens is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoIssuer {
    /// Neither the configuration nor the stage variable names one.
    #[error("neither the configuration nor the stage variable `issuer` names the issuer")]
    Absent,
    /// The value of the stage variable is not an issuer identifier.
    #[error("stage variable `issuer`: {0}")]
    NotAllowed(NotAllowed),
}

/// Reads an `http` or `https` URL with a host and without a user, and returns its origin beside it.
pub(crate) fn parse(text: &str) -> Option<(Origin, Uri)> {
    if text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let uri = Uri::try_from(text).ok()?;
    let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme))?.clone();
    let authority = uri.authority()?.clone();
    let port_is_sound = match authority.as_str().strip_prefix(authority.host())? {
        "" => true,
        _ => authority.port_u16().is_some_and(|port| port > 0),
    };
    let sound = port_is_sound && is_host(authority.host());
    sound.then_some((Origin { scheme, authority }, uri))
}

/// Whether this is an IPv6 address in brackets, an IPv4 address, or a name of letters, digits, `-`, `_` and `.`.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whether a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<BackEnd, NotAllowed> {
        BackEnd::try_from(text.to_owned())
    }

    /// Abuse cases C3, C4: a back end is scheme and authority only, so no path can be appended to change the host.
    #[test]
    fn a_back_end_is_scheme_host_port_and_a_base_path_only() {
        for good in [
            "http://127.0.0.1:3001",
            "https://orders.internal",
            "https://[::1]:8443",
            "http://localhost:1",
            "https://a/x",
            "https://a:1/x/y",
        ] {
            assert_eq!(origin(good).expect(good).to_string(), good);
        }
        let with_more = [
            "https://a/",
            "https://a/x/",
            "https://a//x",
            "https://a/../x",
            "https://a/x?",
            "https://a/%2e",
            "https://a?x",
            "https://a#x",
            "https://u@a",
            "https://u:p@a",
        ];
        let odd =
            ["ftp://a", "a:80", "//a", "https://", "https://a:", "https://a:0", "https://a:99999", "https://a b", ""];
        let placeholders = ["https://{tenant}.a", "https://[::1", "https://a,b", "https://é", "https://.a"];
        for bad in with_more.into_iter().chain(odd).chain(placeholders) {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    /// Checklist M-02.
    #[test]
    fn an_issuer_is_https_without_query_and_fragment() {
        for good in ["https://auth.example.com", "https://a/tenant/1", "http://127.0.0.1:3000", "http://localhost/x"] {
            assert_eq!(Issuer::try_from(good.to_owned()).expect(good).as_str(), good);
        }
        for bad in [
            "http://auth.example.com",
            "https://a?x=1",
            "https://a#",
            "https://u@a",
            "auth.example.com",
            "http://127.1",
        ] {
            assert!(Issuer::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_exposed_unless_it_stays_on_this_machine() {
        for (text, exposed) in [
            ("http://orders.internal", true),
            ("http://10.0.0.1:80", true),
            ("http://localhost.evil.test", true),
            ("http://LOCALHOST", false),
            ("http://127.9.9.9", false),
            ("http://[::1]:1", false),
            ("https://orders.internal", false),
        ] {
            assert_eq!(origin(text).expect(text).origin().is_exposed(), exposed, "{text}");
        }
    }

    #[test]
    fn the_url_of_a_connector_may_have_a_path_and_a_query() {
        for good in ["https://sso/login", "https://sso/login?x=1", "https://sso"] {
            assert!(HttpUrl::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in
            ["/login", "https://u:p@sso/login", "https://sso/login#x", "https://sso/{username}", "https://sso/a b"]
        {
            assert!(HttpUrl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
