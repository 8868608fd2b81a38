//! Internal tokens of legacy systems: one trait, one file per system.
//!
//! The token function acquires, renews and ends them; the proxy only injects what it has unsealed. In between they
//! travel as opaque bytes, sealed for one session.

pub mod back_end;
mod http_login;
#[cfg(test)]
mod recording_server;
mod registry;
mod rfc3339;

use async_trait::async_trait;
use domain::headers::Reserved;
use domain::secret::Secret;
use domain::time::{Seconds, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use zeroize::Zeroizing;

pub use http_login::HttpLogin;
pub use registry::Connectors;

/// What the user typed, borrowed for one login. Nothing of it may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The name the legacy system knows the user by.
    pub username: &'a str,
    /// The password as typed.
    pub password: &'a Secret,
}

/// An internal token, fresh from its system.
pub struct Acquired {
    /// What the connector needs later to inject, renew or end it: opaque, secret, to be sealed.
    pub state: Zeroizing<Vec<u8>>,
    /// When it stops working for certain, if the system said so.
    pub ends: Option<Timestamp>,
    /// After how long without use it stops working, if the system said so.
    pub idle: Option<Seconds>,
    /// Until when it can be renewed without the password, if it can be at all.
    pub renew_until: Option<Timestamp>,
}

/// Why a connector could not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// The system refused these credentials, or no longer knows this token: `invalid_grant` (RFC 6749 section 5.2).
    #[error("the legacy system refused the credentials")]
    Refused,
    /// The system could not be reached in time: 503, and worth another try later.
    #[error("the legacy system is unavailable: {0}")]
    Unavailable(String),
    /// The system answered something else than configured. The text never holds what it sent.
    #[error("the legacy system answered unexpectedly: {0}")]
    Misbehaved(String),
}

/// One kind of legacy login.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Logs the user in and returns the system's own token.
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError>;

    /// Replaces a token by a fresh one without the password.
    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError>;

    /// Logs the user out of the legacy system, as far as it can be told to.
    async fn end(&self, state: &[u8]) -> Result<(), ConnectorError>;

    /// Whether [`Connector::renew`] can succeed at all. If not, the session ends when its token does.
    fn renews_without_password(&self) -> bool;

    /// The headers that carry this token to the back end.
    fn inject(&self, state: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, ConnectorError>;

    /// The names only [`Connector::inject`] may set.
    fn reserved(&self) -> &Reserved;

    /// Whether this answer of the back end means that the token is no longer accepted.
    fn is_dead(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool;
}
