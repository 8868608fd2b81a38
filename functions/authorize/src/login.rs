//! `POST /oauth2/authorize`: the login form.

use crate::authorize::{Checked, onward};
use crate::error::Failure;
use crate::steps::{Asked, Next, Trouble, Wrong};
use crate::{AuthorizationEndpoint, Request, redirect};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::language::Language;
use gateway_domain::password::MAX_BYTES;
use gateway_telemetry::Metric;
use gateway_web::pages::{self, System};
use gateway_web::{MAX_ONWARD, Mistake, Mistakes, ONWARD};

/// What the form is for, to which its token is bound.
const PURPOSE: &str = "login";
/// What a challenge is for, which is good in the browser that got it alone.
const PASSKEY: &str = "passkey";

/// What the login form shows. A password is never among it.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) username: String,
    pub(crate) mistakes: Mistakes,
}

impl AuthorizationEndpoint {
    /// Checks the password or the passkey, logs in at the legacy systems (by a passkey, at those that need no password), and goes on to the consent or
    /// back to the client.
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
        let next = match form.get(PASSKEY) {
            Some(response) => {
                let together_with = request.browser.form_token(PASSKEY);
                Box::pin(self.show_passkey(&asked, (response, &together_with), &request.origin())).await
            }
            None => match self.typed(&asked, &mut form) {
                Ok(typed) => Box::pin(self.show_password(&asked, &typed, &request.origin())).await,
                Err(wrong) => return again(400, "field", told_at_fields(wrong)),
            },
        };
        let (user, begun) = match next? {
            Next::On(on) => *on,
            Next::Back(refused) => return Ok(redirect::with_error(request, &asked.request.target, &refused)),
            Next::Again(trouble) => {
                let (status, mistake) = self.told(&trouble, request.site.language());
                let page = again(status, trouble.kind(), Mistakes::of_form(mistake))?;
                return Ok(match trouble {
                    Trouble::TooManyAttempts(wait) => page.header("Retry-After", wait.to_string()),
                    Trouble::WrongLogin
                    | Trouble::WrongPasskey
                    | Trouble::PasswordNeeded
                    | Trouble::Directory
                    | Trouble::NotVerified
                    | Trouble::RefusedBy(_)
                    | Trouble::Unreachable(_) => page,
                });
            }
        };
        // Only now, so that a login that failed at a legacy system leaves the browser as it was.
        let cookie = self.remember(request, &user, &begun.pending).await?;
        Ok(onward(request, &asked, &begun).header("Set-Cookie", cookie))
    }

    /// The status of the form that is shown again, and what it says.
    pub(crate) fn told(&self, trouble: &Trouble, language: Language) -> (u16, Mistake) {
        let system = |connector| self.config.system_name(connector, language).to_owned();
        match trouble {
            Trouble::WrongLogin => (400, Mistake::WrongLogin),
            Trouble::WrongPasskey => (400, Mistake::WrongPasskey),
            Trouble::PasswordNeeded => (400, Mistake::PasswordNeeded),
            // A mail lets the owner in also where the password is kept elsewhere. Without mails nothing but time does.
            Trouble::TooManyAttempts(wait) if self.mails => (429, Mistake::ProveByMail(*wait)),
            Trouble::TooManyAttempts(wait) => (429, Mistake::TooManyRequests(*wait)),
            Trouble::Directory => {
                let name = self.config.directory_name(language);
                (503, name.map_or(Mistake::Unavailable, |name| Mistake::UnreachableSystem(name.to_owned())))
            }
            Trouble::NotVerified => (400, Mistake::NotVerified),
            Trouble::RefusedBy(connector) => (400, Mistake::RefusedBy(system(connector))),
            Trouble::Unreachable(connector) => (503, Mistake::UnreachableSystem(system(connector))),
        }
    }

    /// The login form. Where people make their own accounts, it leads there. A password of another system is reset there.
    pub(crate) fn login_page(&self, request: &Request<'_>, asked: &Asked, shown: Shown) -> ApiResponse {
        // From there, people come back to this request.
        let onward = as_query(request);
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
        let together_with = request.browser.form_token(PASSKEY);
        let passkey = self.passkey_options(asked, &together_with, request.now);
        let passkey = passkey.map(|options| options.to_string());
        let hint = asked.request.login_hint.as_deref().unwrap_or_default();
        let page = pages::Login {
            site: request.site,
            form_token: &request.browser.form_token(PURPOSE),
            app: Some(&asked.app.name),
            username: if shown.username.is_empty() { hint } else { &shown.username },
            systems: systems.collect(),
            passkey: passkey.as_deref(),
            mistakes: shown.mistakes,
            forgotten: forgotten.as_deref(),
            unlock: unlock.as_deref(),
            sign_up: sign_up.as_deref(),
        };
        request.site.respond(200, &page, &[&asked.request.target.redirect_uri])
    }
}

/// What is wrong with fields, as the form says it.
fn told_at_fields(wrong: Vec<(String, Wrong)>) -> Mistakes {
    let told = |wrong| match wrong {
        Wrong::Missing => Mistake::Required,
        Wrong::NoAddress => Mistake::NoAddress,
        Wrong::TooLong => Mistake::TooLong(MAX_BYTES),
    };
    wrong.into_iter().fold(Mistakes::default(), |all, (field, wrong)| all.at(field, told(wrong)))
}

/// This request as the query of pages that lead back to it; empty if it is too long for that.
fn as_query(request: &Request<'_>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(request.query.iter()).finish();
    if query.len() > MAX_ONWARD {
        return String::new();
    }
    form_urlencoded::Serializer::new("?".to_owned()).append_pair(ONWARD, &query).finish()
}
