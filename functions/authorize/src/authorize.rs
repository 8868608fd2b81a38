//! `GET /oauth2/authorize`: checks the request, and goes on with whoever is logged in, or shows the login form.

use crate::error::Failure;
use crate::steps::{Asked, Begun, Shown, Trouble};
use crate::{AuthorizationEndpoint, Request, login, redirect};
use gateway_credentials::LoggedIn;
use gateway_domain::authorization_request::{
    AuthorizationErrorCode, AuthorizationRequest, PARAMETERS, Refused, Target,
};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::{Form, InvalidForm};
use gateway_domain::ids::ClientId;
use gateway_domain::pushed_request::{PushedRequest, SealedAs};
use gateway_domain::session::LoginMethod;
use gateway_domain::time::Timestamp;
use gateway_store::{App, AppKind};
use gateway_telemetry::Metric;
use gateway_web::{Mistakes, Site, see_other};

/// The longest query, in bytes: API Gateway takes 10,240 bytes of request line and headers.
const MAX_QUERY: usize = 6 * 1024;

impl Asked {
    /// The site in the language of the request, which may have been pushed.
    pub(crate) fn site(&self, request: &Request<'_>) -> Site {
        request.site.clone().in_language_of(self.request.ui_locales.as_deref())
    }
}

/// What a request leads to, before anybody is looked at.
pub(crate) enum Checked {
    Good(Box<Asked>),
    /// The client is told by a redirect.
    Refused(Target, Refused),
}

/// The request again as a GET, so that the login form has a URL of its own that can be loaded again.
pub(crate) fn by_post(request: &Request<'_>) -> Result<ApiResponse, Failure> {
    let form = request.form()?;
    // Nothing else goes into a URL, where it would stay.
    let known = form.iter().filter(|(name, _)| PARAMETERS.contains(name));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(known).finish();
    if query.len() > MAX_QUERY {
        return Err(InvalidForm::TooLarge.into());
    }
    Ok(see_other(&format!("{}?{query}", request.site.path("/oauth2/authorize"))))
}

impl AuthorizationEndpoint {
    /// Checks the parameters, first those without which no error may be sent to the client (RFC 6749 §4.1.2.1).
    pub(crate) async fn checked(&self, form: &Form, now: Timestamp) -> Result<Checked, Failure> {
        let client_id = form.get("client_id").ok_or(Failure::Client("client_id is missing"))?;
        let client_id = ClientId::parse(client_id).map_err(|_| Failure::Client("client_id is malformed"))?;
        let app = self.apps.asking(&client_id).await?.filter(|app| app.enabled);
        let app = app.ok_or(Failure::Client("client_id is unknown"))?;
        let pushed = match form.get("request_uri") {
            Some(uri) => Some(self.pushed(uri, &app, now).await?),
            None => None,
        };
        // What was pushed is all of the request (RFC 9126 §4).
        let form = pushed.as_ref().unwrap_or(form);
        let registration = app.registration();
        let target = Target::of(form, &registration)?;
        Ok(match AuthorizationRequest::parse(target.clone(), form, &registration) {
            Ok(request) => Checked::Good(Box::new(Asked { app, request: self.known(request) })),
            Err(refused) => Checked::Refused(target, refused),
        })
    }

    /// A request without what this gateway does not have: where there are no passkeys, nobody can be asked for one.
    pub(crate) fn known(&self, request: AuthorizationRequest) -> AuthorizationRequest {
        match self.config.passkeys() {
            Some(_) => request,
            None => AuthorizationRequest { acr_values: request.acr_values.without(LoginMethod::Passkey), ..request },
        }
    }

    /// The parameters that the application pushed. Without them nobody knows where to send an error.
    pub(crate) async fn pushed(&self, request_uri: &str, app: &App, now: Timestamp) -> Result<Form, Failure> {
        let refused = Failure::Client("request_uri is no pushed request of this client, or has lapsed; push it again");
        let Some(sealed) = PushedRequest::sealed(SealedAs::RequestUri, request_uri) else { return Err(refused) };
        let keys = self.pending.tokens().sealing_for(&sealed).await?;
        PushedRequest::open(SealedAs::RequestUri, &sealed, &keys, &app.client_id, now).map_err(|_| refused)
    }

    /// The authorization endpoint.
    pub(crate) async fn authorize(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let asked = match self.checked(request.query, request.now).await? {
            Checked::Good(asked) => asked,
            Checked::Refused(target, refused) => return Ok(redirect::with_error(request, &target, &refused)),
        };
        let site = asked.site(request);
        let request = &Request { site: &site, ..*request };
        let prompt = asked.request.prompt;
        let now = request.now;
        let logged_in = self.logged_in(request).await?;
        // Without anybody, the login form is shown to whoever the hint names, and the login is held against it.
        let hinted = match &logged_in {
            None => None,
            Some(_) => match self.hinted(&asked, request.issuer).await? {
                Ok(hinted) => hinted,
                Err(refused) => return Ok(redirect::with_error(request, &asked.request.target, &refused)),
            },
        };
        let fresh = |user: &LoggedIn| {
            hinted.as_ref().is_none_or(|hinted| *hinted == user.user.user_id)
                && asked.request.max_age.is_none_or(|age| now <= user.auth_time.saturating_add(age))
                && asked.request.acr_values.accept(user.login.by)
                && !prompt.login
        };
        let logged_in = logged_in.filter(fresh);
        // The gateway keeps no password: for a legacy system that checks one, the user is asked again.
        let needs_password = self.pending.tokens().need_password(&asked.app, &asked.request.scope);
        let Some(user) = logged_in else { return Ok(self.without_user(request, &asked)) };
        if needs_password {
            if prompt.none {
                let description = "a legacy system of this scope needs the password";
                return Ok(refuse(request, &asked, AuthorizationErrorCode::InteractionRequired, description));
            }
            let shown = login::Shown { username: user.user.email.to_string(), ..login::Shown::default() };
            return Ok(self.login_page(request, &asked, shown));
        }
        // Without a question, a native application that took the redirect URI of another one would get its code (RFC 8252
        // §8.6): only a claimed https address belongs to one application for certain.
        let must_ask = self.needs_consent(&asked, &user.user).await? || !is_claimed(&asked);
        if must_ask && prompt.none {
            let description = "the user has to give the consent";
            return Ok(refuse(request, &asked, AuthorizationErrorCode::ConsentRequired, description));
        }
        let shown = Shown::Before(user.auth_time, user.login.by);
        let begun = match self.begin(&asked, &user.user, shown, must_ask, &request.origin()).await {
            Ok(begun) => begun,
            Err(failure) => return Ok(self.without_system(request, &asked, &user, &Trouble::of_system(failure)?)),
        };
        // Who has logged out meanwhile finds no session that begins after it.
        let session = (&begun.pending.sid, &begun.pending.client_id);
        if !self.browsers.note_session(&user, session, now).await? {
            self.pending.end(&begun.pending).await?;
            return Ok(self.without_user(request, &asked));
        }
        Ok(onward(request, &asked, &begun))
    }

    /// The response where a legacy system does not take who is logged in.
    fn without_system(&self, request: &Request<'_>, asked: &Asked, user: &LoggedIn, trouble: &Trouble) -> ApiResponse {
        tracing::info!(kind = trouble.kind(), "a login without the password is refused");
        gateway_telemetry::count(Metric::Refusal { reason: trouble.kind() });
        if asked.request.prompt.none {
            let (code, description) = if matches!(trouble, Trouble::Unreachable(_)) {
                (
                    AuthorizationErrorCode::TemporarilyUnavailable,
                    "a legacy system of this scope does not answer as it should",
                )
            } else {
                (AuthorizationErrorCode::AccessDenied, "a legacy system of this scope does not take this user")
            };
            return refuse(request, asked, code, description);
        }
        let (status, mistake) = self.told(trouble, request.site.language());
        let shown = login::Shown { username: user.user.email.to_string(), mistakes: Mistakes::of_form(mistake) };
        ApiResponse { status, ..self.login_page(request, asked, shown) }
    }

    /// The response where nobody is logged in whom the request would take.
    fn without_user(&self, request: &Request<'_>, asked: &Asked) -> ApiResponse {
        if asked.request.prompt.none {
            return refuse(request, asked, AuthorizationErrorCode::LoginRequired, "nobody is logged in");
        }
        self.login_page(request, asked, login::Shown::default())
    }
}

/// Where the browser goes with a login that waits: to the consent page, or back to the client with the code.
pub(crate) fn onward(request: &Request<'_>, asked: &Asked, Begun { pending, code }: &Begun) -> ApiResponse {
    match code {
        Some(code) => redirect::with_code(request, &asked.request.target, code),
        None => see_other(&request.site.page(&format!("/oauth2/consent?login={}", pending.sid))),
    }
}

/// Whether the client is known by its redirect URI or by its secret.
fn is_claimed(asked: &Asked) -> bool {
    asked.app.kind == AppKind::Confidential || asked.request.target.redirect_uri.starts_with("https:")
}

pub(crate) fn refuse(
    request: &Request<'_>,
    asked: &Asked,
    code: AuthorizationErrorCode,
    description: &'static str,
) -> ApiResponse {
    redirect::with_error(request, &asked.request.target, &Refused { code, description })
}
