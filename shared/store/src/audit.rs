//! The acts of operators. Key: `day` (`2026-03-01`, UTC) and `at` (the time of day and a random suffix).
//!
//! A row is written before an act, as `begun`, and updated after it with the outcome, so that no act is without a row. A
//! row that still says `begun` belongs to an act that was interrupted, or whose outcome could not be written.

use crate::error::{StoreError, condition_failed, corrupt, unavailable};
use crate::refusal::held;
use crate::{Page, version};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The day, as `2026-03-01`.
    pub day: String,
    /// The time of that day in UTC, as `09:30:00.123Z`, then `#` and a random suffix that keeps two rows apart.
    pub at: String,
    /// Who did it: the ARN of an AWS identity, or the user of the machine on which a local stack runs.
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

/// The table of operators' acts.
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

    /// Writes that an act begins. It never overwrites a row.
    pub async fn begin(&self, row: &AuditRow) -> Result<(), StoreError> {
        const OPERATION: &str = "audit_begin";
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

    /// The acts of a day, the latest first, at most `most` of them.
    pub async fn of_day(&self, day: &str, most: usize) -> Result<Vec<AuditRow>, StoreError> {
        const OPERATION: &str = "audit_of_day";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#day = :day")
                .expression_attribute_names("#day", "day")
                .expression_attribute_values(":day", AttributeValue::S(day.to_owned()))
                .consistent_read(true)
                .scan_index_forward(false)
        };
        Ok(Page::query(most, OPERATION, query, |item| version::read(item, OPERATION)).await?.items)
    }
}
