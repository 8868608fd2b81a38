//! The end of an account: disabled or deleted, by who knows its password.

use super::{Shown, form, mistaken};
use crate::error::Failure;
use crate::owner::Owner;
use crate::{Account, Asked};
use gateway_domain::form::Form;
use gateway_web::pages::{Close, Closing};
use gateway_web::{Browser, LOGIN_COOKIE, Mistakes, see_other};

impl Account {
    pub(super) async fn close_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool, closing: Closing) -> Shown {
        let (purpose, next) = match closing {
            Closing::Disable => ("disable", "/account/disabled"),
            Closing::Delete => ("delete", "/account/deleted"),
        };
        let owner = self.owner(asked).await?;
        let (form_token, account) = (browser.form_token(purpose), asked.site.page("/account"));
        let page =
            |mistakes| Close { site: &asked.site, form_token: &form_token, closing, mistakes, account: Some(&account) };
        if !sent {
            return Ok(asked.site.respond(200, &page(Mistakes::default()), &[]));
        }
        let failure = match form(asked, browser, purpose) {
            Err((_, failure)) => failure,
            Ok(mut typed) => match Box::pin(self.closed(asked, &owner, &mut typed, closing)).await {
                // The login of this browser has ended with the account.
                Ok(()) => {
                    return Ok(
                        see_other(&asked.site.page(next)).header("Set-Cookie", asked.site.clear_cookie(LOGIN_COOKIE))
                    );
                }
                Err(failure) => failure,
            },
        };
        Ok(mistaken(asked, &page(self.mistakes_of_login(&failure)), &failure))
    }

    async fn closed(
        &self,
        asked: &Asked<'_>,
        owner: &Owner,
        typed: &mut Form,
        closing: Closing,
    ) -> Result<(), Failure> {
        self.prove_owner(asked, &owner.user, typed.take("current_password").as_ref()).await?;
        match closing {
            Closing::Disable => self.disable(asked, &owner.user).await,
            Closing::Delete => self.delete(asked, &owner.user).await,
        }
    }
}
