//! `/oauth2/logout`: ends the login of this browser. Sessions in applications are not ended by it.

use crate::browser_login::without_login;
use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use gateway_domain::event::ApiResponse;
use gateway_web::pages::{LogOut, Message, Notice};
use gateway_web::see_other;

const PURPOSE: &str = "logout";

impl AuthorizationEndpoint {
    /// The question, so that no link can log a user out.
    pub(crate) async fn ask_to_log_out(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let Some(user) = self.logged_in(request).await? else { return Ok(logged_out(request)) };
        let form_token = request.browser.form_token(PURPOSE);
        let page = LogOut { site: request.site, form_token: &form_token, username: user.user.email.as_str() };
        Ok(request.site.respond(200, &page, &[]))
    }

    /// Ends the login.
    pub(crate) async fn log_out(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        if !request.is_ours(&request.form()?, PURPOSE) {
            // The page that is loaded anew has the cookies that a form of another site does not bring.
            return Ok(see_other(&request.site.path("/oauth2/logout")));
        }
        self.forget(request).await?;
        Ok(without_login(request, logged_out(request)))
    }
}

fn logged_out(request: &Request<'_>) -> ApiResponse {
    request.site.respond(200, &Message { site: request.site, notice: Notice::LoggedOut, next: None }, &[])
}
