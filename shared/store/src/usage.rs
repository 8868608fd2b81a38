//! How often applications have called APIs, by hour and by day. Keys: `pk`, `sk`.
//!
//! | `pk` | `sk` | what it is |
//! |---|---|---|
//! | `app#<client id>` | `hour#<hour>#<API>#<plan>` | calls of an application in an hour |
//! | `app#<client id>` | `day#<day>#<API>#<plan>` | the same of a day |
//! | `day#<day>` | `<client id>#<API>#<plan>` | the same, to find all applications that called on a day |
//! | `batch#<id>` | `<number>` | that a part of a batch of calls is counted |
//!
//! A part of a batch is one transaction with the item that says so: a batch that comes again counts nothing again. What a caller did on a
//! day is in one part, so that hours and days agree whatever is lost.

use crate::error::{Item, StoreError, unavailable};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use gateway_domain::ids::{ApiName, ClientId, PlanName};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::usage::{Bucket, Caller, Calls, KEPT, Outcome, Step};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most writes of a transaction, but for the one that says which part it is.
const MOST: usize = 99;
/// For so long a batch is known to be counted: Lambda repeats events for six hours at most.
const KNOWN: Seconds = Seconds::new(2 * 86_400);
/// How often a transaction is made that met another on the same items, or was throttled, and how long it waits after the first time, in
/// ms. All waits and as much again by chance end within the function's time.
const ATTEMPTS: usize = 10;
const WAIT_MS: u64 = 25;
/// Why a transaction was cancelled that can be made again.
const AGAIN: [&str; 4] = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// The calls of one caller in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Who called what.
    pub caller: Caller,
    /// When.
    pub bucket: Bucket,
    /// How often.
    pub calls: Calls,
}

/// The calls of some applications on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfUsage {
    /// The calls. Those of an application are all here, or none.
    pub rows: Vec<Used>,
    /// The last of these applications, if there are more after it.
    pub next: Option<ClientId>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// All of it, or what was not counted of it before, is counted now.
    Counted,
    /// All of it had been counted before.
    Before,
}

/// What is added to items: by their keys the calls, and when each ends. What a caller did on a day is 26 rows at most.
type Rows = BTreeMap<(String, String), (Calls, Timestamp)>;

#[derive(Deserialize)]
struct Row {
    pk: String,
    sk: String,
    #[serde(flatten)]
    calls: Calls,
}

/// The table of usage.
#[derive(Debug, Clone)]
pub struct Usage {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Usage {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Counts the calls of a batch, by caller and hour, unless it is counted. `batch` is the same whenever the same calls come, and so
    /// are `calls`: one version of this cuts a batch into the same parts each time.
    pub async fn add(
        &self,
        batch: &str,
        calls: impl IntoIterator<Item = (Caller, Bucket, Calls)>,
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let mut groups: BTreeMap<(Caller, String), Rows> = BTreeMap::new();
        for (caller, hour, calls) in calls {
            let day = Bucket::of(Step::Day, hour.begins()).unwrap_or(hour);
            let rows = groups.entry((caller.clone(), day.to_string())).or_default();
            let Caller { app, api, plan } = &caller;
            let keys = [
                (format!("app#{app}"), format!("hour#{hour}#{api}#{plan}"), hour),
                (format!("app#{app}"), format!("day#{day}#{api}#{plan}"), day),
                (format!("day#{day}"), format!("{app}#{api}#{plan}"), day),
            ];
            for (pk, sk, bucket) in keys {
                let ends = bucket.begins().saturating_add(KEPT);
                rows.entry((pk, sk)).or_insert((Calls::default(), ends)).0.add(calls);
            }
        }
        let mut parts: Vec<Rows> = Vec::new();
        for rows in groups.into_values() {
            match parts.last_mut() {
                Some(part) if part.len().saturating_add(rows.len()) <= MOST => part.extend(rows),
                _ => parts.push(rows),
            }
        }
        let mut added = Added::Before;
        for (number, rows) in parts.iter().enumerate() {
            if Box::pin(self.add_part((batch, number), rows, now)).await? {
                added = Added::Counted;
            }
        }
        Ok(added)
    }

    /// Counts a part of a batch. `false` if it is counted.
    async fn add_part(&self, (batch, part): (&str, usize), rows: &Rows, now: Timestamp) -> Result<bool, StoreError> {
        const OPERATION: &str = "add_usage";
        let mut marker = version::stamped(Item::new());
        marker.insert("pk".to_owned(), text(format!("batch#{batch}")));
        marker.insert("sk".to_owned(), text(part.to_string()));
        marker.insert("ttl".to_owned(), number(ttl::after([now.saturating_add(KNOWN)]).as_secs()));
        let put = Put::builder().table_name(&self.table).set_item(Some(marker));
        let put = put.condition_expression("attribute_not_exists(pk)").build();
        let put = put.map_err(|error| StoreError::Corrupt { operation: OPERATION, cause: error.to_string() })?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        for ((pk, sk), (calls, ends)) in rows {
            writes.push(self.adding((pk, sk), *calls, *ends, OPERATION)?);
        }
        let mut wait = WAIT_MS;
        for attempt in 1..=ATTEMPTS {
            let sent = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = sent else { return Ok(true) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    for item in cancelled.cancellation_reasons().iter().filter_map(CancellationReason::item) {
                        version::of(item, OPERATION)?;
                    }
                    cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code).collect()
                }
                _ => Vec::new(),
            };
            // The marker is the first write, and the only one whose condition says that the part is counted.
            if reasons.first() == Some(&"ConditionalCheckFailed") {
                return Ok(false);
            }
            if attempt == ATTEMPTS || reasons.is_empty() || !reasons.iter().all(|code| AGAIN.contains(code)) {
                return Err(unavailable(OPERATION)(error));
            }
            // Batches that meet come apart again: the letters of their ids are random.
            let chance = u64::from(batch.as_bytes().get(attempt).copied().unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(wait.saturating_add(wait.saturating_mul(chance) / 128))).await;
            wait = wait.saturating_mul(2);
        }
        Ok(false)
    }

    fn adding(
        &self,
        (pk, sk): (&str, &str),
        calls: Calls,
        ends: Timestamp,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(pk.to_owned()))
            .key("sk", text(sk.to_owned()))
            .condition_expression(version::KNOWN)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":version", version::current())
            .expression_attribute_values(":ttl", number(ttl::after([ends]).as_secs()));
        let mut sums = Vec::new();
        for outcome in Outcome::ALL.into_iter().filter(|outcome| calls.of(*outcome) > 0) {
            let name = outcome.as_str();
            sums.push(format!("#{name} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), number(calls.of(outcome)));
        }
        let expression = format!("SET #ttl = :ttl, v = :version ADD {}", sums.join(", "));
        let update = update.update_expression(expression).build();
        let update = update.map_err(|error| StoreError::Corrupt { operation, cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The calls of an application, by the buckets from one to another, both included and of one step.
    pub async fn of_app(
        &self,
        app: &ClientId,
        (from, to): (Bucket, Bucket),
        most: usize,
    ) -> Result<Page<Used>, StoreError> {
        const OPERATION: &str = "usage_of_app";
        let kind = match from.step() {
            Step::Hour => "hour",
            Step::Day => "day",
        };
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(format!("app#{app}")))
                .expression_attribute_values(":low", text(format!("{kind}#{from}#")))
                .expression_attribute_values(":high", text(format!("{kind}#{to}#~")))
        };
        let read = |item| {
            let Row { sk, calls, .. } = version::read(item, OPERATION)?;
            let found = || {
                let mut parts = sk.split('#').skip(1);
                let bucket = Bucket::parse(parts.next()?)?;
                let (api, plan) = named(parts.next()?, parts.next()?)?;
                Some(Used { caller: Caller { app: app.clone(), api, plan }, bucket, calls })
            };
            found().ok_or_else(|| unreadable(&sk, OPERATION))
        };
        Page::query(most, OPERATION, query, read).await
    }

    /// The calls of all applications on a day, after those of one, in about `most` rows.
    pub async fn of_day(&self, day: Bucket, after: Option<&ClientId>, most: usize) -> Result<DayOfUsage, StoreError> {
        const OPERATION: &str = "usage_of_day";
        // `$` follows `#`, and no client id begins with it.
        let low = after.map_or_else(|| "!".to_owned(), |after| format!("{after}$"));
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk > :low")
                .expression_attribute_values(":pk", text(format!("day#{day}")))
                .expression_attribute_values(":low", text(low.clone()))
        };
        let read = |item| {
            let Row { pk, sk, calls } = version::read(item, OPERATION)?;
            let found = || {
                let bucket = Bucket::parse(pk.strip_prefix("day#")?)?;
                let mut parts = sk.split('#');
                let app = ClientId::parse(parts.next()?).ok()?;
                let (api, plan) = named(parts.next()?, parts.next()?)?;
                Some(Used { caller: Caller { app, api, plan }, bucket, calls })
            };
            found().ok_or_else(|| unreadable(&sk, OPERATION))
        };
        let mut most = most;
        loop {
            let Page { items: mut rows, more } = Page::query(most, OPERATION, query, read).await?;
            // The last application may be cut.
            let cut = rows.last().map(|used| used.caller.app.clone()).filter(|_| more);
            rows.retain(|used| Some(&used.caller.app) != cut.as_ref());
            match (cut, rows.last()) {
                (None, _) => return Ok(DayOfUsage { rows, next: None }),
                (Some(_), Some(last)) => {
                    let next = Some(last.caller.app.clone());
                    return Ok(DayOfUsage { rows, next });
                }
                // It alone has more rows than that.
                (Some(_), None) => most = most.saturating_mul(2),
            }
        }
    }
}

fn named(api: &str, plan: &str) -> Option<(ApiName, PlanName)> {
    Some((ApiName::parse(api).ok()?, PlanName::parse(plan).ok()?))
}

fn unreadable(sk: &str, operation: &'static str) -> StoreError {
    StoreError::Corrupt { operation, cause: format!("the key `{sk}` is of no known form") }
}

fn text(text: String) -> AttributeValue {
    AttributeValue::S(text)
}
