//! The login form.

use crate::texts::Texts;
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
    fn texts(&self) -> &'static Texts {
        self.site.texts()
    }
}

impl Page for Login<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.texts().log_in.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
