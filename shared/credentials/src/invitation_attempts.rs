//! The guard on invitations: how many mails one user has sent to addresses that others own, and how many one address gets. The counts
//! are apart from those of other mails, so that nobody uses up the way of an owner into an account.

use crate::CredentialsError;
use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_domain::login_attempts::{Limit, MAILS_FROM_SOURCE, MAILS_TO_ADDRESS};
use gateway_domain::outbox::address_hash;
use gateway_domain::time::Timestamp;
use gateway_store::{LoginAttempts, Reservation};

/// Counts invitations.
pub struct InvitationAttempts(LoginAttempts);

impl InvitationAttempts {
    /// Counts in this table.
    pub fn new(attempts: LoginAttempts) -> Self {
        Self(attempts)
    }

    /// Reserves an invitation by this user to this address. Call it before the mail is written.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then no mail may be written.
    pub async fn reserve(&self, by: &UserId, to: &Address, now: Timestamp) -> Result<(), CredentialsError> {
        self.count(&format!("invitations-from#{by}"), MAILS_FROM_SOURCE, now).await?;
        self.count(&format!("invitations-to#{}", address_hash(to)), MAILS_TO_ADDRESS, now).await
    }

    async fn count(&self, key: &str, limit: Limit, now: Timestamp) -> Result<(), CredentialsError> {
        let seen = self.0.get(key).await?;
        match self.0.reserve(key, limit, &seen, now).await? {
            Reservation::Granted => Ok(()),
            Reservation::Wait(wait) => Err(CredentialsError::TooManyAttempts(wait)),
        }
    }
}
