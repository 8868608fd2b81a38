//! `/oauth2/consent`: asks the user whether the application may use the account, and remembers the answer.

use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request, redirect};
use gateway_domain::authorization_request::{AuthorizationErrorCode, Refused, Target};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::SessionId;
use gateway_domain::pending_session::{PendingSession, Progress};
use gateway_store::{App, Consent, User};
use gateway_web::pages;

impl AuthorizationEndpoint {
    /// The question.
    pub(crate) async fn ask_for_consent(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (pending, app, user) = self.waiting(request).await?;
        if pending.progress != Progress::Asked {
            return Err(Failure::Expired);
        }
        let scopes = pending.scope.iter().map(|scope| request.site.scope(&self.config, scope)).collect();
        let returns_to = pending.redirect_uri.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
        let page = pages::Consent {
            site: request.site,
            form_token: &request.browser.form_token(&purpose(&pending)),
            app: &app.name,
            returns_to,
            username: user.email.as_str(),
            scopes,
        };
        Ok(request.site.respond(200, &page, &[&pending.redirect_uri]))
    }

    /// The answer. A consent is written before its code is issued: the redemption requires it.
    pub(crate) async fn decide(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let form = request.form()?;
        let (pending, app, user) = self.waiting(request).await?;
        let target = Target { redirect_uri: pending.redirect_uri.clone(), state: pending.state.clone() };
        if !request.is_ours(&form, &purpose(&pending)) {
            // The question is asked again, with a token that fits: nothing was decided.
            return self.ask_for_consent(request).await;
        }
        if form.get("decision") != Some("allow") {
            if pending.progress != Progress::Asked || !self.pending.end(&pending).await? {
                return Err(Failure::Expired);
            }
            let refused = Refused { code: AuthorizationErrorCode::AccessDenied, description: "the user refused" };
            return Ok(redirect::with_error(request, &target, &refused));
        }
        if !app.trusted {
            let (user_id, client_id, scope) = (user.user_id, app.client_id, pending.scope.clone());
            let consent = Consent { user_id, client_id, scope, given_at: request.now };
            if !self.consents.give(&consent, &self.users, user.credential_epoch).await? {
                return Err(Failure::Expired);
            }
        }
        match self.pending.issue(&pending, request.now).await? {
            Some(code) => Ok(redirect::with_code(request, &target, &code)),
            None => Err(Failure::Expired),
        }
    }

    /// The login that waits for an answer of this browser. Everything that may have changed meanwhile is read again.
    async fn waiting(&self, request: &Request<'_>) -> Result<(PendingSession, App, User), Failure> {
        let sid = request.query.get("login").and_then(|text| SessionId::parse(text).ok()).ok_or(Failure::Incomplete)?;
        let pending = self.pending.get(&sid).await?.ok_or(Failure::Expired)?;
        // A form that is sent twice, by a double click, gets a code again as long as none was redeemed.
        let waits = matches!(pending.progress, Progress::Asked | Progress::Issued(_)) && request.now < pending.ends;
        // The id is in a URL, which others may see; the browser that logged in is known by its cookie.
        if !waits || !request.browser.check("pending session", Some(&pending.browser)) {
            return Err(Failure::Expired);
        }
        let app = self.apps.asking(&pending.client_id).await?.filter(|app| app.enabled).ok_or(Failure::Expired)?;
        // Nobody answers for a user who has logged out of this browser meanwhile.
        let user = self.logged_in(request).await?.map(|logged_in| logged_in.user);
        let user =
            user.filter(|user| user.user_id == pending.user_id && user.credential_epoch == pending.credential_epoch);
        Ok((pending, app, user.ok_or(Failure::Expired)?))
    }
}

/// The form is bound to its login, so that the answer to one question is none to another.
fn purpose(pending: &PendingSession) -> String {
    format!("consent {}", pending.sid)
}
