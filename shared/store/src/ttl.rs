//! When DynamoDB may remove an item by itself. That is a broom and never a rule: it comes late or not at all, and what
//! it would decide is decided by the times in the item, which are compared with the clock at every read and write.

use gateway_domain::time::Timestamp;

/// The `ttl` of an item: no earlier than any time in it that still means something.
pub(crate) fn after(times: impl IntoIterator<Item = Timestamp>) -> Timestamp {
    times.into_iter().max().unwrap_or(Timestamp::from_secs(i64::MAX))
}
