//! The command `audit list`.

use crate::cli::AuditFilter;
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use gateway_administration::{acts_of, shown_row};
use gateway_store::AuditRow;
use serde_json::Value as Json;

/// Another operator's clock may be ahead of this one.
const AHEAD_MILLIS: i64 = 86_400_000;

/// The columns of its list.
pub(crate) const COLUMNS: [(&str, &str); 7] = [
    ("WHEN", "/at"),
    ("WHO", "/who"),
    ("ACT", "/act"),
    ("SUBJECT", "/subject"),
    ("OUTCOME", "/outcome"),
    ("BEFORE", "/before"),
    ("AFTER", "/after"),
];

/// `audit list`
pub(crate) async fn list(context: &Context, filter: AuditFilter) -> Result<(), Error> {
    let now = date_time::now_millis();
    let since = now.saturating_sub(filter.since.0.as_i64().saturating_mul(1_000));
    let wanted = |row: &AuditRow| {
        filter.act.as_ref().is_none_or(|act| row.act.starts_with(act.as_str()))
            && filter.subject.as_ref().is_none_or(|subject| row.subject.contains(subject.as_str()))
    };
    let within = (since, now.saturating_add(AHEAD_MILLIS));
    let audit = &context.connection.store.audit;
    let (mut rows, mut after) = (Vec::new(), None);
    while rows.len() < filter.limit {
        let left = filter.limit.saturating_sub(rows.len());
        let found = acts_of(audit, within, (after.as_deref(), left), &wanted).await?;
        rows.extend(found.rows);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    let items: Vec<Json> = rows.iter().map(shown_row).collect();
    context.print.list(&COLUMNS, &items, None);
    Ok(())
}
