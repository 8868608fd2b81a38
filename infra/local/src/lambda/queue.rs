//! The queue of asynchronous invocations. It is bounded and kept in memory only; a failed invocation is repeated as often as
//! the template says.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::functions::Functions;
use crate::limits;
use crate::log::Log;

/// The queue of all functions. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    functions: Functions,
    /// How often a failed invocation is repeated, by function.
    retries: Arc<BTreeMap<String, u32>>,
    /// One permit for each event that may wait or run.
    room: Arc<Semaphore>,
    pub(super) log: Log,
}

impl Queue {
    pub(super) fn new(functions: Functions, retries: BTreeMap<String, u32>, log: Log) -> Self {
        Self { functions, retries: Arc::new(retries), room: Arc::new(Semaphore::new(limits::QUEUED)), log }
    }

    /// Queues an event, which then runs in the background; `false` if the queue is full.
    pub(super) fn push(&self, function: &str, event: Bytes) -> bool {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else { return false };
        let (queue, function) = (self.clone(), function.to_owned());
        tokio::spawn(async move {
            let _place = place;
            queue.run(&function, event).await;
        });
        true
    }

    async fn run(&self, function: &str, event: Bytes) {
        let retries = self.retries.get(function).copied().unwrap_or_default();
        for attempt in 0..=retries {
            if attempt > 0 {
                tokio::time::sleep(limits::RETRY_DELAY.saturating_mul(attempt)).await;
            }
            let Err(error) = self.functions.invoke(function, event.clone()).await else { return };
            let next = if attempt < retries { "it is repeated" } else { "the event is dropped" };
            self.log.push(function, &format!("an asynchronous invocation failed, {next}: {error}"));
        }
    }
}
