//! The login of the account pages by a passkey: what an authenticator is asked, and whom its response logs in.
//!
//! Whoever has no passkey, has another, is disabled or was removed gets one answer, after the same reads and one signature that is verified.

use crate::error::Failure;
use crate::passkeys::Sent;
use crate::{Account, Asked};
use gateway_credentials::CredentialsError;
use gateway_domain::passkey::{NoChallenge, Passkey, PasskeyChallenge};
use gateway_domain::time::Seconds;
use gateway_passkeys::{Assertion, Refused};
use gateway_store::User;

/// How old the last use of a passkey that does not count may be before the next one is noted.
const NOTED: Seconds = Seconds::new(86_400);

/// Why a response logs nobody in; for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotLoggedIn {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Challenge(#[from] NoChallenge),
    #[error("the user has no such passkey, or may not log in")]
    Nobody,
    #[error("the challenge was used before")]
    Again,
    #[error("the passkey was removed or has signed more often meanwhile")]
    Meanwhile,
}

impl Account {
    /// What an authenticator is asked, as JSON, the same for everybody but for its challenge. That is good together with this text alone. `None`
    /// where passkeys cannot be used; passwords can.
    pub(crate) fn login_options(&self, asked: &Asked<'_>, together_with: &str) -> Option<String> {
        self.gateway.passkeys()?;
        let options = || {
            let (party, random) = (self.relying_party(asked, Sent::Form)?, self.entropy.bytes()?);
            let challenge =
                PasskeyChallenge::for_account_login(&self.letters.value(), together_with, random, asked.now)?;
            Ok::<_, Failure>(party.request_options(&challenge).to_string())
        };
        options().inspect_err(|failure| tracing::error!(reason = %failure, "no challenge is given out")).ok()
    }

    /// Whom the response of an authenticator to a challenge logs in that was given out together with this text.
    pub(crate) async fn log_in_by_passkey(
        &self,
        asked: &Asked<'_>,
        (response, together_with): (&str, &str),
    ) -> Result<User, Failure> {
        let reason = match Box::pin(self.of_passkey(asked, (response, together_with))).await? {
            Ok(user) => return Ok(user),
            Err(reason) => reason,
        };
        if reason == NotLoggedIn::Challenge(NoChallenge::Lapsed) {
            // A page that lay open for too long is no guess, and nothing was read for it.
            return Err(Failure::WrongPasskey(reason));
        }
        // What is wrong counts by its source alone: nobody's account waits because of it.
        match self.passkeys.was_wrong(&asked.source, asked.now).await {
            Ok(()) => Err(Failure::WrongPasskey(reason)),
            Err(CredentialsError::TooManyAttempts(wait)) => Err(Failure::WrongPasskeys(wait)),
            Err(error) => Err(error.into()),
        }
    }

    /// The user whose passkey has signed. The challenge is spent and the use noted, in this order, before anything begins.
    async fn of_passkey(
        &self,
        asked: &Asked<'_>,
        (response, together_with): (&str, &str),
    ) -> Result<Result<User, NotLoggedIn>, Failure> {
        let now = asked.now;
        let party = match self.relying_party(asked, Sent::Form) {
            Ok(party) => party,
            Err(Failure::NotFound) => return Ok(Err(NotLoggedIn::Nobody)),
            Err(failure) => return Err(failure),
        };
        let assertion = match Assertion::parse(response) {
            Ok(assertion) => assertion,
            Err(refused) => return Ok(Err(refused.into())),
        };
        let challenge = assertion.challenge();
        let keys = self.letters.having(|keys| keys.knows(challenge.sealed())).await?;
        let until = match challenge.account_login_until(&keys, together_with, now) {
            Ok(until) => until,
            Err(none) => return Ok(Err(none.into())),
        };
        // Both are read, and a signature is verified, whether there is such a user and passkey or not.
        let user = self.users.get(assertion.user()).await?;
        let known = self.users.passkey(assertion.user(), assertion.credential_id()).await?;
        let nobodys = Passkey::of_nobody(assertion.credential_id().clone());
        let verified = party.verified(&assertion, known.as_ref().unwrap_or(&nobodys), challenge);
        let user = user.filter(|user| user.enabled && self.may_have_passkeys(user));
        let (signed, passkey, user) = match (verified, known, user) {
            (Ok(signed), Some(passkey), Some(user)) => (signed, passkey, user),
            (Err(refused), Some(_), Some(_)) => return Ok(Err(refused.into())),
            _ => return Ok(Err(NotLoggedIn::Nobody)),
        };
        if !self.passkeys.use_once(challenge, until, now).await? {
            return Ok(Err(NotLoggedIn::Again));
        }
        let is_noted = signed.sign_count == 0 && passkey.used_at.is_some_and(|at| now < at.saturating_add(NOTED));
        if !is_noted && !self.users.note_passkey_use(&user.user_id, &passkey.id, signed.sign_count, now).await? {
            return Ok(Err(NotLoggedIn::Meanwhile));
        }
        Ok(Ok(user))
    }
}
