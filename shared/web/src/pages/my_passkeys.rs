//! The passkeys of an account.

use crate::date_time::DateTime;
use crate::form::Form;
use crate::{Mistake, Mistakes, Page, Site};
use askama::Template;
use gateway_domain::language::Language;
use gateway_domain::time::Timestamp;
use std::borrow::Cow;

/// It has a hash in the policy of the page.
pub(crate) const ADD_PASSKEY: &str = include_str!("../../templates/add_passkey.js");

/// A passkey as its owner sees it.
pub struct PasskeyRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What was typed for its name.
    pub typed: Option<&'a str>,
    /// Whether it is in a password manager that copies it to other devices.
    pub synced: bool,
    /// When it was added.
    pub added: Timestamp,
    /// When it was last used, to a day.
    pub used: Option<Timestamp>,
}

impl PasskeyRow<'_> {
    /// What the field of its name holds.
    fn typed(&self) -> &str {
        self.typed.unwrap_or(self.name)
    }

    /// When it was added and last used.
    fn times(&self, language: Language) -> (DateTime, Option<DateTime>) {
        (DateTime::of(self.added, language), self.used.map(|used| DateTime::of(used, language)))
    }
}

/// Whether the owner shows who it is before passkeys are added and removed.
#[derive(Debug, Clone, Copy)]
pub enum OwnerProof<'a> {
    /// The login is recent enough, or there is nothing that would follow a proof.
    Given,
    /// By the password, or by logging in again at this URL.
    ByPassword(&'a str),
    /// By logging in again at this URL: there is no password that could be asked for.
    ByLogin(&'a str),
}

impl<'a> OwnerProof<'a> {
    fn is_asked(&self) -> bool {
        !matches!(self, Self::Given)
    }

    fn by_password(&self) -> bool {
        matches!(self, Self::ByPassword(_))
    }

    fn log_in(&self) -> Option<&'a str> {
        match self {
            Self::Given => None,
            Self::ByPassword(url) | Self::ByLogin(url) => Some(url),
        }
    }
}

/// How another passkey is added.
#[derive(Debug, Clone, Copy)]
pub enum NewPasskey<'a> {
    /// By these options, as JSON (WebAuthn Level 3 §5.1.9).
    By(&'a str),
    /// After the proof of who it is.
    Later,
    /// There can be no more.
    Full,
    /// Not at all, whatever is proved.
    Never(NoNewPasskey),
}

/// Why a user can add no passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoNewPasskey {
    /// Nobody has proved the address of the account.
    Unproved,
    /// The account is one that passkeys do not log in to, as an operator or another system has made it.
    OfAccount,
    /// The gateway cannot check passkeys now.
    Unavailable,
}

/// The passkeys of a user. Each form is sent to the URL that it is at with the field `form_token`: that of a passkey with `passkey`, its id,
/// `name`, and `remove` if it is to be removed; that of a new one with `credential`, what the browser made, as JSON; and that of the proof with
/// `prove` and `current_password`.
#[derive(Template)]
#[template(path = "my_passkeys.html")]
pub struct MyPasskeys<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The passkeys, the last added first.
    pub passkeys: Vec<PasskeyRow<'a>>,
    /// Whether a name was just saved.
    pub saved: bool,
    /// Whether the owner has to show first who it is.
    pub proof: OwnerProof<'a>,
    /// How another one is added, after the proof.
    pub new: NewPasskey<'a>,
    /// What is wrong with the form that was sent, at [`MyPasskeys::field`]: nothing was done.
    pub mistakes: Mistakes,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl MyPasskeys<'_> {
    /// What a mistake in the name of the passkey at this place is told at.
    pub fn field(place: usize) -> String {
        format!("name-{place}")
    }

    /// What a field is called.
    fn label_of(&self, field: &str) -> &'static str {
        let texts = self.site.texts();
        if field == "current_password" { texts.current_password } else { texts.passkey_name }
    }

    /// Why none can be added, and what to do.
    fn never(&self) -> Option<String> {
        let NewPasskey::Never(reason) = self.new else { return None };
        Some(match reason {
            NoNewPasskey::Unproved => Mistake::NotVerified.text(self.site.language()),
            NoNewPasskey::OfAccount => self.site.texts().no_passkey_of_account.to_owned(),
            NoNewPasskey::Unavailable => Mistake::Unavailable.text(self.site.language()),
        })
    }

    /// That there can be no more.
    fn full(&self) -> String {
        (self.site.texts().passkeys_full)(self.passkeys.len())
    }

    /// Each passkey with the id of the field of its name, and what is wrong with that.
    fn rows(&self) -> impl Iterator<Item = (String, &PasskeyRow<'_>, Option<String>)> {
        self.passkeys.iter().enumerate().map(|(place, passkey)| {
            let field = Self::field(place);
            let mistake = self.mistakes.field(&field).map(|mistake| mistake.text(self.site.language()));
            (field, passkey, mistake)
        })
    }
}

impl Page for MyPasskeys<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().passkeys.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }

    fn script(&self) -> Option<&'static str> {
        (matches!(self.new, NewPasskey::By(_)) && !self.proof.is_asked()).then_some(ADD_PASSKEY)
    }
}

/// Asks whether the last passkey of an account without a password goes. The form is sent to the URL that it is at, with the field
/// `form_token`.
#[derive(Template)]
#[template(path = "remove_passkey.html")]
pub struct RemovePasskey<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The name of the passkey.
    pub name: &'a str,
    /// What is wrong with the form that was sent: nothing was done.
    pub mistakes: Mistakes,
    /// Where the passkeys are.
    pub back: Option<&'a str>,
}

impl RemovePasskey<'_> {
    fn form(&self) -> Form<'_> {
        let button = self.site.texts().remove_passkey;
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs: Vec::new(), button }
    }
}

impl Page for RemovePasskey<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().remove_last_passkey.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
