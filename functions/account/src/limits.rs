//! How many mails one address gets, and one source asks for. Each is counted whether the address is known or not.

use crate::error::Failure;
use gateway_domain::address::Address;
use gateway_domain::login_attempts::{Limit, MAILS_FROM_SOURCE, MAILS_TO_ADDRESS};
use gateway_domain::outbox::address_hash;
use gateway_domain::source::Source;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{LoginAttempts, Reservation, StoreError};

/// Whether an address gets one more mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// It does.
    Yes,
    /// It got as many as one should get, for so long; whoever is not known as its owner is not told.
    No(Seconds),
}

/// What a mail is for. Each purpose has a count of its own, so that nobody can use up the way back in of an owner by asking for
/// mails of another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mailing {
    /// To prove an address.
    Proof,
    /// To set another password.
    Reset,
}

/// Counts mails.
pub struct Limits {
    table: LoginAttempts,
}

impl Limits {
    /// Counts in this table.
    pub fn new(table: LoginAttempts) -> Self {
        Self { table }
    }

    /// Counts a mail. A source that asked for too many has to wait. An address that got too many gets none, and whoever asked is
    /// not told, since the asker may be another person than the one who asked before.
    pub(crate) async fn mail(
        &self,
        mailing: Mailing,
        to: &Address,
        from: Source,
        now: Timestamp,
    ) -> Result<Allowed, Failure> {
        if let Reservation::Wait(length) = self.count(&format!("mails-from#{from}"), MAILS_FROM_SOURCE, now).await? {
            return Err(Failure::TooMany(length));
        }
        let counter = match mailing {
            Mailing::Proof => "mails-to",
            Mailing::Reset => "resets-to",
        };
        Ok(match self.count(&format!("{counter}#{}", address_hash(to)), MAILS_TO_ADDRESS, now).await? {
            Reservation::Granted => Allowed::Yes,
            Reservation::Wait(length) => Allowed::No(length),
        })
    }

    async fn count(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Reservation, StoreError> {
        let seen = self.table.get(key).await?;
        self.table.reserve(key, limit, &seen, now).await
    }
}
