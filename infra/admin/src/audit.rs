//! The audit table: every change has a row, written as begun before the change, and again with its outcome after it.

use crate::cli::AuditFilter;
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use gateway_store::{AuditRow, Outcome, day_and_time};
use serde_json::{Value as Json, json};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 500;

/// What is about to change.
#[expect(clippy::struct_field_names, reason = "an audit row calls it so")]
pub(crate) struct Act {
    /// The command, such as `users disable`.
    pub(crate) act: &'static str,
    /// What is changed, such as `user u_…`.
    pub(crate) subject: String,
    /// Its state before the change, without secrets.
    pub(crate) before: Option<Json>,
    /// Its intended state after the change, without secrets.
    pub(crate) after: Option<Json>,
}

impl Context {
    /// Runs a change and records its outcome. It does not run if its beginning cannot be recorded.
    pub(crate) async fn audited<T>(&self, act: Act, doing: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.audited_as(act, Box::pin(doing), |_| None).await
    }

    /// The same for a change whose result is known only when it is done: `after` describes the result.
    pub(crate) async fn audited_as<T>(
        &self,
        act: Act,
        doing: impl Future<Output = Result<T, Error>>,
        after: impl FnOnce(&T) -> Option<Json>,
    ) -> Result<T, Error> {
        let store = &self.connection.store;
        let row = self.row(act)?;
        store.audit.write(&row).await.map_err(Error::NotAudited)?;
        match doing.await {
            Ok(done) => {
                let after = after(&done).map(|value| value.to_string()).or_else(|| row.after.clone());
                let row = AuditRow { outcome: Outcome::Done, after, ..row };
                store.audit.end(&row).await.map_err(Error::OutcomeNotAudited)?;
                Ok(done)
            }
            Err(error) => {
                let reason = error.to_string().chars().take(MAX_REASON).collect();
                let row = AuditRow { outcome: Outcome::Failed, reason: Some(reason), ..row };
                if let Err(unwritten) = store.audit.end(&row).await {
                    crate::output::note(&format!("the audit row stays `begun`: {unwritten}"));
                }
                Err(error)
            }
        }
    }

    fn row(&self, act: Act) -> Result<AuditRow, Error> {
        let random = u64::from_be_bytes(gateway_runtime::SystemEntropy.bytes()?);
        let (day, at) = AuditRow::key(date_time::now_millis(), random);
        Ok(AuditRow {
            day,
            at,
            who: self.connection.who.clone(),
            act: act.act.to_owned(),
            subject: act.subject,
            before: act.before.map(|value| value.to_string()),
            after: act.after.map(|value| value.to_string()),
            outcome: Outcome::Begun,
            reason: None,
            ttl: None,
        })
    }
}

/// `audit list`
pub(crate) async fn list(context: &Context, filter: AuditFilter) -> Result<(), Error> {
    const DAY_MILLIS: i64 = 86_400_000;
    let now = date_time::now_millis();
    let length = filter.since.0.as_i64().saturating_mul(1_000);
    let (first_day, first_time) = day_and_time(now.saturating_sub(length));
    let mut items: Vec<Json> = Vec::new();
    // Begins with tomorrow: another operator's clock may be ahead of this one.
    for back in -1..=length.div_euclid(DAY_MILLIS).saturating_add(1) {
        let (day, _) = day_and_time(now.saturating_sub(back.saturating_mul(DAY_MILLIS)));
        if day < first_day || items.len() >= filter.limit {
            break;
        }
        let rows = context.connection.store.audit.of_day(&day, usize::MAX).await?;
        let wanted = rows.into_iter().filter(|row| {
            (row.day > first_day || row.at >= first_time)
                && filter.act.as_ref().is_none_or(|act| row.act.starts_with(act.as_str()))
                && filter.subject.as_ref().is_none_or(|subject| row.subject.contains(subject.as_str()))
        });
        items.extend(wanted.take(filter.limit.saturating_sub(items.len())).map(|row| shown(&row)));
    }
    let columns = [
        ("WHEN", "/at"),
        ("WHO", "/who"),
        ("ACT", "/act"),
        ("SUBJECT", "/subject"),
        ("OUTCOME", "/outcome"),
        ("BEFORE", "/before"),
        ("AFTER", "/after"),
    ];
    context.print.list(&columns, &items, None);
    Ok(())
}

fn shown(row: &AuditRow) -> Json {
    let value = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok());
    let time = row.at.split_once('#').map_or(row.at.as_str(), |(time, _)| time);
    json!({
        "at": format!("{}T{time}", row.day),
        "who": row.who,
        "act": row.act,
        "subject": row.subject,
        "outcome": row.outcome,
        "reason": row.reason,
        "before": value(&row.before),
        "after": value(&row.after),
    })
}
