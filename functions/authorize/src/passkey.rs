//! The step of a login by a passkey: what an authenticator is asked, and whom its response logs in.
//!
//! Whoever has no passkey, has another, is disabled or was removed gets one answer, after the same reads and one signature that is verified.

use crate::AuthorizationEndpoint;
use crate::error::Failure;
use crate::steps::{Asked, Next, Origin, Shown, Trouble};
use gateway_config::Passkeys;
use gateway_credentials::CredentialsError;
use gateway_domain::passkey::{NoChallenge, Passkey, PasskeyChallenge};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_passkeys::{Assertion, Refused, RelyingParty};
use gateway_store::User;
use serde_json::Value;

/// How old the last use of a passkey that does not count may be before the next one is noted.
const NOTED: Seconds = Seconds::new(86_400);

/// Why a response logs nobody in; for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotLoggedIn {
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

impl AuthorizationEndpoint {
    /// Whose passkeys are taken from these origins. `None` where there are none, or this machine cannot check them.
    fn relying_party(&self, origins: impl FnOnce(&Passkeys) -> Vec<String>) -> Option<RelyingParty> {
        let passkeys = self.config.passkeys()?;
        let name = self.config.relying_party_name()?;
        let party = RelyingParty::new(passkeys.relying_party.as_str(), &origins(passkeys), name);
        party.inspect_err(|error| tracing::error!(reason = %error, "there are no passkeys here")).ok()
    }

    /// What an authenticator is asked: `PublicKeyCredentialRequestOptionsJSON`, the same for everybody but for its challenge. That is good
    /// together with this text alone. `None` where passkeys cannot be used, or the request asks for the password; passwords can.
    pub(crate) fn passkey_options(&self, asked: &Asked, together_with: &str, now: Timestamp) -> Option<Value> {
        if asked.request.acr_values.need_password() {
            return None;
        }
        // Options name no origin: what is signed does.
        let party = self.relying_party(|_| Vec::new())?;
        let Ok(random) = self.entropy.bytes() else {
            tracing::error!("no challenge is given out: there are no random bytes");
            return None;
        };
        let challenge = PasskeyChallenge::for_login(&self.pending.tokens().sealing(), together_with, random, now);
        let challenge = challenge.inspect_err(|error| tracing::error!(reason = %error, "no challenge is given out"));
        Some(party.request_options(&challenge.ok()?))
    }

    /// Checks the response of an authenticator to a challenge that was given out together with this text, and has the login wait for its code
    /// or the consent. The legacy systems that need no password are logged in to. Where the password was asked for, nothing is looked at.
    pub(crate) async fn show_passkey(
        &self,
        asked: &Asked,
        (response, together_with): (&str, &str),
        from: &Origin<'_>,
    ) -> Result<Next, Failure> {
        if asked.request.acr_values.need_password() {
            return Ok(Next::Again(Trouble::PasswordNeeded));
        }
        let user = match Box::pin(self.of_passkey(response, together_with, from)).await? {
            Ok(user) => user,
            Err(reason) => {
                tracing::info!(%reason, "a passkey logs nobody in");
                if reason == NotLoggedIn::Challenge(NoChallenge::Lapsed) {
                    // A page that lay open for too long is no guess, and nothing was read for it.
                    return Ok(Next::Again(Trouble::WrongPasskey));
                }
                return match self.passkeys.was_wrong(&from.source, from.now).await {
                    Ok(()) => Ok(Next::Again(Trouble::WrongPasskey)),
                    Err(CredentialsError::TooManyAttempts(wait)) => Ok(Next::Again(Trouble::TooManyPasskeys(wait))),
                    Err(error) => Err(error.into()),
                };
            }
        };
        match Box::pin(self.go_on(asked, &user, Shown::Passkey, from)).await {
            Ok(Ok(begun)) => Ok(Next::On(Box::new((user, begun)))),
            Ok(Err(next)) => Ok(next),
            Err(failure) => Trouble::of_system(failure).map(Next::Again),
        }
    }

    /// The user whose passkey has signed. The challenge is spent and the use noted, in this order, before anything begins.
    async fn of_passkey(
        &self,
        response: &str,
        together_with: &str,
        from: &Origin<'_>,
    ) -> Result<Result<User, NotLoggedIn>, Failure> {
        let now = from.now;
        // The form is of a browser and comes from the pages alone; an app has none.
        let origins = |passkeys: &Passkeys| {
            let by_page = !from.browser.is_empty();
            if by_page { passkeys.page_origins(from.issuer) } else { passkeys.accepted_origins(from.issuer) }
        };
        let Some(party) = self.relying_party(origins) else { return Ok(Err(NotLoggedIn::Nobody)) };
        let assertion = match Assertion::parse(response) {
            Ok(assertion) => assertion,
            Err(refused) => return Ok(Err(refused.into())),
        };
        let challenge = assertion.challenge();
        let keys = self.pending.tokens().sealing_for(challenge.sealed()).await?;
        let until = match challenge.login_until(&keys, together_with, now) {
            Ok(until) => until,
            Err(none) => return Ok(Err(none.into())),
        };
        // Both are read, and a signature is verified, whether there is such a user and passkey or not.
        let user = self.users.get(assertion.user()).await?;
        let known = self.users.passkey(assertion.user(), assertion.credential_id()).await?;
        let nobodys = Passkey::of_nobody(assertion.credential_id().clone());
        let verified = party.verified(&assertion, known.as_ref().unwrap_or(&nobodys), challenge);
        let (signed, passkey, user) = match (verified, known, user.filter(|user| self.may_use_passkeys(user))) {
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

    /// Who is disabled logs in by nothing, and who has the password in a directory by that password alone: the directory decides who is still
    /// there, and is not asked about a passkey.
    fn may_use_passkeys(&self, user: &User) -> bool {
        user.enabled && (user.password.is_some() || self.config.directory().is_none())
    }
}
