//! Why the function fails. Lambda repeats a failed event if it was invoked asynchronously.

use gateway_runtime::StartError;
use gateway_sessions::LogoutError;
use lambda_runtime::Diagnostic;

/// The function did not do what the event asks.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is neither a renewal nor a logout of this version; another version may have sent it.
    #[error("the event is no request of this version")]
    Unknown,
    /// The session has not ended, or it could not be logged out of a legacy system.
    #[error("no logout at legacy systems: {0}")]
    NotLoggedOut(#[source] LogoutError),
    /// Something that the function needs is missing.
    #[error("the function cannot start: {0}")]
    NotReady(#[source] StartError),
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match &failure {
            Failure::Unknown => "UnknownEvent",
            Failure::NotLoggedOut(_) => "NotLoggedOut",
            Failure::NotReady(_) => "NotReady",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}

/// Logs an event that is no request of this version.
pub(crate) fn unknown() -> Failure {
    tracing::error!("the event is no request of this version");
    Failure::Unknown
}
