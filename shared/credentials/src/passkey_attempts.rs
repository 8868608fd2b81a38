//! Challenges of passkeys, each of which is good once, and responses that no passkey has signed.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::passkey::PasskeyChallenge;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;

/// Notes which challenges were used, and counts failures, in the table of login attempts.
pub struct PasskeyAttempts(LoginAttempts);

impl PasskeyAttempts {
    /// Notes and counts in this table.
    pub fn new(table: gateway_store::LoginAttempts) -> Self {
        Self(LoginAttempts::new(table))
    }

    /// Uses a challenge up, which is good until then. `false` if it was used before. Call it before anything follows from the response.
    pub async fn use_once(
        &self,
        challenge: &PasskeyChallenge,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, CredentialsError> {
        self.0.use_key(&format!("passkey#{}", challenge.key()), until, now).await
    }

    /// Counts a response that logs nobody in, under its source alone: whoever sends such responses locks nobody's account, and neither
    /// passwords nor good passkeys of people behind the same address wait for it.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] if the source must wait.
    pub async fn was_wrong(&self, source: &Source, now: Timestamp) -> Result<(), CredentialsError> {
        self.0.wrong_passkey(source, now).await
    }
}
