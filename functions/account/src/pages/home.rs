//! The page with all that one can do, and the way out of this browser.

use super::Shown;
use crate::{Account, Asked};
use gateway_web::pages::Account as Page;
use gateway_web::{Browser, see_other};

const PURPOSE: &str = "account";

impl Account {
    pub(super) async fn home_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        if sent {
            // It asks, and ends what began in this browser: one page does that for all of the gateway's.
            return Ok(see_other(&asked.site.page("/oauth2/logout")));
        }
        let user = self.owner(asked).await?.user;
        let path = |path: &str| asked.site.page(path);
        let own_password = user.password.is_some();
        let profile = (!self.gateway.accounts().fields.is_empty()).then(|| path("/account/profile"));
        // The address of who has no password here is the name that the directory knows.
        let change_address = own_password.then(|| path("/account/address"));
        let change_password = match self.gateway.password_elsewhere() {
            Some(elsewhere) => elsewhere.change.map(|url| url.as_str().to_owned()),
            None => own_password.then(|| path("/account/password")),
        };
        let passkeys = self.may_have_passkeys(&user).then(|| path("/account/passkeys"));
        let devices = self.gateway.devices().map(|_| path("/account/devices"));
        let page = Page {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            username: user.email.as_str(),
            profile: profile.as_deref(),
            change_address: change_address.as_deref(),
            change_password: change_password.as_deref(),
            passkeys: passkeys.as_deref(),
            sessions: Some(&path("/account/sessions")),
            devices: devices.as_deref(),
            apps: Some(&path("/account/apps")),
            my_data: Some(&path("/account/data")),
            disable: Some(&path("/account/disable")),
            delete: Some(&path("/account/delete")),
        };
        Ok(asked.site.respond(200, &page, &[]))
    }
}
