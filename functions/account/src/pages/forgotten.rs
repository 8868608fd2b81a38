//! The pages for a forgotten password: one asks for a mail, one sets another password.

use super::{Shown, follows, form, login, mistaken, mistakes, proof};
use crate::error::{Failure, Wrong};
use crate::{Account, Asked, fields};
use gateway_credentials::password_policy;
use gateway_domain::form::Form;
use gateway_domain::ids::CodeId;
use gateway_domain::secret::Secret;
use gateway_web::pages::{Forgotten, Reset};
use gateway_web::{Browser, Mistakes, see_other};

impl Account {
    pub(super) async fn forgotten_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "forgotten";
        self.resets_here()?;
        let (form_token, login) = (browser.form_token(PURPOSE), login(asked));
        let page = |email, mistakes| Forgotten {
            site: &asked.site,
            form_token: &form_token,
            email,
            mistakes,
            log_in: Some(&login),
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(typed) => match Box::pin(self.asked_for_mail(asked, &typed)).await {
                Ok(id) => return Ok(see_other(&follows(asked, &format!("/account/reset?id={id}")))),
                Err(failure) => (Some(typed), failure),
            },
        };
        let email = typed.as_ref().and_then(|typed| typed.get("email")).unwrap_or_default();
        Ok(mistaken(asked, &page(email, mistakes(&failure, false)), &failure))
    }

    async fn asked_for_mail(&self, asked: &Asked<'_>, typed: &Form) -> Result<CodeId, Failure> {
        Ok(self.forgotten(asked, &fields::address("email", typed.get("email"))?).await?.id)
    }

    pub(super) async fn reset_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "reset";
        self.resets_here()?;
        let (id, token) = proof::of_url(asked)?;
        let (form_token, by_link) = (browser.form_token(PURPOSE), token.is_some());
        let unchanged = self.unchanged_at(asked);
        let page = |code, mistakes| Reset {
            site: &asked.site,
            form_token: &form_token,
            code: if by_link { None } else { Some(code) },
            least_password: password_policy::MIN,
            unchanged: &unchanged,
            mistakes,
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(mut typed) => match Box::pin(self.password_set(asked, &id, token, &mut typed)).await {
                Ok(()) => return Ok(see_other(&follows(asked, "/account/password-set"))),
                Err(failure) => (Some(typed), failure),
            },
        };
        let code = typed.as_ref().and_then(|typed| typed.get("code")).unwrap_or_default();
        Ok(mistaken(asked, &page(code, mistakes(&failure, !by_link)), &failure))
    }

    async fn password_set(
        &self,
        asked: &Asked<'_>,
        id: &CodeId,
        token: Option<Secret>,
        typed: &mut Form,
    ) -> Result<(), Failure> {
        const FIELD: &str = "new_password";
        let password = typed.take(FIELD).filter(|password| !password.is_empty());
        let mut mistaken = fields::Mistaken::default();
        let proof = mistaken.in_field(proof::of_form(token, typed))?;
        let password = mistaken.in_field(password.ok_or(Failure::field(FIELD, Wrong::Required)))?;
        mistaken.none()?;
        let (Some(proof), Some(password)) = (proof, password) else { return Err(Failure::WrongCode) };
        self.reset(asked, id, &proof, (FIELD, &password)).await
    }
}
