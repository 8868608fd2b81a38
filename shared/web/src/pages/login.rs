//! The login form.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The login form. It is sent to the URL that it is at, with the fields `form_token`, `username` and `password`.
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
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where a forgotten password is replaced.
    pub forgotten: Option<&'a str>,
    /// Where an account is made.
    pub sign_up: Option<&'a str>,
}

impl Login<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let inputs = vec![
            Input::new("username", texts.username, Kind::Username(self.username)),
            Input::new("password", texts.password, Kind::CurrentPassword),
        ];
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

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
