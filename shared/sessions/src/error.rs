//! Why a session did not begin, go on or end as asked.

use gateway_connectors::ConnectorError;
use gateway_domain::entropy::NoEntropy;
use gateway_runtime::StartError;
use gateway_store::StoreError;

/// Why something about a session could not be done. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A back end did not take the credentials, or gives no more tokens for them: only a login can help.
    #[error("a back end refused the credentials")]
    BackEndRefused,
    /// A back end that goes by names of its own knows none for this user.
    #[error("the user is not linked to a name at a back end")]
    NotLinked,
    /// Every call would be refused by the back end's own server.
    #[error("an internal token takes {bytes} bytes of headers, and the budget is {budget}")]
    OverHeaderBudget {
        /// Bytes of the headers that the token takes.
        bytes: usize,
        /// The most bytes that the API takes, by `max_header_bytes`.
        budget: u32,
    },
    /// A back end does not answer as it should.
    #[error("back end: {0}")]
    BackEnd(String),
    /// No internal token of the session lives or can be renewed: the session has been ended.
    #[error("the session is over at the back end")]
    Over,
    /// The user's credentials changed, or the user was disabled, since it began: the session has been ended.
    #[error("the credentials changed or the user is disabled")]
    CredentialsChanged,
    /// Others are changing it at this moment.
    #[error("another request is changing this session")]
    Busy,
    /// A table does not answer, or holds what cannot be read.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Keys or the clock cannot be used.
    #[error("start: {0}")]
    Start(#[from] StartError),
    /// What cannot happen did.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl SessionError {
    /// The kind of failure, for the log: one of a closed set of names.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BackEndRefused => "back_end_refused",
            Self::NotLinked => "not_linked",
            Self::OverHeaderBudget { .. } => "over_header_budget",
            Self::BackEnd(_) => "back_end",
            Self::Over => "login_again",
            Self::CredentialsChanged => "refresh_token",
            Self::Busy => "busy",
            Self::Store(_) => "store",
            Self::Start(_) => "dependency",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<NoEntropy> for SessionError {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}

/// Why an ended session is not logged out of its legacy systems. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// It has not ended: whoever may ask for a logout may not end sessions with it.
    #[error("the session has not ended")]
    Live,
    /// So many legacy systems could not be told, and are to be told again.
    #[error("{0} legacy sessions could not be ended")]
    Left(usize),
    /// The session cannot be read, or what was done cannot be noted.
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

impl From<ConnectorError> for SessionError {
    fn from(error: ConnectorError) -> Self {
        match error {
            ConnectorError::Refused => Self::BackEndRefused,
            ConnectorError::NotLinked => Self::NotLinked,
            ConnectorError::Unavailable(_) | ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_) => {
                Self::BackEnd(error.to_string())
            }
        }
    }
}
