//! Why the function fails. Lambda repeats a failed event, since all of them are asynchronous.

use gateway_runtime::StartError;
use gateway_store::StoreError;
use lambda_runtime::Diagnostic;

/// The function did not count what an event has.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is no batch of log lines.
    #[error("the event is no batch of log lines: {0}")]
    Event(&'static str),
    /// Some lines are of no known form; the others are counted.
    #[error("{0} calls are not counted: their lines cannot be read")]
    Unread(usize),
    /// The table does not respond, or an item cannot be read.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Something that the function needs is missing.
    #[error("the function cannot start: {0}")]
    NotReady(#[from] StartError),
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match &failure {
            Failure::Event(_) => "Event",
            Failure::Unread(_) => "Unread",
            Failure::Store(_) => "Store",
            Failure::NotReady(_) => "NotReady",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}
