//! Login attempts: each is reserved in the store before it is evaluated.
//!
//! An attempt is counted for the pair of account and source, for the account over all sources that never logged in, and for
//! the source over all accounts. If the source has logged in with the account's present credentials, only the pair counts,
//! so that strangers cannot lock the owner out. If the request shows a session of the account, only a counter of that
//! session counts.
//!
//! The counter of an account over all sources belongs to its present credentials: whoever proves by mail to own the address
//! and sets another password begins with an empty one, and the source of that proof counts alone, so that strangers who
//! fill the new counter do not keep the owner out either.

use crate::CredentialsError;
use gateway_domain::address::Address;
use gateway_domain::ids::SessionId;
use gateway_domain::login_attempts::{ACCOUNT, CLIENT, Limit, PAIR, SOURCE};
use gateway_domain::one_use::OneUse;
use gateway_domain::secret::sha256_hex;
use gateway_domain::source::Source;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{CountedAttempts, Reservation, StoreError, User};

/// A source that logged in stays known for this long.
const KNOWN: Seconds = Seconds::new(90 * 86_400);

/// A source from which the owner has set another password stays known for this long, in which a login makes it known for its
/// application.
const PROVED: Seconds = Seconds::new(86_400);

/// What an account is counted under. Whoever has no password here is kept elsewhere or unknown, and both are counted alike: by the
/// address, without a tag that makes no other person of it, and never by who has it.
pub(crate) struct Counted<'a> {
    /// The hash of the address.
    account: String,
    /// Whose present credentials the counter over all sources belongs to.
    user: Option<&'a User>,
}

impl<'a> Counted<'a> {
    /// The account with this address, which is of `user`, if of anybody. `elsewhere` says whether there is a directory.
    pub(crate) fn of(address: &str, user: Option<&'a User>, elsewhere: bool) -> Self {
        let user = user.filter(|user| user.password.is_some() || !elsewhere);
        let parsed = Address::parse(address).ok().filter(|_| user.is_none() && elsewhere);
        let account =
            parsed.map_or_else(|| sha256_hex(address.as_bytes()), |it| sha256_hex(it.without_tag().as_bytes()));
        Self { account, user }
    }

    /// The key of the counter over all sources.
    fn key(&self) -> String {
        match self.user {
            Some(user) => format!("account#{}#{}#{}", self.account, user.user_id, user.credential_epoch),
            None => format!("account#{}", self.account),
        }
    }

    fn proof_key(&self, source: &Source) -> String {
        format!("proof#{}#{source}", self.account)
    }
}

/// An attempt that is counted and may be evaluated.
pub struct Reserved {
    pair: String,
    /// Whether the counter of the pair holds it.
    of_pair: bool,
    /// The counters, besides that of the pair, that it is counted under, each with its limit.
    others: Vec<(String, Limit)>,
}

/// Where an attempt comes from.
pub(crate) struct Origin<'a> {
    /// The application, or what else stands for it in keys.
    pub(crate) client: &'a str,
    pub(crate) source: &'a Source,
    /// The session of the account that the request has shown, if any.
    pub(crate) session: Option<&'a SessionId>,
}

/// Counts login attempts and failed client authentications, and notes which assertions and proofs were used.
pub(crate) struct LoginAttempts {
    table: gateway_store::LoginAttempts,
}

impl LoginAttempts {
    pub(crate) fn new(table: gateway_store::LoginAttempts) -> Self {
        Self { table }
    }

    /// Reserves an attempt under every counter that applies. `user` is the user of the account, if any.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait.
    pub(crate) async fn reserve(
        &self,
        origin: &Origin<'_>,
        counted: &Counted<'_>,
        user: Option<&User>,
        now: Timestamp,
    ) -> Result<Reserved, CredentialsError> {
        let Origin { client, source, session } = origin;
        let proof = counted.proof_key(source);
        let pair = format!("pair#{}#{client}#{source}", counted.account);
        if let Some(sid) = session {
            let key = format!("session#{sid}");
            let seen = self.table.get(&key).await?;
            self.reserve_all(now, &[(key.clone(), PAIR, seen)]).await?;
            return Ok(Reserved { pair, of_pair: false, others: vec![(key, PAIR)] });
        }
        let seen = self.table.get(&pair).await?;
        if user.is_some_and(|user| seen.is_known(&user.credential_version(), now)) {
            self.reserve_all(now, &[(pair.clone(), PAIR, seen)]).await?;
            return Ok(Reserved { pair, of_pair: true, others: Vec::new() });
        }
        seen.counter.permit(PAIR, now).map_err(CredentialsError::TooManyAttempts)?;
        let (source, account) = (format!("source#{source}"), counted.key());
        // Boxed: three reads side by side make a very large future.
        let read = |key| Box::pin(self.table.get(key));
        let reads = futures_util::try_join!(read(&source), read(&account), read(&proof));
        let (of_source, of_account, of_proof) = reads?;
        if user.is_some_and(|user| of_proof.is_known(&user.credential_version(), now)) {
            self.reserve_all(now, &[(proof.clone(), PAIR, of_proof)]).await?;
            return Ok(Reserved { pair, of_pair: false, others: vec![(proof, PAIR)] });
        }
        let counters =
            [(source.clone(), SOURCE, of_source), (pair.clone(), PAIR, seen), (account.clone(), ACCOUNT, of_account)];
        self.reserve_all(now, &counters).await?;
        Ok(Reserved { pair, of_pair: true, others: vec![(source, SOURCE), (account, ACCOUNT)] })
    }

    /// The error to return when the item of an account, or the keys of its hash, cannot be read. Only an existing account
    /// can cause it, so it would tell which accounts exist: each source gets it only as often as a counter of its own
    /// permits. Until then no login attempt is counted, since no password was compared; after that, the attempt is counted
    /// and refused like a wrong password.
    pub(crate) async fn unreadable(
        &self,
        source: &Source,
        error: CredentialsError,
        now: Timestamp,
    ) -> CredentialsError {
        tracing::error!(reason = %error, "an account cannot be read");
        let (own, of_source) = (format!("unreadable#{source}"), format!("source#{source}"));
        let told = async {
            let seen = self.table.get(&of_source).await?;
            seen.counter.permit(SOURCE, now).map_err(CredentialsError::TooManyAttempts)?;
            let unreadable = self.table.get(&own).await?;
            if let Reservation::Granted = self.table.reserve(&own, SOURCE, &unreadable, now).await? {
                return Ok(error);
            }
            self.reserve_all(now, &[(of_source.clone(), SOURCE, seen)]).await?;
            Ok(CredentialsError::Password)
        };
        told.await.unwrap_or_else(|refused| refused)
    }

    /// The password was right: the failures of the pair are forgotten and the source is known for the account. The other
    /// counters get back only this attempt. If they were reset, an attacker with one account of their own could guess
    /// without limit at others.
    pub(crate) async fn succeeded(&self, reserved: &Reserved, user: &User, now: Timestamp) -> Result<(), StoreError> {
        let known_until = now.saturating_add(KNOWN);
        self.table.remember_login(&reserved.pair, PAIR, &user.credential_version(), known_until).await?;
        for (key, limit) in &reserved.others {
            self.table.give_back(key, *limit).await?;
        }
        Ok(())
    }

    /// Nothing was evaluated: the counters get back this attempt.
    pub(crate) async fn unused(&self, reserved: &Reserved) -> Result<(), StoreError> {
        if reserved.of_pair {
            self.table.give_back(&reserved.pair, PAIR).await?;
        }
        for (key, limit) in &reserved.others {
            self.table.give_back(key, *limit).await?;
        }
        Ok(())
    }

    /// Counts an attempt that was evaluated and wrong, without refusing: what was evaluated has a limit of its own.
    pub(crate) async fn was_wrong(
        &self,
        source: &Source,
        counted: &Counted<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.was_wrong_from(source, now).await?;
        let key = counted.key();
        let seen = self.table.get(&key).await?;
        self.table.reserve(&key, ACCOUNT, &seen, now).await.map(drop)
    }

    /// The same under the source alone.
    pub(crate) async fn was_wrong_from(&self, source: &Source, now: Timestamp) -> Result<(), StoreError> {
        let key = format!("source#{source}");
        let seen = self.table.get(&key).await?;
        self.table.reserve(&key, SOURCE, &seen, now).await.map(drop)
    }

    /// The owner of an account has proved from this source to be its owner, and has these credentials now.
    pub(crate) async fn proved(
        &self,
        source: &Source,
        (user, counted): (&User, &Counted<'_>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = counted.proof_key(source);
        self.table.remember_login(&key, PAIR, &user.credential_version(), now.saturating_add(PROVED)).await
    }

    /// Counts a failed client authentication under its source.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] if the source must wait.
    pub(crate) async fn wrong_proof(&self, source: &Source, now: Timestamp) -> Result<(), CredentialsError> {
        self.wrong(&format!("client#{source}"), now).await
    }

    /// Counts an assertion from this source that no device has signed, apart from those of applications.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] if the source must wait.
    pub(crate) async fn wrong_device(&self, source: &Source, now: Timestamp) -> Result<(), CredentialsError> {
        self.wrong(&format!("devices-wrong#{source}"), now).await
    }

    /// Counts a response from this source that no passkey has signed. Returns whether there were too many, which is for the log: a
    /// signature is not guessed, so nobody is made to wait.
    pub(crate) async fn wrong_passkey(&self, source: &Source, now: Timestamp) -> Result<bool, StoreError> {
        let key = format!("passkeys-wrong#{source}");
        let seen = self.table.get(&key).await?;
        Ok(matches!(self.table.reserve(&key, SOURCE, &seen, now).await?, Reservation::Wait(_)))
    }

    pub(crate) async fn wrong(&self, key: &str, now: Timestamp) -> Result<(), CredentialsError> {
        let seen = self.table.get(key).await?;
        match self.table.reserve(key, CLIENT, &seen, now).await? {
            Reservation::Granted => Ok(()),
            Reservation::Wait(length) => Err(CredentialsError::TooManyAttempts(length)),
        }
    }

    /// Notes the use of what this signer, of this kind, has signed; `false` if it was used before.
    pub(crate) async fn use_once(
        &self,
        (kind, signer): (&str, &str),
        one_use: &OneUse,
        now: Timestamp,
    ) -> Result<bool, CredentialsError> {
        let key = format!("{kind}#{signer}#{}", sha256_hex(one_use.jti.as_bytes()));
        Ok(self.table.use_once(&key, one_use.until, now).await?)
    }

    /// Notes the use of what has this key; `false` if it was used before.
    pub(crate) async fn use_key(&self, key: &str, until: Timestamp, now: Timestamp) -> Result<bool, CredentialsError> {
        Ok(self.table.use_once(key, until, now).await?)
    }

    /// Reserves one under each of these counters, or under none.
    pub(crate) async fn reserve_new(
        &self,
        counters: &[(String, Limit)],
        now: Timestamp,
    ) -> Result<(), CredentialsError> {
        let mut seen = Vec::with_capacity(counters.len());
        for (key, limit) in counters {
            seen.push((key.clone(), *limit, self.table.get(key).await?));
        }
        self.reserve_all(now, &seen).await
    }

    /// The counters get back what [`LoginAttempts::reserve_new`] has reserved.
    pub(crate) async fn give_back_new(&self, counters: &[(String, Limit)]) -> Result<(), StoreError> {
        for (key, limit) in counters {
            self.table.give_back(key, *limit).await?;
        }
        Ok(())
    }

    /// Reserves under all counters or under none. Nothing is written if a counter, as it was read, refuses. If one refuses
    /// only at its write, the earlier reservations are given back, since nothing will be evaluated.
    async fn reserve_all(
        &self,
        now: Timestamp,
        counters: &[(String, Limit, CountedAttempts)],
    ) -> Result<(), CredentialsError> {
        for (_, limit, seen) in counters {
            seen.counter.permit(*limit, now).map_err(CredentialsError::TooManyAttempts)?;
        }
        for (position, (key, limit, seen)) in counters.iter().enumerate() {
            if let Reservation::Wait(length) = self.table.reserve(key, *limit, seen, now).await? {
                for (key, limit, _) in counters.iter().take(position) {
                    self.table.give_back(key, *limit).await?;
                }
                return Err(CredentialsError::TooManyAttempts(length));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_domain::ids::UserId;
    use gateway_domain::password::PasswordHash;

    fn user(email: &str, password: Option<&str>) -> User {
        User {
            user_id: UserId::parse("u1").unwrap(),
            email: Address::parse(email).unwrap(),
            password: password.map(|hash| PasswordHash::from_stored(hash.to_owned())),
            credential_epoch: 3,
            enabled: true,
            links: [].into(),
            directory_subject: None,
            email_verified: true,
            profile: [].into(),
            ways_back: Vec::new(),
            browser_epoch: 0,
            roles: std::collections::BTreeSet::new(),
            second_factor: None,
        }
    }

    /// Otherwise a counter that is full would tell who has an account.
    #[test]
    fn whoever_is_kept_elsewhere_is_counted_as_somebody_unknown() {
        let known = user("ada@example.com", None);
        let keys = |counted: Counted<'_>| (counted.account.clone(), counted.key());
        let unknown = keys(Counted::of("ada@example.com", None, true));
        assert_eq!(keys(Counted::of("ada@example.com", Some(&known), true)), unknown);
        assert_eq!(keys(Counted::of("ada+1@example.com", None, true)), unknown);
        let tagged = user("ada+1@example.com", None);
        assert_eq!(keys(Counted::of("ada+1@example.com", Some(&tagged), true)), unknown);
    }

    #[test]
    fn a_password_here_is_counted_for_its_own_address_and_credentials() {
        let ada = user("ada+1@example.com", Some("k1$x"));
        for elsewhere in [true, false] {
            let counted = Counted::of("ada+1@example.com", Some(&ada), elsewhere);
            assert_eq!(counted.account, sha256_hex(b"ada+1@example.com"));
            assert!(counted.key().ends_with("#u1#3"), "{}", counted.key());
        }
        assert_ne!(
            Counted::of("ada+1@b.example", None, false).account,
            Counted::of("ada@b.example", None, false).account
        );
    }
}
