//! Keys while a request is answered: all fresh at its beginning, and read again when it names one that is not here.

use crate::App;
use crate::error::Failure;
use domain::access_token::{self, AccessClaims, InvalidToken};
use domain::password::{PasswordHash, Passwords};
use domain::refresh_token::RefreshKeys;
use domain::sealing::{SealedToken, SealingKeys};
use domain::time::Timestamp;
use startup::StartError;
use std::sync::Arc;

impl App {
    /// Reads again, side by side, what has become old.
    pub(crate) async fn freshen(&self) -> Result<(), StartError> {
        futures_util::try_join!(
            self.passwords.fresh(),
            self.signing.fresh(),
            self.public.fresh(),
            self.sealing.fresh(),
            self.refresh.fresh(),
        )?;
        Ok(())
    }

    /// The keys that open this internal token, if any do.
    pub(crate) async fn sealing_for(&self, sealed: &SealedToken) -> Result<Arc<SealingKeys>, Failure> {
        let keys = self.sealing.value();
        if keys.knows(sealed) { Ok(keys) } else { Ok(self.sealing.again().await?) }
    }

    /// The keys that check the refresh tokens of a session that began with this one.
    pub(crate) async fn refresh_for(&self, key_id: &str) -> Result<Arc<RefreshKeys>, Failure> {
        let keys = self.refresh.value();
        if keys.knows(key_id) { Ok(keys) } else { Ok(self.refresh.again().await?) }
    }

    /// The hasher that can compare with this hash; any will do for nobody's.
    pub(crate) async fn passwords_for(&self, stored: Option<&PasswordHash>) -> Result<Arc<Passwords>, Failure> {
        let keys = self.passwords.value();
        if stored.is_none_or(|stored| keys.knows(stored)) { Ok(keys) } else { Ok(self.passwords.again().await?) }
    }

    /// Verifies an access token of ours.
    pub(crate) async fn verified(
        &self,
        token: &str,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Result<AccessClaims, InvalidToken>, Failure> {
        let audience = self.audience(issuer);
        let verify = |keys: &_| access_token::verify(token, keys, issuer, audience, now);
        match verify(&self.public.value()) {
            Err(InvalidToken::UnknownKey) => Ok(verify(&*self.public.again().await?)),
            verified => Ok(verified),
        }
    }
}
