//! Pages of a table: reads until there are enough items, and says whether there are more.

use crate::error::{Item, StoreError, unavailable};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

/// Some items of a table, in DynamoDB's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether the table holds more after the last of these.
    pub more: bool,
}

/// What one request returned: items, and the key after which the next one goes on.
type Part = (Vec<Item>, Option<Item>);

impl<T> Page<T> {
    /// Scans from after `start` until `most` items were found or the table ends.
    pub(crate) async fn collect(
        start: Option<Item>,
        most: usize,
        operation: &'static str,
        scan: impl Fn() -> ScanFluentBuilder,
        read: impl Fn(Item) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        let part = async |after| {
            let sent = scan().set_exclusive_start_key(after).send().await.map_err(unavailable(operation))?;
            Ok((sent.items.unwrap_or_default(), sent.last_evaluated_key))
        };
        Self::gather(start, most, part, read).await
    }

    /// The same of a query, from its beginning.
    pub(crate) async fn query(
        most: usize,
        operation: &'static str,
        query: impl Fn() -> QueryFluentBuilder,
        read: impl Fn(Item) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        let part = async |after| {
            let sent = query().set_exclusive_start_key(after).send().await.map_err(unavailable(operation))?;
            Ok((sent.items.unwrap_or_default(), sent.last_evaluated_key))
        };
        Self::gather(None, most, part, read).await
    }

    async fn gather(
        start: Option<Item>,
        most: usize,
        part: impl AsyncFn(Option<Item>) -> Result<Part, StoreError>,
        read: impl Fn(Item) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut items = Vec::new();
        let mut after = start;
        loop {
            let (found, last) = part(after.take()).await?;
            for item in found {
                if items.len() == most {
                    return Ok(Self { items, more: true });
                }
                items.push(read(item)?);
            }
            after = last;
            if after.is_none() {
                return Ok(Self { items, more: false });
            }
        }
    }
}
