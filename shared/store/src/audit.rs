//! The acts of operators, and what services were given. Key: `day` (`2026-03-01`, UTC) and `at` (the time of day and a random
//! suffix).
//!
//! The row of an operator's act is written before it, as `begun`, and updated after it with the outcome, so that no act is without a
//! row. What is done to an application is written a second time under the application, so that its developers find all of it without
//! what others do: `day` is then the subject, and `at` the day and the time. A row that still says `begun` belongs to an act that was interrupted, or whose outcome could not be written. What a service
//! is given is written as `done` before it is given.

use crate::error::{StoreError, condition_failed, corrupt, unavailable};
use crate::refusal::held;
use crate::{Page, version};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::ClientId;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The day, as `2026-03-01`.
    pub day: String,
    /// The time of that day in UTC, as `09:30:00.123Z`, then `#` and a random suffix that keeps two rows apart.
    pub at: String,
    /// Who did it: the ARN of an AWS identity, the user of the machine on which a local stack runs, or `app` and a client id.
    pub who: String,
    /// What was done, as `users disable`.
    pub act: String,
    /// On what, as `user u_…`.
    pub subject: String,
    /// The subject before the act, without secrets, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The subject as it was to be after the act, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How far the act came.
    pub outcome: Outcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it may go. Without it, the row stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Timestamp>,
}

/// How the subjects begin that are applications.
const APP: &str = "app ";

/// The day of a time in milliseconds since 1970, as `2026-03-01`, and the time of that day, as `09:30:00.123Z`, both in UTC.
pub fn day_and_time(millis: i64) -> (String, String) {
    let seconds = millis.div_euclid(1_000);
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let whole = date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string());
    let (day, time) = whole.split_once('T').unwrap_or((&whole, "Z"));
    (day.to_owned(), format!("{}.{:03}Z", time.trim_end_matches('Z'), millis.rem_euclid(1_000)))
}

impl AuditRow {
    /// The same row under the application that it is about.
    fn of_app(&self) -> Option<Self> {
        let (day, at) = (self.subject.clone(), format!("{}T{}", self.day, self.at));
        self.subject.starts_with(APP).then(|| Self { day, at, ..self.clone() })
    }

    /// The key of a row that is written at this time: its `day` and its `at`.
    pub fn key(millis: i64, random: u64) -> (String, String) {
        let (day, time) = day_and_time(millis);
        (day, format!("{time}#{random:016x}"))
    }
}

/// How far an act came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was about to be done; whether it was done is not known.
    Begun,
    /// It was done.
    Done,
    /// It failed; a part of it may have been done.
    Failed,
}

/// The table of acts.
#[derive(Debug, Clone)]
pub struct Audit {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Audit {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Writes a row, and that of the application if it is about one. It never overwrites another.
    pub async fn write(&self, row: &AuditRow) -> Result<(), StoreError> {
        self.put(row).await?;
        match row.of_app() {
            Some(row) => self.put(&row).await,
            None => Ok(()),
        }
    }

    async fn put(&self, row: &AuditRow) -> Result<(), StoreError> {
        const OPERATION: &str = "audit_write";
        let item = version::written(row, OPERATION)?;
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#day)")
            .expression_attribute_names("#day", "day")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            // The suffix of the key is random, so the row that exists is this one: the SDK repeated a write that had
            // succeeded.
            Err(error) if condition_failed(&error) => Ok(()),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// Writes how the act of this row ended: its `outcome`, and its `reason` and `after` if it has them.
    pub async fn end(&self, row: &AuditRow) -> Result<(), StoreError> {
        self.update(row).await?;
        match row.of_app() {
            Some(row) => self.update(&row).await,
            None => Ok(()),
        }
    }

    async fn update(&self, row: &AuditRow) -> Result<(), StoreError> {
        const OPERATION: &str = "audit_end";
        let outcome = serde_dynamo::to_attribute_value(row.outcome).map_err(corrupt(OPERATION))?;
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("day", AttributeValue::S(row.day.clone()))
            .key("at", AttributeValue::S(row.at.clone()));
        update = version::guarded(update, "attribute_exists(#day)")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":outcome", outcome);
        let mut changed = vec!["outcome = :outcome".to_owned()];
        for (name, text) in [("reason", &row.reason), ("after", &row.after)] {
            if let Some(text) = text {
                changed.push(format!("#{name} = :{name}"));
                update = update
                    .expression_attribute_names(format!("#{name}"), name)
                    .expression_attribute_values(format!(":{name}"), AttributeValue::S(text.clone()));
            }
        }
        let sent = update.update_expression(format!("SET {}", changed.join(", "))).send().await;
        if held(sent, OPERATION)? {
            return Ok(());
        }
        Err(StoreError::Unavailable { operation: OPERATION, cause: "the row is gone".to_owned() })
    }

    /// What was done to an application, the latest first, at most `most` acts.
    pub async fn of_app(&self, client_id: &ClientId, most: usize) -> Result<Page<AuditRow>, StoreError> {
        self.of_day(&format!("{APP}{client_id}"), ("0", "~"), most).await
    }

    /// The acts of a day between these values of `at`, the latest first, at most `most` of them.
    pub async fn of_day(
        &self,
        day: &str,
        (low, high): (&str, &str),
        most: usize,
    ) -> Result<Page<AuditRow>, StoreError> {
        const OPERATION: &str = "audit_of_day";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#day = :day AND #at BETWEEN :low AND :high")
                .expression_attribute_names("#day", "day")
                .expression_attribute_names("#at", "at")
                .expression_attribute_values(":day", AttributeValue::S(day.to_owned()))
                .expression_attribute_values(":low", AttributeValue::S(low.to_owned()))
                .expression_attribute_values(":high", AttributeValue::S(high.to_owned()))
                .consistent_read(true)
                .scan_index_forward(false)
        };
        Page::query(most, OPERATION, query, |item| version::read(item, OPERATION)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_its_day_and_its_time_in_utc() {
        let key = ("2027-01-15".to_owned(), "08:00:00.007Z#000000000000002a".to_owned());
        assert_eq!(AuditRow::key(1_800_000_000_007, 42), key);
    }
}
