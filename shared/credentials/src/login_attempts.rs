//! Login attempts: each is reserved in the store before it is evaluated.
//!
//! Of a login: this account from this source, this account from sources that never logged in, this source over
//! all accounts. A source that has logged in with the account's present credentials is judged by the first alone, so
//! strangers cannot lock the owner out; and whoever shows a session of this account is judged by a counter of that
//! session alone.

use crate::CredentialsError;
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::login_attempts::{ACCOUNT, CLIENT, Limit, PAIR, SOURCE};
use gateway_domain::secret::sha256_hex;
use gateway_domain::source::Source;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{CountedAttempts, Reservation, StoreError, User};

/// A source that logged in stays known for this long.
const KNOWN: Seconds = Seconds::new(90 * 86_400);

/// An attempt that may be evaluated.
pub(crate) struct Reserved {
    pair: String,
    /// What else it is counted under, each with its limit.
    others: Vec<(String, Limit)>,
}

/// Where an attempt comes from.
pub(crate) struct Origin<'a> {
    pub(crate) client: &'a ClientId,
    pub(crate) source: &'a Source,
    /// A session of the account that the request has shown.
    pub(crate) session: Option<&'a SessionId>,
}

/// Counts attempts.
pub(crate) struct LoginAttempts {
    table: gateway_store::LoginAttempts,
}

impl LoginAttempts {
    pub(crate) fn new(table: gateway_store::LoginAttempts) -> Self {
        Self { table }
    }

    /// Reserves an attempt under every counter that applies, or says how long to wait. `account` is the address in its
    /// one form, `user` whoever has it.
    pub(crate) async fn reserve(
        &self,
        origin: &Origin<'_>,
        account: &str,
        user: Option<&User>,
        now: Timestamp,
    ) -> Result<Reserved, CredentialsError> {
        let account = sha256_hex(account.as_bytes());
        let Origin { client, source, session } = origin;
        let pair = format!("pair#{account}#{client}#{source}");
        if let Some(sid) = session {
            let key = format!("session#{sid}");
            let seen = self.table.get(&key).await?;
            self.reserve_all(now, &[(key.clone(), PAIR, seen)]).await?;
            return Ok(Reserved { pair, others: vec![(key, PAIR)] });
        }
        let seen = self.table.get(&pair).await?;
        if user.is_some_and(|user| seen.is_known(&user.credential_version(), now)) {
            self.reserve_all(now, &[(pair.clone(), PAIR, seen)]).await?;
            return Ok(Reserved { pair, others: Vec::new() });
        }
        seen.counter.permit(PAIR, now).map_err(CredentialsError::TooManyAttempts)?;
        let (source, account) = (format!("source#{source}"), format!("account#{account}"));
        let (of_source, of_account) = futures_util::try_join!(self.table.get(&source), self.table.get(&account))?;
        let counters =
            [(source.clone(), SOURCE, of_source), (pair.clone(), PAIR, seen), (account.clone(), ACCOUNT, of_account)];
        self.reserve_all(now, &counters).await?;
        Ok(Reserved { pair, others: vec![(source, SOURCE), (account, ACCOUNT)] })
    }

    /// What is to be told when this account's own item or hash cannot be read. Only an account that exists can be met so:
    /// these responses have a counter of their own by source, and when that is used up they are counted and told as a wrong
    /// password is. Before, nobody else is to wait for them: nothing was compared.
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

    /// The attempt was right: it counts nowhere, the failures from this source are forgotten, and the source is known. The
    /// counters of all sources and of all accounts only get back what this attempt took, or one good account would cover
    /// for guessing at others.
    pub(crate) async fn succeeded(&self, reserved: &Reserved, user: &User, now: Timestamp) -> Result<(), StoreError> {
        let known_until = now.saturating_add(KNOWN);
        self.table.remember_login(&reserved.pair, PAIR, &user.credential_version(), known_until).await?;
        for (key, limit) in &reserved.others {
            self.table.give_back(key, *limit).await?;
        }
        Ok(())
    }

    /// A wrong client secret: counted under its source, or to wait.
    pub(crate) async fn wrong_secret(&self, source: &Source, now: Timestamp) -> Result<(), CredentialsError> {
        let key = format!("client#{source}");
        let seen = self.table.get(&key).await?;
        match self.table.reserve(&key, CLIENT, &seen, now).await? {
            Reservation::Granted => Ok(()),
            Reservation::Wait(length) => Err(CredentialsError::TooManyAttempts(length)),
        }
    }

    /// Nothing is written for an attempt that some counter refuses as it was read. If one refuses only now, what was
    /// reserved on the way is given back: nothing will be evaluated.
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
