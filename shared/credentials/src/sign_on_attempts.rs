//! Guesses of device secrets and ID tokens, counted by where they come from.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;

/// Counts what was shown for the login of another app and is none. It is too random to guess, so the limit only slows attempts down and
/// reports them.
pub struct SignOnAttempts(LoginAttempts);

impl SignOnAttempts {
    /// Counts in this table.
    pub fn new(table: gateway_store::LoginAttempts) -> Self {
        Self(LoginAttempts::new(table))
    }

    /// Counts a device secret or an ID token that this server has not made.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] if the source must wait.
    pub async fn wrong(&self, source: &Source, now: Timestamp) -> Result<(), CredentialsError> {
        self.0.wrong(&format!("sign-ons-wrong#{source}"), now).await
    }
}
