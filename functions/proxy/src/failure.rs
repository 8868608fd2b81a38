//! Why a call gets no response of its back end.

use gateway_connectors::ConnectorError;
use gateway_connectors::back_end::BackEndError;
use gateway_domain::call_context::{ContextError, Refusal};
use gateway_domain::headers::CannotBuild;
use gateway_domain::path::PathRefused;
use gateway_domain::query::QueryRefused;
use gateway_domain::sealing::CannotOpen;
use gateway_runtime::StartError;
use gateway_store::StoreError;
use http::Method;

/// Everything that can keep a call from its back end, or the back end's response from the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    NotReady(#[from] StartError),
    #[error("the event is refused with status {0}")]
    Event(u16),
    #[error(transparent)]
    Path(#[from] PathRefused),
    #[error("a back end could take the path for that of another route")]
    Ambiguous,
    #[error(transparent)]
    Query(#[from] QueryRefused),
    #[error("the method is not a method")]
    Method,
    #[error("an OPTIONS that is no preflight of a listed origin")]
    NoPreflight,
    #[error("no such method here")]
    MethodNotAllowed(Vec<Method>),
    #[error("the authorizer refused the call: {0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error(transparent)]
    Headers(#[from] CannotBuild),
    #[error("the session has no internal token that the back end accepts")]
    SessionOver,
    #[error("the session has no internal token for this API: its login did not reach the back end")]
    NotLoggedIn,
    #[error("the internal token was replaced while a call used it")]
    SessionRenewed,
    #[error("another call of the session is at the back end")]
    Busy,
    #[error("the internal token could not be renewed at present")]
    NotRenewed,
    #[error("the back end refuses an internal token that was renewed a moment ago")]
    NotAllowed,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealing(#[from] CannotOpen),
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    #[error("the back end redirects to an address of a back end to which no route leads")]
    Redirect,
    #[error("the configuration lacks {0}")]
    Configuration(&'static str),
    #[error(transparent)]
    BackEnd(#[from] BackEndError),
}

impl Failure {
    /// The kind of failure for the log and the metric, from a closed set of names.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::NotReady(_) => "not_ready",
            Self::Event(_) => "event",
            Self::Path(_) => "path",
            Self::Ambiguous => "path_ambiguous",
            Self::Query(_) => "query",
            Self::Method => "method",
            Self::NoPreflight => "no_preflight",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Refused(refusal) => refusal.kind(),
            Self::Context(_) => "context",
            Self::Headers(_) => "headers",
            Self::SessionOver => "session_over",
            Self::NotLoggedIn => "not_logged_in",
            Self::SessionRenewed => "session_renewed",
            Self::Busy => "session_busy",
            Self::NotRenewed => "not_renewed",
            Self::NotAllowed => "not_allowed",
            Self::Store(_) => "store",
            Self::Sealing(_) => "sealing",
            Self::Connector(ConnectorError::Unfit(_)) => "unfit_call",
            Self::Connector(_) => "connector",
            Self::Redirect => "back_end_redirect",
            Self::Configuration(_) => "configuration",
            Self::BackEnd(BackEndError::TimedOut) => "back_end_timed_out",
            Self::BackEnd(BackEndError::Unreachable) => "back_end_unreachable",
            Self::BackEnd(BackEndError::TooLarge) => "back_end_too_large",
            Self::BackEnd(BackEndError::Broken) => "back_end_broken",
        }
    }
}
