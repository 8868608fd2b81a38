//! Who is logged in in the browser of a request.

use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use gateway_credentials::LoggedIn;
use gateway_domain::event::ApiResponse;
use gateway_domain::pending_session::PendingSession;
use gateway_store::User;
use gateway_web::LOGIN_COOKIE;

impl AuthorizationEndpoint {
    /// The user who is logged in in the browser of this request, if the login still holds.
    pub(crate) async fn logged_in(&self, request: &Request<'_>) -> Result<Option<LoggedIn>, Failure> {
        Ok(self.browsers.logged_in(request.site.login_cookie(request.api), request.now).await?)
    }

    /// Begins a browser login with its first session, and ends the one before it. Returns the value of `Set-Cookie`.
    pub(crate) async fn remember(
        &self,
        request: &Request<'_>,
        user: &User,
        pending: &PendingSession,
    ) -> Result<String, Failure> {
        let (before, session) = (request.site.login_cookie(request.api), (&pending.sid, &pending.client_id));
        let value = self.browsers.begin(pending.by, (user, request.now), before, Some(session), request.now).await?;
        Ok(request.site.set_cookie(LOGIN_COOKIE, &value, None))
    }
}

/// The response, without the cookie of a browser login from now on.
pub(crate) fn without_login(request: &Request<'_>, response: ApiResponse) -> ApiResponse {
    response.header("Set-Cookie", request.site.clear_cookie(LOGIN_COOKIE))
}
