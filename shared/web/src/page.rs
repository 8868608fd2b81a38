//! What every page has.

use crate::{Mistakes, Site};
use askama::Template;
use std::borrow::Cow;

/// A page: a template over `base.html`.
pub trait Page: Template {
    /// The site that it belongs to.
    fn site(&self) -> &Site;

    /// Its heading, which is its title as well.
    fn heading(&self) -> Cow<'_, str>;

    /// What is wrong with its form.
    fn mistakes(&self) -> Option<&Mistakes> {
        None
    }

    /// Whether somebody fills it in before a login, so that nothing on it is an owner's.
    fn is_before_login(&self) -> bool {
        false
    }

    /// Whether a window that opened this page keeps its hold on it. An app that has its login in a pop-up window waits there
    /// for the response, and any policy but `unsafe-none` takes the window that opened it away for good, even where the
    /// app has it back (HTML §7.1.3). Nothing but a page on the way to an app needs it.
    fn keeps_opener(&self) -> bool {
        false
    }

    /// The one script that runs in it, which may call this origin. Everything else on it works without.
    fn script(&self) -> Option<&'static str> {
        None
    }

    /// Whether something is wrong with its form.
    fn is_mistaken(&self) -> bool {
        self.mistakes().is_some_and(|mistakes| !mistakes.is_empty())
    }

    /// The content of `title`: an error comes first, since screen readers read it first when a page has loaded.
    fn title(&self) -> String {
        let error = if self.is_mistaken() { self.site().texts().error_in_title } else { "" };
        let name = self.site().name();
        let separator = if name.is_empty() { "" } else { " – " };
        format!("{error}{}{separator}{name}", self.heading())
    }
}
