//! Sends the mails of the outbox, and notes which addresses take none. No route leads here: the functions that write mails
//! ask for one at once, a schedule asks for what is due, and SNS brings what became of mails.

mod error;
mod send;
mod start;

use gateway_domain::clock::Clock;
use gateway_domain::outbox::{Feedback, OutboxEvent, address_hash};
use gateway_domain::sealing::SealingKeys;
use gateway_domain::time::Timestamp;
use gateway_mail::Mailer;
use gateway_runtime::{Fresh, StartError};
use gateway_store::Undeliverable;
use serde_json::{Value, json};
use std::sync::Arc;

pub use error::Failure;
pub use send::Outcome;
pub use start::start;

/// Most mails that one event of the schedule sends: 50 at 200 ms each end well within the function's time. What is left is
/// due at the next event.
const AT_ONCE: usize = 50;

/// Everything the function works with.
pub struct Outbox {
    /// The mails that wait.
    pub table: gateway_store::Outbox,
    /// The keys that open them.
    pub sealing: Fresh<SealingKeys>,
    /// Who carries them.
    pub mailer: Arc<dyn Mailer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Outbox {
    /// Sends what is due. A mail whose item fails does not keep back the others.
    async fn send_due(&self) -> Result<Value, Failure> {
        let due = self.table.due(self.now()?, AT_ONCE).await?;
        let (mut sent, mut failed) = (0, None);
        for id in due {
            match Box::pin(self.send(&id)).await {
                Ok(Outcome::Sent) => sent += 1,
                Ok(_) => {}
                Err(failure) => failed = Some(failure),
            }
        }
        failed.map_or_else(|| Ok(json!({ "sent": sent })), Err)
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
        Some(OutboxEvent::Send(id)) => Ok(json!({ "outcome": Box::pin(outbox.send(&id)).await?.as_str() })),
        Some(OutboxEvent::SendDue) => Box::pin(outbox.send_due()).await,
        Some(OutboxEvent::Feedback(feedback)) => Box::pin(outbox.note(&feedback)).await,
        None => {
            tracing::error!("the event is no request of this version");
            Err(Failure::Unknown)
        }
    }
}
