//! How DynamoDB can fail, in the two ways a caller can act on.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::error::display::DisplayErrorContext;
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
}

/// Turns what the SDK says into ours.
pub(crate) fn unavailable<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| StoreError::Unavailable { operation, cause: DisplayErrorContext(error).to_string() }
}

pub(crate) fn corrupt(operation: &'static str) -> impl FnOnce(serde_dynamo::Error) -> StoreError {
    move |error| StoreError::Corrupt { operation, cause: error.to_string() }
}

/// Whether DynamoDB refused because the condition did not hold, which is an answer and not a failure.
pub(crate) fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

/// The item that did not meet an update's condition; any other error stays one.
pub(crate) fn refused_item<R>(error: SdkError<UpdateItemError, R>, operation: &'static str) -> Result<Item, StoreError>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => Ok(refusal.item.clone().unwrap_or_default()),
        Some(_) | None => Err(unavailable(operation)(error)),
    }
}
