//! Why an event is not answered; to Lambda that is an error, which it repeats where nobody waits.

use gateway_runtime::StartError;
use gateway_sessions::LogoutError;
use lambda_runtime::Diagnostic;

/// The function did not do what the event asks.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another version of whoever asks may use other words.
    #[error("the event is no request of this version")]
    Unknown,
    /// The session has not ended, or a legacy system could not be told of its end.
    #[error("no logout at legacy systems: {0}")]
    NotLoggedOut(#[source] LogoutError),
    /// What the function works with is not there.
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

/// An event that is no request.
pub(crate) fn unknown() -> Failure {
    tracing::error!("the event is no request of this version");
    Failure::Unknown
}
