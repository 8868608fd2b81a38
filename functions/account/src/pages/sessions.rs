//! Where one is logged in, and the way to end it.

use super::{Shown, form, lapsed, mistaken};
use crate::lists::OwnSession;
use crate::{Account, Asked};
use gateway_web::pages::{MySessions, SessionRow};
use gateway_web::{Browser, see_other};

const PURPOSE: &str = "sessions";

impl Account {
    pub(super) async fn sessions_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let owner = self.owner(asked).await?;
        let user = &owner.user.user_id;
        let failure = match sent.then(|| form(asked, browser, PURPOSE)) {
            None => None,
            Some(Err((_, failure))) => Some(failure),
            Some(Ok(typed)) => {
                if typed.get("end_others").is_some() {
                    self.log_out_elsewhere(asked, user, Some(&owner.login), |sid| owner.began_here(sid)).await?;
                } else {
                    let chosen = |own: &OwnSession| typed.get("end") == Some(own.of.sid.as_str());
                    let chosen = self.sessions_of(user, asked.now).await?.into_iter().find(chosen);
                    self.end_sessions(asked, user, chosen.into_iter().map(|own| own.of).collect()).await?;
                }
                return Ok(see_other(&asked.site.page("/account/sessions")));
            }
        };
        let sessions = self.sessions_of(user, asked.now).await?;
        let rows = sessions.iter().map(|session| SessionRow {
            id: session.of.sid.as_str(),
            app: &session.app,
            device: session.device.as_deref(),
            made: session.began,
            refreshed: session.refreshed,
            current: owner.began_here(&session.of.sid),
        });
        let page = MySessions {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            sessions: rows.collect(),
            mistake: failure.as_ref().map(lapsed),
            account: Some(&asked.site.page("/account")),
        };
        Ok(match &failure {
            None => asked.site.respond(200, &page, &[]),
            Some(failure) => mistaken(asked, &page, failure),
        })
    }
}
