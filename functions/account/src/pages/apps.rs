//! The apps that may use the account, and the way to take that back.

use super::{Shown, form};
use crate::{Account, Asked};
use gateway_web::pages::{AppRow, MyApps};
use gateway_web::{Browser, see_other};

const PURPOSE: &str = "apps";

impl Account {
    pub(super) async fn apps_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let user = self.owner(asked).await?.user;
        let apps = self.apps_of(&user.user_id).await?;
        if sent {
            if let Ok(typed) = form(asked, browser, PURPOSE) {
                let revoked = apps.iter().find(|app| typed.get("revoke") == Some(app.consent.client_id.as_str()));
                if let Some(app) = revoked {
                    self.revoke(asked, &user.user_id, &app.consent.client_id).await?;
                }
            }
            return Ok(see_other(&asked.site.path("/account/apps")));
        }
        let rows = apps.iter().map(|app| AppRow {
            client_id: app.consent.client_id.as_str(),
            name: &app.name,
            scopes: app
                .consent
                .scope
                .iter()
                .map(|scope| self.gateway.scope_text(scope, asked.language).unwrap_or(scope))
                .collect(),
        });
        let page = MyApps {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            apps: rows.collect(),
            account: Some(&asked.site.path("/account")),
        };
        Ok(asked.site.respond(200, &page, &[]))
    }
}
