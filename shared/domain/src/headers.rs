//! Headers of requests to back ends and of responses to apps: each set is built anew, not edited in place.

mod injected;
mod isolation;
mod links;
mod outside;
mod own_cookies;
mod protected;
mod request;
mod response;
mod sharing;

use std::collections::BTreeSet;

pub use injected::Injected;
pub use isolation::isolate;
pub use outside::{Lookup, Outside, Place};
pub use own_cookies::{HOST_PREFIX, OWN_COOKIES, is_own as is_own_cookie};
pub use protected::is_set_by_gateway;
pub use request::{CannotBuild, Client, Identity, IdentityHeaders, Outgoing, build_request};
pub use response::{Cleaning, clean_response, redirects_nowhere};
pub use sharing::may_be_shared;

/// Names that only a connector may set: no client can send its own values, and no app receives the connector's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Headers that carry the internal token to the back end.
    pub headers: BTreeSet<String>,
    /// Cookies that hold the session at the back end.
    pub cookies: BTreeSet<String>,
}

impl Reserved {
    fn has_header(&self, squashed: &str) -> bool {
        self.headers.iter().any(|name| squash(name) == squashed)
    }

    /// Whether a cookie of this name, in whatever case, belongs to the session.
    pub fn has_cookie(&self, name: &str) -> bool {
        self.cookies.iter().any(|cookie| cookie.eq_ignore_ascii_case(name))
    }
}

/// Squashed names of fields that belong to one connection (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keepalive",
    "proxyconnection",
    "proxyauthenticate",
    "proxyauthorization",
    "te",
    "trailer",
    "transferencoding",
    "upgrade",
    "http2settings",
];

/// A header name as a lenient back end may compare it: only its letters and digits, in lower case.
pub fn squash(name: &str) -> String {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// The squashed names in a message's `Connection` fields.
fn named_by_connection<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> BTreeSet<String> {
    fields
        .filter(|(name, _)| squash(name) == "connection")
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(|option| squash(&String::from_utf8_lossy(option)))
        .filter(|name| !name.is_empty())
        .collect()
}
