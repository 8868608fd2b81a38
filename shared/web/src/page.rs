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

    /// Whether a window that opened this page keeps its hold on it. An app that has its login in a pop-up window waits there
    /// for the response, and any policy but `unsafe-none` takes the window that opened it away for good, even where the
    /// app has it back (HTML §7.1.3). Nothing but a page on the way to an app needs it.
    fn keeps_opener(&self) -> bool {
        false
    }

    /// The content of `title`: an error comes first, since screen readers read it first when a page has loaded.
    fn title(&self) -> String {
        let failed = self.mistakes().is_some_and(|mistakes| !mistakes.is_empty());
        let error = if failed { self.site().texts().error_in_title } else { "" };
        let name = self.site().name();
        let separator = if name.is_empty() { "" } else { " – " };
        format!("{error}{}{separator}{name}", self.heading())
    }
}
