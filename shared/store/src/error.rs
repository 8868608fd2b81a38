//! How DynamoDB can fail, in the three ways a caller can act on.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::causes;
use std::collections::HashMap;

/// An item as it is stored.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Why a store operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Throttled, timed out, unreachable, or refused. A write may or may not have happened; the caller responds with 503.
    #[error("{operation}: DynamoDB did not do it: {cause}")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// The error of DynamoDB or of the transport.
        cause: String,
    },
    /// The item exists but is not in a form that this version can read.
    #[error("{operation}: the stored item is not readable: {cause}")]
    Corrupt {
        /// What was attempted.
        operation: &'static str,
        /// What is wrong with the item.
        cause: String,
    },
    /// A newer version of the gateway wrote the item. Nothing of it is used, and nothing was written.
    #[error(
        "{operation}: the item has version {found} and this version of the gateway reads up to {known}: deploy the \
         newer one"
    )]
    Newer {
        /// What was attempted.
        operation: &'static str,
        /// The item's version.
        found: u32,
        /// The newest version that this gateway reads.
        known: u32,
    },
}

/// Maps an error of the SDK to [`StoreError::Unavailable`].
pub(crate) fn unavailable<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| StoreError::Unavailable { operation, cause: cause(&error) }
}

/// The code and message of DynamoDB's response, or why there was no response.
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

/// Whether the condition of a write did not hold, which is a result and not a failure.
pub(crate) fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}
