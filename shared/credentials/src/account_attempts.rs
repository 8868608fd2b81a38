//! The guard on attempts for the pages and routes of accounts: what is wrong there counts as a wrong login does.

use crate::CredentialsError;
use crate::login_attempts::{LoginAttempts, Origin, Reserved};
use gateway_domain::ids::UserId;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::{StoreError, User};

/// Stands for an application in the keys of counters. No client id has such a sign.
const PAGES: &str = "#account";

/// Counts attempts at accounts that are no logins, under the counters of logins.
pub struct AccountAttempts {
    attempts: LoginAttempts,
}

impl AccountAttempts {
    /// Counts in this table.
    pub fn new(attempts: gateway_store::LoginAttempts) -> Self {
        Self { attempts: LoginAttempts::new(attempts) }
    }

    /// Reserves an attempt at a user's password. Call it before the password is evaluated.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then nothing may be evaluated.
    pub async fn reserve(&self, user: &User, source: &Source, now: Timestamp) -> Result<Reserved, CredentialsError> {
        let origin = Origin { client: PAGES, source, session: None };
        self.attempts.reserve(&origin, user.email.as_str(), Some(user), now).await
    }

    /// The password was right: the attempt is taken back, and the source is known on these pages.
    pub async fn right(&self, reserved: &Reserved, user: &User, now: Timestamp) -> Result<(), StoreError> {
        self.attempts.succeeded(reserved, user, now).await
    }

    /// A code of a mail was wrong. It counts and is never refused here, since a code has few tries of its own, and is the way
    /// back in for an owner whose account has no attempts left. Somebody who does not exist costs as much.
    pub async fn wrong_code(
        &self,
        user_id: &UserId,
        user: Option<&User>,
        source: &Source,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let account = user.map_or(user_id.as_str(), |user| user.email.as_str());
        self.attempts.was_wrong(source, account, user, now).await
    }

    /// The owner has set another password by a mail. `user` is read after that.
    pub async fn proved(&self, user: &User, source: &Source, now: Timestamp) -> Result<(), StoreError> {
        self.attempts.proved(source, user, now).await
    }
}
