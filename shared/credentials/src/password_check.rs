//! Checks a user's password, with the same steps whether the user exists or not.

use crate::login_attempts::{Counted, LoginAttempts, Origin, Reserved};
use crate::{CredentialsError, Directory, DirectoryError};
use gateway_domain::acquired::Handover;
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
use std::borrow::Cow;
use std::sync::Arc;

/// The sign in the middle of an address, narrow and wide, as addresses are read.
const AT: [char; 3] = ['@', '\u{fe6b}', '\u{ff20}'];

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

/// A user who has shown the password.
#[derive(Debug)]
pub struct Proved {
    /// The user.
    pub user: User,
    /// The session that the directory began at a legacy system to check it. Whoever does not keep it ends it.
    pub begun: Handover,
}

/// Checks passwords against the store of users.
pub struct PasswordCheck {
    users: Users,
    passwords: Fresh<Passwords>,
    attempts: LoginAttempts,
    entropy: Arc<dyn Entropy>,
    directory: Option<InDirectory>,
}

/// The directory, and the domain of names that are typed without one.
struct InDirectory {
    asked: Arc<dyn Directory>,
    domain: Option<String>,
}

impl PasswordCheck {
    /// Checks these users with this hasher, and counts attempts in this table. The entropy is for salts.
    pub fn new(
        users: Users,
        passwords: Fresh<Passwords>,
        attempts: gateway_store::LoginAttempts,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { users, passwords, attempts: LoginAttempts::new(attempts), entropy, directory: None }
    }

    /// Asks this directory for people who have no password here. A name without a domain is completed by this one.
    #[must_use]
    pub fn with_directory(self, asked: Arc<dyn Directory>, domain: Option<String>) -> Self {
        Self { directory: Some(InDirectory { asked, domain }), ..self }
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
    /// that the time does not tell which accounts exist. With a directory, it tells who has a password here: the directory is
    /// asked for everybody else, known or not.
    pub async fn check(&self, login: &PasswordLogin<'_>, now: Timestamp) -> Result<Proved, CredentialsError> {
        let PasswordLogin { username, password, client, source, session } = *login;
        let typed = self.with_domain(username);
        // A text that is no address belongs to no user and takes the same steps.
        let parsed = Address::parse(&typed).ok();
        let address = parsed.as_ref().map_or(&*typed, Address::as_str);
        // The user and the pepper are read before the attempt is counted: if they cannot be read, no password is compared,
        // so no attempt may be used up.
        let user = match self.users.by_email(&typed).await {
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
        let counted = Counted::of(address, user.as_ref(), self.directory.is_some());
        let reserved = self.attempts.reserve(&origin, &counted, user.as_ref(), now).await?;
        let verdict = passwords.verify(password, stored)?;
        if let (Some(directory), Some(address), None) = (&self.directory, &parsed, stored) {
            return self.check_in(directory, (address, password), &reserved, now).await;
        }
        let (Some(user), Verdict::Right { outdated }) = (user, verdict) else { return Err(CredentialsError::Password) };
        if !user.enabled {
            return Err(CredentialsError::Password);
        }
        self.attempts.succeeded(&reserved, &user, now).await?;
        if let (true, Some(old)) = (outdated, &user.password) {
            self.rehash(&user, old, password).await;
        }
        Ok(Proved { user, begun: Handover::default() })
    }

    /// The user whose password the directory has found right. Only one that was not reached uses up no attempt: a directory may
    /// answer a wrong password by anything, an error or a long silence among it, and such guesses would have no end.
    async fn check_in(
        &self,
        directory: &InDirectory,
        (address, password): (&Address, &Secret),
        reserved: &Reserved,
        now: Timestamp,
    ) -> Result<Proved, CredentialsError> {
        let (user_id, begun) = match directory.asked.check(address, password, now).await {
            Ok(checked) => checked,
            Err(DirectoryError::Refused) => return Err(CredentialsError::Password),
            Err(DirectoryError::NotAsked(reason)) => {
                self.attempts.unused(reserved).await?;
                return Err(CredentialsError::Directory(reason));
            }
            Err(DirectoryError::Unavailable(reason)) => return Err(CredentialsError::Directory(reason)),
        };
        let proved = async {
            let user = self.users.get(&user_id).await?.filter(|user| user.enabled && user.password.is_none());
            let user = user.ok_or(CredentialsError::Password)?;
            self.attempts.succeeded(reserved, &user, now).await?;
            Ok(user)
        };
        match proved.await {
            Ok(user) => Ok(Proved { user, begun: Handover::of(begun) }),
            Err(error) => {
                directory.asked.release(begun).await;
                Err(error)
            }
        }
    }

    fn with_domain<'t>(&self, typed: &'t str) -> Cow<'t, str> {
        let domain = self.directory.as_ref().and_then(|directory| directory.domain.as_deref());
        match domain.filter(|_| !typed.contains(AT)) {
            Some(domain) => format!("{}@{domain}", typed.trim()).into(),
            None => typed.into(),
        }
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
