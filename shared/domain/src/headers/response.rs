//! Headers to the app: the back end's, without those of its connection, the connector's session and the identity.

use std::collections::BTreeSet;

use http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, DATE, ETAG, EXPIRES,
    HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, LINK, LOCATION, REFRESH, SET_COOKIE,
};

use http::StatusCode;

use super::links::{Sessions, link, refresh};
use super::outside::Outside;
use super::own_cookies::is_own;
use super::{HOP_BY_HOP, IdentityHeaders, Injected, Reserved, named_by_connection, squash};

/// Squashed prefixes of the usual identity headers. They are for back ends, so no app gets them.
const IDENTITY_FAMILIES: [&str; 3] = ["xauthenticated", "xconsumer", "xcredential"];

/// What must be removed before the headers reach the app.
#[derive(Clone, Copy)]
pub struct Cleaning<'a> {
    /// The names that belong to the API's connector.
    pub reserved: &'a Reserved,
    /// The names of the API's identity headers.
    pub names: &'a IdentityHeaders,
    /// The secrets that were injected into this call.
    pub injected: &'a Injected,
    /// The cookies that may reach the app; `None` if all may that are neither the connector's nor the gateway's.
    pub cookies: Option<&'a BTreeSet<String>>,
    /// Both sides of the call.
    pub outside: Outside<'a>,
}

/// The headers of a response that may reach the app. Repeated ones stay separate and in order.
///
/// None of them holds an injected secret: references lose the parameters that hold one, and any other header with one is
/// dropped. None leads to a back end: references, hosts, and the paths and domains of cookies are those of the gateway; addresses in
/// the parameters of a reference are those of whoever reads them, and stay. `WWW-Authenticate` passes (RFC 9110 §11.6.1).
/// `Content-Length` does not: it is set where the body is sent.
pub fn clean_response(received: &HeaderMap, cleaning: Cleaning<'_>) -> HeaderMap {
    let for_this_hop = named_by_connection(received.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let mut headers = HeaderMap::with_capacity(received.keys_len());
    for (name, value) in received {
        let squashed = squash(name.as_str());
        let dropped = HOP_BY_HOP.contains(&squashed.as_str())
            || for_this_hop.contains(&squashed)
            || cleaning.reserved.has_header(&squashed)
            || cleaning.names.has(&squashed)
            || IDENTITY_FAMILIES.iter().any(|family| squashed.starts_with(family))
            // Obsolete (RFC 6265 §9.4), but it can also set cookies.
            || squashed == "setcookie2"
            // Proofs are for the gateway, which alone gives nonces for them (RFC 9449 §8).
            || squashed == "dpopnonce"
            || name == CONTENT_LENGTH;
        if dropped {
            continue;
        }
        for value in cleaned(name, value, cleaning) {
            if !cleaning.injected.is_in(value.as_bytes()) {
                headers.append(name, value);
            }
        }
    }
    headers
}

/// Whether the response redirects to a back end, where no route leads.
pub fn redirects_nowhere(status: StatusCode, received: &HeaderMap, cleaning: Cleaning<'_>) -> bool {
    let target = received.get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    status.is_redirection() && target.is_some_and(|target| reference(&target, cleaning).is_none())
}

/// A reference without a session, as it is right outside; `None` if no route leads there.
fn reference(text: &str, cleaning: Cleaning<'_>) -> Option<String> {
    let (sessions, outside) = (Sessions { reserved: cleaning.reserved, injected: cleaning.injected }, cleaning.outside);
    let without = sessions.without(text, || outside.is_inner(text));
    // What is left of `/;jsessionid=1/elsewhere.example` would be a host.
    if without != text && outside.host_of(&without) != outside.host_of(text) {
        return None;
    }
    Some(outside.reference(&without)?.into_owned())
}

/// The values that replace one that may hold the session, or name a back end.
fn cleaned(name: &HeaderName, value: &HeaderValue, cleaning: Cleaning<'_>) -> Vec<HeaderValue> {
    let outside = &cleaning.outside;
    let text = String::from_utf8_lossy(value.as_bytes());
    let reference = |text: &str| reference(text, cleaning);
    let without = match *name {
        SET_COOKIE => return cookies(value, cleaning),
        LOCATION | CONTENT_LOCATION => reference(&text),
        LINK => link(&text, reference, |parameters| outside.text(parameters).into_owned()),
        REFRESH => refresh(&text, reference),
        // What clients compare byte for byte, or look up elsewhere.
        ETAG | CONTENT_TYPE | CONTENT_DISPOSITION | CONTENT_ENCODING | DATE | LAST_MODIFIED | EXPIRES => {
            return vec![value.clone()];
        }
        _ => Some(outside.text(&text).into_owned()),
    };
    match without {
        Some(without) if without == text => vec![value.clone()],
        Some(without) => HeaderValue::from_str(&without).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The cookies of a `Set-Cookie` that may reach the app. Servers should not fold several into one field
/// (RFC 6265 §3), but some do, and a folded cookie of either must not pass.
fn cookies(value: &HeaderValue, cleaning: Cleaning<'_>) -> Vec<HeaderValue> {
    let pieces = unfolded(value.as_bytes());
    let is_reserved = |piece: &&[u8]| {
        let name = cookie_name(piece);
        is_own(piece)
            || cleaning.reserved.has_cookie(&name)
            || cleaning.cookies.is_some_and(|allowed| !allowed.contains(&name))
    };
    let kept: Vec<HeaderValue> = if pieces.iter().any(&is_reserved) {
        let kept = pieces.iter().copied().filter(|piece| !is_reserved(piece));
        kept.filter_map(|piece| HeaderValue::from_bytes(piece.trim_ascii()).ok()).collect()
    } else {
        vec![value.clone()]
    };
    kept.iter().filter_map(|cookie| cleaning.outside.cookie(cookie)).collect()
}

/// The value, split at each comma that a cookie's name and `=` follow; they do not follow the comma in a date.
fn unfolded(value: &[u8]) -> Vec<&[u8]> {
    let begins_cookie = |after: &[u8]| {
        let name = after.trim_ascii_start();
        let end = name.iter().position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'=' | b';' | b','));
        end.is_some_and(|end| end > 0 && name.get(end..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"=")))
    };
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (at, _) in value.iter().enumerate().filter(|(_, byte)| **byte == b',') {
        let next = at.saturating_add(1);
        if value.get(next..).is_some_and(begins_cookie) {
            pieces.extend(value.get(begin..at));
            begin = next;
        }
    }
    pieces.extend(value.get(begin..));
    pieces
}

/// The name in a `Set-Cookie` value (RFC 6265 §5.2).
fn cookie_name(value: &[u8]) -> String {
    let name = value.split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default();
    String::from_utf8_lossy(name).trim().to_owned()
}

#[cfg(test)]
mod tests;
