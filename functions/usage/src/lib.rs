//! Counts calls by application, API, plan, outcome and hour, from the lines that API Gateway logs of them: no call waits for it, and
//! none costs another write. CloudWatch Logs brings the lines in batches, at least once.

mod batch;
mod error;

use batch::Batch;
use gateway_domain::clock::Clock;
use gateway_runtime::{Platform, StartError};
use gateway_store::{Added, Usage};
use serde_json::{Value, json};
use std::future::{Ready, ready};
use std::sync::Arc;

pub use error::Failure;

/// Everything the function works with.
pub struct Counter {
    /// Where calls are counted.
    pub table: Usage,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Opens the table.
pub fn start(platform: Platform) -> Ready<Result<Counter, StartError>> {
    let table = platform.table("USAGE_TABLE", Usage::new);
    ready(table.map(|table| Counter { table, clock: platform.clock }))
}

/// Handles an event. One that fails is repeated by Lambda, and counts once however often it comes.
pub async fn handle(started: Result<&Counter, StartError>, event: Value) -> Result<Value, Failure> {
    let handled = async {
        let counter = started?;
        let Batch { id, calls, unread } = Batch::read(&event)?;
        let added = counter.table.add(&id, calls, counter.clock.now()).await?;
        // Last, since it is to be heard of, and repeating the event counts nothing again.
        if unread > 0 {
            return Err(Failure::Unread(unread));
        }
        Ok(json!({ "outcome": if added == Added::Counted { "counted" } else { "counted before" } }))
    };
    handled.await.inspect_err(|failure: &Failure| tracing::error!(%failure, "calls are not counted yet"))
}
