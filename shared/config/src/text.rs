//! Short texts of the configuration that have a grammar of their own.

use crate::NotAllowed;
use gateway_domain::admin_scope;
use schemars::JsonSchema;
use serde::Deserialize;

/// The name of a cookie: a token of RFC 9110 §5.6.2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))]
pub struct CookieName(String);

impl CookieName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CookieName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(token) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not the name of a cookie: write 1 to 128 letters, digits, `-`, `_` or `.`, such as LEGACYSESSID"
            )));
        }
        Ok(Self(text))
    }
}

/// A place in a JSON document (RFC 6901), but not the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^(/([^~/]|~[01])*)+$"))]
pub struct JsonPointer(String);

impl JsonPointer {
    /// The pointer as text, in the form that `serde_json::Value::pointer` takes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JsonPointer {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let escapes_right = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        if !text.starts_with('/') || !escapes_right {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a JSON pointer (RFC 6901): start with `/`, such as /session/id, with ~0 for ~ and ~1 for /"
            )));
        }
        Ok(Self(text))
    }
}

/// Who the access tokens are for (RFC 9068 §2.2, `aud`): an identifier without spaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[!-~]{1,255}$"))]
pub struct Audience(String);

impl Audience {
    /// The audience as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Audience {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not an audience: write up to 255 characters without spaces, such as https://api.example.com"
            )));
        }
        Ok(Self(text))
    }
}

/// One scope token (RFC 6749 §3.3), such as `orders:read`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^[!#-\[\]-~]{1,64}$"))]
pub struct ScopeToken(String);

impl ScopeToken {
    /// The token as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ScopeToken {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let allowed = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a scope (RFC 6749 §3.3): write up to 64 characters without spaces, quotes and \
                 backslashes, such as orders:read"
            )));
        }
        if admin_scope::is_one(&text) {
            return Err(NotAllowed::new(format!(
                "`{text}` begins like the scopes of the admin API: write another name, since a token for an API must not open \
                 that one"
            )));
        }
        Ok(Self(text))
    }
}
