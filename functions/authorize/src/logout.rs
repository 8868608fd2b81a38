//! `/oauth2/logout`: ends the login of this browser and every session that began from it. It is the `end_session_endpoint` of
//! OpenID Connect RP-Initiated Logout 1.0.

use crate::browser_login::without_login;
use crate::end_session::{EndSession, Target, again, is_of};
use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use gateway_domain::event::ApiResponse;
use gateway_domain::outbox::Which;
use gateway_domain::pending_session::{CODE_LIFETIME, CONSENT_LIFETIME, Progress};
use gateway_store::BrowserLogin;
use gateway_web::pages::{LogOut, Message, Notice, Step};
use gateway_web::see_other;

const PURPOSE: &str = "logout";
/// How often a logout begins anew because a session began meanwhile, in another tab.
const ROUNDS: u32 = 5;

impl AuthorizationEndpoint {
    /// Ends the login at once if an application that it was used for asks for that, and asks the user otherwise, so that no link
    /// of anybody else can log a user out.
    pub(crate) async fn end_session(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        // A HEAD ends nothing.
        let cookie = request.site.login_cookie(request.api).filter(|_| request.api.method == "GET");
        let known = self.browsers.known(cookie).await?;
        let asked = self.asked_to_end(request, known.as_ref()).await?;
        let by_hint = known.zip(asked.hint.as_ref()).is_some_and(|(login, hint)| is_of(&login, hint));
        if by_hint {
            return self.log_out_now(request, &asked).await;
        }
        let Some(user) = self.logged_in(request).await? else { return Ok(over(request, &asked, false)) };
        let form_token = request.browser.form_token(PURPOSE);
        let page = LogOut { site: request.site, form_token: &form_token, username: user.user.email.as_str() };
        let target = asked.target.as_ref().map(|target| target.uri.as_str());
        Ok(request.site.respond(200, &page, target.as_slice()))
    }

    /// Ends the login after the user's answer, or shows an application's own form as a page.
    pub(crate) async fn log_out(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let form = request.form()?;
        if !request.is_ours(&form, PURPOSE) {
            // The page that is loaded anew has the cookies that a form of another site does not bring.
            return again(request, if request.query.is_empty() { &form } else { request.query });
        }
        // The user has confirmed it: no hint is needed for the end, only for the way from there.
        let asked = self.asked_to_end(request, None).await?;
        self.log_out_now(request, &asked).await
    }

    /// Ends the login of this browser with its sessions. Who asked for that has an ID token of it, or the user's word.
    async fn log_out_now(&self, request: &Request<'_>, asked: &EndSession) -> Result<ApiResponse, Failure> {
        for _ in 0..ROUNDS {
            let Some(login) = self.browsers.known(request.site.login_cookie(request.api)).await? else {
                return Ok(without_login(request, over(request, asked, true)));
            };
            self.end_pending(request, &login).await?;
            // An older outbox function does not know the other: it is written where there is something that it ends.
            let which = if self.config.has_app_families() { Which::Together } else { Which::These };
            if let Some(ending) = self.browsers.log_out(&login, which, request.now).await? {
                self.outbox.end_sessions(&ending).await;
                return Ok(without_login(request, over(request, asked, true)));
            }
        }
        Err(Failure::Busy)
    }

    /// Ends what may become a session after the sessions were ended: a consent that is asked for, a code that is on its way, a
    /// redemption that is under way and finds this.
    async fn end_pending(&self, request: &Request<'_>, login: &BrowserLogin) -> Result<(), Failure> {
        let lasts = CONSENT_LIFETIME.as_u64().saturating_add(CODE_LIFETIME.as_u64().saturating_mul(2));
        for (sid, _) in login.sessions.iter().filter(|(_, begun)| request.now.since(begun.at).as_u64() <= lasts) {
            for _ in 0..ROUNDS {
                let Some(pending) = self.pending.get(sid).await? else { break };
                if pending.progress == Progress::Ended || self.pending.end(&pending).await? {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The response where nobody is logged in any more: back to the application, if it is known by an ID token or the user has
/// just confirmed the logout that it asked for; otherwise a page that leads there.
fn over(request: &Request<'_>, asked: &EndSession, confirmed: bool) -> ApiResponse {
    let location = asked.target.as_ref().map(Target::location);
    match location {
        Some(location) if confirmed || asked.hint.is_some() => see_other(&location),
        location => {
            let next = location.as_deref().map(|location| (Step::Continue, location));
            request.site.respond(200, &Message { site: request.site, notice: Notice::LoggedOut, next }, &[])
        }
    }
}
