//! Headers in both directions: built from what is known, never edited copies of what came in.

mod request;
mod response;

use std::collections::BTreeSet;

pub use request::{CannotBuild, Client, Identity, IdentityHeaders, Outgoing, build_request, is_set_by_gateway};
pub use response::clean_response;

/// Names only a connector may set, so that no client can bring its own and no app ever sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// Headers that carry the internal token to the back end.
    pub headers: BTreeSet<String>,
    /// Cookies the back end knows its session by.
    pub cookies: BTreeSet<String>,
}

impl Reserved {
    fn has_header(&self, folded: &str) -> bool {
        self.headers.iter().any(|name| fold(name) == folded)
    }

    fn has_cookie(&self, name: &str) -> bool {
        self.cookies.iter().any(|cookie| cookie.eq_ignore_ascii_case(name))
    }
}

/// Fields that belong to one connection (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// A header name as a careless back end may see it: CGI and its heirs do not tell `-`, `_` and `.` apart.
pub fn fold(name: &str) -> String {
    name.bytes().map(|byte| if matches!(byte, b'_' | b'.') { '-' } else { byte.to_ascii_lowercase().into() }).collect()
}

/// The folded names a message's `Connection` fields list.
fn named_by_connection<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> BTreeSet<String> {
    fields
        .filter(|(name, _)| fold(name) == "connection")
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(|option| fold(String::from_utf8_lossy(option).trim()))
        .collect()
}
