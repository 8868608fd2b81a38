//! The version `v` that every item has: written here, checked at every read, and a condition of every update.
//!
//! Whatever changes an item that is there requires the version to be a known one, so that an older function writes
//! nothing into a newer item, and the item that refused comes back with the refusal, so that no second read is needed.

use crate::error::{Item, StoreError, corrupt};
use crate::number;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is written. Whoever raises it says in [`Table`](crate::Table) how an item of the version before becomes one of
/// this, and goes on reading all before it.
pub(crate) const CURRENT: u32 = 1;

/// That an item is absent or of a known version; `:version` is [`current`].
pub(crate) const KNOWN: &str = "(attribute_not_exists(v) OR v <= :version)";

/// [`CURRENT`] as DynamoDB writes it.
pub(crate) fn current() -> AttributeValue {
    number(CURRENT)
}

/// An own condition and [`KNOWN`].
pub(crate) fn condition(own: &str) -> String {
    format!("({own}) AND {KNOWN}")
}

/// The version of an item; one without was written before items had versions, and is 0.
///
/// # Errors
/// [`StoreError::Newer`] when it is above [`CURRENT`], [`StoreError::Corrupt`] when it is no version.
pub(crate) fn of(item: &Item, operation: &'static str) -> Result<u32, StoreError> {
    let Some(value) = item.get("v") else { return Ok(0) };
    match value.as_n().ok().and_then(|text| text.parse().ok()) {
        Some(found) if found <= CURRENT => Ok(found),
        Some(found) => Err(StoreError::Newer { operation, found, known: CURRENT }),
        None => Err(StoreError::Corrupt { operation, cause: "its version `v` is no number".to_owned() }),
    }
}

/// What an item of a known version holds.
pub(crate) fn read<T: DeserializeOwned>(item: Item, operation: &'static str) -> Result<T, StoreError> {
    of(&item, operation)?;
    serde_dynamo::from_item(item).map_err(corrupt(operation))
}

/// An item of the current version that holds this.
pub(crate) fn written(value: impl Serialize, operation: &'static str) -> Result<Item, StoreError> {
    Ok(stamped(serde_dynamo::to_item(value).map_err(corrupt(operation))?))
}

/// A part of an item.
pub(crate) fn part(value: impl Serialize, operation: &'static str) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(corrupt(operation))
}

/// The item with the current version on it.
pub(crate) fn stamped(mut item: Item) -> Item {
    item.insert("v".to_owned(), current());
    item
}

/// An update that changes an item of a known version only, on this condition of its own.
pub(crate) fn guarded(update: UpdateItemFluentBuilder, own: &str) -> UpdateItemFluentBuilder {
    guarded_always(update).condition_expression(condition(own))
}

/// An update that changes an item of a known version only, or makes one.
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
