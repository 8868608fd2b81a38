//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4): they tell an application that one of its sessions has ended.

use crate::id_token::{IdTokenKeys, NotSigned};
use crate::ids::{ClientId, SessionId, UserId};
use crate::keys::SignatureAlgorithm;
use crate::time::{Seconds, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::json;

/// The media type of a logout token. No other token has it, so that none is taken for one (RFC 8725 §3.11).
pub const TYP: &str = "logout+jwt";
/// How long one is good: it is made anew for each delivery.
pub const LIFETIME: Seconds = Seconds::new(120);
/// The member of `events` that makes a token a logout token.
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token. It never has a `nonce`, so that no ID token is taken for one (§2.4).
#[derive(Debug, Clone, Serialize)]
pub struct LogoutClaims<'a> {
    /// The authorization server.
    pub iss: &'a str,
    /// The user whose session has ended.
    pub sub: &'a UserId,
    /// The application.
    pub aud: &'a ClientId,
    /// When it was issued.
    pub iat: Timestamp,
    /// The first second at which it must not be accepted.
    pub exp: Timestamp,
    /// Unique to the token.
    pub jti: String,
    /// The session, as in ID tokens. It is always there, also for applications that do not require it.
    pub sid: &'a SessionId,
    /// What has happened: always the same.
    pub events: LogoutEvent,
}

/// The value of `events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogoutEvent;

impl Serialize for LogoutEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({ EVENT: {} }).serialize(serializer)
    }
}

/// Signs a logout token by this algorithm, that of the application's ID tokens (§2.6).
pub fn sign(claims: &LogoutClaims<'_>, keys: &IdTokenKeys, algorithm: SignatureAlgorithm) -> Result<String, NotSigned> {
    keys.sign(Some(TYP), claims, algorithm)
}
