//! The pages of a proof by mail that changes no password: one asks for a mail, one confirms.

use super::{Shown, follows, form, login, mistaken, mistakes, proof};
use crate::error::Failure;
use crate::unlock::CONFIRM;
use crate::{Account, Asked, fields};
use gateway_domain::form::Form;
use gateway_domain::ids::CodeId;
use gateway_domain::secret::Secret;
use gateway_web::pages::{ConfirmUnlock, Unlock};
use gateway_web::{Browser, Mistakes, see_other};

impl Account {
    pub(super) async fn unlock_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "unlock";
        let (form_token, login) = (browser.form_token(PURPOSE), login(asked));
        let page = |email, mistakes| Unlock {
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
            Ok(typed) => match Box::pin(self.asked_for_proof(asked, &typed)).await {
                Ok(id) => return Ok(see_other(&follows(asked, &format!("{CONFIRM}?id={id}")))),
                Err(failure) => (Some(typed), failure),
            },
        };
        let email = typed.as_ref().and_then(|typed| typed.get("email")).unwrap_or_default();
        Ok(mistaken(asked, &page(email, mistakes(&failure, false)), &failure))
    }

    async fn asked_for_proof(&self, asked: &Asked<'_>, typed: &Form) -> Result<CodeId, Failure> {
        Ok(self.unlock(asked, &fields::address("email", typed.get("email"))?).await?.id)
    }

    pub(super) async fn confirm_unlock_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        const PURPOSE: &str = "confirm-unlock";
        let (id, token) = proof::of_url(asked)?;
        let (form_token, by_link) = (browser.form_token(PURPOSE), token.is_some());
        let page = |code, mistakes| ConfirmUnlock {
            site: &asked.site,
            form_token: &form_token,
            code: if by_link { None } else { Some(code) },
            mistakes,
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(typed) => match Box::pin(self.proof_confirmed(asked, &id, token, &typed)).await {
                Ok(()) => return Ok(see_other(&follows(asked, "/account/unlocked"))),
                Err(failure) => (Some(typed), failure),
            },
        };
        let code = typed.as_ref().and_then(|typed| typed.get("code")).unwrap_or_default();
        Ok(mistaken(asked, &page(code, mistakes(&failure, !by_link)), &failure))
    }

    async fn proof_confirmed(
        &self,
        asked: &Asked<'_>,
        id: &CodeId,
        token: Option<Secret>,
        typed: &Form,
    ) -> Result<(), Failure> {
        self.confirm_unlock(asked, id, &proof::of_form(token, typed)?).await
    }
}
