//! The form that proves an address.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that proves an address, by the code of a mail or by its link. It is sent to the URL that it is at, with the fields
/// `form_token`, `code` and `password` as far as they are asked for, or with `resend` for another mail.
#[derive(Template)]
#[template(path = "verify.html")]
pub struct Verify<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The address that is proved.
    pub address: &'a str,
    /// What was typed as the code; `None` if the URL is the link of the mail, which proves the address by itself.
    pub code: Option<&'a str>,
    /// Whether the password is asked for, since the account was made in another browser.
    pub password: bool,
    /// What is wrong.
    pub mistakes: Mistakes,
}

impl Verify<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let code = self.code.map(|typed| Input::new("code", texts.code, Kind::Code(typed)).hint(texts.code_hint));
        let password = self.password.then(|| Input::new("password", texts.password, Kind::CurrentPassword));
        let inputs = code.into_iter().chain(password).collect();
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.confirm }
    }
}

impl Page for Verify<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().verify.into()
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
