//! The version `v` that every item has: written here, checked at every read, and a condition of every update.
//!
//! Every change of an existing item requires a known version, so that an older function never writes into a newer item.
//! A guarded update that is refused returns the stored item, so that no second read is needed.

use crate::error::{Item, StoreError, corrupt};
use crate::number;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version that is written. A change that raises it adds the upgrade of older items to [`Table`](crate::Table), and
/// keeps reading all earlier versions.
pub const CURRENT: u32 = 1;

/// The condition that an item is absent or of a known version; `:version` is [`current`].
pub(crate) const KNOWN: &str = "(attribute_not_exists(v) OR v <= :version)";

/// [`CURRENT`] as DynamoDB writes it.
pub(crate) fn current() -> AttributeValue {
    number(CURRENT)
}

/// The given condition and [`KNOWN`].
pub(crate) fn condition(own: &str) -> String {
    format!("({own}) AND {KNOWN}")
}

/// The version of an item. It is 0 for an item without one, which was written before items had versions.
///
/// # Errors
/// [`StoreError::Newer`] when it is above [`CURRENT`], [`StoreError::Corrupt`] when it is not a version.
pub(crate) fn of(item: &Item, operation: &'static str) -> Result<u32, StoreError> {
    let Some(value) = item.get("v") else { return Ok(0) };
    match value.as_n().ok().and_then(|text| text.parse().ok()) {
        Some(found) if found <= CURRENT => Ok(found),
        Some(found) => Err(StoreError::Newer { operation, found, known: CURRENT }),
        None => Err(StoreError::Corrupt { operation, cause: "its version `v` is no number".to_owned() }),
    }
}

/// The value in an item of a known version.
pub(crate) fn read<T: DeserializeOwned>(item: Item, operation: &'static str) -> Result<T, StoreError> {
    of(&item, operation)?;
    serde_dynamo::from_item(item).map_err(corrupt(operation))
}

/// An item of the current version that holds this value.
pub(crate) fn written(value: impl Serialize, operation: &'static str) -> Result<Item, StoreError> {
    Ok(stamped(serde_dynamo::to_item(value).map_err(corrupt(operation))?))
}

/// One attribute of an item; it has no version of its own.
pub(crate) fn part(value: impl Serialize, operation: &'static str) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(corrupt(operation))
}

/// The item with its version set to the current one.
pub(crate) fn stamped(mut item: Item) -> Item {
    item.insert("v".to_owned(), current());
    item
}

/// An update on this condition, and only of an item that has a known version or is absent.
pub(crate) fn guarded(update: UpdateItemFluentBuilder, own: &str) -> UpdateItemFluentBuilder {
    guarded_always(update).condition_expression(condition(own))
}

/// An update that changes an item of a known version, or creates the item.
pub(crate) fn guarded_always(update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
    update
        .condition_expression(KNOWN)
        .expression_attribute_values(":version", current())
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_version_is_the_first_and_a_newer_one_says_what_to_do() {
        assert_eq!(of(&Item::new(), "test"), Ok(0));
        assert_eq!(of(&stamped(Item::new()), "test"), Ok(CURRENT));
        let newer = of(&Item::from([("v".to_owned(), number(CURRENT + 1))]), "test").unwrap_err().to_string();
        assert_eq!(
            newer,
            "test: the item has version 2 and this version of the gateway reads up to 1: deploy the newer one"
        );
        for odd in [AttributeValue::S("1".to_owned()), AttributeValue::N("-1".to_owned()), AttributeValue::Null(true)] {
            assert!(matches!(of(&Item::from([("v".to_owned(), odd)]), "test"), Err(StoreError::Corrupt { .. })));
        }
    }
}
