//! Who is logged in in a browser: a cookie with 256 random bits, of which the hash is stored.

use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::event::ApiResponse;
use gateway_domain::secret::sha256_hex;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{BrowserLogin, User};
use gateway_web::cookie;

/// The cookie of a browser login.
const COOKIE: &str = "login";
/// A use is noted if it moves the idle end by at least this part of the idle time, so that not every page is a write.
const WORTH: u64 = 10;

/// A user who is logged in in a browser.
pub(crate) struct LoggedIn {
    pub(crate) user: User,
    /// When the user showed the password.
    pub(crate) auth_time: Timestamp,
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
        let idle = self.config.lifetimes().browser_idle;
        let idle_end = request.now.saturating_add(idle);
        if idle_end > login.idle_end.saturating_add(Seconds::new(idle.as_u64() / WORTH)) {
            self.browser_logins.note_use(&id, idle_end).await?;
        }
        Ok(Some(LoggedIn { user, auth_time: login.auth_time }))
    }

    /// Begins a browser login and ends the one before it: each login has a cookie of its own, so that one that somebody
    /// planted leads nowhere. Returns the cookie.
    pub(crate) async fn remember(&self, request: &Request<'_>, user: &User) -> Result<String, Failure> {
        let value = URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>()?);
        let lifetimes = self.config.lifetimes();
        let login = BrowserLogin {
            id: sha256_hex(value.as_bytes()),
            user_id: user.user_id.clone(),
            credential_epoch: user.credential_epoch,
            auth_time: request.now,
            idle_end: request.now.saturating_add(lifetimes.browser_idle),
            absolute_end: request.now.saturating_add(lifetimes.browser_absolute),
        };
        self.browser_logins.create(&login).await?;
        self.forget(request).await?;
        Ok(request.site.set_cookie(COOKIE, &value, None))
    }

    /// Ends the browser login of this request, if there is one.
    pub(crate) async fn forget(&self, request: &Request<'_>) -> Result<(), Failure> {
        if let Some(id) = id(request) {
            self.browser_logins.end(&id).await?;
        }
        Ok(())
    }
}

/// The response, without the cookie of a browser login from now on.
pub(crate) fn without_login(request: &Request<'_>, response: ApiResponse) -> ApiResponse {
    response.header("Set-Cookie", request.site.clear_cookie(COOKIE))
}

fn id(request: &Request<'_>) -> Option<String> {
    let value = cookie(request.api, &request.site.cookie_name(COOKIE))?;
    (value.len() == 43).then(|| sha256_hex(value.as_bytes()))
}
