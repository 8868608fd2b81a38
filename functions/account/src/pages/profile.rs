//! What one has told in the fields that the configuration declares.

use super::{Shown, form, mistaken, mistakes, query, sign_up};
use crate::error::Failure;
use crate::{Account, Asked, fields};
use gateway_domain::form::Form;
use gateway_web::pages::Profile;
use gateway_web::{Browser, Mistakes, see_other};

const PURPOSE: &str = "profile";

impl Account {
    pub(super) async fn profile_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let user = self.owner(asked).await?.user;
        let (form_token, account) = (browser.form_token(PURPOSE), asked.site.page("/account"));
        let saved = query(asked, "saved").is_some();
        if !sent {
            let known = |id: &str| user.profile.get(id).map(String::as_str).unwrap_or_default();
            let profile = sign_up::declared(&self.gateway, asked.language, known);
            let mistakes = Mistakes::default();
            let (site, account) = (&asked.site, Some(account.as_str()));
            let page = Profile { site, form_token: &form_token, profile, saved, mistakes, account };
            return Ok(asked.site.respond(200, &page, &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(typed) => {
                let saved = async {
                    let profile = fields::profile(&self.gateway, |id| format!("profile_{id}"), |name| typed.get(name))?;
                    self.change_profile(&user, &profile).await
                };
                match Box::pin(saved).await {
                    Ok(()) => return Ok(see_other(&asked.site.page("/account/profile?saved=yes"))),
                    Err(failure) => (Some(typed), failure),
                }
            }
        };
        let field =
            |id: &str| typed.as_ref().and_then(|typed: &Form| typed.get(&format!("profile_{id}"))).unwrap_or_default();
        let profile = sign_up::declared(&self.gateway, asked.language, field);
        let (site, account) = (&asked.site, Some(account.as_str()));
        let mistakes = mistakes(&failure, false);
        let page = Profile { site, form_token: &form_token, profile, saved: false, mistakes, account };
        Ok(mistaken(asked, &page, &failure))
    }

    pub(crate) async fn change_profile(
        &self,
        user: &gateway_store::User,
        profile: &std::collections::BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        if self.users.set_profile(user, profile).await? { Ok(()) } else { Err(Failure::NotLoggedIn) }
    }
}
