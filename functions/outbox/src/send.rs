//! Sends one mail: taken, opened, sent, removed. Whatever step is the last one, the mail is found again when its lease ends,
//! so that it is sent at least once.

use crate::{Failure, Outbox};
use gateway_domain::ids::MailId;
use gateway_domain::outbox::{LEASE, address_hash, next_attempt};
use gateway_mail::{Letter, Mail, NotSent};
use gateway_store::QueuedMail;
use gateway_telemetry::{Metric, count};

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent and is gone from the outbox.
    Sent,
    /// It told nothing, and is gone.
    Nothing,
    /// It is not due, since another attempt has it, or it is gone.
    NotDue,
    /// It could not be sent at present and is tried again.
    Deferred,
    /// Its address takes no mail; it is gone.
    Suppressed,
    /// Whoever carries mail refused it for good; it is gone.
    Refused,
    /// It could not be sent as long as it made sense, or not be opened; it is gone.
    GivenUp,
}

impl Outcome {
    /// Its name, in metrics and responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
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
    /// Sends a mail if it is due.
    pub(crate) async fn send(&self, id: &MailId) -> Result<Outcome, Failure> {
        let now = self.now()?;
        let Some(mail) = self.table.claim(id, now.saturating_add(LEASE), now).await? else {
            return Ok(Outcome::NotDue);
        };
        let outcome = self.attempt(&mail).await?;
        if outcome == Outcome::Deferred {
            self.table.defer(id, next_attempt(mail.attempts, self.now()?)).await?;
        } else {
            self.table.remove(id).await?;
        }
        if outcome != Outcome::Nothing {
            count(Metric::Mail { outcome: outcome.as_str() });
        }
        Ok(outcome)
    }

    /// Sends a mail that this attempt has for itself. The log names the mail by its id, and never the address.
    async fn attempt(&self, mail: &QueuedMail) -> Result<Outcome, Failure> {
        let (id, now) = (&mail.id, self.now()?);
        let keys = self.sealing.having(|keys| keys.knows(&mail.sealed)).await?;
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
                Outcome::Sent
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
