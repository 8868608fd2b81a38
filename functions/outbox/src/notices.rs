//! Tells applications that sessions have ended (OpenID Connect Back-Channel Logout 1.0). The token function signs; the address
//! and the token come from it, so that this function reads no application and has no key of theirs.

use crate::{Failure, Outbox, Outcome, SIGNED_WITHIN};
use futures_util::{StreamExt as _, stream};
use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::Kind;
use gateway_domain::provider_event::{LogoutNotice, LogoutTokenRequest};
use gateway_store::QueuedNotice;
use gateway_telemetry::{Metric, count};
use std::time::Duration;

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";
/// How many applications are told at once, so that one that does not answer keeps few others waiting.
pub(crate) const AT_ONCE: usize = 10;
/// How long whoever asked for the end of sessions waits for applications to be told.
const AT_ONCE_WITHIN: Duration = Duration::from_secs(2);
/// How long one event of the schedule tells applications. It comes behind all else that is due, and the function has 28 s.
pub(crate) const DUE_WITHIN: Duration = Duration::from_secs(12);

impl Outbox {
    /// Tells an application of one session, and counts what became of it.
    pub(crate) async fn tell(&self, notice: &QueuedNotice) -> Result<Outcome, Failure> {
        let outcome = self.attempt_to_tell(notice).await?;
        if outcome != Outcome::Nothing {
            count(Metric::LogoutNotice { outcome: outcome.as_str() });
        }
        Ok(outcome)
    }

    /// A new token for each attempt: it is good for two minutes.
    async fn attempt_to_tell(&self, notice: &QueuedNotice) -> Result<Outcome, Failure> {
        let (session, attempts) = (&notice.sid, notice.attempts);
        let later = |reason: &str| {
            tracing::warn!(%session, attempts, reason, "an application is not told that a session has ended");
            Outcome::Deferred
        };
        let asked = LogoutTokenRequest { session: session.clone() }.to_event();
        let outcome = match self.token.ask(&asked, SIGNED_WITHIN).await {
            Ok(answer) => match serde_json::from_value::<Option<LogoutNotice>>(answer) {
                Ok(Some(LogoutNotice { uri, logout_token })) => {
                    // As §2.5 has it; any 2xx is success (§2.8).
                    let form = &mut form_urlencoded::Serializer::new(String::new());
                    let form = form.append_pair("logout_token", &logout_token).finish();
                    match self.public_client.post(&uri, FORM, form).await {
                        Ok(()) => {
                            tracing::info!(%session, attempts, "an application was told that a session has ended");
                            return Ok(Outcome::Done);
                        }
                        Err(error) => later(&error.to_string()),
                    }
                }
                // There is nobody to tell.
                Ok(None) => return Ok(Outcome::Nothing),
                Err(_) => later("the token function answered as another version"),
            },
            Err(error) => later(&error.to_string()),
        };
        if self.now()? < notice.until {
            return Ok(outcome);
        }
        tracing::error!(%session, attempts, "an application was never told that a session has ended");
        Ok(Outcome::GivenUp)
    }

    /// Tries these, some at once, for a moment: whoever asked for the end of the sessions waits. What fails or takes longer waits
    /// for the schedule.
    pub(crate) async fn tell_at_once(&self, ids: Vec<OutboxId>) {
        let told = stream::iter(ids).map(async |id| {
            if let Err(error) = Box::pin(self.deliver(Kind::LogoutNotice, &id, &mut Vec::new())).await {
                tracing::error!(notice = %id, %error, "an application could not be told that a session has ended");
            }
        });
        if tokio::time::timeout(AT_ONCE_WITHIN, told.buffer_unordered(AT_ONCE).collect::<()>()).await.is_err() {
            tracing::warn!("not all applications were told at once that sessions have ended: the schedule goes on");
        }
    }
}
