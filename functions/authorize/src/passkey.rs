//! The step of a login by a passkey: what an authenticator is asked, and whom its response logs in.

use crate::AuthorizationEndpoint;
use crate::error::Failure;
use crate::steps::{Asked, Next, Origin, Shown, Trouble};
use gateway_config::Passkeys;
use gateway_domain::passkey::PasskeyChallenge;
use gateway_domain::time::Timestamp;
use gateway_passkeys::RelyingParty;
use serde_json::Value;

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
        // The form is of a browser and comes from the pages alone; an app has none.
        let party = self.relying_party(|passkeys| {
            let by_page = !from.browser.is_empty();
            if by_page { passkeys.page_origins(from.issuer) } else { passkeys.accepted_origins(from.issuer) }
        });
        let until = |challenge: PasskeyChallenge| async move {
            let keys = self.pending.tokens().sealing_for(challenge.sealed()).await?;
            Ok(challenge.login_until(&keys, together_with, from.now))
        };
        let user = self.passkeys.user(party.as_ref(), response, until, (&from.source, from.now)).await?;
        let Some(user) = user else { return Ok(Next::Again(Trouble::WrongPasskey)) };
        match Box::pin(self.go_on(asked, &user, Shown::Passkey, from)).await {
            Ok(Ok(begun)) => Ok(Next::On(Box::new((user, begun)))),
            Ok(Err(next)) => Ok(next),
            Err(failure) => Trouble::of_system(failure).map(Next::Again),
        }
    }
}
