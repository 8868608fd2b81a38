//! The apps that may use an account.

use crate::{Mistake, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// An app that may use an account.
pub struct AppRow<'a> {
    /// Its client id.
    pub client_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What each of its scopes allows, in the language of the site.
    pub scopes: Vec<&'a str>,
}

/// The apps that may use an account. The form is sent to the URL that it is at, with the fields `form_token` and `revoke`, the
/// client id of an app.
#[derive(Template)]
#[template(path = "my_apps.html")]
pub struct MyApps<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The apps.
    pub apps: Vec<AppRow<'a>>,
    /// What is wrong with the form that was sent: nothing was done.
    pub mistake: Option<Mistake>,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl Page for MyApps<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().apps.into()
    }
}
