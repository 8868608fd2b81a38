//! Another password for who is logged in.

use super::{Shown, form, mistaken, mistakes};
use crate::error::{Failure, Wrong};
use crate::fields::Mistaken;
use crate::owner::Owner;
use crate::{Account, Asked};
use gateway_credentials::password_policy;
use gateway_domain::form::Form;
use gateway_store::User;
use gateway_web::pages::ChangePassword;
use gateway_web::{Browser, Mistakes, see_other};

const PURPOSE: &str = "password";

impl Account {
    pub(super) async fn password_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let owner = self.owner(asked).await?;
        self.may_change_password()?;
        let (form_token, account) = (browser.form_token(PURPOSE), asked.site.page("/account"));
        let unchanged = self.unchanged_at(asked);
        let passkeys = self.may_have_passkeys(&owner.user).then(|| asked.site.page("/account/passkeys"));
        let page = |mistakes| ChangePassword {
            site: &asked.site,
            form_token: &form_token,
            current: !owner.is_fresh(asked.now),
            least_password: password_policy::MIN,
            unchanged: &unchanged,
            passkeys: passkeys.as_deref(),
            mistakes,
            account: Some(&account),
        };
        if !sent {
            return Ok(asked.site.respond(200, &page(Mistakes::default()), &[]));
        }
        let failure = match form(asked, browser, PURPOSE) {
            Err((_, failure)) => failure,
            Ok(mut typed) => match Box::pin(self.password_changed(asked, &owner, &mut typed)).await {
                Ok(user) => {
                    // The login of this browser goes on, under the new password, and becomes no more recent by that.
                    let cookie = self.remember(asked, &user, owner.proof(asked.now)).await?;
                    let next = see_other(&asked.site.page("/account/password-set"));
                    return Ok(next.header("Set-Cookie", cookie));
                }
                Err(failure) => failure,
            },
        };
        Ok(mistaken(asked, &page(mistakes(&failure, false)), &failure))
    }

    /// The systems that keep a password of their own when the one here changes, as users know them.
    pub(super) fn unchanged_at(&self, asked: &Asked<'_>) -> String {
        let systems = self.gateway.separate_passwords();
        systems.map(|(name, _)| self.gateway.system_name(name, asked.language)).collect::<Vec<_>>().join(", ")
    }

    async fn password_changed(&self, asked: &Asked<'_>, owner: &Owner, typed: &mut Form) -> Result<User, Failure> {
        const FIELD: &str = "new_password";
        let (current, new) = (typed.take("current_password"), typed.take(FIELD));
        let mut mistaken = Mistaken::default();
        let current = current.filter(|current| !current.is_empty());
        if current.is_none() && !owner.is_fresh(asked.now) {
            mistaken.in_field::<()>(Err(Failure::field("current_password", Wrong::Required)))?;
        }
        let new = new.filter(|new| !new.is_empty());
        let new = mistaken.in_field(new.ok_or(Failure::field(FIELD, Wrong::Required)))?;
        mistaken.none()?;
        let new = new.ok_or(Failure::field(FIELD, Wrong::Required))?;
        if !owner.is_fresh(asked.now) {
            self.prove_owner(asked, &owner.user, current.as_ref()).await?;
        }
        self.change_password(asked, &owner.user, (FIELD, &new)).await
    }
}
