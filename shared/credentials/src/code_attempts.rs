//! The guard on codes of authenticator apps. Each app has one counter, whoever types where: it depends neither on the source nor on the
//! password, which somebody who guesses codes has and could change.

use crate::CredentialsError;
use gateway_domain::ids::UserId;
use gateway_domain::login_attempts::CODE;
use gateway_domain::time::Timestamp;
use gateway_store::{LoginAttempts, Reservation, StoreError};

/// Counts codes of authenticator apps.
pub struct CodeAttempts(LoginAttempts);

impl CodeAttempts {
    /// Counts in this table.
    pub fn new(attempts: LoginAttempts) -> Self {
        Self(attempts)
    }

    /// Reserves an attempt at the app with this salt. Call it before the code is evaluated.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then nothing may be evaluated.
    pub async fn reserve(&self, user: &UserId, salt: &str, now: Timestamp) -> Result<(), CredentialsError> {
        let key = key(user, salt);
        let seen = self.0.get(&key).await?;
        match self.0.reserve(&key, CODE, &seen, now).await? {
            Reservation::Granted => Ok(()),
            Reservation::Wait(wait) => Err(CredentialsError::TooManyAttempts(wait)),
        }
    }

    /// The code was right: the attempt is taken back.
    pub async fn right(&self, user: &UserId, salt: &str) -> Result<(), StoreError> {
        self.0.give_back(&key(user, salt), CODE).await
    }
}

fn key(user: &UserId, salt: &str) -> String {
    format!("code#{user}#{salt}")
}
