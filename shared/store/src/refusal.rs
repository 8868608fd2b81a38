//! Conditional writes whose condition did not hold: a result, or an error if the stored item has a newer version.

use crate::error::{Item, StoreError, unavailable};
use crate::version;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;

/// The item that did not meet a write's condition, empty if there is none. An item of a newer version is an error, and so
/// is every other failure. The write must request the item (`ReturnValuesOnConditionCheckFailure`).
pub(crate) fn refused_item<E, R>(error: SdkError<E, R>, operation: &'static str) -> Result<Item, StoreError>
where
    E: Conditional,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Some(refusal) = error.as_service_error().and_then(Conditional::refusal) else {
        return Err(unavailable(operation)(error));
    };
    let item = refusal.item.clone().unwrap_or_default();
    version::of(&item, operation)?;
    Ok(item)
}

/// An error of the SDK that can say that a write's condition did not hold.
pub(crate) trait Conditional: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static {
    /// The exception, if the condition did not hold.
    fn refusal(&self) -> Option<&ConditionalCheckFailedException>;
}

impl Conditional for UpdateItemError {
    fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
        if let Self::ConditionalCheckFailedException(refusal) = self { Some(refusal) } else { None }
    }
}

impl Conditional for PutItemError {
    fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
        if let Self::ConditionalCheckFailedException(refusal) = self { Some(refusal) } else { None }
    }
}

impl Conditional for DeleteItemError {
    fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
        if let Self::ConditionalCheckFailedException(refusal) = self { Some(refusal) } else { None }
    }
}

/// Whether a conditional write happened. A condition that did not hold is a result, not a failure.
pub(crate) fn held<T, E, R>(sent: Result<T, SdkError<E, R>>, operation: &'static str) -> Result<bool, StoreError>
where
    E: Conditional,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match sent {
        Ok(_) => Ok(true),
        Err(error) => refused_item(error, operation).map(|_| false),
    }
}
