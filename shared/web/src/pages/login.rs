//! The login form.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The script that asks an authenticator. Without it the form works as ever, and nothing shows that there are passkeys.
const ASK: &str = include_str!("../../templates/passkey.js");

/// The login form. It is sent to the URL that it is at, with the fields `form_token`, `username` and `password`, and one more
/// for each of [`Login::systems`]; or with `form_token` and `passkey`, the response of an authenticator.
#[derive(Template)]
#[template(path = "login.html")]
pub struct Login<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The name of the app to which the login leads.
    pub app: Option<&'a str>,
    /// What was typed as the user name.
    pub username: &'a str,
    /// The systems with passwords of their own that this login goes to.
    pub systems: Vec<System<'a>>,
    /// What an authenticator is asked, as `PublicKeyCredentialRequestOptionsJSON`, where people log in by passkeys.
    pub passkey: Option<&'a str>,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where a forgotten password is replaced.
    pub forgotten: Option<&'a str>,
    /// After too many attempts: where a mail proves whose account it is, if the password is not replaced here.
    pub unlock: Option<&'a str>,
    /// Where an account is made.
    pub sign_up: Option<&'a str>,
}

/// A system with passwords of its own, each asked for in the field `password.` and the system's name.
pub struct System<'a> {
    /// The name of its connector.
    pub name: &'a str,
    /// How users know it.
    pub label: &'a str,
    /// Whether the login succeeds without.
    pub optional: bool,
}

impl Login<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let kind = if self.passkey.is_some() { Kind::UsernameOrPasskey } else { Kind::Username };
        let mut inputs = vec![
            Input::new("username", texts.username, kind(self.username)),
            Input::new("password", texts.password, Kind::CurrentPassword),
        ];
        inputs.extend(self.systems.iter().map(|system| {
            let input =
                Input::new(format!("password.{}", system.name), (texts.password_at)(system.label), Kind::OtherPassword);
            Input { required: !system.optional, ..input.hint(texts.password_at_hint) }
        }));
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.log_in }
    }
}

impl Page for Login<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().log_in.into()
    }

    fn keeps_opener(&self) -> bool {
        true
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn script(&self) -> Option<&'static str> {
        self.passkey.map(|_| ASK)
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
