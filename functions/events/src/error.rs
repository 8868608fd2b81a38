//! Why the function fails. Lambda brings what a stream has again, and repeats a failed event of the keys function.

use gateway_runtime::StartError;
use gateway_store::StoreError;
use lambda_runtime::Diagnostic;

/// The function did not note what has happened.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is none of this version.
    #[error("the event has no records of a stream, and is no request of this version")]
    Unknown,
    /// A newer function has written the item.
    #[error("an item has version {0}, which this version of the function does not read: deploy the newer one")]
    Newer(u32),
    /// The table does not respond.
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
            Failure::Newer(_) => "Newer",
            Failure::Store(_) => "Store",
            Failure::NotReady(_) => "NotReady",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}
