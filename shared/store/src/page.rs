//! Pages of a table: reads until there are enough items, and says whether there are more.

use crate::error::{Item, StoreError, unavailable};
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

/// Some items of a table, in DynamoDB's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether the table holds more after the last of these.
    pub more: bool,
}

impl<T> Page<T> {
    /// Scans from after `start` until `most` items were found or the table ends.
    pub(crate) async fn collect(
        start: Option<Item>,
        most: usize,
        operation: &'static str,
        scan: impl Fn() -> ScanFluentBuilder,
        read: impl Fn(Item) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut items = Vec::new();
        let mut after = start;
        loop {
            let response = scan().set_exclusive_start_key(after.take()).send().await.map_err(unavailable(operation))?;
            for item in response.items.unwrap_or_default() {
                if items.len() == most {
                    return Ok(Self { items, more: true });
                }
                items.push(read(item)?);
            }
            after = response.last_evaluated_key;
            if after.is_none() {
                return Ok(Self { items, more: false });
            }
        }
    }
}
