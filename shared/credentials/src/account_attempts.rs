//! The guard on attempts for the pages and routes of accounts: what is wrong there counts as a wrong login does.

use crate::CredentialsError;
use crate::login_attempts::{Counted, LoginAttempts, Origin, Reserved};
use gateway_domain::ids::UserId;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::{StoreError, User};

/// Stands for an application in the keys of counters. No client id has such a sign.
const PAGES: &str = "#account";

/// Counts attempts at accounts that are no logins, under the counters of logins.
pub struct AccountAttempts {
    attempts: LoginAttempts,
    /// Whether there is a directory.
    elsewhere: bool,
}

impl AccountAttempts {
    /// Counts in this table. `elsewhere` says whether there is a directory.
    pub fn new(attempts: gateway_store::LoginAttempts, elsewhere: bool) -> Self {
        Self { attempts: LoginAttempts::new(attempts), elsewhere }
    }

    fn counted<'u>(&self, user: &'u User) -> Counted<'u> {
        Counted::of(user.email.as_str(), Some(user), self.elsewhere)
    }

    /// Reserves an attempt at a user's password. Call it before the password is evaluated.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then nothing may be evaluated.
    pub async fn reserve(&self, user: &User, source: &Source, now: Timestamp) -> Result<Reserved, CredentialsError> {
        let origin = Origin { client: PAGES, source, session: None };
        self.attempts.reserve(&origin, &self.counted(user), Some(user), now).await
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
        let counted = match user {
            Some(user) => self.counted(user),
            None => Counted::of(user_id.as_str(), None, false),
        };
        self.attempts.was_wrong(source, &counted, now).await
    }

    /// The token of a link was wrong. Nobody guesses one, so that it counts against its source alone: whoever asks for a mail in the
    /// name of an owner could use up the owner's attempts otherwise.
    pub async fn wrong_token(&self, source: &Source, now: Timestamp) -> Result<(), StoreError> {
        self.attempts.was_wrong_from(source, now).await
    }

    /// The owner has set another password by a mail. `user` is read after that.
    pub async fn proved(&self, user: &User, source: &Source, now: Timestamp) -> Result<(), StoreError> {
        self.attempts.proved(source, (user, &self.counted(user)), now).await
    }
}
