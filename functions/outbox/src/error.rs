//! Why the function fails. Lambda repeats a failed event, since all of them are asynchronous.

use gateway_runtime::StartError;
use gateway_store::StoreError;
use lambda_runtime::Diagnostic;

/// The function did not do what the event asks.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is none of this version; another version may have sent it.
    #[error("the event is no request of this version")]
    Unknown,
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
            Failure::Unknown => "UnknownEvent",
            Failure::Store(_) => "Store",
            Failure::NotReady(_) => "NotReady",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}
