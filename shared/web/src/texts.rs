//! The words of the pages. Every language has all of them, or it does not compile.

pub(crate) mod english;
pub(crate) mod german;

use crate::pages::{FailureText, NoticeText};
use gateway_domain::language::Language;

/// What stands before and after a name that is set apart from the sentence.
pub(crate) type Around = (&'static str, &'static str);

/// The words of the pages in one language.
pub(crate) struct Texts {
    /// Before the title of a page whose form has a mistake.
    pub(crate) error_in_title: &'static str,
    /// Above the list of what is wrong.
    pub(crate) error_summary: &'static str,
    pub(crate) help: &'static str,
    pub(crate) privacy: &'static str,
    pub(crate) terms: &'static str,

    pub(crate) username: &'static str,
    pub(crate) password: &'static str,

    pub(crate) log_in: &'static str,
    pub(crate) log_in_for: Around,
    pub(crate) forgotten: &'static str,
    pub(crate) no_account: &'static str,
    pub(crate) create_account: &'static str,

    pub(crate) consent: &'static str,
    pub(crate) consent_asks: Around,
    pub(crate) consent_returns_to: Around,
    pub(crate) logged_in_as: Around,
    pub(crate) allow: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) another_account: &'static str,

    pub(crate) log_out: &'static str,
    pub(crate) log_out_asks: &'static str,
    pub(crate) log_out_means: &'static str,

    pub(crate) detail: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) failure: fn(crate::pages::Reason) -> FailureText,
    pub(crate) notice: fn(crate::pages::Notice) -> NoticeText,
    pub(crate) next: fn(crate::pages::Step) -> &'static str,
}

impl Texts {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &english::TEXTS,
            Language::German => &german::TEXTS,
        }
    }
}
