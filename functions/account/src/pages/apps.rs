//! The apps that may use the account, and the way to take that back.

use super::{Shown, form, lapsed, mistaken};
use crate::{Account, Asked};
use gateway_domain::ids::ClientId;
use gateway_web::pages::{AppRow, MyApps};
use gateway_web::{Browser, see_other};

const PURPOSE: &str = "apps";

impl Account {
    pub(super) async fn apps_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let user = self.owner(asked).await?.user;
        let failure = match sent.then(|| form(asked, browser, PURPOSE)) {
            None => None,
            Some(Err((_, failure))) => Some(failure),
            Some(Ok(typed)) => {
                // Also of one whose consent is gone: what followed may not be done.
                if let Some(app) = typed.get("revoke").and_then(|app| ClientId::parse(app).ok()) {
                    self.revoke(asked, &user.user_id, &app).await?;
                }
                return Ok(see_other(&asked.site.page("/account/apps")));
            }
        };
        let apps = self.apps_of(&user.user_id).await?;
        let rows = apps.iter().map(|app| AppRow {
            client_id: app.consent.client_id.as_str(),
            name: &app.name,
            scopes: app.consent.scope.iter().map(|scope| asked.site.scope(&self.gateway, scope)).collect(),
        });
        let page = MyApps {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            apps: rows.collect(),
            mistake: failure.as_ref().map(lapsed),
            account: Some(&asked.site.page("/account")),
        };
        Ok(match &failure {
            None => asked.site.respond(200, &page, &[]),
            Some(failure) => mistaken(asked, &page, failure),
        })
    }
}
