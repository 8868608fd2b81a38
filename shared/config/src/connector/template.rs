//! Texts with placeholders for values, such as `Session {token}`.

use crate::NotAllowed;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// The longest text, in bytes.
const LONGEST: usize = 1024;

/// A text with names in braces, which are replaced by values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A text that is used as it is.
    Text(String),
    /// A name that is replaced by its value.
    Value(ValueName),
}

impl Template {
    /// Its parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The names of the values in it, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Its text outside braces.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Value(_) => None,
        })
    }

    /// `{token}` alone.
    pub(crate) fn token() -> Self {
        Self { pieces: vec![Piece::Value(ValueName("token".to_owned()))] }
    }
}

impl TryFrom<String> for Template {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let not_allowed = || {
            NotAllowed::new(format!(
                "`{text}` is no text with values: write names in braces, such as \"Session {{token}}\", no other braces, \
                 and at most {LONGEST} bytes"
            ))
        };
        if text.len() > LONGEST {
            return Err(NotAllowed::new(format!("longer than {LONGEST} bytes: shorten it")));
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(not_allowed)?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value(ValueName::try_from(name.to_owned()).map_err(|_| not_allowed())?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        let stray = pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('}')));
        if stray { Err(not_allowed()) } else { Ok(Self { pieces }) }
    }
}

/// The name of a value in braces: `token`, or one of the configuration's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9_]{0,31}$"))]
pub struct ValueName(String);

impl ValueName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ValueName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ValueName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let sound = text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(letters);
        if sound {
            Ok(Self(text))
        } else {
            Err(NotAllowed::new(format!(
                "`{text}` is not the name of a value: write up to 32 of a-z 0-9 _, a letter first, such as csrf"
            )))
        }
    }
}

/// The value of one member of a body.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "serde_json::Value")]
#[schemars(with = "serde_json::Value", extend("type" = ["string", "number", "boolean", "object"]))]
pub enum Field {
    /// A text, whose names in braces are replaced by values.
    Text(Template),
    /// A number or boolean that is sent as it is.
    Literal(serde_json::Value),
    /// An object with members of its own, in JSON only.
    Members(BTreeMap<String, Field>),
}

impl Field {
    /// The numbers and booleans in it, each with its field name. `field` is the name of this field.
    pub(crate) fn literals(&self, field: String) -> Vec<(String, &serde_json::Value)> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Literal(value) => vec![(field, value)],
            Self::Members(members) => {
                members.iter().flat_map(|(name, value)| value.literals(format!("{field}.{name}"))).collect()
            }
        }
    }

    /// The names of the values in it.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Text(template) => template.names().collect(),
            Self::Literal(_) => Vec::new(),
            Self::Members(members) => members.values().flat_map(Self::names).collect(),
        }
    }
}

/// The value of one field of a form: a text, whose names in braces are replaced by values. A number is sent as the text
/// that the file has.
#[derive(JsonSchema)]
#[schemars(extend("type" = ["string", "number", "boolean"]))]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct FormField(serde_json::Value);

/// Reads the fields of a form. All values are texts exactly as the file has them: `010` has three characters.
pub(super) fn form<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, Field>>, D::Error> {
    let written = Option::<BTreeMap<String, Template>>::deserialize(deserializer)?;
    Ok(written.map(|fields| fields.into_iter().map(|(name, text)| (name, Field::Text(text))).collect()))
}

impl TryFrom<serde_json::Value> for Field {
    type Error = NotAllowed;

    fn try_from(value: serde_json::Value) -> Result<Self, NotAllowed> {
        use serde_json::Value;
        match value {
            Value::String(text) => Template::try_from(text).map(Self::Text),
            Value::Number(_) | Value::Bool(_) => Ok(Self::Literal(value)),
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| Ok((name, Self::try_from(value)?)));
                members.collect::<Result<_, _>>().map(Self::Members)
            }
            Value::Null | Value::Array(_) => Err(NotAllowed::new(
                "expected a text, a number, a boolean or members; {username} and {password} need quotes",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_values_and_nothing_else_is_in_braces() {
        let template = Template::try_from(r"CORP\{username}, {csrf}".to_owned()).unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["username", "csrf"]);
        assert_eq!(template.texts().collect::<Vec<_>>(), ["CORP\\", ", "]);
        for bad in ["{", "}", "a}b", "{}", "{A}", "{a b}", "{{token}}", "{token", &"x".repeat(1025)] {
            assert!(Template::try_from((*bad).to_owned()).is_err(), "{bad}");
        }
    }
}
