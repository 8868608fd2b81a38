//! The sessions of a user.

use crate::date_time::DateTime;
use crate::{Mistake, Page, Site};
use askama::Template;
use gateway_domain::language::Language;
use gateway_domain::time::Timestamp;
use std::borrow::Cow;

/// A session as its user sees it.
pub struct SessionRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// The name of its app.
    pub app: &'a str,
    /// The name of the device, if the app told one.
    pub device: Option<&'a str>,
    /// When its user logged in.
    pub made: Timestamp,
    /// When it was last refreshed.
    pub refreshed: Timestamp,
    /// Whether it is the session of this browser.
    pub current: bool,
}

impl SessionRow<'_> {
    /// When it was made and last refreshed.
    fn times(&self, language: Language) -> (DateTime, DateTime) {
        (DateTime::of(self.made, language), DateTime::of(self.refreshed, language))
    }
}

/// The sessions of a user. The form is sent to the URL that it is at, with the fields `form_token` and `end`, the id of a
/// session, or `end_others`.
#[derive(Template)]
#[template(path = "my_sessions.html")]
pub struct MySessions<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The sessions, the last refreshed first.
    pub sessions: Vec<SessionRow<'a>>,
    /// What is wrong with the form that was sent: nothing was done.
    pub mistake: Option<Mistake>,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl Page for MySessions<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().sessions.into()
    }
}
