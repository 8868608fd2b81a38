//! The form that disables or deletes an account.

use crate::form::{Form, Input, Kind};
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// What happens to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Nobody can log in to it until it is enabled again.
    Disable,
    /// It and what is known of its user are deleted.
    Delete,
}

/// The form that disables or deletes an account. It is sent to the URL that it is at, with the fields `form_token` and
/// `current_password`.
#[derive(Template)]
#[template(path = "close.html")]
pub struct Close<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// What happens to the account.
    pub closing: Closing,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl Close<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let inputs = vec![Input::new("current_password", texts.current_password, Kind::CurrentPassword)];
        let button = match self.closing {
            Closing::Disable => texts.disable,
            Closing::Delete => texts.delete,
        };
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button }
    }

    fn text(&self) -> &'static str {
        match self.closing {
            Closing::Disable => self.site.texts().disable_text,
            Closing::Delete => self.site.texts().delete_text,
        }
    }
}

impl Page for Close<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        match self.closing {
            Closing::Disable => self.site.texts().disable.into(),
            Closing::Delete => self.site.texts().delete.into(),
        }
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
