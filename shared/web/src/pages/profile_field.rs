//! A field of the profile that the configuration declares.

use crate::form::{Input, Kind};

/// A field of the profile that the configuration declares.
pub struct ProfileField<'a> {
    /// Its id. The field of the form is `profile_ID`, which no field of ours is called.
    pub id: &'a str,
    /// Its label, in the language of the site.
    pub label: &'a str,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it has to be filled in.
    pub required: bool,
    /// What was typed. A box is ticked by `yes`.
    pub typed: &'a str,
}

/// What a field of the profile takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// A date, `2026-11-27`.
    Date,
    /// A telephone number.
    Telephone,
    /// A box to tick.
    Boolean,
}

impl ProfileField<'_> {
    pub(crate) fn input(&self) -> Input<'_> {
        let kind = match self.kind {
            FieldKind::Text => Kind::Text(self.typed),
            FieldKind::Date => Kind::Date(self.typed),
            FieldKind::Telephone => Kind::Telephone(self.typed),
            FieldKind::Boolean => Kind::Ticked(self.typed == "yes"),
        };
        Input { required: self.required, ..Input::new(format!("profile_{}", self.id), self.label, kind) }
    }
}
