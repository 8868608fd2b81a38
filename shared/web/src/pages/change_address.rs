//! The form that changes an address.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that changes an address. It is sent to the URL that it is at, with the fields `form_token`, `email`, and
/// `current_password` if it is asked for.
#[derive(Template)]
#[template(path = "change_address.html")]
pub struct ChangeAddress<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The address now.
    pub address: &'a str,
    /// What was typed as the new address.
    pub email: &'a str,
    /// Whether the current password is asked for.
    pub current: bool,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl ChangeAddress<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let address = Input::new("email", texts.new_address, Kind::Address(self.email)).hint(texts.new_address_hint);
        let current = Input::new("current_password", texts.current_password, Kind::CurrentPassword);
        let inputs = Some(address).into_iter().chain(Some(current).filter(|_| self.current)).collect();
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.send_mail }
    }
}

impl Page for ChangeAddress<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().change_address.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
