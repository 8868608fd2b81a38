//! The keys of one request: made fresh when it begins, and read again when it names a key that is unknown.

use crate::AuthorizationServer;
use crate::error::Failure;
use gateway_config::TokenParties;
use gateway_domain::access_token::{self, InvalidToken, VerifiedToken};
use gateway_domain::keys::{PublicKeys, SigningKey};
use gateway_domain::refresh_token::RefreshKeys;
use gateway_domain::time::Timestamp;
use gateway_runtime::StartError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The least time between two alarms about a signing key that the public set does not verify, in milliseconds.
const BETWEEN_ALARMS: i64 = 30_000;

/// The signing key in force: the newest one whose signatures the public set was found to verify.
#[derive(Debug, Default)]
pub struct InForce(Mutex<Checked>);

#[derive(Debug, Default)]
struct Checked {
    good: Option<(Arc<SigningKey>, Arc<PublicKeys>)>,
    alarmed_ms: Option<i64>,
}

impl InForce {
    /// The key; `None` until a first key has passed the check.
    pub(crate) fn key(&self) -> Option<Arc<SigningKey>> {
        self.checked().good.as_ref().map(|(key, _)| Arc::clone(key))
    }

    /// Whether exactly this pair has passed the check, so that it need not be checked again.
    fn is(&self, key: &Arc<SigningKey>, public: &Arc<PublicKeys>) -> bool {
        let checked = self.checked();
        checked.good.as_ref().is_some_and(|(good, by)| Arc::ptr_eq(good, key) && Arc::ptr_eq(by, public))
    }

    fn set(&self, key: Arc<SigningKey>, public: Arc<PublicKeys>) {
        self.checked().good = Some((key, public));
    }

    fn is_alarm_due(&self, now_ms: i64) -> bool {
        let mut checked = self.checked();
        let due = checked.alarmed_ms.is_none_or(|at| !(0..BETWEEN_ALARMS).contains(&now_ms.saturating_sub(at)));
        if due {
            checked.alarmed_ms = Some(now_ms);
        }
        due
    }

    /// Ignores poisoning: a panic cannot leave half a value behind the lock.
    fn checked(&self) -> MutexGuard<'_, Checked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthorizationServer {
    /// Makes sure that what is signed next can be verified: a key comes into force only if the public set vouches for it.
    /// Otherwise an alarm is raised and the last good key stays in force; if the set lacks that key too, nothing is signed.
    pub(crate) async fn check_signing_key(&self) -> Result<(), StartError> {
        let (key, public) = (self.signing.value(), self.public.value());
        if self.in_force.is(&key, &public) {
            return Ok(());
        }
        if public.vouch_for(&key).is_ok() {
            self.in_force.set(key, public);
            return Ok(());
        }
        // One of the two may be outdated. If it cannot be read again, the next check fails with the values at hand.
        let _ = futures_util::join!(self.signing.again(), self.public.again());
        let (key, public) = (self.signing.value(), self.public.value());
        let Err(reason) = public.vouch_for(&key) else {
            self.in_force.set(key, public);
            return Ok(());
        };
        let error = if self.in_force.is_alarm_due(self.clock.now_millis()) {
            self.signing.unusable(&reason)
        } else {
            StartError::Invalid { what: "the signing key".to_owned(), reason: reason.to_string() }
        };
        let last_good = self.in_force.key().filter(|good| public.vouch_for(good).is_ok());
        last_good.map(drop).ok_or(error)
    }

    /// Reads all keys again that have become old, concurrently.
    pub(crate) async fn freshen(&self) -> Result<(), StartError> {
        futures_util::try_join!(
            self.passwords.freshen(),
            self.signing.fresh(),
            self.public.fresh(),
            self.id_tokens.fresh(),
            self.sessions.freshen(),
            self.refresh.fresh(),
        )?;
        Ok(())
    }

    /// The refresh token keys, read again if they lack the key with which a session began.
    pub(crate) async fn refresh_for(&self, key_id: &str) -> Result<Arc<RefreshKeys>, Failure> {
        Ok(self.refresh.having(|keys| keys.knows(key_id)).await?)
    }

    /// Verifies an access token of this server. The outer error means that the keys allow no verdict about the token.
    pub(crate) async fn verified(
        &self,
        token: &str,
        parties: &TokenParties<'_>,
        now: Timestamp,
    ) -> Result<Result<VerifiedToken, InvalidToken>, Failure> {
        let verify = |keys: &_| access_token::verify(token, keys, parties.issuer(), parties.audience(), now);
        let mut verified = verify(&self.public.value());
        if matches!(verified, Err(InvalidToken::UnknownKey)) {
            verified = verify(&*self.public.again().await?);
        }
        match verified {
            Err(reason @ InvalidToken::UnusableKey) => Err(self.public.unusable(&reason).into()),
            verified => Ok(verified),
        }
    }
}
