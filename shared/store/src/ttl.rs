//! When DynamoDB may remove an item by itself. No rule depends on it, since DynamoDB may remove an item late or never:
//! rules compare the times in an item with the clock at every read and write.

use gateway_domain::time::Timestamp;

/// The `ttl` of an item: the latest of the times in it that still matter.
pub(crate) fn after(times: impl IntoIterator<Item = Timestamp>) -> Timestamp {
    times.into_iter().max().unwrap_or(Timestamp::from_secs(i64::MAX))
}
