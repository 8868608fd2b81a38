//! The guard before the password: every guess is reserved in the store before it is evaluated.
//!
//! Three counters: this account from this source, this account from sources that never logged in, this source over
//! all accounts. A source that has logged in with the account's present credentials is judged by the first alone, so
//! strangers cannot lock the owner out; and whoever shows a session of this account is judged by a counter of that
//! session alone.

use crate::error::Failure;
use crate::{App, Request};
use domain::guess::{ACCOUNT, Limit, PAIR, SOURCE};
use domain::ids::{ClientId, SessionId};
use domain::secret::sha256_hex;
use domain::source::Source;
use domain::time::Seconds;
use store::{Guesses, Reservation, User};

/// A source that logged in stays known for this long.
const KNOWN: Seconds = Seconds::new(90 * 86_400);

/// A guess that may be evaluated.
pub(crate) struct Reserved {
    pair: String,
    /// What else it is counted under, each with its limit.
    others: Vec<(String, Limit)>,
}

impl App {
    /// Reserves a guess under every counter that applies, or says how long to wait. `account` is the address in its
    /// one form, `user` whoever has it; `session` is one of this user that the request has shown.
    pub(crate) async fn reserve_guess(
        &self,
        request: &Request<'_>,
        client: &ClientId,
        account: &str,
        user: Option<&User>,
        session: Option<&SessionId>,
    ) -> Result<Reserved, Failure> {
        let account = sha256_hex(account.as_bytes());
        let source = Source::of(request.api.source_ip.as_deref());
        let pair = format!("pair#{account}#{client}#{source}");
        if let Some(sid) = session {
            let key = format!("session#{sid}");
            let seen = self.attempts.get(&key).await?;
            self.reserve_all(request, &[(key.clone(), PAIR, seen)]).await?;
            return Ok(Reserved { pair, others: vec![(key, PAIR)] });
        }
        let seen = self.attempts.get(&pair).await?;
        if user.is_some_and(|user| seen.is_known(&user.credential_version(), request.now)) {
            self.reserve_all(request, &[(pair.clone(), PAIR, seen)]).await?;
            return Ok(Reserved { pair, others: Vec::new() });
        }
        seen.counter.permit(PAIR, request.now).map_err(Failure::TooManyAttempts)?;
        let (source, account) = (format!("source#{source}"), format!("account#{account}"));
        let (of_source, of_account) = futures_util::try_join!(self.attempts.get(&source), self.attempts.get(&account))?;
        let counters =
            [(source.clone(), SOURCE, of_source), (pair.clone(), PAIR, seen), (account.clone(), ACCOUNT, of_account)];
        self.reserve_all(request, &counters).await?;
        Ok(Reserved { pair, others: vec![(source, SOURCE), (account, ACCOUNT)] })
    }

    /// What to answer when this account's own item or hash cannot be read. Only an account that exists can be met so, so
    /// that these answers are counted as well, and are 429 when they are many. By source, and under a key of their own:
    /// nothing was compared, and nobody else is to wait for it.
    pub(crate) async fn unreadable(&self, request: &Request<'_>, failure: Failure) -> Failure {
        let key = format!("unreadable#{}", Source::of(request.api.source_ip.as_deref()));
        let reserved = async {
            let seen = self.attempts.get(&key).await?;
            self.reserve_all(request, &[(key.clone(), SOURCE, seen)]).await
        };
        reserved.await.err().unwrap_or(failure)
    }

    /// The guess was right: it counts nowhere, the failures from this source are forgotten, and the source is known. The
    /// counters of all sources and of all accounts only get back what this guess took, or one good account would cover
    /// for guessing at others.
    pub(crate) async fn guessed_right(
        &self,
        request: &Request<'_>,
        reserved: &Reserved,
        user: &User,
    ) -> Result<(), Failure> {
        let known_until = request.now.saturating_add(KNOWN);
        self.attempts.remember_login(&reserved.pair, PAIR, &user.credential_version(), known_until).await?;
        for (key, limit) in &reserved.others {
            self.attempts.give_back(key, *limit).await?;
        }
        Ok(())
    }

    /// Nothing is written for a guess that some counter refuses as it was read. If one refuses only now, what was
    /// reserved on the way is given back: nothing will be evaluated.
    async fn reserve_all(&self, request: &Request<'_>, counters: &[(String, Limit, Guesses)]) -> Result<(), Failure> {
        for (_, limit, seen) in counters {
            seen.counter.permit(*limit, request.now).map_err(Failure::TooManyAttempts)?;
        }
        for (position, (key, limit, seen)) in counters.iter().enumerate() {
            if let Reservation::Wait(length) = self.attempts.reserve(key, *limit, seen, request.now).await? {
                for (key, limit, _) in counters.iter().take(position) {
                    self.attempts.give_back(key, *limit).await?;
                }
                return Err(Failure::TooManyAttempts(length));
            }
        }
        Ok(())
    }
}
