//! Delivers events to destinations: those of a subject in their order, and at least once. A subject whose event fails waits, and holds up no
//! other; of a destination that fails again and again in one run the others are left for the next.

use crate::destinations::Told;
use crate::{Failure, Outbox};
use futures_util::{StreamExt as _, stream};
use gateway_domain::domain_event::{PATIENCE, Queue, settled};
use gateway_domain::ids::DestinationName;
use gateway_domain::outbox::{LEASE, next_attempt};
use gateway_store::{Delivery, DeliveryOutcome, WaitingEvent};
use gateway_telemetry::{Metric, count};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many subjects of a destination are delivered at once.
const AT_ONCE: usize = 10;
/// How many subjects of a destination one event of the schedule looks at, those first that have waited longest.
const MOST: usize = 5_000;
/// How many events of a subject are read at once.
const PIECE: usize = 20;
/// After so many failures in a row a destination is left alone until the next run.
const FAILURES: u32 = 5;
/// No delivery begins later in a run, in milliseconds: one takes 14 s at most, and the function has 28 s.
const BEGINS_WITHIN: i64 = 12_000;

/// How long an application has its place in a run, in milliseconds, if others wait or not.
const TURN: i64 = 2_000;

/// One run at a destination.
struct Run {
    /// In milliseconds since 1970.
    began: i64,
    /// Failures since the last success.
    failures: AtomicU32,
}

impl Run {
    fn goes_on(&self, now: i64) -> bool {
        self.failures.load(Ordering::Relaxed) < FAILURES && now.saturating_sub(self.began) < BEGINS_WITHIN
    }
}

impl Outbox {
    /// Delivers whatever is due. What fails at one destination keeps back no other.
    pub(crate) async fn deliver_due_events(&self) -> Result<Value, Failure> {
        let runs = self.destinations.names().map(async |destination| {
            let run = self.new_run();
            let subjects = self.deliveries.due(destination, self.now()?, MOST).await?;
            let queue = |subject| Queue { destination: destination.clone(), subject };
            Box::pin(self.run(&run, subjects.into_iter().map(queue).collect())).await
        });
        ended(futures_util::future::join_all(runs).await)
    }

    /// Delivers the events of these subjects that are due.
    pub(crate) async fn deliver_events(&self, queues: Vec<Queue>) -> Result<Value, Failure> {
        let mut by_destination: BTreeMap<DestinationName, Vec<Queue>> = BTreeMap::new();
        for queue in queues {
            by_destination.entry(queue.destination.clone()).or_default().push(queue);
        }
        let runs = by_destination.into_values().map(async |queues| Box::pin(self.run(&self.new_run(), queues)).await);
        ended(futures_util::future::join_all(runs).await)
    }

    fn new_run(&self) -> Run {
        Run { began: self.clock.now_millis(), failures: AtomicU32::new(0) }
    }

    /// Delivers what is due at one destination, and returns how many events do not wait any more.
    async fn run(&self, run: &Run, queues: Vec<Queue>) -> Result<usize, Failure> {
        let each = stream::iter(queues).map(async |queue| Box::pin(self.drain(&queue, run)).await);
        let mut outcomes = std::pin::pin!(each.buffer_unordered(AT_ONCE));
        let (mut done, mut failed) = (0_usize, None);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(some) => done = done.saturating_add(some),
                Err(failure) => failed = Some(failure),
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Delivers the events of one subject, one after the other, until one fails.
    async fn drain(&self, queue: &Queue, run: &Run) -> Result<usize, Failure> {
        let mut done = 0_usize;
        let claim = async || {
            let now = self.now()?;
            if !run.goes_on(self.clock.now_millis()) {
                return Ok::<_, Failure>(None);
            }
            Ok(self.deliveries.claim(queue, now.saturating_add(LEASE), now).await?)
        };
        let Some(mut claimed) = claim().await? else { return Ok(0) };
        // Each application is a receiver of its own: one that is slow gives its place to the next.
        let of_apps = queue.destination == DestinationName::of_apps();
        let ends = of_apps.then(|| self.clock.now_millis().saturating_add(TURN));
        let goes_on = |now: i64| run.goes_on(now) && ends.is_none_or(|ends| now < ends);
        loop {
            let waiting = self.deliveries.waiting(queue, PIECE).await?;
            if waiting.is_empty() {
                if self.deliveries.finish(queue, claimed, self.now()?).await? {
                    return Ok(done);
                }
                // Something was added meanwhile.
                let Some(again) = claim().await? else { return Ok(done) };
                claimed = again;
                continue;
            }
            for one in waiting {
                let now = self.now()?;
                if one.count.is_some() && now < settled(&one.event) {
                    self.deliveries.put_off(queue, (settled(&one.event), 0), None).await?;
                    return Ok(done);
                }
                if !goes_on(self.clock.now_millis()) {
                    // As if it had not been claimed.
                    let attempts = if done == 0 { claimed.attempts.saturating_sub(1) } else { 0 };
                    self.deliveries.put_off(queue, (now, attempts), None).await?;
                    return Ok(done);
                }
                let attempts = if done == 0 { claimed.attempts } else { 1 };
                if !self.deliver_event(queue, one, attempts, run).await? {
                    return Ok(done);
                }
                done = done.saturating_add(1);
            }
        }
    }

    /// Delivers one event. `false` if it waits.
    async fn deliver_event(
        &self,
        queue: &Queue,
        mut waiting: WaitingEvent,
        attempts: u32,
        run: &Run,
    ) -> Result<bool, Failure> {
        let Queue { destination, .. } = queue;
        if let Some(count) = waiting.count {
            // All of them succeeded in the end.
            if count <= 0 {
                self.deliveries.end(queue, (&waiting.order, Some(count)), None, self.now()?).await?;
                return Ok(true);
            }
            waiting.event.data.insert("count".to_owned(), json!(count));
        }
        let ways = (&self.public_client, &self.token, &self.users);
        let told = self.destinations.tell(destination, &waiting.event, ways, self.now()?).await;
        let (now, event) = (self.now()?, &waiting.event);
        let (id, kind) = (event.id.as_str(), event.kind.as_str());
        let outcome = match told {
            Ok(Told::Delivered) => {
                run.failures.store(0, Ordering::Relaxed);
                tracing::info!(event = id, kind, %destination, attempts, "an event was delivered");
                DeliveryOutcome::Delivered
            }
            Ok(Told::Nobody) => {
                tracing::info!(event = id, kind, %destination, "nobody is left to be told of an event");
                self.deliveries.end(queue, (&waiting.order, waiting.count), None, now).await?;
                return Ok(true);
            }
            Err(error) => {
                if error.is_outage() {
                    run.failures.fetch_add(1, Ordering::Relaxed);
                }
                let reason = error.reason(destination);
                if now < event.timestamp.saturating_add(PATIENCE) {
                    tracing::warn!(event = id, kind, %destination, attempts, %error, "an event is not delivered yet");
                    counted(destination, "deferred");
                    let due = next_attempt(attempts, now);
                    self.deliveries.put_off(queue, (due, attempts), Some(&reason)).await?;
                    return Ok(false);
                }
                tracing::error!(event = id, kind, %destination, attempts, %error, "an event is given up");
                DeliveryOutcome::GivenUp
            }
            // Another container has read a newer configuration, or an older one.
            Ok(Told::Unknown) => {
                let reason = "there is no such destination here";
                tracing::warn!(event = id, kind, %destination, reason, "an event is not delivered yet");
                self.deliveries.put_off(queue, (next_attempt(attempts, now), attempts), Some(reason)).await?;
                return Ok(false);
            }
        };
        counted(destination, outcome.as_str());
        let (order, count) = (waiting.order.clone(), waiting.count);
        let delivery = Delivery::of(queue, waiting, (outcome, attempts), self.clock.now_millis());
        self.deliveries.end(queue, (&order, count), Some(&delivery), now).await?;
        Ok(true)
    }
}

/// How many events do not wait any more, or the first failure.
fn ended(runs: Vec<Result<usize, Failure>>) -> Result<Value, Failure> {
    let done = runs.into_iter().try_fold(0_usize, |sum, one| one.map(|one| sum.saturating_add(one)))?;
    Ok(json!({ "done": done }))
}

fn counted(destination: &DestinationName, outcome: &'static str) {
    let operated = *destination != DestinationName::of_apps();
    count(Metric::Event { destination: destination.as_str(), operated, outcome });
}
