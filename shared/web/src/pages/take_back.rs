//! The form that gives an account back the address that it had.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that gives an account back the address that it had, with another password. It is sent to the URL that it is at, the
/// link of a mail, with the fields `form_token` and `new_password`.
#[derive(Template)]
#[template(path = "take_back.html")]
pub struct TakeBack<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The address that the account gets back.
    pub address: &'a str,
    /// The fewest characters of a password.
    pub least_password: usize,
    /// What is wrong.
    pub mistakes: Mistakes,
}

impl TakeBack<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let password = Input::new("new_password", texts.new_password, Kind::NewPassword);
        let inputs = vec![password.hint((texts.password_hint)(self.least_password))];
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.take_back }
    }
}

impl Page for TakeBack<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().take_back.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
