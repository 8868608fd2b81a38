//! The passkeys of an owner: listed, added, named and removed, whether by a page or by JSON.
//!
//! A challenge is given out after a fresh proof of the owner alone, and is good for five minutes and for the credentials that the owner has then: so
//! whoever brings it back signed has given that proof.

use crate::error::{Failure, Wrong};
use crate::owner::next_epoch;
use crate::{Account, Asked};
use gateway_domain::outbox::PATIENCE;
use gateway_domain::passkey::{CredentialId, MAX_NAME, MAX_PASSKEYS, Passkey, PasskeyChallenge};
use gateway_domain::{device, ids::UserId};
use gateway_mail::Notice;
use gateway_passkeys::{Owner, Registration, RelyingParty};
use gateway_store::{AddPasskey, ChangeUser, User};
use serde_json::{Value, json};

/// What a passkey is called whose device tells no name.
const UNNAMED: &str = "Passkey";

/// A passkey as its owner is told of it by JSON.
pub(crate) fn to_json(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.id,
        "name": passkey.name,
        "added_at": passkey.since,
        "used_at": passkey.used_at,
        "backed_up": passkey.backed_up,
        "aaguid": passkey.aaguid,
    })
}

/// How what an authenticator made comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// By a form of the pages.
    Form,
    /// As JSON, by an app.
    Json,
}

impl Account {
    /// Whether there are passkeys here that this user may have.
    pub(crate) fn may_have_passkeys(&self, user: &User) -> bool {
        self.gateway.passkeys().is_some() && self.passkeys.may_have(user)
    }

    /// Whether this user has a password, here or in a directory, by which to show who it is.
    pub(crate) fn has_password(&self, user: &User) -> bool {
        user.password.is_some() || self.gateway.directory().is_some()
    }

    /// The passkeys of a user, the last added first.
    pub(crate) async fn passkeys_of(&self, user: &UserId) -> Result<Vec<Passkey>, Failure> {
        let mut all = self.users.passkeys(user).await?;
        all.reverse();
        Ok(all)
    }

    /// By what a browser or an app makes another passkey for this user, beside those that there are (WebAuthn Level 3 §5.1.9). Call it after a
    /// fresh proof of the owner.
    pub(crate) fn passkey_options(&self, asked: &Asked<'_>, user: &User, there: &[Passkey]) -> Result<Value, Failure> {
        if !self.may_have_passkeys(user) {
            return Err(Failure::NoPasskeys);
        }
        if !user.email_verified {
            return Err(Failure::NotVerified);
        }
        if there.len() >= MAX_PASSKEYS {
            return Err(Failure::TooManyPasskeys);
        }
        // Options name no origin: what is made by them does.
        let party = self.relying_party(asked, Sent::Form)?;
        let of = (&user.user_id, user.credential_epoch);
        let challenge = PasskeyChallenge::for_enrolment(&self.letters.value(), of, self.entropy.bytes()?, asked.now)?;
        let owner = Owner { id: &user.user_id, address: user.email.as_str() };
        Ok(party.creation_options(owner, there.iter().map(|passkey| &passkey.id), &challenge)?)
    }

    /// Adds the passkey of this response to [`Account::passkey_options`], by this name or what the device is called. The same response again gives
    /// the same passkey, so that a lost one of ours can be repeated, and tells nobody a second time.
    pub(crate) async fn add_passkey(
        &self,
        asked: &Asked<'_>,
        user: &User,
        (response, typed, sent): (&str, Option<&str>, Sent),
    ) -> Result<Passkey, Failure> {
        if !self.may_have_passkeys(user) {
            return Err(Failure::NoPasskeys);
        }
        let name = if let Some(typed) = typed {
            name(typed).map_err(|wrong| Failure::field("name", wrong))?
        } else {
            let agent = asked.request.header("User-Agent").ok().flatten();
            device::name(None, agent).unwrap_or_else(|| UNNAMED.to_owned())
        };
        let registration = Registration::parse(response)?;
        let challenge = registration.challenge();
        let keys = self.letters.having(|keys| keys.knows(challenge.sealed())).await?;
        let of = (&user.user_id, user.credential_epoch);
        challenge.enrolment_until(&keys, of, asked.now).map_err(|_| Failure::PasskeyChallenge)?;
        let made = self.relying_party(asked, sent)?.registered(&registration, challenge)?.named(name, asked.now);
        if let Some(there) = self.users.passkey(&user.user_id, &made.id).await? {
            return if there.public_key == made.public_key { Ok(there) } else { Err(Failure::PasskeyTaken) };
        }
        let notice = Notice::PasskeyAdded { link: asked.link("/account/passkeys") };
        let mail = self.mail(asked, &user.email, notice, PATIENCE)?;
        match self.accounts.add_passkey(user, &made, &mail).await? {
            AddPasskey::Done => {
                self.outbox.send(&mail.id).await;
                Ok(made)
            }
            AddPasskey::Full => Err(Failure::TooManyPasskeys),
            AddPasskey::Taken => Err(Failure::PasskeyTaken),
            AddPasskey::Unproved => Err(Failure::NotVerified),
            AddPasskey::UserChanged => Err(Failure::Busy),
        }
    }

    /// Gives a passkey of a user another name.
    pub(crate) async fn rename_passkey(&self, user: &UserId, id: &CredentialId, typed: &str) -> Result<(), Failure> {
        let name = name(typed).map_err(|wrong| Failure::field("name", wrong))?;
        if self.users.rename_passkey(user, id, &name).await? { Ok(()) } else { Err(Failure::NotFound) }
    }

    /// Removes a passkey of a user. All sessions end, but those that begin from now on. Returns the user as it is then. The last one of an account
    /// without a password goes only if that is asked for.
    pub(crate) async fn remove_passkey(
        &self,
        asked: &Asked<'_>,
        user: &User,
        (id, even_the_last): (&CredentialId, bool),
    ) -> Result<User, Failure> {
        let there = self.users.passkeys(&user.user_id).await?;
        if !there.iter().any(|passkey| passkey.id == *id) {
            return Err(Failure::NotFound);
        }
        // Of two that are removed at once one is refused, by the credential epoch: so the last one is not removed by mistake.
        if is_way_in(user, &there) && !even_the_last {
            return Err(Failure::LastPasskey);
        }
        let notice = Notice::PasskeyRemoved { link: asked.link("/account/passkeys") };
        let follows = self.following(asked, user, notice)?;
        match self.accounts.remove_passkey(user, id, follows.both()).await? {
            ChangeUser::Done => {
                self.follow(&follows).await;
                Ok(User { credential_epoch: next_epoch(user), ..user.clone() })
            }
            ChangeUser::Conflict => Err(Failure::Busy),
        }
    }

    /// Whose passkeys these are, where the pages are of this issuer. A form of the pages comes from these alone; apps send JSON.
    pub(crate) fn relying_party(&self, asked: &Asked<'_>, sent: Sent) -> Result<RelyingParty, Failure> {
        let (passkeys, name) =
            self.gateway.passkeys().zip(self.gateway.relying_party_name()).ok_or(Failure::NotFound)?;
        let origins = match sent {
            Sent::Form => passkeys.page_origins(asked.issuer()),
            Sent::Json => passkeys.accepted_origins(asked.issuer()),
        };
        Ok(RelyingParty::new(passkeys.relying_party.as_str(), &origins, name)?)
    }
}

/// Whether the only passkey is all that logs its user in here.
pub(crate) fn is_way_in(user: &User, there: &[Passkey]) -> bool {
    user.password.is_none() && there.len() == 1
}

/// The name that was typed, without characters that cannot be seen.
fn name(typed: &str) -> Result<String, Wrong> {
    let too_long = || Wrong::TooLong(MAX_NAME);
    let visible = device::visible(typed);
    if visible.is_empty() { Err(Wrong::Required) } else { Passkey::visible_name(&visible).ok_or_else(too_long) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_64_characters_and_no_control_characters() {
        assert_eq!(name(" Ada’s\u{7} key\n"), Ok("Ada’s key".to_owned()));
        let longest = "é".repeat(MAX_NAME);
        assert_eq!(name(&longest), Ok(longest.clone()));
        assert_eq!(name(&format!("{longest}x")), Err(Wrong::TooLong(64)));
        for empty in ["", " ", "\u{0}\n"] {
            assert_eq!(name(empty), Err(Wrong::Required));
        }
    }
}
