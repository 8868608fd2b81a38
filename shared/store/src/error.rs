//! How DynamoDB can fail, in the three ways a caller can act on.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::causes;
use std::collections::HashMap;

/// An item as it is stored.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Throttled, timed out, unreachable, or refused: nothing is known to be written; the caller answers 503.
    #[error("{operation}: DynamoDB did not do it: {cause}")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// What was seen.
        cause: String,
    },
    /// An item is there but is not what this version writes.
    #[error("{operation}: the stored item is not readable: {cause}")]
    Corrupt {
        /// What was attempted.
        operation: &'static str,
        /// What is wrong with the item.
        cause: String,
    },
    /// An item is there but a newer version of the gateway wrote it: nothing of it is believed, and nothing was written.
    #[error(
        "{operation}: the item has version {found} and this version of the gateway reads up to {known}: deploy the \
         newer one"
    )]
    Newer {
        /// What was attempted.
        operation: &'static str,
        /// The item's version.
        found: u32,
        /// The newest version that is read here.
        known: u32,
    },
}

/// Turns what the SDK says into ours.
pub(crate) fn unavailable<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| StoreError::Unavailable { operation, cause: cause(&error) }
}

/// DynamoDB's own code and message if it answered, otherwise what kept it from answering.
fn cause<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.as_service_error().and_then(|answered| Some((answered.code()?, answered.message()))) {
        Some((code, Some(message))) => format!("{code}: {message}"),
        Some((code, None)) => code.to_owned(),
        None => causes(error),
    }
}

pub(crate) fn corrupt(operation: &'static str) -> impl FnOnce(serde_dynamo::Error) -> StoreError {
    move |error| StoreError::Corrupt { operation, cause: error.to_string() }
}

/// Whether DynamoDB refused because the condition did not hold, which is a result and not a failure.
pub(crate) fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}
