//! The login of the account pages by a passkey: what an authenticator is asked, and whom its response logs in.

use crate::error::Failure;
use crate::passkeys::Sent;
use crate::{Account, Asked};
use gateway_domain::passkey::PasskeyChallenge;
use gateway_store::User;

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
        let party = match self.relying_party(asked, Sent::Form) {
            Ok(party) => Some(party),
            Err(Failure::NotFound) => None,
            Err(failure) => return Err(failure),
        };
        let until = |challenge: PasskeyChallenge| async move {
            let keys = self.letters.having(|keys| keys.knows(challenge.sealed())).await?;
            Ok(challenge.account_login_until(&keys, together_with, asked.now))
        };
        let user = self.passkeys.user(party.as_ref(), response, until, (&asked.source, asked.now)).await?;
        user.ok_or(Failure::WrongPasskey)
    }
}
