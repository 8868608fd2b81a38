//! What has happened, and where to go from there.

use crate::{Page, Site};
use askama::Template;
use std::borrow::Cow;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The login has ended here: an app takes it from there.
    LoggedIn,
    /// The browser is no longer logged in.
    LoggedOut,
    /// A mail is sent if the address is known. Nobody is told whether it is.
    CheckMail,
    /// The address is verified.
    Verified,
    /// The password is changed, and all other sessions are ended.
    PasswordChanged,
    /// The account is disabled.
    AccountDisabled,
    /// The account is deleted.
    AccountDeleted,
    /// The password belongs to another system, where alone it is reset and changed.
    PasswordElsewhere,
    /// The address is changed.
    AddressChanged,
    /// A change of the address was taken back.
    AddressKept,
    /// A mail has proved who it is: this source may log in.
    Unlocked,
}

impl Notice {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::LoggedIn,
        Self::LoggedOut,
        Self::CheckMail,
        Self::Verified,
        Self::PasswordChanged,
        Self::AccountDisabled,
        Self::AccountDeleted,
        Self::PasswordElsewhere,
        Self::AddressChanged,
        Self::AddressKept,
        Self::Unlocked,
    ];
}

/// A notice in words.
pub(crate) struct NoticeText {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

/// Where to go from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To the login.
    LogIn,
    /// To the account.
    Account,
    /// To where the password is reset.
    PasswordElsewhere,
    /// On with what was begun.
    Continue,
}

/// What has happened, and where to go from there.
#[derive(Template)]
#[template(path = "message.html")]
pub struct Message<'a> {
    /// The site.
    pub site: &'a Site,
    /// What has happened.
    pub notice: Notice,
    /// Where to go from there, with its URL.
    pub next: Option<(Step, &'a str)>,
}

impl Message<'_> {
    /// The words and the URL of the link.
    fn link(&self) -> Option<(&'static str, &str)> {
        self.next.map(|(step, url)| ((self.site.texts().next)(step), url))
    }

    fn message(&self) -> NoticeText {
        (self.site.texts().notice)(self.notice)
    }
}

impl Page for Message<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.message().title.into()
    }
}
