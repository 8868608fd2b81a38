//! The outbox function, as those who write to the outbox ask it. Nothing is lost if that fails: its schedule finds what waits.

use crate::Function;
use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::{Kind, deliver_event};
use gateway_runtime::{Aws, Environment, StartError};
use std::time::Duration;

/// How long a person waits for sessions to end.
const ENDED_WITHIN: Duration = Duration::from_secs(6);

/// The outbox function.
#[derive(Debug, Clone)]
pub struct OutboxFunction(Function);

impl OutboxFunction {
    /// The function that `OUTBOX_FUNCTION` names.
    pub fn new(environment: &Environment, aws: &Aws) -> Result<Self, StartError> {
        Function::of(environment, aws, "OUTBOX_FUNCTION", "the name of the outbox function").map(Self)
    }

    /// Asks for a mail to be sent, which was just written, and does not wait for it.
    pub async fn send(&self, mail: &OutboxId) {
        if let Err(error) = self.0.queue(&deliver_event(Kind::Mail, mail)).await {
            tracing::warn!(%mail, reason = %error, "the schedule of the outbox will send the mail");
        }
    }

    /// Ends sessions whose end was just written, so that the next call of each is refused.
    pub async fn end_sessions(&self, ending: &OutboxId) {
        if let Err(error) = self.0.ask(&deliver_event(Kind::EndSessions, ending), ENDED_WITHIN).await {
            tracing::warn!(%ending, reason = %error, "the schedule of the outbox will end the sessions");
        }
    }
}
