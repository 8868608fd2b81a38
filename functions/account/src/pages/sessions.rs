//! Where one is logged in, and the way to end it.

use super::{Shown, form};
use crate::lists::OwnSession;
use crate::owner::Owner;
use crate::{Account, Asked};
use gateway_domain::outbox::AppSession;
use gateway_web::pages::{MySessions, SessionRow};
use gateway_web::{Browser, see_other};

const PURPOSE: &str = "sessions";

impl Account {
    pub(super) async fn sessions_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let Owner { user, begun_here, .. } = self.owner(asked).await?;
        let sessions = self.sessions_of(&user.user_id, asked.now).await?;
        if sent {
            if let Ok(typed) = form(asked, browser, PURPOSE) {
                let others = typed.get("end_others").is_some();
                let chosen = |session: &&OwnSession| {
                    others && !begun_here.contains(&session.of.sid) || typed.get("end") == Some(session.of.sid.as_str())
                };
                let ended: Vec<AppSession> = sessions.iter().filter(chosen).map(|session| session.of.clone()).collect();
                self.end_sessions(asked, &user.user_id, ended).await?;
            }
            return Ok(see_other(&asked.site.path("/account/sessions")));
        }
        let rows = sessions.iter().map(|session| SessionRow {
            id: session.of.sid.as_str(),
            app: &session.app,
            device: session.device.as_deref(),
            made: session.began,
            refreshed: session.refreshed,
            current: begun_here.contains(&session.of.sid),
        });
        let page = MySessions {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            sessions: rows.collect(),
            account: Some(&asked.site.path("/account")),
        };
        Ok(asked.site.respond(200, &page, &[]))
    }
}
