//! `GET /oauth2/authorize`: checks the request, and goes on with whoever is logged in, or shows the login form.

use crate::error::Failure;
use crate::login::Shown;
use crate::{AuthorizationEndpoint, Request, redirect};
use gateway_credentials::LoggedIn;
use gateway_domain::authorization_request::{AuthorizationErrorCode, AuthorizationRequest, Refused, Target};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::{Form, InvalidForm};
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::pending_session::PendingSession;
use gateway_domain::pushed_request::PushedRequest;
use gateway_domain::time::Timestamp;
use gateway_sessions::{Login, NewLogin};
use gateway_store::{App, AppKind, User};
use gateway_web::{Site, see_other};

/// The parameters that are read, and those whose mere presence is told (OpenID Connect Core §3.1.2.1, §6).
const PARAMETERS: [&str; 17] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "request",
    "request_uri",
    "registration",
];
/// The longest query, in bytes: API Gateway takes 10,240 bytes of request line and headers.
const MAX_QUERY: usize = 6 * 1024;

/// A checked request with the application that it comes from.
pub(crate) struct Asked {
    pub(crate) app: App,
    pub(crate) request: AuthorizationRequest,
}

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

/// A login that waits for the consent or the redemption of its code, and where the browser goes for that.
pub(crate) struct Begun {
    pub(crate) pending: PendingSession,
    pub(crate) response: ApiResponse,
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
            Ok(request) => Checked::Good(Box::new(Asked { app, request })),
            Err(refused) => Checked::Refused(target, refused),
        })
    }

    /// The parameters that the application pushed. Without them nobody knows where to send an error.
    async fn pushed(&self, request_uri: &str, app: &App, now: Timestamp) -> Result<Form, Failure> {
        let refused = Failure::Client("request_uri is no pushed request of this client, or has lapsed; push it again");
        let Some(sealed) = PushedRequest::sealed(request_uri) else { return Err(refused) };
        let keys = self.pending.tokens().sealing_for(&sealed).await?;
        PushedRequest::open(&sealed, &keys, &app.client_id, now).map_err(|_| refused)
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
            Some(_) => match self.hinted(request, &asked).await? {
                Ok(hinted) => hinted,
                Err(refused) => return Ok(redirect::with_error(request, &asked.request.target, &refused)),
            },
        };
        let fresh = |user: &LoggedIn| {
            hinted.as_ref().is_none_or(|hinted| *hinted == user.user.user_id)
                && asked.request.max_age.is_none_or(|age| now <= user.auth_time.saturating_add(age))
                && !prompt.login
        };
        let logged_in = logged_in.filter(fresh);
        let needs_password = self.pending.tokens().need_password(&asked.app, &asked.request.scope);
        let Some(user) = logged_in else { return Ok(self.without_user(request, &asked)) };
        if needs_password {
            if prompt.none {
                let description = "a legacy system of this scope needs the password";
                return Ok(refuse(request, &asked, AuthorizationErrorCode::InteractionRequired, description));
            }
            let shown = Shown { username: user.user.email.to_string(), ..Shown::default() };
            return Ok(self.login_page(request, &asked, shown));
        }
        // Without a question, a native application that took the redirect URI of another one would get its code (RFC 8252
        // §8.6): only a claimed https address belongs to one application for certain.
        let must_ask = self.needs_consent(&asked, &user.user).await? || !is_claimed(&asked);
        if must_ask && prompt.none {
            let description = "the user has to give the consent";
            return Ok(refuse(request, &asked, AuthorizationErrorCode::ConsentRequired, description));
        }
        let auth_time = user.auth_time;
        let begun = self.proceed(request, &asked, (&user.user, auth_time), None, must_ask).await?;
        // Who has logged out meanwhile finds no session that begins after it.
        let session = (&begun.pending.sid, &begun.pending.client_id);
        if !self.browsers.note_session(&user, session, now).await? {
            self.pending.end(&begun.pending).await?;
            return Ok(self.without_user(request, &asked));
        }
        Ok(begun.response)
    }

    /// The user whom the request is for, if an ID token names one (OpenID Connect Core §3.1.2.1).
    pub(crate) async fn hinted(
        &self,
        request: &Request<'_>,
        asked: &Asked,
    ) -> Result<Result<Option<UserId>, Refused>, Failure> {
        let Some(text) = &asked.request.id_token_hint else { return Ok(Ok(None)) };
        let (code, description) =
            (AuthorizationErrorCode::InvalidRequest, "id_token_hint is no ID token of this server");
        let hint = self.read_hint(request, text).await?;
        Ok(hint.map(|hint| Some(hint.user_id)).ok_or(Refused { code, description }))
    }

    /// Whether the user has to be asked: an application of the company's own is trusted, another one remembers the answer.
    pub(crate) async fn needs_consent(&self, asked: &Asked, user: &User) -> Result<bool, Failure> {
        if asked.app.trusted {
            return Ok(false);
        }
        if asked.request.prompt.consent {
            return Ok(true);
        }
        let given = self.consents.get(&user.user_id, &asked.app.client_id).await?;
        Ok(given.is_none_or(|consent| !asked.request.scope.is_subset(&consent.scope)))
    }

    /// Goes on with a user who showed the password at this time: to the consent page, or back to the client with a code. `login`
    /// holds the password that was just shown, for the legacy systems. The response is for who has noted the session.
    pub(crate) async fn proceed(
        &self,
        request: &Request<'_>,
        asked: &Asked,
        (user, auth_time): (&User, Timestamp),
        login: Option<Login<'_>>,
        must_ask: bool,
    ) -> Result<Begun, Failure> {
        let AuthorizationRequest { target, scope, challenge, nonce, .. } = &asked.request;
        let new = NewLogin {
            app: &asked.app,
            scope: scope.clone(),
            redirect_uri: target.redirect_uri.clone(),
            state: target.state.clone(),
            challenge: challenge.clone(),
            nonce: nonce.clone(),
            user: &user.user_id,
            credential_epoch: user.credential_epoch,
            browser_epoch: user.browser_epoch,
            auth_time,
            browser: request.browser.form_token("pending session"),
        };
        if must_ask {
            let pending = self.pending.ask(new, login, request.now).await?;
            let response = see_other(&request.site.page(&format!("/oauth2/consent?login={}", pending.sid)));
            return Ok(Begun { pending, response });
        }
        let (pending, code) = self.pending.permit(new, login, request.now).await?;
        let response = redirect::with_code(request, target, &code);
        Ok(Begun { pending, response })
    }

    /// The response where nobody is logged in whom the request would take.
    fn without_user(&self, request: &Request<'_>, asked: &Asked) -> ApiResponse {
        if asked.request.prompt.none {
            return refuse(request, asked, AuthorizationErrorCode::LoginRequired, "nobody is logged in");
        }
        self.login_page(request, asked, Shown::default())
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
