//! What a form of a page consists of.

use crate::{Mistake, Mistakes, Site};
use std::borrow::Cow;

/// A form. It is sent to the URL that it is at.
pub(crate) struct Form<'a> {
    pub(crate) site: &'a Site,
    pub(crate) token: &'a str,
    pub(crate) mistakes: &'a Mistakes,
    pub(crate) inputs: Vec<Input<'a>>,
    /// What its button says.
    pub(crate) button: &'a str,
}

impl Form<'_> {
    /// Every mistake of a field, with its input if the form has it, so that none is left unsaid.
    pub(crate) fn of_fields(&self) -> impl Iterator<Item = (Option<&Input<'_>>, String)> {
        let input = |name: &str| self.inputs.iter().find(|input| input.name == name);
        self.mistakes.fields().map(move |(name, mistake)| (input(name), self.text(mistake)))
    }

    /// What is wrong with an input.
    pub(crate) fn of(&self, input: &Input<'_>) -> Option<String> {
        self.mistakes.field(&input.name).map(|mistake| self.text(mistake))
    }

    pub(crate) fn text(&self, mistake: &Mistake) -> String {
        mistake.text(self.site.language())
    }
}

/// What users type or tick.
pub(crate) struct Input<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) label: Cow<'a, str>,
    pub(crate) kind: Kind<'a>,
    pub(crate) required: bool,
    pub(crate) hint: Option<String>,
}

impl<'a> Input<'a> {
    /// An input that has to be filled in.
    pub(crate) fn new(name: impl Into<Cow<'a, str>>, label: impl Into<Cow<'a, str>>, kind: Kind<'a>) -> Self {
        Self { name: name.into(), label: label.into(), kind, required: true, hint: None }
    }

    /// With a sentence that helps to fill it in.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The ids of what describes it.
    pub(crate) fn described_by(&self, form: &Form<'_>) -> String {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        let mistake = form.of(self).map(|_| format!("{}-mistake", self.name));
        hint.into_iter().chain(mistake).collect::<Vec<_>>().join(" ")
    }
}

/// The kind of an input, with what was typed. A password has no place for it, so that no page can contain one.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    Username(&'a str),
    /// The same, where the browser offers passkeys as well (WebAuthn §5.1.4.1).
    UsernameOrPasskey(&'a str),
    Address(&'a str),
    CurrentPassword,
    /// The password of another system, which must not be taken for that of this site.
    OtherPassword,
    NewPassword,
    Code(&'a str),
    Text(&'a str),
    Date(&'a str),
    Telephone(&'a str),
    Ticked(bool),
}

impl<'a> Kind<'a> {
    /// The attributes `type`, `autocomplete` and `inputmode` (HTML §4.10.5, §4.10.18.7).
    fn attributes(self) -> [&'static str; 3] {
        match self {
            Self::Username(_) => ["text", "username", "email"],
            Self::UsernameOrPasskey(_) => ["text", "username webauthn", "email"],
            Self::Address(_) => ["email", "username", "email"],
            Self::CurrentPassword => ["password", "current-password", "text"],
            Self::OtherPassword => ["password", "off", "text"],
            Self::NewPassword => ["password", "new-password", "text"],
            Self::Code(_) => ["text", "one-time-code", "numeric"],
            Self::Text(_) => ["text", "off", "text"],
            Self::Date(_) => ["date", "off", "text"],
            Self::Telephone(_) => ["tel", "tel", "tel"],
            Self::Ticked(_) => ["checkbox", "off", "none"],
        }
    }

    pub(crate) fn html_type(self) -> &'static str {
        let [html_type, ..] = self.attributes();
        html_type
    }

    pub(crate) fn autocomplete(self) -> &'static str {
        let [_, autocomplete, _] = self.attributes();
        autocomplete
    }

    pub(crate) fn inputmode(self) -> &'static str {
        let [.., inputmode] = self.attributes();
        inputmode
    }

    /// Whether it is a box that is ticked.
    pub(crate) fn is_tick(self) -> bool {
        matches!(self, Self::Ticked(_))
    }

    /// Whether the box is ticked.
    pub(crate) fn is_ticked(self) -> bool {
        matches!(self, Self::Ticked(true))
    }

    /// What was typed, unless it is kept nowhere.
    pub(crate) fn typed(self) -> Option<&'a str> {
        match self {
            Self::Username(typed)
            | Self::UsernameOrPasskey(typed)
            | Self::Address(typed)
            | Self::Code(typed)
            | Self::Text(typed)
            | Self::Date(typed)
            | Self::Telephone(typed) => Some(typed).filter(|typed| !typed.is_empty()),
            Self::CurrentPassword | Self::OtherPassword | Self::NewPassword | Self::Ticked(_) => None,
        }
    }
}
