//! Checks a user's password, with the same steps whether the user exists or not.

use crate::CredentialsError;
use crate::login_attempts::{LoginAttempts, Origin};
use gateway_domain::address::Address;
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::ClientId;
use gateway_domain::password::{PasswordHash, Passwords, Verdict};
use gateway_domain::secret::Secret;
use gateway_domain::session::Session;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{StoreError, User, Users};
use std::sync::Arc;

/// A login with a password.
pub struct PasswordLogin<'a> {
    /// The address as it was typed.
    pub username: &'a str,
    /// The password as it was typed.
    pub password: &'a Secret,
    /// The application it was typed into.
    pub client: &'a ClientId,
    /// Where it came from.
    pub source: &'a Source,
    /// A session whose refresh token the request has shown. For its user, the attempt is counted apart from strangers'.
    pub session: Option<&'a Session>,
}

/// Checks passwords against the store of users.
pub struct PasswordCheck {
    users: Users,
    passwords: Fresh<Passwords>,
    attempts: LoginAttempts,
    entropy: Arc<dyn Entropy>,
}

impl PasswordCheck {
    /// Checks these users with this hasher, and counts attempts in this table. The entropy is for salts.
    pub fn new(
        users: Users,
        passwords: Fresh<Passwords>,
        attempts: gateway_store::LoginAttempts,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { users, passwords, attempts: LoginAttempts::new(attempts), entropy }
    }

    /// The hasher, for whoever sets passwords as well.
    pub fn hasher(&self) -> &Fresh<Passwords> {
        &self.passwords
    }

    /// Reads the pepper again if it has become old.
    pub async fn freshen(&self) -> Result<(), StartError> {
        self.passwords.fresh().await.map(drop)
    }

    /// The user, if the password is right. An unknown user, a disabled user and a wrong password take the same steps, so
    /// that the time does not tell which accounts exist.
    pub async fn check(&self, login: &PasswordLogin<'_>, now: Timestamp) -> Result<User, CredentialsError> {
        let PasswordLogin { username, password, client, source, session } = *login;
        // A text that is no address belongs to no user and takes the same steps.
        let address = Address::parse(username).map_or_else(|_| username.to_owned(), |address| address.to_string());
        // The user and the pepper are read before the attempt is counted: if they cannot be read, no password is compared,
        // so no attempt may be used up.
        let user = match self.users.by_email(username).await {
            Err(error @ (StoreError::Newer { .. } | StoreError::Corrupt { .. })) => {
                return Err(self.attempts.unreadable(source, error.into(), now).await);
            }
            user => user?,
        };
        let stored = user.as_ref().and_then(|user| user.password.as_ref());
        let passwords = match self.passwords_for(stored).await {
            Err(error) => return Err(self.attempts.unreadable(source, error.into(), now).await),
            Ok(passwords) => passwords,
        };
        let own = |session: &&Session| {
            user.as_ref().is_some_and(|user| {
                user.user_id == session.user_id && user.credential_epoch == session.credential_epoch && user.enabled
            })
        };
        let origin =
            Origin { client: client.as_str(), source, session: session.filter(own).map(|session| &session.sid) };
        let reserved = self.attempts.reserve(&origin, &address, user.as_ref(), now).await?;
        let verdict = passwords.verify(password, stored)?;
        let (Some(user), Verdict::Right { outdated }) = (user, verdict) else { return Err(CredentialsError::Password) };
        if !user.enabled {
            return Err(CredentialsError::Password);
        }
        self.attempts.succeeded(&reserved, &user, now).await?;
        if let (true, Some(old)) = (outdated, &user.password) {
            self.rehash(&user, old, password).await;
        }
        Ok(user)
    }

    /// The hasher, with keys read again if they lack the pepper of this hash. Without a hash any keys will do.
    async fn passwords_for(&self, stored: Option<&PasswordHash>) -> Result<Arc<Passwords>, StartError> {
        self.passwords.having(|passwords| stored.is_none_or(|stored| passwords.knows(stored))).await
    }

    /// Stores the password's hash under the current parameters and pepper. A failure does not fail the login: the next login
    /// tries again.
    async fn rehash(&self, user: &User, old: &PasswordHash, password: &Secret) {
        let rehashed = async {
            let new = self.passwords.value().hash(password, self.entropy.bytes()?)?;
            self.users.rehash(&user.user_id, old, &new).await?;
            Ok::<_, CredentialsError>(())
        };
        if let Err(error) = rehashed.await {
            tracing::warn!(reason = %error, "the password hash stays outdated");
        }
    }
}
