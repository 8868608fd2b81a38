//! The question whether an app may use the account.

use crate::{Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The question whether an app may use the account. It is sent to the URL that it is at, with the fields `form_token` and
/// `decision`, which is `allow` or `deny`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The name of the app.
    pub app: &'a str,
    /// The host to which the user returns, if it is one that users know.
    pub returns_to: Option<&'a str>,
    /// The address of the user who is logged in.
    pub username: &'a str,
    /// What each scope allows, in the language of the site.
    pub scopes: Vec<&'a str>,
}

impl Page for Consent<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().consent.into()
    }

    fn keeps_opener(&self) -> bool {
        true
    }
}
