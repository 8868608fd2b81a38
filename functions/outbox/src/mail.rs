//! Sends one mail that an attempt has for itself.

use crate::{Failure, Outbox, Outcome};
use gateway_domain::outbox::address_hash;
use gateway_mail::{Letter, Mail, NotSent};
use gateway_store::QueuedMail;
use gateway_telemetry::{Metric, count};

impl Outbox {
    /// Sends a mail, and counts what becomes of it.
    pub(crate) async fn send(&self, mail: &QueuedMail) -> Result<Outcome, Failure> {
        let outcome = self.attempt(mail).await?;
        if outcome != Outcome::Nothing {
            let name = if outcome == Outcome::Done { "sent" } else { outcome.as_str() };
            count(Metric::Mail { outcome: name });
        }
        Ok(outcome)
    }

    /// The log names the mail by its id, and never the address.
    async fn attempt(&self, mail: &QueuedMail) -> Result<Outcome, Failure> {
        let (id, now) = (&mail.id, self.now()?);
        let keys = self.letters.having(|keys| keys.knows(&mail.sealed)).await?;
        let Ok(letter) = Letter::open(&keys, id, &mail.sealed) else {
            tracing::error!(mail = %id, "the letter does not open: it is given up");
            return Ok(Outcome::GivenUp);
        };
        let kind = letter.notice.kind();
        let Ok(composed) = Mail::of(&letter) else {
            tracing::error!(mail = %id, kind, "the letter cannot be put into words: it is given up");
            return Ok(Outcome::GivenUp);
        };
        let Some(composed) = composed else { return Ok(Outcome::Nothing) };
        if now >= mail.until {
            tracing::error!(mail = %id, kind, attempts = mail.attempts, "the mail is given up: what it tells is over");
            return Ok(Outcome::GivenUp);
        }
        if self.table.is_undeliverable(&address_hash(&letter.to), now).await? {
            tracing::warn!(mail = %id, kind, "the address takes no mail");
            return Ok(Outcome::Suppressed);
        }
        Ok(match self.mailer.send(&composed, id.as_str()).await {
            Ok(()) => {
                tracing::info!(mail = %id, kind, attempts = mail.attempts, "a mail was sent");
                Outcome::Done
            }
            Err(NotSent::Refused(reason)) => {
                tracing::error!(mail = %id, kind, reason, "a mail was refused");
                Outcome::Refused
            }
            Err(NotSent::Unavailable(reason)) => {
                tracing::warn!(mail = %id, kind, attempts = mail.attempts, reason, "a mail could not be sent");
                Outcome::Deferred
            }
        })
    }
}
