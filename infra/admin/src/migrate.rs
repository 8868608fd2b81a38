//! `migrate`: rewrites the older items of a table as items of this version, page by page.
//!
//! No state is kept between runs: an item that was rewritten is no longer an older one, so the next run completes a run that
//! was stopped.

use crate::cli::Migrate;
use crate::context::Context;
use crate::error::Error;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_administration::Act;
use gateway_store::{Migrated, Older, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::time::Duration;

/// How many items are rewritten at the same time.
const AT_ONCE: usize = 16;

/// How many items of a table were read, found to be older, rewritten, and left as they are.
#[derive(Default, Serialize)]
struct Tally {
    looked_at: u64,
    older: u64,
    rewritten: u64,
    left: u64,
}

/// `migrate`
pub(crate) async fn run(context: &Context, arguments: Migrate) -> Result<(), Error> {
    let mut items = Vec::new();
    let mut left: u64 = 0;
    for table in arguments.table.tables() {
        let bar = bar(*table);
        let tally = if arguments.dry_run {
            Box::pin(migrate(context, *table, true, &bar)).await
        } else {
            let subject = format!("table {}", table.name());
            let act = Act { act: "migrate", subject, before: None, after: None };
            context
                .acts()
                .audited_as(act, Box::pin(migrate(context, *table, false, &bar)), |tally| Some(json!(tally)))
                .await
        };
        bar.finish_and_clear();
        let tally = tally?;
        left = left.saturating_add(tally.left);
        items.push(shown(*table, &tally));
    }
    let columns = [
        ("TABLE", "/table"),
        ("LOOKED AT", "/looked_at"),
        ("OLDER", "/older"),
        ("REWRITTEN", "/rewritten"),
        ("LEFT", "/left"),
    ];
    context.print.list(&columns, &items, None);
    if left == 0 { Ok(()) } else { Err(Error::MigrationLeft(left)) }
}

async fn migrate(context: &Context, table: Table, dry_run: bool, bar: &ProgressBar) -> Result<Tally, Error> {
    let store = &context.connection.store;
    let mut tally = Tally::default();
    let mut after = None;
    loop {
        let Older { items, looked_at, next } = store.older_items(table, after).await?;
        tally.looked_at = tally.looked_at.saturating_add(looked_at);
        tally.older = tally.older.saturating_add(items.len().try_into().unwrap_or(u64::MAX));
        let writes = stream::iter(items).take(if dry_run { 0 } else { usize::MAX });
        let mut fates = writes.map(|item| store.migrate_item(table, item)).buffer_unordered(AT_ONCE);
        while let Some(fate) = fates.try_next().await? {
            match fate {
                Migrated::Rewritten => tally.rewritten = tally.rewritten.saturating_add(1),
                Migrated::Left => tally.left = tally.left.saturating_add(1),
                Migrated::NotNeeded => {}
            }
            tell(bar, &tally);
        }
        tell(bar, &tally);
        after = next;
        if after.is_none() {
            return Ok(tally);
        }
    }
}

/// Shows the counts so far and no total: DynamoDB knows the total only by reading the table. Drawn only on a terminal.
fn bar(table: Table) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.set_prefix(table.name());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn tell(bar: &ProgressBar, tally: &Tally) {
    bar.set_message(format!("{} looked at, {} older, {} rewritten", tally.looked_at, tally.older, tally.rewritten));
}

fn shown(table: Table, tally: &Tally) -> Json {
    json!({
        "table": table.name(),
        "looked_at": tally.looked_at,
        "older": tally.older,
        "rewritten": tally.rewritten,
        "left": tally.left,
    })
}
