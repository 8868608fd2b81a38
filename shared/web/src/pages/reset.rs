//! The form that sets a password anew.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that sets a password anew, by the code of a mail or by its link. It is sent to the URL that it is at, with the fields
/// `form_token`, `code` if it is asked for, and `new_password`.
#[derive(Template)]
#[template(path = "reset.html")]
pub struct Reset<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// What was typed as the code; `None` if the URL is the link of the mail.
    pub code: Option<&'a str>,
    /// The fewest characters of a password.
    pub least_password: usize,
    /// The systems whose own passwords stay as they are, in the user's words; empty if there are none.
    pub unchanged: &'a str,
    /// What is wrong.
    pub mistakes: Mistakes,
}

impl Reset<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let code = self.code.map(|typed| Input::new("code", texts.code, Kind::Code(typed)).hint(texts.code_hint));
        let password = Input::new("new_password", texts.new_password, Kind::NewPassword);
        let password = password.hint((texts.password_hint)(self.least_password));
        let inputs = code.into_iter().chain([password]).collect();
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.set_password }
    }
}

impl Page for Reset<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().reset.into()
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
