//! The page that proves an address, by the code of a mail or by its link.

use super::{Shown, follows, form, mistaken, mistakes, proof, ticket};
use crate::error::{Failure, Wrong};
use crate::{Account, Asked};
use gateway_domain::form::Form;
use gateway_domain::ids::CodeId;
use gateway_domain::secret::Secret;
use gateway_web::pages::Verify;
use gateway_web::{Browser, Mistakes, see_other};

const PURPOSE: &str = "verify";

impl Account {
    pub(super) async fn verify_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let (id, token) = proof::of_url(asked)?;
        let begun = ticket::begun(asked, &id);
        // Whoever has neither the mail nor the browser that signed up learns nothing of the address.
        let address = match (&begun, &token) {
            (Some(begun), _) => begun.address.to_string(),
            (None, Some(token)) => self.address_of_link(&id, token, asked.now).await?,
            (None, None) => return Err(Failure::WrongCode),
        };
        let by_link = token.is_some();
        let form_token = browser.form_token(PURPOSE);
        let page = |code, mistakes| Verify {
            site: &asked.site,
            form_token: &form_token,
            address: &address,
            code: if by_link { None } else { Some(code) },
            password: begun.is_none(),
            mistakes,
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(typed) if typed.get("resend").is_some() => {
                return Box::pin(self.resend(asked, &id, begun.as_ref())).await;
            }
            Ok(mut typed) => {
                let secret = begun.as_ref().map(|begun| &begun.secret);
                match Box::pin(self.verified(asked, &id, (secret, token), &mut typed)).await {
                    Ok(()) => {
                        let next = see_other(&follows(asked, "/account/verified"));
                        return Ok(next.header("Set-Cookie", ticket::clear(asked)));
                    }
                    Err(failure) => (Some(typed), failure),
                }
            }
        };
        let code = typed.as_ref().and_then(|typed| typed.get("code")).unwrap_or_default();
        let page = page(code, mistakes(&failure, !by_link));
        Ok(mistaken(asked, &page, &failure))
    }

    async fn verified(
        &self,
        asked: &Asked<'_>,
        id: &CodeId,
        (secret, token): (Option<&Secret>, Option<Secret>),
        typed: &mut Form,
    ) -> Result<(), Failure> {
        let password = typed.take("password");
        if secret.is_none() && password.is_none() {
            return Err(Failure::field("password", Wrong::Required));
        }
        let proof = proof::of_form(token, typed)?;
        self.verify(asked, (id, secret), &proof, password.as_ref()).await
    }

    /// Sends another code for the same sign-up, if this browser has begun it.
    async fn resend(&self, asked: &Asked<'_>, id: &CodeId, begun: Option<&ticket::Begun>) -> Shown {
        let begun = begun.ok_or(Failure::WrongCode)?;
        let ticket = self.send_again(asked, id, &begun.secret, &begun.address).await?;
        let next = follows(asked, &format!("/account/verify?id={}", ticket.id));
        Ok(see_other(&next).header("Set-Cookie", ticket::set(asked, &ticket, &begun.address)))
    }
}
