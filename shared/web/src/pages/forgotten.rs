//! The form that asks for a mail about a forgotten password.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that asks for a mail about a forgotten password. It is sent to the URL that it is at, with the fields `form_token`
/// and `email`.
#[derive(Template)]
#[template(path = "forgotten.html")]
pub struct Forgotten<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// What was typed as the address.
    pub email: &'a str,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where those log in who know their password.
    pub log_in: Option<&'a str>,
}

impl Forgotten<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let inputs = vec![Input::new("email", texts.address, Kind::Address(self.email))];
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.send_mail }
    }
}

impl Page for Forgotten<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().forgotten.into()
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
