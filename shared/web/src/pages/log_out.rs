//! The question whether the browser shall be logged out.

use crate::texts::Texts;
use crate::{Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The question whether the browser shall be logged out. It is sent to the URL that it is at, with the field `form_token`.
#[derive(Template)]
#[template(path = "log_out.html")]
pub struct LogOut<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The address of the user who is logged in.
    pub username: &'a str,
}

impl LogOut<'_> {
    fn texts(&self) -> &'static Texts {
        self.site.texts()
    }
}

impl Page for LogOut<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.texts().log_out_asks.into()
    }
}
