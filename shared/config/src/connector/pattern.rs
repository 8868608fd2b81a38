//! What the responses of legacy systems are compared with: patterns, markers and statuses.

use crate::NotAllowed;
use http::StatusCode;
use schemars::JsonSchema;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The longest pattern, and the longest marker, in bytes.
const LONGEST: usize = 512;

/// The most memory of a compiled pattern, in bytes.
const MAX_COMPILED: usize = 64 * 1024;

/// A regular expression of the crate `regex-lite`. The crate adds little to the size of a function, and a match takes time
/// proportional to the length of the text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("maxLength" = 512))]
pub struct Pattern(regex_lite::Regex);

impl Pattern {
    /// Whether the pattern matches somewhere in the text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// What the first group in parentheses matches, at the first match in the text.
    pub fn group<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.0.captures(text)?.get(1).map(|found| found.as_str())
    }

    /// How many groups in parentheses it has.
    pub(crate) fn groups(&self) -> usize {
        self.0.captures_len().saturating_sub(1)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl TryFrom<String> for Pattern {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(NotAllowed::new(format!("a pattern has 1 to {LONGEST} bytes: write a shorter one")));
        }
        let compiled = regex_lite::RegexBuilder::new(&text).size_limit(MAX_COMPILED).build();
        compiled.map(Self).map_err(|error| {
            NotAllowed::new(format!(
                "`{text}` is not a pattern ({error}): write a regular expression, without look-around"
            ))
        })
    }
}

/// A text that is searched for, letter for letter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 512))]
pub struct Marker(String);

impl Marker {
    /// The text, of 1 to 512 bytes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it occurs in this text.
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(&self.0)
    }
}

impl TryFrom<String> for Marker {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(NotAllowed::new(format!("a text to look for has 1 to {LONGEST} bytes: write a shorter one")));
        }
        Ok(Self(text))
    }
}

/// One HTTP status, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "WrittenStatuses")]
pub struct Statuses(Vec<StatusCode>);

/// The forms in which the file can write statuses, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Statuses")]
#[expect(dead_code, reason = "only its schema is used")]
enum WrittenStatuses {
    One(#[schemars(range(min = 200, max = 599))] u16),
    Several(#[schemars(length(min = 1, max = 16))] Vec<u16>),
}

impl Statuses {
    /// This status alone.
    pub fn one(status: StatusCode) -> Self {
        Self(vec![status])
    }

    /// Whether this status is one of them.
    pub fn contains(&self, status: StatusCode) -> bool {
        self.0.contains(&status)
    }

    /// The statuses.
    pub fn iter(&self) -> impl Iterator<Item = StatusCode> {
        self.0.iter().copied()
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Statuses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an HTTP status, which is a whole number such as 401, or a list such as [401, 403]")
    }

    fn visit_u64<E: serde::de::Error>(self, code: u64) -> Result<Statuses, E> {
        status(code).map(Statuses::one)
    }

    fn visit_i64<E: serde::de::Error>(self, code: i64) -> Result<Statuses, E> {
        status(code).map(Statuses::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Statuses, A::Error> {
        let mut statuses = Vec::new();
        while let Some(code) = list.next_element::<u16>()? {
            statuses.push(status(u64::from(code))?);
        }
        if statuses.is_empty() || statuses.len() > 16 {
            return Err(A::Error::custom("a list of statuses has 1 to 16: write such as [401, 403]"));
        }
        Ok(Statuses(statuses))
    }
}

fn status<E: serde::de::Error>(code: impl TryInto<u16> + Copy + fmt::Display) -> Result<StatusCode, E> {
    let status = code.try_into().ok().and_then(|code| StatusCode::from_u16(code).ok());
    status.ok_or_else(|| E::custom(format!("{code} is not an HTTP status: write 200 to 599")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_bounded_and_yields_its_group() {
        let pattern = Pattern::try_from(r#"name="csrf" value="([^"]+)""#.to_owned()).unwrap();
        assert_eq!(pattern.group(r#"<input name="csrf" value="a1b2">"#), Some("a1b2"));
        assert_eq!(pattern.group(r#"<input name="csrf" value="">"#), None);
        assert_eq!(pattern.groups(), 1);
        for bad in ["", "(", "a{1000}{1000}", "(?=a)", &"x".repeat(513)] {
            assert!(Pattern::try_from((*bad).to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_marker_is_found_letter_for_letter() {
        let marker = Marker::try_from("wrong".to_owned()).unwrap();
        assert!(marker.is_in("\u{fc} wrong \u{fc}") && !marker.is_in("Wrong") && !marker.is_in("wron"));
        assert!(Marker::try_from(String::new()).is_err());
    }
}
