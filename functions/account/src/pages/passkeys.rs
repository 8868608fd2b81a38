//! The passkeys of the account: added, named and removed.

use super::{Shown, form, mistaken, mistakes, query};
use crate::error::Failure;
use crate::owner::Owner;
use crate::passkeys::Sent;
use crate::{Account, Asked, passkeys};
use gateway_domain::form::Form;
use gateway_domain::passkey::{CredentialId, Passkey};
use gateway_store::User;
use gateway_web::pages::{MyPasskeys, NewPasskey, NoNewPasskey, OwnerProof, PasskeyRow, RemovePasskey};
use gateway_web::{Browser, Mistakes, see_other};

const PURPOSE: &str = "passkeys";
const PAGE: &str = "/account/passkeys";
/// Where the last passkey of an account without a password is removed.
pub(super) const REMOVE: &str = "/account/passkeys/remove";
/// Where one logs in again, and comes back.
const LOG_IN: &str = "/account/log-in?to=%2Faccount%2Fpasskeys";

/// What a form of the page has done.
enum Done {
    /// Nothing but what the page shows.
    See(&'static str),
    /// The owner has shown who it is, or has other credentials: the login of this browser goes on as that of this user.
    Remember(Box<User>),
    /// The last passkey of an account without a password is to be removed: that is asked on a page of its own.
    Ask(CredentialId),
}

impl Account {
    pub(super) async fn passkeys_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let owner = self.owner(asked).await?;
        let (typed, failure) = match sent.then(|| form(asked, browser, PURPOSE)) {
            None => (None, None),
            Some(Err((typed, failure))) => (typed, Some(failure)),
            Some(Ok(mut typed)) => match Box::pin(self.change_passkeys(asked, &owner, &mut typed)).await {
                Ok(done) => return Box::pin(self.see_passkeys(asked, &owner, done)).await,
                Err(
                    failure @ (Failure::Fields(_)
                    | Failure::Passkey(_)
                    | Failure::PasskeyChallenge
                    | Failure::PasskeyTaken
                    | Failure::TooManyPasskeys
                    | Failure::TooManyAttempts(_)),
                ) => (Some(typed), Some(failure)),
                Err(failure) => return Err(failure),
            },
        };
        let there = self.passkeys_of(&owner.user.user_id).await?;
        if there.is_empty() && !self.may_have_passkeys(&owner.user) {
            return Err(Failure::NotFound);
        }
        let field = |typed: &Form, name: &str| typed.get(name).unwrap_or_default().to_owned();
        let typed = typed.map(|typed| (field(&typed, "passkey"), field(&typed, "name")));
        let ids: Vec<String> = there.iter().map(|passkey| passkey.id.to_string()).collect();
        let at = ids.iter().position(|id| typed.as_ref().is_some_and(|(named, _)| named == id));
        let failure = failure.map(|failure| at_field(failure, at));
        let rows = there.iter().zip(&ids).enumerate().map(|(place, (passkey, id))| PasskeyRow {
            id,
            name: &passkey.name,
            typed: typed.as_ref().filter(|_| at == Some(place)).map(|(_, name)| name.as_str()),
            synced: passkey.backed_up,
            added: passkey.since,
            used: passkey.used_at,
        });
        let options = self.options_on_page(asked, &owner.user, &there)?;
        let new = new_passkey(&options, owner.is_fresh(asked.now));
        let log_in = asked.site.page(LOG_IN);
        let nothing_follows = there.is_empty() && matches!(new, NewPasskey::Never(_));
        let page = MyPasskeys {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            passkeys: rows.collect(),
            saved: !sent && query(asked, "saved").is_some(),
            proof: if nothing_follows { OwnerProof::Given } else { self.proof_of(asked, &owner, &log_in) },
            new,
            mistakes: failure.as_ref().map(|failure| self.mistakes_of_login(failure)).unwrap_or_default(),
            account: Some(&asked.site.page("/account")),
        };
        Ok(match &failure {
            None => asked.site.respond(200, &page, &[]),
            Some(failure) => mistaken(asked, &page, failure),
        })
    }

    /// By what the browser makes another passkey, which the page shows after the proof alone. Where it cannot, the page shows those that there are
    /// all the same.
    fn options_on_page(
        &self,
        asked: &Asked<'_>,
        user: &User,
        there: &[Passkey],
    ) -> Result<Result<String, Failure>, Failure> {
        match self.passkey_options(asked, user, there) {
            Ok(options) => Ok(Ok(options.to_string())),
            Err(
                failure @ (Failure::TooManyPasskeys
                | Failure::NoPasskeys
                | Failure::NotVerified
                | Failure::Passkey(_)
                | Failure::UnsupportedCpu(_)),
            ) => {
                tracing::info!(reason = %failure, "no passkey can be added");
                Ok(Err(failure))
            }
            Err(failure) => Err(failure),
        }
    }

    /// How the owner shows who it is. Who has no password here and in no directory logs in again, by a passkey.
    fn proof_of<'a>(&self, asked: &Asked<'_>, owner: &Owner, log_in: &'a str) -> OwnerProof<'a> {
        if owner.is_fresh(asked.now) {
            OwnerProof::Given
        } else if self.has_password(&owner.user) {
            OwnerProof::ByPassword(log_in)
        } else {
            OwnerProof::ByLogin(log_in)
        }
    }

    /// Does what the form says. A passkey that is gone is as good as removed; what needs a fresh login does nothing without one, and the page asks
    /// for it.
    async fn change_passkeys(&self, asked: &Asked<'_>, owner: &Owner, typed: &mut Form) -> Result<Done, Failure> {
        let (user, fresh) = (&owner.user, owner.is_fresh(asked.now));
        if typed.get("prove").is_some() {
            self.prove_owner(asked, user, typed.take("current_password").as_ref()).await?;
            return Ok(Done::Remember(Box::new(user.clone())));
        }
        if let Some(response) = typed.get("credential").filter(|response| !response.is_empty()) {
            // The challenge was given out after a proof, and is good for five minutes.
            self.add_passkey(asked, user, (response, None, Sent::Form)).await?;
            return Ok(Done::See("?saved=yes"));
        }
        let Some(id) = typed.get("passkey").and_then(|id| CredentialId::parse(id).ok()) else {
            return Ok(Done::See(""));
        };
        let changed = if typed.get("remove").is_none() {
            let name = typed.get("name").unwrap_or_default();
            self.rename_passkey(&user.user_id, &id, name).await.map(|()| Done::See("?saved=yes"))
        } else if fresh {
            self.remove_passkey(asked, user, (&id, false)).await.map(|user| Done::Remember(Box::new(user)))
        } else {
            Ok(Done::See(""))
        };
        match changed {
            Err(Failure::NotFound) => Ok(Done::See("")),
            Err(Failure::LastPasskey) => Ok(Done::Ask(id)),
            changed => changed,
        }
    }

    /// Leads to the page that follows.
    async fn see_passkeys(&self, asked: &Asked<'_>, owner: &Owner, done: Done) -> Shown {
        match done {
            Done::See(query) => Ok(see_other(&asked.site.page(&format!("{PAGE}{query}")))),
            Done::Ask(id) => Ok(see_other(&asked.site.page(&format!("{REMOVE}?id={id}")))),
            Done::Remember(user) => {
                let cookie = self.remember(asked, &user, owner.proof(asked.now)).await?;
                Ok(see_other(&asked.site.page(PAGE)).header("Set-Cookie", cookie))
            }
        }
    }

    /// Asks before the last passkey of an account without a password is removed.
    pub(super) async fn remove_passkey_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "remove-passkey";
        let owner = self.owner(asked).await?;
        let there = self.passkeys_of(&owner.user.user_id).await?;
        let wanted = query(asked, "id").and_then(|id| CredentialId::parse(&id).ok());
        let Some(passkey) = there.iter().find(|passkey| Some(&passkey.id) == wanted.as_ref()) else {
            return Ok(see_other(&asked.site.page(PAGE)));
        };
        // Whoever has another way in removes it on the page of all, and whoever has to show who it is does so there.
        if !passkeys::is_way_in(&owner.user, &there) || !owner.is_fresh(asked.now) {
            return Ok(see_other(&asked.site.page(PAGE)));
        }
        let (form_token, back) = (browser.form_token(PURPOSE), asked.site.page(PAGE));
        let page = |mistakes| RemovePasskey {
            site: &asked.site,
            form_token: &form_token,
            name: &passkey.name,
            mistakes,
            back: Some(&back),
        };
        match sent.then(|| form(asked, browser, PURPOSE)) {
            None => Ok(asked.site.respond(200, &page(Mistakes::default()), &[])),
            Some(Err((_, failure))) => Ok(mistaken(asked, &page(mistakes(&failure, false)), &failure)),
            Some(Ok(_)) => {
                let user = Box::pin(self.remove_passkey(asked, &owner.user, (&passkey.id, true))).await?;
                Box::pin(self.see_passkeys(asked, &owner, Done::Remember(Box::new(user)))).await
            }
        }
    }
}

/// How another passkey is added by these options, if there are any, and the proof is `given`.
fn new_passkey(options: &Result<String, Failure>, given: bool) -> NewPasskey<'_> {
    match options {
        Ok(_) | Err(Failure::TooManyPasskeys) if !given => NewPasskey::Later,
        Ok(options) => NewPasskey::By(options),
        Err(Failure::TooManyPasskeys) => NewPasskey::Full,
        Err(Failure::NotVerified) => NewPasskey::Never(NoNewPasskey::Unproved),
        Err(Failure::UnsupportedCpu(_)) => NewPasskey::Never(NoNewPasskey::Unavailable),
        Err(_) => NewPasskey::Never(NoNewPasskey::OfAccount),
    }
}

/// The failure, at the field of the passkey at this place.
fn at_field(failure: Failure, at: Option<usize>) -> Failure {
    match (failure, at) {
        (Failure::Fields(wrong), Some(at)) => {
            let at_name = |name: String| if name == "name" { MyPasskeys::field(at) } else { name };
            Failure::Fields(wrong.into_iter().map(|(name, wrong)| (at_name(name), wrong)).collect())
        }
        (failure, _) => failure,
    }
}
