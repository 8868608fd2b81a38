//! Headers to the back end: the client's unprotected ones, then the gateway's own, which the client cannot change.

use std::borrow::Cow;
use std::collections::BTreeSet;

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, VIA};

use super::own_cookies::{is_own, without_own};
use super::{Reserved, named_by_connection, protected, squash};
use crate::ids::{ClientId, UserId};
use crate::scope::Scope;
use crate::trace::Trace;

/// This gateway's entry in `Via` (RFC 9110 §7.6.3).
const VIA_THIS: &str = "1.1 mobile-api-gateway";

/// What is known about the client's request.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Every header value that it sent, in order.
    pub headers: &'a [(String, String)],
    /// Its address, as API Gateway saw it.
    pub address: Option<&'a str>,
    /// The host name of the gateway that it used, as API Gateway knows it, with a port on a laptop; never the client's `Host`.
    pub host: Option<&'a str>,
    /// `https`, or `http` on a laptop.
    pub scheme: &'a str,
    /// What stands before the path at the back end for the client: the stage, and what the API removes. Mostly empty.
    pub prefix: &'a str,
    /// API Gateway's id of this request.
    pub request_id: Option<&'a str>,
    /// The AWS X-Ray trace this request belongs to.
    pub trace_id: Option<&'a str>,
}

/// The identity of the call, as the authorizer found it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The user, the device, or the application acting for itself.
    pub user: &'a UserId,
    /// The scope of the access token.
    pub scope: &'a Scope,
    /// The application's name.
    pub app_name: &'a str,
    /// The application's subscription to this API.
    pub subscription: &'a str,
    /// The application's client id.
    pub client_id: &'a ClientId,
}

/// The names of the headers in which one API receives the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// Carries [`Identity::user`].
    pub user_id: HeaderName,
    /// Carries whom that names: [`SubjectKind`](crate::ids::SubjectKind).
    pub subject_type: HeaderName,
    /// Carries [`Identity::scope`].
    pub scope: HeaderName,
    /// Carries [`Identity::app_name`].
    pub app_name: HeaderName,
    /// Carries [`Identity::subscription`].
    pub subscription: HeaderName,
    /// Carries [`Identity::client_id`].
    pub client_id: HeaderName,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self {
            user_id: HeaderName::from_static("x-authenticated-userid"),
            subject_type: HeaderName::from_static("x-authenticated-subject-type"),
            scope: HeaderName::from_static("x-authenticated-scope"),
            app_name: HeaderName::from_static("x-consumer-username"),
            subscription: HeaderName::from_static("x-consumer-custom-id"),
            client_id: HeaderName::from_static("x-credential-identifier"),
        }
    }
}

impl IdentityHeaders {
    pub(super) fn has(&self, squashed: &str) -> bool {
        [&self.user_id, &self.subject_type, &self.scope, &self.app_name, &self.subscription, &self.client_id]
            .iter()
            .any(|name| squash(name.as_str()) == squashed)
    }
}

/// Everything that the headers of one call are built from.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The client's request.
    pub client: Client<'a>,
    /// The identity; `None` on a public route.
    pub identity: Option<Identity<'a>>,
    /// The names of the API's identity headers.
    pub names: &'a IdentityHeaders,
    /// The names that belong to the API's connector, whether or not it injects anything into this call.
    pub reserved: &'a Reserved,
    /// The cookies of the client that the back end gets; `None` if it gets all of them, unless the connector has a session cookie,
    /// beside which it then gets none.
    pub cookies: Option<&'a BTreeSet<String>>,
    /// The headers that the connector injects.
    pub injection: &'a [(HeaderName, HeaderValue)],
    /// The most bytes of all header lines that the back end accepts.
    pub max_bytes: usize,
}

/// Why no headers could be built. Nothing is then sent to the back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotBuild {
    /// A header of the client has an invalid name or value (RFC 9110 §5): 400.
    #[error("a header has a name or a value that is not allowed")]
    ClientHeader,
    /// The client's headers and the gateway's together are too large: 431 (RFC 6585 §5).
    #[error("the headers are larger than the back end takes")]
    TooLarge,
    /// A value of the gateway's own is missing or cannot be a field value (RFC 9110 §5.5): 500.
    #[error("the gateway has no sendable value for {0}")]
    OwnValue(&'static str),
    /// The gateway's own headers alone are too large: 500.
    #[error("the gateway's own headers are larger than the back end takes")]
    OwnTooLarge,
}

/// Builds the headers of one call to a back end.
pub fn build_request(call: &Outgoing<'_>) -> Result<HeaderMap, CannotBuild> {
    let own = own_headers(call)?;
    if size(&own) > call.max_bytes {
        return Err(CannotBuild::OwnTooLarge);
    }
    let mut headers = client_headers(call)?;
    for (name, value) in &own {
        if *name == VIA {
            headers.try_append(name, value.clone()).map_err(|_| CannotBuild::TooLarge)?;
        } else if *name == COOKIE
            && let Some(passed) = headers.remove(COOKIE)
        {
            // The connector's come first: of two with one name, which there are not, the first counts for most servers.
            let both = [value.as_bytes(), passed.as_bytes()].join(&b"; "[..]);
            let both = HeaderValue::from_bytes(&both).map_err(|_| CannotBuild::ClientHeader)?;
            headers.try_insert(COOKIE, both).map_err(|_| CannotBuild::TooLarge)?;
        } else {
            headers.try_insert(name, value.clone()).map_err(|_| CannotBuild::TooLarge)?;
        }
    }
    if size(&headers) > call.max_bytes {
        return Err(CannotBuild::TooLarge);
    }
    Ok(headers)
}

fn client_headers(call: &Outgoing<'_>) -> Result<HeaderMap, CannotBuild> {
    let received = call.client.headers;
    let for_this_hop = named_by_connection(received.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let mut headers = HeaderMap::new();
    let listed: Vec<&str> = match call.cookies {
        Some(allowed) => received
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
            .flat_map(|(_, value)| passed_cookies(value, allowed, call.reserved))
            .collect(),
        None => Vec::new(),
    };
    if !listed.is_empty() && !for_this_hop.contains("cookie") {
        let value = field_value(&listed.join("; ")).ok_or(CannotBuild::ClientHeader)?;
        headers.try_append(COOKIE, value).map_err(|_| CannotBuild::TooLarge)?;
    }
    for (name, value) in received {
        let squashed = squash(name);
        if for_this_hop.contains(&squashed) || is_protected(&squashed, call) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| CannotBuild::ClientHeader)?;
        let sendable = if squashed == "cookie" { in_ascii(value) } else { Some(Cow::Borrowed(value.as_str())) };
        let Some(sendable) = sendable else { continue };
        let value = field_value(&sendable).ok_or(CannotBuild::ClientHeader)?;
        let value = if squashed == "cookie" { cookies_of_others(value) } else { Some(value) };
        let Some(value) = value else { continue };
        headers.try_append(name, value).map_err(|_| CannotBuild::TooLarge)?;
    }
    Ok(headers)
}

/// The cookies that are ASCII; `None` if none is. A back end may have set others, which came through as they were; what they are in an event is not
/// known to the byte, and a call without them is better than none.
fn in_ascii(value: &str) -> Option<Cow<'_, str>> {
    if value.is_ascii() {
        return Some(Cow::Borrowed(value));
    }
    let kept: Vec<&str> = value
        .split(';')
        .map(|pair| pair.trim_matches([' ', '\t']))
        .filter(|pair| !pair.is_empty() && pair.is_ascii())
        .collect();
    (!kept.is_empty()).then(|| Cow::Owned(kept.join("; ")))
}

/// The cookies without the gateway's own, which are secrets between it and the browser; `None` if no other is left.
fn cookies_of_others(value: HeaderValue) -> Option<HeaderValue> {
    let kept = without_own(value.to_str().ok()?)?;
    if kept.as_bytes() == value.as_bytes() { Some(value) } else { HeaderValue::from_str(&kept).ok() }
}

fn is_protected(squashed: &str, call: &Outgoing<'_>) -> bool {
    protected::is_protected(squashed)
        || call.names.has(squashed)
        || call.reserved.has_header(squashed)
        // Where the connector has a session cookie, the back end must get no cookie of the app, which it could take for one, but
        // for those that are listed, which are picked one by one.
        || (squashed == "cookie" && (call.cookies.is_some() || !call.reserved.cookies.is_empty()))
}

/// The cookies of a `Cookie` field that the back end may get: of a listed name, in the one form that all servers read alike
/// (RFC 6265 §4.1.1), and neither the connector's nor the gateway's.
fn passed_cookies<'v>(
    value: &'v str,
    allowed: &'v BTreeSet<String>,
    reserved: &'v Reserved,
) -> impl Iterator<Item = &'v str> {
    let is_octet = |byte: u8| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    value.split(';').map(|pair| pair.trim_matches([' ', '\t'])).filter(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        allowed.contains(name) && value.bytes().all(is_octet) && !reserved.has_cookie(name) && !is_own(pair.as_bytes())
    })
}

fn own_headers(call: &Outgoing<'_>) -> Result<HeaderMap, CannotBuild> {
    let client = call.client;
    let mut own = HeaderMap::new();
    let mut set = |name: &HeaderName, value: &str, what: &'static str| {
        let value = field_value(value).ok_or(CannotBuild::OwnValue(what))?;
        own.insert(name, value);
        Ok(())
    };
    if let Some(identity) = call.identity {
        set(&call.names.user_id, identity.user.as_str(), "the user")?;
        set(&call.names.subject_type, identity.user.kind().as_str(), "the kind of the user")?;
        // An empty scope is valid, and is sent as an empty value.
        set(&call.names.scope, &identity.scope.to_string(), "the scope")?;
        set(&call.names.app_name, filled(identity.app_name, "the application")?, "the application")?;
        set(&call.names.subscription, filled(identity.subscription, "the subscription")?, "the subscription")?;
        set(&call.names.client_id, identity.client_id.as_str(), "the client id")?;
    }
    let port = client.host.map(|host| {
        let usual = if client.scheme == "http" { "80" } else { "443" };
        // An address of version 6 has colons of its own, between brackets.
        host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']')).unwrap_or(usual)
    });
    let forwarded = forwarded(&client);
    let traceparent = client.trace_id.and_then(Trace::parse).map(Trace::to_traceparent);
    let circumstances = [
        ("x-forwarded-for", client.address),
        ("x-forwarded-host", client.host),
        ("x-forwarded-port", port),
        ("x-forwarded-prefix", Some(client.prefix).filter(|prefix| !prefix.is_empty())),
        ("x-forwarded-proto", Some(client.scheme)),
        ("forwarded", Some(forwarded.as_str())),
        ("x-request-id", client.request_id),
        ("x-amzn-trace-id", client.trace_id),
        ("traceparent", traceparent.as_deref()),
    ];
    for (name, value) in circumstances {
        if let Some(value) = value {
            set(&HeaderName::from_static(name), value, name)?;
        }
    }
    set(&VIA, VIA_THIS, "Via")?;
    for (name, value) in call.injection {
        own.insert(name, value.clone());
    }
    Ok(own)
}

/// The same circumstances as one field (RFC 7239 §4).
fn forwarded(client: &Client<'_>) -> String {
    let node =
        client.address.map(|address| if address.contains(':') { format!("[{address}]") } else { address.to_owned() });
    // A colon wants quotes (RFC 7239 §4).
    let quoted = |text: &str| if text.contains(':') { format!("\"{text}\"") } else { text.to_owned() };
    let node = node.map(|node| format!("for={};", quoted(&node))).unwrap_or_default();
    let host = client.host.map(|host| format!("host={};", quoted(host))).unwrap_or_default();
    format!("{node}{host}proto={}", client.scheme)
}

/// The value, or an error if it is empty: no part of an identity is sent empty.
fn filled<'a>(value: &'a str, what: &'static str) -> Result<&'a str, CannotBuild> {
    if value.is_empty() { Err(CannotBuild::OwnValue(what)) } else { Ok(value) }
}

/// A field value of visible ASCII, spaces and tabs (RFC 9110 §5.5, without obs-text).
fn field_value(text: &str) -> Option<HeaderValue> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    plain.then(|| HeaderValue::from_str(text).ok()).flatten()
}

/// Bytes of all header lines: name, colon, space, value and line end.
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

#[cfg(test)]
mod tests;
