//! Who is logged in in a browser: a cookie with 256 random bits, of which the hash is stored.

use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::event::ApiResponse;
use gateway_domain::pending_session::PendingSession;
use gateway_domain::secret::sha256_hex;
use gateway_store::{BegunSession, BrowserLogin, User};
use gateway_web::cookie;

/// The cookie of a browser login.
const COOKIE: &str = "login";

/// A user who is logged in in a browser.
pub(crate) struct LoggedIn {
    pub(crate) user: User,
    pub(crate) login: BrowserLogin,
}

impl AuthorizationEndpoint {
    /// The user who is logged in in the browser of this request, if the login still holds: a change of credentials ends it.
    pub(crate) async fn logged_in(&self, request: &Request<'_>) -> Result<Option<LoggedIn>, Failure> {
        let Some(id) = id(request) else { return Ok(None) };
        let Some(login) = self.browser_logins.get(&id).await? else { return Ok(None) };
        if !login.is_live(request.now) {
            return Ok(None);
        }
        let Some(user) = self.users.get(&login.user_id).await? else { return Ok(None) };
        if !user.enabled || user.credential_epoch != login.credential_epoch {
            return Ok(None);
        }
        Ok(Some(LoggedIn { user, login }))
    }

    /// Notes that a session begins from a browser login, which is a use of it. `false` if it was ended meanwhile.
    pub(crate) async fn note_session(
        &self,
        request: &Request<'_>,
        login: &BrowserLogin,
        pending: &PendingSession,
    ) -> Result<bool, Failure> {
        let idle_end = request.now.saturating_add(self.config.lifetimes().browser_idle);
        Ok(self.browser_logins.note_session(login, &pending.sid, &begun(request, pending), idle_end).await?)
    }

    /// Begins a browser login with its first session, and ends the one before it: each login has a cookie of its own, so that
    /// one that somebody planted leads nowhere. The sessions of the same user go with it. Returns the cookie.
    pub(crate) async fn remember(
        &self,
        request: &Request<'_>,
        user: &User,
        pending: &PendingSession,
    ) -> Result<String, Failure> {
        let value = URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>()?);
        let lifetimes = self.config.lifetimes();
        let after = |before: Option<&BrowserLogin>| {
            let before = before.filter(|before| before.user_id == user.user_id);
            let mut login = BrowserLogin {
                id: sha256_hex(value.as_bytes()),
                user_id: user.user_id.clone(),
                credential_epoch: user.credential_epoch,
                auth_time: request.now,
                idle_end: request.now.saturating_add(lifetimes.browser_idle),
                absolute_end: request.now.saturating_add(lifetimes.browser_absolute),
                sessions: before.map(|before| before.sessions.clone()).unwrap_or_default(),
                newest: None,
            };
            login.add(pending.sid.clone(), begun(request, pending));
            login
        };
        let cookie = request.site.set_cookie(COOKIE, &value, None);
        let Some(id) = id(request) else {
            self.browser_logins.create(&after(None)).await?;
            return Ok(cookie);
        };
        // The sessions are in the new login before the old one is gone, so that at no moment a logout would miss them.
        let before = self.browser_logins.get(&id).await?;
        self.browser_logins.create(&after(before.as_ref())).await?;
        let ended = self.browser_logins.end(&id).await?;
        if ended.is_some() && ended != before {
            self.browser_logins.create(&after(ended.as_ref())).await?;
        }
        Ok(cookie)
    }

    /// Ends the browser login of this request, if there is one.
    pub(crate) async fn forget(&self, request: &Request<'_>) -> Result<(), Failure> {
        if let Some(id) = id(request) {
            self.browser_logins.end(&id).await?;
        }
        Ok(())
    }
}

fn begun(request: &Request<'_>, pending: &PendingSession) -> BegunSession {
    BegunSession { client_id: pending.client_id.clone(), at: request.now }
}

/// The response, without the cookie of a browser login from now on.
pub(crate) fn without_login(request: &Request<'_>, response: ApiResponse) -> ApiResponse {
    response.header("Set-Cookie", request.site.clear_cookie(COOKIE))
}

fn id(request: &Request<'_>) -> Option<String> {
    let value = cookie(request.api, &request.site.cookie_name(COOKIE))?;
    (value.len() == 43).then(|| sha256_hex(value.as_bytes()))
}
