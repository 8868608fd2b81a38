//! The forms with which owners prove by a mail who they are: one asks for it, one confirms.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that asks for a mail. It is sent to the URL that it is at, with the fields `form_token` and `email`.
#[derive(Template)]
#[template(path = "unlock.html")]
pub struct Unlock<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// What was typed as the address.
    pub email: &'a str,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where the login is.
    pub log_in: Option<&'a str>,
}

impl Unlock<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let inputs = vec![Input::new("email", texts.address, Kind::Address(self.email))];
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.send_mail }
    }
}

impl Page for Unlock<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().unlock.into()
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}

/// The form that confirms, by the code of the mail or by its link. It is sent to the URL that it is at, with the fields
/// `form_token`, and `code` if it is asked for.
#[derive(Template)]
#[template(path = "confirm_unlock.html")]
pub struct ConfirmUnlock<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// What was typed as the code; `None` if the URL is the link of the mail.
    pub code: Option<&'a str>,
    /// What is wrong.
    pub mistakes: Mistakes,
}

impl ConfirmUnlock<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let code = self.code.map(|typed| Input::new("code", texts.code, Kind::Code(typed)).hint(texts.code_hint));
        let inputs = code.into_iter().collect();
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.confirm }
    }
}

impl Page for ConfirmUnlock<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().unlock.into()
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
