//! The pages. Each is one URL: `GET` shows it and changes nothing, since scanners of mails open links; `POST` does it.

mod address;
mod apps;
mod close;
mod devices;
mod forgotten;
mod home;
mod owner;
mod passkeys;
mod password;
mod profile;
mod proof;
mod sessions;
mod sign_up;
mod ticket;
mod unlock;
mod verify;

use crate::error::{Failure, Wrong};
use crate::unlock::CONFIRM;
use crate::{Account, Asked, json, told};
use gateway_credentials::password_policy::{self, Weak};
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::form::Form;
use gateway_domain::passkey::MAX_PASSKEYS;
use gateway_domain::password::MAX_BYTES;
use gateway_web::pages::{Closing, Message, Notice, Reason, Step};
use gateway_web::{Browser, MAX_ONWARD, Mistake, Mistakes, ONWARD, Page, same_origin};

/// Where another address is confirmed.
const CONFIRM_ADDRESS: &str = "/account/address/confirm";
/// The pages that only owners see, to which a login leads.
const OF_OWNERS: [&str; 12] = [
    "/account",
    "/account/sessions",
    "/account/devices",
    "/account/passkeys",
    passkeys::REMOVE,
    "/account/apps",
    "/account/password",
    "/account/address",
    CONFIRM_ADDRESS,
    "/account/profile",
    "/account/disable",
    "/account/delete",
];

/// The pages that lead back to the login of an app.
const ON_THE_WAY: [&str; 9] = [
    "/account/sign-up",
    "/account/verify",
    "/account/verified",
    "/account/forgotten",
    "/account/reset",
    "/account/password-set",
    "/account/unlock",
    CONFIRM,
    "/account/unlocked",
];

/// What becomes of a page's request: a response, or a failure that the page shows.
type Shown = Result<ApiResponse, Failure>;

impl Account {
    /// Answers a request to a page.
    pub(crate) async fn page(&self, asked: &Asked<'_>) -> ApiResponse {
        let browser = match Browser::of(&asked.site, asked.request, &*self.entropy) {
            Ok(browser) => browser,
            Err(error) => return failed(asked, &error.into()),
        };
        let shown = match asked.request.method.as_str() {
            "GET" => match notice(&asked.request.path) {
                Some((notice, step)) => Ok(message(asked, notice, step)),
                None => self.form_page(asked, &browser, false).await,
            },
            "POST" => self.form_page(asked, &browser, true).await,
            _ => Err(Failure::NotFound),
        };
        let response = match shown {
            Ok(response) => response,
            Err(Failure::NotLoggedIn) => owner::to_log_in(asked),
            Err(failure) => failed(asked, &failure),
        };
        // A form of another site comes without the cookie, which must not be replaced by it.
        let ours = asked.request.method == "GET" || same_origin(asked.issuer(), asked.request);
        match browser.set_cookie().filter(|_| ours) {
            Some(cookie) => response.header("Set-Cookie", cookie),
            None => response,
        }
    }

    async fn form_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        // Boxed: otherwise the futures of all pages would be nested into one very large future.
        match asked.request.path.as_str() {
            "/account/sign-up" => Box::pin(self.sign_up_page(asked, browser, sent)).await,
            "/account/verify" => Box::pin(self.verify_page(asked, browser, sent)).await,
            "/account/forgotten" => Box::pin(self.forgotten_page(asked, browser, sent)).await,
            "/account/reset" => Box::pin(self.reset_page(asked, browser, sent)).await,
            "/account/unlock" => Box::pin(self.unlock_page(asked, browser, sent)).await,
            CONFIRM => Box::pin(self.confirm_unlock_page(asked, browser, sent)).await,
            "/account/log-in" => Box::pin(self.log_in_page(asked, browser, sent)).await,
            "/account" => Box::pin(self.home_page(asked, browser, sent)).await,
            "/account/sessions" => Box::pin(self.sessions_page(asked, browser, sent)).await,
            "/account/devices" => Box::pin(self.devices_page(asked, browser, sent)).await,
            "/account/passkeys" => Box::pin(self.passkeys_page(asked, browser, sent)).await,
            passkeys::REMOVE => Box::pin(self.remove_passkey_page(asked, browser, sent)).await,
            "/account/apps" => Box::pin(self.apps_page(asked, browser, sent)).await,
            "/account/password" => Box::pin(self.password_page(asked, browser, sent)).await,
            "/account/address" => Box::pin(self.address_page(asked, browser, sent)).await,
            CONFIRM_ADDRESS => Box::pin(self.confirm_address_page(asked, browser, sent)).await,
            "/account/take-back" => Box::pin(self.take_back_page(asked, browser, sent)).await,
            "/account/profile" => Box::pin(self.profile_page(asked, browser, sent)).await,
            "/account/disable" => Box::pin(self.close_page(asked, browser, sent, Closing::Disable)).await,
            "/account/delete" => Box::pin(self.close_page(asked, browser, sent, Closing::Delete)).await,
            "/account/data" if !sent => Box::pin(self.data_file(asked)).await,
            _ => Err(Failure::NotFound),
        }
    }

    /// What a page that asks for the password says about a failure. After too many attempts a mail lets the owner in, as at the login form of
    /// an application.
    fn mistakes_of_login(&self, failure: &Failure) -> Mistakes {
        if let Failure::TooManyAttempts(wait) = failure {
            let by_mail = if self.mails { Mistake::ProveByMail(*wait) } else { Mistake::TooManyRequests(*wait) };
            return Mistakes::of_form(by_mail);
        }
        mistakes(failure, false)
    }

    /// All that is known of the owner, as a file.
    async fn data_file(&self, asked: &Asked<'_>) -> Shown {
        let user = self.owner(asked).await?.user;
        let data = self.data_of(&user, asked.now).await?;
        Ok(ApiResponse::json(200, "application/json", &data)
            .header("Content-Disposition", "attachment; filename=\"my-data.json\"")
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff"))
    }
}

/// What has happened when one is led to such a page, and where to go from there.
fn notice(path: &str) -> Option<(Notice, Option<Step>)> {
    Some(match path {
        "/account/verified" => (Notice::Verified, Some(Step::LogIn)),
        "/account/password-set" => (Notice::PasswordChanged, Some(Step::Account)),
        "/account/address-changed" => (Notice::AddressChanged, Some(Step::Account)),
        "/account/address-kept" => (Notice::AddressKept, Some(Step::LogIn)),
        "/account/unlocked" => (Notice::Unlocked, Some(Step::LogIn)),
        "/account/disabled" => (Notice::AccountDisabled, None),
        "/account/deleted" => (Notice::AccountDeleted, None),
        _ => return None,
    })
}

fn message(asked: &Asked<'_>, notice: Notice, step: Option<Step>) -> ApiResponse {
    if asked.onward.is_some() {
        let page = Message { site: &asked.site, notice, next: Some((Step::Continue, &login(asked))) };
        return asked.site.respond(200, &page, &[]);
    }
    let url = match step {
        Some(Step::LogIn) => login(asked),
        Some(Step::Account | Step::Continue | Step::PasswordElsewhere) | None => asked.site.page("/account"),
    };
    let next = step.map(|step| (step, url.as_str()));
    asked.site.respond(200, &Message { site: &asked.site, notice, next }, &[])
}

/// The page for what cannot go on.
fn failed(asked: &Asked<'_>, failure: &Failure) -> ApiResponse {
    let status = failure.problem().0.status();
    if let Failure::PasswordElsewhere(link) = failure {
        let next = link.as_deref().map(|link| (Step::PasswordElsewhere, link));
        let page = Message { site: &asked.site, notice: Notice::PasswordElsewhere, next };
        return told(failure, asked.site.respond(status, &page, &[]));
    }
    let reason = match failure {
        Failure::NotFound
        | Failure::MethodNotAllowed(_)
        | Failure::Scope
        | Failure::AddressElsewhere
        | Failure::NoPasskeys => Reason::NotFound,
        Failure::WrongCode
        | Failure::Malformed(_)
        | Failure::Form(_)
        | Failure::OtherBrowser
        | Failure::Fields(_)
        | Failure::Passkey(_)
        | Failure::PasskeyChallenge
        | Failure::WrongPasskey
        | Failure::PasskeyTaken
        | Failure::TooManyPasskeys
        | Failure::LastPasskey => Reason::Expired,
        Failure::TooMany(_) | Failure::TooManyAttempts(_) => Reason::TooManyRequests,
        Failure::NotLoggedIn
        | Failure::NotTheHolder(_)
        | Failure::WrongLogin
        | Failure::NotVerified
        | Failure::PasswordElsewhere(_)
        | Failure::Directory(_)
        | Failure::NoIssuer(_)
        | Failure::Store(_)
        | Failure::Busy
        | Failure::Start(_)
        | Failure::UnsupportedCpu(_)
        | Failure::Hash(_)
        | Failure::Seal(_) => Reason::Unavailable,
    };
    let reference = asked.request.request_id.as_deref();
    let page = gateway_web::pages::Failure { site: &asked.site, reason, detail: None, reference };
    let response = asked.site.respond(status, &page, &[]);
    // It is logged as the same failure of JSON is.
    told(failure, with_wait(response, failure))
}

/// A form with what is wrong, and all that was typed but passwords.
fn mistaken(asked: &Asked<'_>, page: &impl Page, failure: &Failure) -> ApiResponse {
    let status = failure.problem().0.status();
    told(failure, with_wait(asked.site.respond(status, page, &[]), failure))
}

/// What a page without fields says about a form that was refused.
fn lapsed(failure: &Failure) -> Mistake {
    if matches!(failure, Failure::Form(_)) { Mistake::Unreadable } else { Mistake::OtherBrowser }
}

/// Where the login is: that of the app to which a page leads back, or that of the account.
fn login(asked: &Asked<'_>) -> String {
    match &asked.onward {
        Some(query) => asked.site.path(&format!("/oauth2/authorize?{query}")),
        None => asked.site.page("/account/log-in"),
    }
}

fn with_wait(response: ApiResponse, failure: &Failure) -> ApiResponse {
    json::refused(failure)
        .header_values("Retry-After")
        .fold(response, |response, wait| response.header("Retry-After", wait))
}

/// A form that was sent by this browser and from this site.
fn form(asked: &Asked<'_>, browser: &Browser, purpose: &str) -> Result<Form, (Option<Form>, Failure)> {
    let content_type = asked.request.header("Content-Type").ok().flatten();
    let form = Form::parse(content_type, &asked.request.body)
        .map_err(|error| (Some(Form::legible(&asked.request.body)), Failure::Form(error)))?;
    if same_origin(asked.issuer(), asked.request) && browser.check(purpose, form.get("form_token")) {
        Ok(form)
    } else {
        Err((Some(form), Failure::OtherBrowser))
    }
}

/// The query of the authorization request to which a page leads back. It says where to only there, and that request is checked
/// like any other.
pub(crate) fn onward(request: &ApiRequest) -> Option<String> {
    ON_THE_WAY.contains(&request.path.as_str()).then_some(())?;
    let of_a_query = |b: u8| b.is_ascii_alphanumeric() || b"-._~%+&=*".contains(&b);
    request
        .parameter(ONWARD)
        .ok()
        .flatten()
        .filter(|query| !query.is_empty() && query.len() <= MAX_ONWARD && query.bytes().all(of_a_query))
}

/// A page that follows, on the way to the same app.
fn follows(asked: &Asked<'_>, path: &str) -> String {
    let Some(query) = &asked.onward else { return asked.site.page(path) };
    let separator = if path.contains('?') { '&' } else { '?' };
    let onward = form_urlencoded::Serializer::new(String::new()).append_pair(ONWARD, query).finish();
    asked.site.page(&format!("{path}{separator}{onward}"))
}

/// The only value of a parameter of the query.
fn query(asked: &Asked<'_>, name: &str) -> Option<String> {
    asked.request.parameter(name).ok().flatten()
}

/// What a page says about a failure. `code` says whether it has a field for the code.
fn mistakes(failure: &Failure, code: bool) -> Mistakes {
    match failure {
        Failure::Fields(wrong) => wrong
            .iter()
            .fold(Mistakes::default(), |mistakes, (field, wrong)| mistakes.at(field.as_str(), mistake(wrong))),
        Failure::Form(_) | Failure::Malformed(_) => Mistakes::of_form(Mistake::Unreadable),
        Failure::WrongCode if code => Mistakes::default().at("code", Mistake::WrongCode),
        Failure::WrongCode => Mistakes::of_form(Mistake::WrongCode),
        Failure::OtherBrowser => Mistakes::of_form(Mistake::OtherBrowser),
        Failure::TooMany(wait) => Mistakes::of_form(Mistake::TooManyRequests(*wait)),
        Failure::TooManyAttempts(wait) => Mistakes::of_form(Mistake::TooManyAttempts(*wait)),
        Failure::WrongLogin => Mistakes::of_form(Mistake::WrongLogin),
        Failure::NotVerified => Mistakes::of_form(Mistake::NotVerified),
        // Another one, and the password, may be tried at once.
        Failure::WrongPasskey => Mistakes::of_form(Mistake::WrongPasskey),
        Failure::Passkey(_) | Failure::PasskeyChallenge | Failure::PasskeyTaken => {
            Mistakes::of_form(Mistake::PasskeyRefused)
        }
        Failure::TooManyPasskeys => Mistakes::of_form(Mistake::TooManyPasskeys(MAX_PASSKEYS)),
        Failure::NotFound
        | Failure::MethodNotAllowed(_)
        | Failure::Scope
        | Failure::NotLoggedIn
        | Failure::NotTheHolder(_)
        | Failure::PasswordElsewhere(_)
        | Failure::AddressElsewhere
        | Failure::Directory(_)
        | Failure::NoIssuer(_)
        | Failure::Store(_)
        | Failure::Busy
        | Failure::Start(_)
        | Failure::LastPasskey
        | Failure::NoPasskeys
        | Failure::UnsupportedCpu(_)
        | Failure::Hash(_)
        | Failure::Seal(_) => Mistakes::of_form(Mistake::Unavailable),
    }
}

fn mistake(wrong: &Wrong) -> Mistake {
    match wrong {
        Wrong::Required => Mistake::Required,
        Wrong::TooLong(most) => Mistake::TooLong(*most),
        Wrong::NoAddress => Mistake::NoAddress,
        Wrong::NoDate => Mistake::NoDate,
        Wrong::NoTelephoneNumber => Mistake::NoTelephoneNumber,
        Wrong::OtherPassword | Wrong::NoPassword => Mistake::WrongPassword,
        Wrong::SamePassword => Mistake::SamePassword,
        Wrong::SameAddress => Mistake::SameAddress,
        Wrong::Password(Weak::Short(_)) => Mistake::ShortPassword(password_policy::MIN),
        Wrong::Password(Weak::Long) => Mistake::TooLong(MAX_BYTES),
        Wrong::Password(Weak::Common(_)) => Mistake::CommonPassword,
        Wrong::Password(Weak::Known(word)) => Mistake::KnownPassword(word.clone()),
    }
}
