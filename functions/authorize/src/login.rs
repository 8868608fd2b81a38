//! `POST /oauth2/authorize`: the login form. The connectors run here, since the password is kept nowhere.

use crate::authorize::{Asked, Begun, Checked, refuse};
use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request, redirect};
use gateway_credentials::{CredentialsError, PasswordLogin, Proved};
use gateway_domain::authorization_request::AuthorizationErrorCode;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::ConnectorName;
use gateway_domain::password::MAX_BYTES;
use gateway_domain::secret::Secret;
use gateway_domain::source::Source;
use gateway_domain::time::Seconds;
use gateway_sessions::{Login, SessionError};
use gateway_store::User;
use gateway_telemetry::Metric;
use gateway_web::pages::{self, System};
use gateway_web::{MAX_ONWARD, Mistake, Mistakes, ONWARD};
use std::collections::BTreeMap;

/// The longest mailbox address, in bytes.
const MAX_USERNAME: usize = 254;
/// What the form is for, to which its token is bound.
const PURPOSE: &str = "login";

/// What the login form shows. A password is never among it.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) username: String,
    pub(crate) mistakes: Mistakes,
}

/// Where a login leads to.
enum Gone {
    /// To the consent or the client, with a pending session.
    On(Box<Begun>),
    /// Back to the client with an error.
    Back(ApiResponse),
    /// Nowhere until the address is proved. Told only to who knows the password.
    NotVerified,
}

impl AuthorizationEndpoint {
    /// Checks the password, logs in at the legacy systems, and goes on to the consent or back to the client.
    pub(crate) async fn log_in(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let sent = request.form();
        let asked = match self.checked(request.query, request.now).await? {
            Checked::Good(asked) => asked,
            Checked::Refused(target, refused) => return Ok(redirect::with_error(request, &target, &refused)),
        };
        let site = asked.site(request);
        let request = &Request { site: &site, ..*request };
        let (mut form, unread) = match sent {
            Ok(form) => (form, None),
            Err(Failure::Form(error)) => (Form::legible(&request.api.body), Some(error)),
            Err(failure) => return Err(failure),
        };
        let password = form.take("password");
        let username = form.get("username").unwrap_or_default().trim().to_owned();
        let again = |status: u16, reason, mistakes| {
            tracing::info!(kind = reason, status, "a login is refused");
            gateway_telemetry::count(Metric::Refusal { reason });
            let shown = Shown { username: username.clone(), mistakes };
            Ok(ApiResponse { status, ..self.login_page(request, &asked, shown) })
        };
        if let Some(error) = unread {
            let status = Failure::Form(error).status();
            return again(status, "form", Mistakes::of_form(Mistake::Unreadable));
        }
        if !request.is_ours(&form, PURPOSE) {
            return again(400, "other_browser", Mistakes::of_form(Mistake::OtherBrowser));
        }
        let mut mistakes = Mistakes::default();
        if username.is_empty() {
            mistakes = mistakes.at("username", Mistake::Required);
        } else if username.len() > MAX_USERNAME || username.chars().any(char::is_control) {
            mistakes = mistakes.at("username", Mistake::NoAddress);
        }
        match &password {
            None => mistakes = mistakes.at("password", Mistake::Required),
            Some(password) if password.expose().len() > MAX_BYTES => {
                mistakes = mistakes.at("password", Mistake::TooLong(MAX_BYTES));
            }
            Some(_) => {}
        }
        let separate = self.separate_passwords(&asked, &mut form, &mut mistakes);
        let Some(password) = password.filter(|_| mistakes.is_empty()) else { return again(400, "field", mistakes) };
        let attempt = PasswordLogin {
            username: &username,
            password: &password,
            client: &asked.app.client_id,
            source: &Source::of(request.api.source_ip.as_deref()),
            session: None,
        };
        let Proved { user, begun } = match self.passwords.check(&attempt, request.now).await {
            Ok(proved) => proved,
            Err(CredentialsError::Password) => {
                return again(400, "credentials", Mistakes::of_form(Mistake::WrongLogin));
            }
            Err(CredentialsError::TooManyAttempts(wait)) => {
                let page = again(429, "too_many_attempts", Mistakes::of_form(self.too_many_attempts(wait)))?;
                return Ok(page.header("Retry-After", wait.to_string()));
            }
            Err(CredentialsError::Directory(reason)) => {
                tracing::error!(reason, "the directory failed at a login");
                let name = self.config.directory_name(request.site.language());
                let mistake = name.map_or(Mistake::Unavailable, |name| Mistake::UnreachableSystem(name.to_owned()));
                return again(503, "directory", Mistakes::of_form(mistake));
            }
            Err(error) => return Err(error.into()),
        };
        let system = |connector| self.config.system_name(connector, request.site.language()).to_owned();
        let login = Login {
            user: &user.user_id,
            username: user.email.as_str(),
            links: &user.links,
            password: &password,
            begun: &begun,
            separate: &separate,
        };
        let went_on = Box::pin(self.go_on(request, &asked, &user, login)).await;
        // What a directory began and no pending session has taken is of no use to anybody.
        self.pending.tokens().end_begun(&begun).await;
        let Begun { pending, response } = match went_on {
            Ok(Gone::On(begun)) => *begun,
            Ok(Gone::Back(response)) => return Ok(response),
            Ok(Gone::NotVerified) => return again(400, "not_verified", Mistakes::of_form(Mistake::NotVerified)),
            Err(Failure::Session(SessionError::BackEndRefused(connector) | SessionError::NotLinked(connector))) => {
                return again(400, "back_end_refused", Mistakes::of_form(Mistake::RefusedBy(system(&connector))));
            }
            Err(Failure::Session(SessionError::BackEnd(connector, reason))) => {
                tracing::error!(%connector, reason, "a legacy system failed at a login");
                return again(503, "back_end", Mistakes::of_form(Mistake::UnreachableSystem(system(&connector))));
            }
            Err(failure) => return Err(failure),
        };
        drop((password, separate));
        // Only now, so that a login that failed at a legacy system leaves the browser as it was.
        let cookie = self.remember(request, &user, &pending).await?;
        Ok(response.header("Set-Cookie", cookie))
    }

    /// What is told after too many attempts. Elsewhere, another password is no proof to the gateway, and a mail alone is.
    fn too_many_attempts(&self, wait: Seconds) -> Mistake {
        match (self.config.password_elsewhere(), self.mails) {
            (None, _) => Mistake::TooManyAttempts(wait),
            (Some(_), true) => Mistake::ProveByMail(wait),
            (Some(_), false) => Mistake::TooManyRequests(wait),
        }
    }

    /// The passwords that were typed for systems that have one of their own.
    fn separate_passwords(
        &self,
        asked: &Asked,
        form: &mut Form,
        mistakes: &mut Mistakes,
    ) -> BTreeMap<ConnectorName, Secret> {
        let mut separate = BTreeMap::new();
        for (connector, optional) in self.pending.tokens().separate_passwords(&asked.app, &asked.request.scope) {
            let field = format!("password.{connector}");
            let wrong = match form.take(&field) {
                Some(typed) if typed.expose().len() > MAX_BYTES => Mistake::TooLong(MAX_BYTES),
                Some(typed) => {
                    separate.insert(connector, typed);
                    continue;
                }
                None if optional => continue,
                None => Mistake::Required,
            };
            *mistakes = std::mem::take(mistakes).at(field, wrong);
        }
        separate
    }

    /// Goes on with a user who has shown the password.
    async fn go_on(
        &self,
        request: &Request<'_>,
        asked: &Asked,
        user: &User,
        login: Login<'_>,
    ) -> Result<Gone, Failure> {
        if !user.email_verified && !self.config.accounts().login_before_verification {
            return Ok(Gone::NotVerified);
        }
        match self.hinted(request, asked).await? {
            Ok(hinted) if hinted.as_ref().is_none_or(|hinted| *hinted == user.user_id) => {}
            Ok(_) => {
                let description = "another user has logged in than the one of id_token_hint";
                return Ok(Gone::Back(refuse(request, asked, AuthorizationErrorCode::LoginRequired, description)));
            }
            Err(refused) => return Ok(Gone::Back(redirect::with_error(request, &asked.request.target, &refused))),
        }
        let must_ask = self.needs_consent(asked, user).await?;
        self.proceed(request, asked, (user, request.now), Some(login), must_ask)
            .await
            .map(|begun| Gone::On(Box::new(begun)))
    }

    /// The login form. Where people make their own accounts, it leads there. A password of another system is reset there.
    pub(crate) fn login_page(&self, request: &Request<'_>, asked: &Asked, shown: Shown) -> ApiResponse {
        // From there, people come back to this request.
        let onward = onward(request);
        let account = |path: &str| request.site.page(&format!("{path}{onward}"));
        let sign_up = self.config.accounts().sign_up.then(|| account("/account/sign-up"));
        let forgotten = match self.config.password_elsewhere() {
            Some(elsewhere) => elsewhere.reset.map(|url| url.as_str().to_owned()),
            None => self.mails.then(|| account("/account/forgotten")),
        };
        let unlock = shown.mistakes.ask_for_proof().then(|| account("/account/unlock"));
        let separate = self.pending.tokens().separate_passwords(&asked.app, &asked.request.scope);
        let systems = separate.iter().map(|(name, optional)| {
            let label = self.config.system_name(name, request.site.language());
            System { name: name.as_str(), label, optional: *optional }
        });
        let hint = asked.request.login_hint.as_deref().unwrap_or_default();
        let page = pages::Login {
            site: request.site,
            form_token: &request.browser.form_token(PURPOSE),
            app: Some(&asked.app.name),
            username: if shown.username.is_empty() { hint } else { &shown.username },
            systems: systems.collect(),
            mistakes: shown.mistakes,
            forgotten: forgotten.as_deref(),
            unlock: unlock.as_deref(),
            sign_up: sign_up.as_deref(),
        };
        request.site.respond(200, &page, &[&asked.request.target.redirect_uri])
    }
}

/// This request as the query of pages that lead back to it; empty if it is too long for that.
fn onward(request: &Request<'_>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(request.query.iter()).finish();
    if query.len() > MAX_ONWARD {
        return String::new();
    }
    form_urlencoded::Serializer::new("?".to_owned()).append_pair(ONWARD, &query).finish()
}
