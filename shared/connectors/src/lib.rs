//! Internal tokens of legacy systems: one trait, one file per system.
//!
//! The crate `sessions` acquires, renews and ends them; the proxy only injects what it has opened. In between they are
//! opaque bytes, sealed for one session.

pub mod back_end;
mod charset;
mod content_coding;
mod cookie_date;
mod cookie_jar;
#[cfg(test)]
mod counting;
pub mod http_login;
#[cfg(feature = "kerberos")]
mod kerberos;
#[cfg(test)]
mod recording_server;
mod reference;
mod registry;
mod response_start;
mod rfc3339;
mod saml;
mod sso_session;
#[cfg(not(feature = "kerberos"))]
mod without_kerberos;

use async_trait::async_trait;
use bytes::Bytes;
use gateway_domain::headers::Reserved;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_domain::token_type::TokenType;
use http::{HeaderName, HeaderValue, StatusCode};
use zeroize::Zeroizing;

pub use content_coding::accept_what_can_be_decoded;
pub use cookie_jar::CookieJar;
pub use gateway_domain::acquired::Acquired;
pub use http_login::HttpLogin;
#[cfg(feature = "kerberos")]
pub use kerberos::{KerberosPassword, KerberosS4u};
pub use registry::Connectors;
pub use response_start::{MAX_START, ResponseStart};
pub use saml::{SamlEcp, WsTrust};

/// The user's credentials, borrowed for one login. A connector must not keep them, except the name if a renewal needs it.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The name as the user typed it.
    pub username: &'a str,
    /// The name by which this connector's system knows the user, if an administrator has set one.
    pub link: Option<&'a str>,
    /// The password as typed; `None` at a login without one, by a passkey or by what a browser remembers.
    pub password: Option<&'a Secret>,
}

impl<'a> Credentials<'a> {
    /// The name to log in with, for a system that checks the password.
    pub fn name(&self) -> &'a str {
        self.link.unwrap_or(self.username)
    }

    /// The password, for a system that checks it.
    ///
    /// # Errors
    /// [`ConnectorError::PasswordNeeded`] at a login without one. Nothing was sent then.
    pub fn password(&self) -> Result<&'a Secret, ConnectorError> {
        self.password.ok_or(ConnectorError::PasswordNeeded)
    }
}

/// Why a connector could not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// The system refused these credentials, or no longer knows this token: `invalid_grant` (RFC 6749 §5.2).
    #[error("the legacy system refused the credentials")]
    Refused,
    /// The system has its own names of users, and no administrator has linked this user to one.
    #[error("the user is not linked to a name at the legacy system")]
    NotLinked,
    /// The system checks a password, and the user has shown none.
    #[error("the legacy system needs the password, and none was shown")]
    PasswordNeeded,
    /// The system could not be reached in time: 503; a later attempt may succeed.
    #[error("the legacy system is unavailable: {0}")]
    Unavailable(String),
    /// The system's response is not one that the configuration describes. The text never holds any part of the response.
    #[error("the legacy system answered unexpectedly: {0}")]
    Misbehaved(String),
    /// The token cannot be injected into this call, and the client can change that: 400. The text says what is wrong.
    #[error("the call cannot carry the session at the back end: {0}")]
    Unfit(&'static str),
}

/// The call that an internal token is injected into.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The `Content-Type` of its body.
    pub content_type: Option<&'a str>,
    /// Its body.
    pub body: &'a Bytes,
}

/// The parts of a request that carry an internal token to the back end.
#[derive(Debug, Default)]
pub struct Injection {
    /// Headers to add. All their names are in [`Connector::reserved`].
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Parameters to add to the query, not yet encoded. A client's parameter of the same name is dropped.
    pub query: Vec<(String, String)>,
    /// A body that replaces the call's own.
    pub body: Option<Bytes>,
}

impl Injection {
    /// An injection of headers alone.
    pub fn headers(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { headers, ..Self::default() }
    }
}

/// What a response of a back end has made of an internal token.
#[derive(Debug)]
pub enum Moved {
    /// Nothing.
    Same,
    /// It has another state from now on, and maybe another end.
    To {
        /// The new state.
        state: Zeroizing<Vec<u8>>,
        /// When it ends however much it is used, if the response said so.
        ends: Option<Timestamp>,
    },
    /// It is no longer of use: the response has deleted it.
    Ended,
}

/// How calls of one session may meet at a back end whose responses move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// In any number: the back end takes the state before a move as well, for a while.
    Freely,
    /// One at a time: the back end takes the newest state alone.
    InTurn,
}

/// What a service gets that calls the legacy system itself, for the same user.
#[derive(Debug)]
pub struct HandedOut {
    /// What it is.
    pub kind: TokenType,
    /// The token, as a response of RFC 8693 §2.2.1 has it.
    pub token: Secret,
    /// Further values that go with it, by the names that the configuration has for them.
    pub also: Vec<(String, Secret)>,
}

impl HandedOut {
    fn alone(kind: TokenType, token: String) -> Self {
        Self { kind, token: Secret::new(token), also: Vec::new() }
    }
}

/// One kind of legacy login.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Logs the user in and returns the system's own token.
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError>;

    /// Replaces a token by a fresh one without the password.
    /// The default refuses, for systems that cannot do this.
    async fn renew(&self, _state: &[u8], _now: Timestamp) -> Result<Acquired, ConnectorError> {
        Err(ConnectorError::Refused)
    }

    /// Logs the user out of the legacy system, if it has a logout.
    /// The default does nothing, for systems whose token can only expire.
    async fn end(&self, _state: &[u8]) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// What carries this token to the back end, made anew for each attempt of each call.
    fn inject(&self, state: &[u8], call: Call<'_>) -> Result<Injection, ConnectorError>;

    /// What a service gets of this token, made anew each time: never what could be turned into tokens for other systems.
    /// The default refuses, for systems whose token is of no use to anybody else.
    fn hand_out(&self, _state: &[u8]) -> Result<HandedOut, ConnectorError> {
        Err(ConnectorError::Unfit("its session is handed out to nobody"))
    }

    /// The names that only [`Connector::inject`] may set.
    fn reserved(&self) -> &Reserved;

    /// Whether a response that starts like this means that the back end no longer accepts the token.
    fn is_dead(&self, response: &ResponseStart<'_>) -> bool;

    /// What a response to a call with this state has made of it. The response is not one that says that the session is over, and
    /// it is nobody else's. The default is for systems that never move a session.
    fn moved(&self, _state: &[u8], _response: &ResponseStart<'_>, _now: Timestamp) -> Moved {
        Moved::Same
    }

    /// How calls of one session may meet.
    fn meeting(&self) -> Meeting {
        Meeting::Freely
    }

    /// Whether [`Connector::is_dead`] looks at the body of this response, so that its start must be there before the
    /// question can be asked, and is held back from the client until then.
    /// The default holds every response back, for connectors that have not said that they need not.
    fn examines_body(&self, _status: StatusCode) -> bool {
        true
    }

    /// Whether [`Connector::examines_body`] is true of some response. Calls then ask the back end for no content coding that
    /// cannot be decoded here.
    /// The default is that of connectors that have not said which they examine.
    fn examines_bodies(&self) -> bool {
        true
    }

    /// Whether the back end authenticates a connection and takes each later request on it for the same user. Each call then
    /// has a connection of its own.
    fn binds_connections(&self) -> bool {
        false
    }
}
