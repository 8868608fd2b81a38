//! Does what follows a change, at least once: sends mails, ends sessions, tells applications of their end, and destinations of events. And
//! notes which addresses take no mail. No route leads here: the functions that write to the outbox ask for it at once, schedules ask for what
//! is due, the outbox's own stream says of whom events wait, and SNS brings what became of mails.

mod destinations;
mod end_sessions;
mod error;
mod events;
mod mail;
mod notices;
mod public_client;
mod start;

use futures_util::{StreamExt as _, stream};
use gateway_domain::clock::Clock;
use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::{Feedback, Kind, LEASE, OutboxEvent, address_hash, next_attempt};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::time::Timestamp;
use gateway_invoke::Function;
use gateway_mail::Mailer;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Activity, Deliveries, Queued, Sessions, Undeliverable, Users};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub use destinations::Destinations;
pub use error::Failure;
pub use public_client::{CannotSetUp, Permitted, PublicClient};
pub use start::start;

/// How long the token function may take to sign: it reads two items at most.
const SIGNED_WITHIN: Duration = Duration::from_secs(5);
/// Most items of a kind that one event of the schedule does: 50 mails at 200 ms each end well within the function's time.
/// What is left is due at the next event.
const AT_ONCE: usize = 50;

/// Everything the function works with.
pub struct Outbox {
    /// What waits.
    pub table: gateway_store::Outbox,
    /// Events that wait.
    pub deliveries: Deliveries,
    /// Users, to note the names that the hook `registered` says.
    pub users: Users,
    /// Sessions, to mark them as ended.
    pub sessions: Sessions,
    /// Live sessions, to end their calls.
    pub activity: Activity,
    /// The renewal function, which logs out at legacy systems.
    pub renewal: Function,
    /// The token function, which signs what applications are told.
    pub token: Function,
    /// Tells applications that sessions have ended, and webhooks of events.
    pub public_client: PublicClient,
    /// Who is told of events.
    pub destinations: Destinations,
    /// The keys that open letters.
    pub letters: Fresh<LetterKeys>,
    /// Who carries mails.
    pub mailer: Arc<dyn Mailer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// What became of one thing that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done and gone from the outbox.
    Done,
    /// The mail told nothing, and is gone.
    Nothing,
    /// It is not due, since another attempt has it, or it is gone.
    NotDue,
    /// It could not be done at present and is tried again.
    Deferred,
    /// The address takes no mail; it is gone.
    Suppressed,
    /// Whoever carries mail refused it for good; it is gone.
    Refused,
    /// It could not be done as long as it made sense, or not be opened; it is gone.
    GivenUp,
}

impl Outcome {
    /// Its name, in metrics and responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Nothing => "nothing",
            Self::NotDue => "not_due",
            Self::Deferred => "deferred",
            Self::Suppressed => "suppressed",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        }
    }
}

impl Outbox {
    /// Does what is due. An item that fails does not keep back the others.
    async fn deliver_due(&self) -> Result<Value, Failure> {
        let (mut done, mut failed) = (0, None);
        for kind in Kind::ALL {
            let due = self.table.due(kind, self.now()?, AT_ONCE).await?;
            // Of the kinds, only applications of others answer when they like. They are the last, also for the sessions that
            // end here.
            let of_others = kind == Kind::LogoutNotice;
            let at_once = if of_others { notices::AT_ONCE } else { 1 };
            let each = stream::iter(due).map(async |id| Box::pin(self.deliver(kind, &id, &mut Vec::new())).await);
            let mut outcomes = std::pin::pin!(each.buffer_unordered(at_once));
            let all = async {
                while let Some(outcome) = outcomes.next().await {
                    match outcome {
                        Ok(Outcome::Done) => done += 1,
                        Ok(_) => {}
                        Err(failure) => failed = Some(failure),
                    }
                }
            };
            if !of_others {
                all.await;
            } else if tokio::time::timeout(notices::DUE_WITHIN, all).await.is_err() {
                tracing::warn!("not all applications were told: the next event goes on");
            }
        }
        failed.map_or_else(|| Ok(json!({ "done": done })), Err)
    }

    /// Does one thing, if it is due. What follows from it for applications is added to `to_tell`.
    async fn deliver(&self, kind: Kind, id: &OutboxId, to_tell: &mut Vec<OutboxId>) -> Result<Outcome, Failure> {
        match kind {
            Kind::Mail => Box::pin(self.taken(id, async |mail| self.send(&mail).await)).await,
            Kind::EndSessions => {
                Box::pin(self.taken(id, async |ending| self.end_sessions(&ending, to_tell).await)).await
            }
            Kind::LogoutNotice => Box::pin(self.taken(id, async |notice| self.tell(&notice).await)).await,
        }
    }

    /// Does one thing, if it is due: taken, done, removed. Whatever step is the last one, it is found again when its lease
    /// ends, so that it is done at least once.
    async fn taken<T: Queued>(
        &self,
        id: &OutboxId,
        attempt: impl AsyncFnOnce(T) -> Result<Outcome, Failure>,
    ) -> Result<Outcome, Failure> {
        let now = self.now()?;
        let Some(queued) = self.table.claim::<T>(id, now.saturating_add(LEASE), now).await? else {
            return Ok(Outcome::NotDue);
        };
        let attempts = queued.attempts();
        let outcome = attempt(queued).await?;
        if outcome == Outcome::Deferred {
            self.table.defer(T::KIND, id, next_attempt(attempts, self.now()?)).await?;
        } else {
            self.table.remove(T::KIND, id).await?;
        }
        Ok(outcome)
    }

    /// Notes the addresses that take no mail.
    async fn note(&self, feedback: &[Feedback]) -> Result<Value, Failure> {
        let now = self.now()?;
        for Feedback { address, reason } in feedback {
            let noted = Undeliverable { reason: *reason, until: reason.until(now) };
            self.table.note_undeliverable(&address_hash(address), &noted).await?;
        }
        Ok(json!({ "noted": feedback.len() }))
    }

    /// The time, or an error while the clock is known to be wrong.
    fn now(&self) -> Result<Timestamp, Failure> {
        self.clock.reading().map_err(StartError::from)?;
        Ok(self.clock.now())
    }
}

/// Handles an event. One that fails is repeated by Lambda; what is due is found again by the next event of the schedule.
pub async fn handle(started: Result<&Outbox, StartError>, event: Value) -> Result<Value, Failure> {
    let outbox = started.map_err(|error| {
        tracing::error!(%error, "the function cannot answer");
        Failure::NotReady(error)
    })?;
    match OutboxEvent::parse(&event) {
        Some(OutboxEvent::Deliver(kind, id)) => {
            let mut to_tell = Vec::new();
            let outcome = Box::pin(outbox.deliver(kind, &id, &mut to_tell)).await;
            outbox.tell_at_once(to_tell).await;
            Ok(json!({ "outcome": outcome?.as_str() }))
        }
        Some(OutboxEvent::DeliverEvents(queues)) => Box::pin(outbox.deliver_events(queues)).await,
        Some(OutboxEvent::DeliverDueEvents) => Box::pin(outbox.deliver_due_events()).await,
        Some(OutboxEvent::DeliverDue) => Box::pin(outbox.deliver_due()).await,
        Some(OutboxEvent::Feedback(feedback)) => Box::pin(outbox.note(&feedback)).await,
        None => {
            tracing::error!("the event is no request of this version");
            Err(Failure::Unknown)
        }
    }
}
