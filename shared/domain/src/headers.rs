//! Headers in both directions: built from what is known, never edited copies of what came in.

mod injected;
mod links;
mod protected;
mod request;
mod response;

use std::collections::BTreeSet;

pub use injected::Injected;
pub use protected::is_set_by_gateway;
pub use request::{CannotBuild, Client, Identity, IdentityHeaders, Outgoing, build_request};
pub use response::{Cleaning, clean_response};

/// Names only a connector may set, so that no client can bring its own and no app ever sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Headers that carry the internal token to the back end.
    pub headers: BTreeSet<String>,
    /// Cookies the back end knows its session by.
    pub cookies: BTreeSet<String>,
}

impl Reserved {
    fn has_header(&self, squashed: &str) -> bool {
        self.headers.iter().any(|name| squash(name) == squashed)
    }

    fn has_cookie(&self, name: &str) -> bool {
        self.cookies.iter().any(|cookie| cookie.eq_ignore_ascii_case(name))
    }
}

/// Fields that belong to one connection (RFC 9110 §7.6.1), squashed.
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

/// A header name as a careless back end may see it: its letters and digits, without case.
pub fn squash(name: &str) -> String {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// The squashed names a message's `Connection` fields list.
fn named_by_connection<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> BTreeSet<String> {
    fields
        .filter(|(name, _)| squash(name) == "connection")
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(|option| squash(&String::from_utf8_lossy(option)))
        .filter(|name| !name.is_empty())
        .collect()
}
