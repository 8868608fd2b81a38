//! The form that changes a password.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that changes a password. It is sent to the URL that it is at, with the fields `form_token`, `current_password` if it
/// is asked for, and `new_password`.
#[derive(Template)]
#[template(path = "change_password.html")]
pub struct ChangePassword<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// Whether the current password is asked for.
    pub current: bool,
    /// The fewest characters of a password.
    pub least_password: usize,
    /// The systems whose own password stays as it is, if there are any.
    pub unchanged: &'a str,
    /// Where the passkeys of the account are, which stay as they are. `None` where it can have none.
    pub passkeys: Option<&'a str>,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl ChangePassword<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let current = Input::new("current_password", texts.current_password, Kind::CurrentPassword);
        let new = Input::new("new_password", texts.new_password, Kind::NewPassword);
        let new = new.hint((texts.password_hint)(self.least_password));
        let inputs = Some(current).filter(|_| self.current).into_iter().chain([new]).collect();
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.set_password }
    }
}

impl Page for ChangePassword<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().change_password.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
