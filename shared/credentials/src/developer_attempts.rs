//! The guard on what developers do: how much one user changes, each of which stays in the audit trail; and mails, that is invitations and
//! that something waits: how many one user sends, and how many one address gets. The counts are apart from those of other mails, so that
//! nobody uses up the way of an owner into an account.

use crate::CredentialsError;
use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_domain::login_attempts::{DEVELOPER_CHANGES, Limit, MAILS_FROM_SOURCE, MAILS_TO_ADDRESS};
use gateway_domain::outbox::address_hash;
use gateway_domain::time::Timestamp;
use gateway_store::{LoginAttempts, Reservation};

/// Counts what developers do.
pub struct DeveloperAttempts(LoginAttempts);

impl DeveloperAttempts {
    /// Counts in this table.
    pub fn new(attempts: LoginAttempts) -> Self {
        Self(attempts)
    }

    /// Reserves a change by this user. Call it before anything is changed.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then nothing may be changed.
    pub async fn change(&self, by: &UserId, now: Timestamp) -> Result<(), CredentialsError> {
        self.count(&format!("changes-by#{by}"), DEVELOPER_CHANGES, now).await
    }

    /// Reserves an invitation by this user to this address. Call it before the mail is written.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then no mail may be written.
    pub async fn reserve(&self, by: &UserId, to: &Address, now: Timestamp) -> Result<(), CredentialsError> {
        self.count(&format!("invitations-from#{by}"), MAILS_FROM_SOURCE, now).await?;
        self.count(&format!("invitations-to#{}", address_hash(to)), MAILS_TO_ADDRESS, now).await
    }

    /// The same for a mail that tells who decides that something waits. `false` if too many were written: then none is.
    pub async fn may_tell(&self, by: &UserId, to: &Address, now: Timestamp) -> Result<bool, CredentialsError> {
        let counted = match self.count(&format!("requests-from#{by}"), MAILS_TO_ADDRESS, now).await {
            Ok(()) => self.count(&format!("requests-to#{}", address_hash(to)), MAILS_FROM_SOURCE, now).await,
            refused => refused,
        };
        match counted {
            Ok(()) => Ok(true),
            Err(CredentialsError::TooManyAttempts(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn count(&self, key: &str, limit: Limit, now: Timestamp) -> Result<(), CredentialsError> {
        let seen = self.0.get(key).await?;
        match self.0.reserve(key, limit, &seen, now).await? {
            Reservation::Granted => Ok(()),
            Reservation::Wait(wait) => Err(CredentialsError::TooManyAttempts(wait)),
        }
    }
}
