//! The failures of work on a session.

use gateway_connectors::ConnectorError;
use gateway_domain::entropy::NoEntropy;
use gateway_domain::ids::ConnectorName;
use gateway_domain::token_type::TokenType;
use gateway_runtime::StartError;
use gateway_store::StoreError;

/// Why a session did not begin, rotate or end as requested. The texts are for the log, not for clients.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The back end of this connector refused the credentials, or the renewal of a token: only a new login can help.
    #[error("the back end of {0} refused the credentials")]
    BackEndRefused(ConnectorName),
    /// The back end of this connector uses its own user names, and has none for this user.
    #[error("the user is not linked to a name at the back end of {0}")]
    NotLinked(ConnectorName),
    /// The back end of this connector has passwords of its own, and the user has shown none for it.
    #[error("the back end of {0} has passwords of its own, and none was shown")]
    PasswordNeeded(ConnectorName),
    /// The gateway's own headers would exceed `max_header_bytes` of the API, so the back end would refuse every call.
    #[error(
        "an internal token takes {bytes} bytes of headers: with the others of a call more than the budget, {budget}"
    )]
    OverHeaderBudget {
        /// The bytes of the headers that carry the token; the gateway's other headers are not counted here.
        bytes: usize,
        /// The most bytes for all headers: `max_header_bytes` of the API.
        budget: u32,
    },
    /// The back end of this connector does not respond, or its response is not usable.
    #[error("back end of {0}: {1}")]
    BackEnd(ConnectorName, String),
    /// Every back end that the session could use failed, each of which is optional, and not all of them have refused the user.
    #[error("no back end of this session could be logged in to")]
    NoBackEnd,
    /// No internal token of the session lives or could be renewed: the session was ended.
    #[error("the session is over at the back end")]
    Over,
    /// The token of this session is handed out to no service.
    #[error("not for services: {0}")]
    NotForServices(&'static str),
    /// Of this session services get a token of this type, and another one was asked for.
    #[error("services get {0}")]
    OtherType(TokenType),
    /// The user's credentials changed, or the user was disabled, since the session began: it was ended.
    #[error("the credentials changed or the user is disabled")]
    CredentialsChanged,
    /// Other requests are changing the session at this moment.
    #[error("another request is changing this session")]
    Busy,
    /// A table does not respond, or an item cannot be read.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Keys, the clock or the source of randomness cannot be used.
    #[error("start: {0}")]
    Start(#[from] StartError),
    /// An invariant of the gateway does not hold.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl SessionError {
    /// The kind of failure, for the log: one of a closed set of names.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BackEndRefused(_) => "back_end_refused",
            Self::NotLinked(_) => "not_linked",
            Self::PasswordNeeded(_) => "password_needed",
            Self::OverHeaderBudget { .. } => "over_header_budget",
            Self::BackEnd(..) | Self::NoBackEnd => "back_end",
            Self::Over => "login_again",
            Self::NotForServices(_) => "not_for_services",
            Self::OtherType(_) => "other_type",
            Self::CredentialsChanged => "refresh_token",
            Self::Busy => "busy",
            Self::Store(_) => "store",
            Self::Start(_) => "dependency",
            Self::Internal(_) => "internal",
        }
    }
}

impl SessionError {
    /// Whether a back end answered that it does not take the user so, which only another login or an operator changes.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::BackEndRefused(_) | Self::NotLinked(_) | Self::PasswordNeeded(_))
    }
}

impl From<NoEntropy> for SessionError {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}

/// Why an ended session was not logged out of all its legacy systems. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// The session has not ended. A logout never ends a session, since the right to invoke it is not the right to end one.
    #[error("the session has not ended")]
    Live,
    /// The logout failed at this many legacy systems and must be repeated.
    #[error("{0} legacy sessions could not be ended")]
    Left(usize),
    /// The session cannot be read, or the logouts that are done cannot be noted.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl LogoutError {
    /// The kind of failure, for the log: one of a closed set of names.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Left(_) => "not_logged_out",
            Self::Session(error) => error.kind(),
        }
    }
}

impl SessionError {
    /// The failure of this connector.
    pub(crate) fn of(connector: &ConnectorName, error: &ConnectorError) -> Self {
        match error {
            ConnectorError::Refused => Self::BackEndRefused(connector.clone()),
            ConnectorError::NotLinked => Self::NotLinked(connector.clone()),
            ConnectorError::PasswordNeeded => Self::PasswordNeeded(connector.clone()),
            ConnectorError::Unavailable(_) | ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_) => {
                Self::BackEnd(connector.clone(), error.to_string())
            }
        }
    }
}
