//! Headers to the back end: the client's unprotected ones, then the gateway's own, which the client cannot change.

use http::header::{HeaderMap, HeaderName, HeaderValue, VIA};

use super::own_cookies::without_own;
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
    /// The host name of the gateway that it used, as API Gateway knows it; never the client's `Host`.
    pub host: Option<&'a str>,
    /// `https`, or `http` on a laptop.
    pub scheme: &'a str,
    /// API Gateway's id of this request.
    pub request_id: Option<&'a str>,
    /// The AWS X-Ray trace this request belongs to.
    pub trace_id: Option<&'a str>,
}

/// The identity of the call, as the authorizer found it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The user, or the application acting for itself.
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
            scope: HeaderName::from_static("x-authenticated-scope"),
            app_name: HeaderName::from_static("x-consumer-username"),
            subscription: HeaderName::from_static("x-consumer-custom-id"),
            client_id: HeaderName::from_static("x-credential-identifier"),
        }
    }
}

impl IdentityHeaders {
    pub(super) fn has(&self, squashed: &str) -> bool {
        [&self.user_id, &self.scope, &self.app_name, &self.subscription, &self.client_id]
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
    for (name, value) in received {
        let squashed = squash(name);
        if for_this_hop.contains(&squashed) || is_protected(&squashed, call) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| CannotBuild::ClientHeader)?;
        let value = field_value(value).ok_or(CannotBuild::ClientHeader)?;
        let value = if squashed == "cookie" { cookies_of_others(value) } else { Some(value) };
        let Some(value) = value else { continue };
        headers.try_append(name, value).map_err(|_| CannotBuild::TooLarge)?;
    }
    Ok(headers)
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
        // Where the connector has a session cookie, the back end must get no cookie of the app, which it could take for one.
        || (squashed == "cookie" && !call.reserved.cookies.is_empty())
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
        // An empty scope is valid, and is sent as an empty value.
        set(&call.names.scope, &identity.scope.to_string(), "the scope")?;
        set(&call.names.app_name, filled(identity.app_name, "the application")?, "the application")?;
        set(&call.names.subscription, filled(identity.subscription, "the subscription")?, "the subscription")?;
        set(&call.names.client_id, identity.client_id.as_str(), "the client id")?;
    }
    let traceparent = client.trace_id.and_then(Trace::parse).map(Trace::to_traceparent);
    let circumstances = [
        ("x-forwarded-for", client.address),
        ("x-forwarded-host", client.host),
        ("x-forwarded-proto", Some(client.scheme)),
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
