//! What cannot go on, and what to do.

use crate::{Page, Site};
use askama::Template;
use std::borrow::Cow;

/// Why something cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no such client.
    UnknownApp,
    /// The redirect URI is not one of the client's.
    UnknownReturnAddress,
    /// A page that is one of several steps was opened by itself.
    Incomplete,
    /// The step has lapsed.
    Expired,
    /// More requests than are allowed.
    TooManyRequests,
    /// The gateway cannot do it now.
    Unavailable,
    /// There is no such page.
    NotFound,
    /// The account may not do it.
    NotAllowed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::UnknownApp,
        Self::UnknownReturnAddress,
        Self::Incomplete,
        Self::Expired,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::NotFound,
        Self::NotAllowed,
    ];
}

/// A reason in words.
pub(crate) struct FailureText {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) advice: &'static str,
}

/// What cannot go on, and what to do.
#[derive(Template)]
#[template(path = "failure.html")]
pub struct Failure<'a> {
    /// The site.
    pub site: &'a Site,
    /// Why.
    pub reason: Reason,
    /// What developers of the app need to know, in English.
    pub detail: Option<&'a str>,
    /// The id of the request, by which operators find it.
    pub reference: Option<&'a str>,
}

impl Failure<'_> {
    fn failure(&self) -> FailureText {
        (self.site.texts().failure)(self.reason)
    }
}

impl Page for Failure<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.failure().title.into()
    }

    fn keeps_opener(&self) -> bool {
        true
    }
}
