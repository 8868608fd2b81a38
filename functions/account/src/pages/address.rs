//! Another address for who is logged in, and the way back for who had the address before.

use super::{CONFIRM_ADDRESS, Shown, form, mistaken, mistakes, proof};
use crate::error::{Failure, Wrong};
use crate::owner::Owner;
use crate::{Account, Asked, fields};
use gateway_credentials::password_policy;
use gateway_domain::form::Form;
use gateway_domain::ids::CodeId;
use gateway_web::pages::{ChangeAddress, TakeBack, Verify};
use gateway_web::{Browser, Mistakes, see_other};

impl Account {
    pub(super) async fn address_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "address";
        let owner = self.owner(asked).await?;
        let (form_token, account) = (browser.form_token(PURPOSE), asked.site.page("/account"));
        let page = |email, mistakes| ChangeAddress {
            site: &asked.site,
            form_token: &form_token,
            address: owner.user.email.as_str(),
            email,
            current: !owner.is_fresh(asked.now),
            mistakes,
            account: Some(&account),
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(mut typed) => match Box::pin(self.address_asked(asked, &owner, &mut typed)).await {
                Ok(id) => return Ok(see_other(&asked.site.page(&format!("{CONFIRM_ADDRESS}?id={id}")))),
                Err(failure) => (Some(typed), failure),
            },
        };
        let email = typed.as_ref().and_then(|typed| typed.get("email")).unwrap_or_default();
        Ok(mistaken(asked, &page(email, mistakes(&failure, false)), &failure))
    }

    async fn address_asked(&self, asked: &Asked<'_>, owner: &Owner, typed: &mut Form) -> Result<CodeId, Failure> {
        let current = typed.take("current_password").filter(|current| !current.is_empty());
        let mut mistaken = fields::Mistaken::default();
        let email = mistaken.in_field(fields::address("email", typed.get("email")))?;
        if current.is_none() && !owner.is_fresh(asked.now) {
            mistaken.in_field::<()>(Err(Failure::field("current_password", Wrong::Required)))?;
        }
        mistaken.none()?;
        let email = email.ok_or(Failure::field("email", Wrong::Required))?;
        if !owner.is_fresh(asked.now) {
            self.prove_owner(asked, &owner.user, current.as_ref()).await?;
        }
        self.ask_for_address(asked, &owner.user, &email).await
    }

    pub(super) async fn confirm_address_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "confirm-address";
        let user = self.owner(asked).await?.user;
        let (id, token) = proof::of_url(asked)?;
        let address = self.asked_address(asked, &id, &user).await?;
        let (form_token, by_link) = (browser.form_token(PURPOSE), token.is_some());
        let page = |code, mistakes| Verify {
            site: &asked.site,
            form_token: &form_token,
            address: address.as_str(),
            code: if by_link { None } else { Some(code) },
            password: false,
            mistakes,
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(typed) if typed.get("resend").is_some() => return Ok(see_other(&asked.site.page("/account/address"))),
            Ok(typed) => {
                let changed = async {
                    let proof = proof::of_form(token, &typed)?;
                    self.change_address(asked, &user, (&id, &proof)).await
                };
                match Box::pin(changed).await {
                    Ok(()) => return Ok(see_other(&asked.site.page("/account/address-changed"))),
                    Err(failure) => (Some(typed), failure),
                }
            }
        };
        let code = typed.as_ref().and_then(|typed| typed.get("code")).unwrap_or_default();
        Ok(mistaken(asked, &page(code, mistakes(&failure, !by_link)), &failure))
    }

    /// It works without a login: whoever had the address may be locked out.
    pub(super) async fn take_back_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "take-back";
        const FIELD: &str = "new_password";
        let (id, token) = proof::of_url(asked)?;
        let token = token.ok_or(Failure::WrongCode)?;
        let (address, _) = self.address_to_take_back(&id, &token, asked.now).await?;
        let form_token = browser.form_token(PURPOSE);
        let page = |mistakes| TakeBack {
            site: &asked.site,
            form_token: &form_token,
            address: address.as_str(),
            least_password: password_policy::MIN,
            mistakes,
        };
        if !sent {
            return Ok(asked.site.respond(200, &page(Mistakes::default()), &[]));
        }
        let failure = match form(asked, browser, PURPOSE) {
            Err((_, failure)) => failure,
            Ok(mut typed) => {
                let done = async {
                    let password = typed.take(FIELD).filter(|password| !password.is_empty());
                    let required = Failure::field(FIELD, Wrong::Required);
                    self.take_back(asked, (&id, &token), (FIELD, &password.ok_or(required)?)).await
                };
                match Box::pin(done).await {
                    Ok(()) => return Ok(see_other(&asked.site.page("/account/address-kept"))),
                    Err(failure) => failure,
                }
            }
        };
        Ok(mistaken(asked, &page(mistakes(&failure, false)), &failure))
    }
}
