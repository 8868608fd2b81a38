//! Who is logged in on the account pages, and the page on which one logs in.

use super::{Shown, form, mistaken, query};
use crate::error::{Failure, Wrong};
use crate::fields::Mistaken;
use crate::owner::Owner;
use crate::{Account, Asked};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::password::MAX_BYTES;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::Timestamp;
use gateway_store::User;
use gateway_web::pages::Login;
use gateway_web::{Browser, LOGIN_COOKIE, Mistakes, see_other};

const PURPOSE: &str = "log-in";
/// What a challenge is for, which is good in the browser that got it alone.
const PASSKEY: &str = "log-in-passkey";
/// The longest mailbox address, in bytes.
const MAX_USERNAME: usize = 254;

impl Account {
    /// Who is logged in in this browser.
    pub(super) async fn owner(&self, asked: &Asked<'_>) -> Result<Owner, Failure> {
        let logged_in = self.browsers.logged_in(asked.site.login_cookie(asked.request), asked.now).await?;
        let logged_in = logged_in.ok_or(Failure::NotLoggedIn)?;
        Ok(Owner { user: logged_in.user, auth_time: logged_in.auth_time, login: logged_in.login })
    }

    /// The value of `Set-Cookie` that logs a user in in this browser, in place of whoever was. The user logged in by this at `auth_time`.
    pub(super) async fn remember(
        &self,
        asked: &Asked<'_>,
        user: &User,
        (by, auth_time): (LoginMethod, Timestamp),
    ) -> Result<String, Failure> {
        let before = asked.site.login_cookie(asked.request);
        let value = self.browsers.begin(by, (user, auth_time), before, None, asked.now).await?;
        Ok(asked.site.set_cookie(LOGIN_COOKIE, &value, None))
    }

    pub(super) async fn log_in_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let (form_token, together_with) = (browser.form_token(PURPOSE), browser.form_token(PASSKEY));
        let options = self.login_options(asked, &together_with);
        let forgotten = asked.site.page("/account/forgotten");
        let sign_up = self.gateway.accounts().sign_up.then(|| asked.site.page("/account/sign-up"));
        let unlock = asked.site.page("/account/unlock");
        let page = |username, mistakes: Mistakes| Login {
            site: &asked.site,
            form_token: &form_token,
            app: None,
            username,
            systems: Vec::new(),
            unlock: mistakes.ask_for_proof().then_some(unlock.as_str()),
            passkey: options.as_deref(),
            mistakes,
            forgotten: self.mails.then_some(forgotten.as_str()),
            sign_up: sign_up.as_deref(),
        };
        if !sent {
            return Ok(asked.site.respond(200, &page("", Mistakes::default()), &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(mut typed) => match Box::pin(self.logged_in_by(asked, &mut typed, &together_with)).await {
                Ok((user, by)) => {
                    let cookie = self.remember(asked, &user, (by, asked.now)).await?;
                    return Ok(see_other(&asked.site.page(&wanted(asked))).header("Set-Cookie", cookie));
                }
                Err(failure) => (Some(typed), failure),
            },
        };
        let username = typed.as_ref().and_then(|typed| typed.get("username")).unwrap_or_default();
        Ok(mistaken(asked, &page(username, self.mistakes_of_login(&failure)), &failure))
    }

    /// Whom the form logs in, and by what.
    async fn logged_in_by(
        &self,
        asked: &Asked<'_>,
        typed: &mut Form,
        together_with: &str,
    ) -> Result<(User, LoginMethod), Failure> {
        if let Some(response) = typed.get("passkey") {
            let user = self.log_in_by_passkey(asked, (response, together_with)).await?;
            return Ok((user, LoginMethod::Passkey));
        }
        let mut mistaken = Mistaken::default();
        let name = typed.get("username").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let password = typed.take("password").filter(|password| !password.is_empty());
        let name = mistaken.in_field(name.ok_or(Failure::field("username", Wrong::Required)))?;
        let password = mistaken.in_field(password.ok_or(Failure::field("password", Wrong::Required)))?;
        if name.as_ref().is_some_and(|name| name.len() > MAX_USERNAME || name.chars().any(char::is_control)) {
            mistaken.in_field::<()>(Err(Failure::field("username", Wrong::NoAddress)))?;
        }
        if password.as_ref().is_some_and(|password| password.expose().len() > MAX_BYTES) {
            mistaken.in_field::<()>(Err(Failure::field("password", Wrong::TooLong(MAX_BYTES))))?;
        }
        mistaken.none()?;
        let (Some(name), Some(password)) = (name, password) else { return Err(Failure::WrongLogin) };
        let user = self.log_in(asked, &name, &password).await?;
        if !user.email_verified && !self.gateway.accounts().login_before_verification {
            return Err(Failure::NotVerified);
        }
        Ok((user, LoginMethod::Password))
    }
}

/// To the login, and from there to the page that was asked for.
pub(super) fn to_log_in(asked: &Asked<'_>) -> ApiResponse {
    let pairs = ["id", "token"].into_iter().filter_map(|name| Some((name, query(asked, name)?)));
    let parameters = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if parameters.is_empty() { "" } else { "?" };
    let to = format!("{}{separator}{parameters}", asked.request.path);
    let to = form_urlencoded::Serializer::new(String::new()).append_pair("to", &to).finish();
    see_other(&asked.site.page(&format!("/account/log-in?{to}")))
}

/// The page that was asked for before the login: one of ours, and nothing that a link could lead to elsewhere.
fn wanted(asked: &Asked<'_>) -> String {
    let to = query(asked, "to").unwrap_or_default();
    let (path, query) = to.split_once('?').unwrap_or((&to, ""));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"=&-_".contains(&b);
    // Those of administrators, which are below one path.
    let segments = |b: u8| b.is_ascii_alphanumeric() || b"/-_.:@".contains(&b);
    let of_administrators = path.starts_with("/gateway/") && path.bytes().all(segments) && !path.contains("//");
    let known = (super::OF_OWNERS.contains(&path) && query.bytes().all(plain))
        || (of_administrators && query.is_empty() && !path.contains(".."));
    if known { to } else { "/account".to_owned() }
}
