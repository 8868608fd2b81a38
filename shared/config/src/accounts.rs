//! Which accounts people can make for themselves.

use crate::NotAllowed;
use crate::check::Findings;
use crate::directory::Directory;
use crate::localized::{LocalizedText, WrittenText};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Which accounts people can make for themselves, and what they tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Whether people can make accounts; otherwise only operators do.
    pub sign_up: bool,
    /// Whether somebody can log in whose address is not proved yet.
    pub login_before_verification: bool,
    /// Who checks the passwords of people who have none here. Without it, nobody does.
    pub directory: Option<Directory>,
    /// What a sign-up asks for besides address and password, at most 16 fields.
    #[schemars(length(max = 16))]
    pub fields: Vec<ProfileField>,
}

/// A field of a sign-up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileField {
    /// Its name in forms and JSON: 1 to 32 characters of a-z, 0-9 and _.
    pub id: FieldId,
    /// What people read beside it.
    #[schemars(with = "WrittenText")]
    pub label: LocalizedText,
    /// What it takes.
    #[serde(rename = "type", default)]
    pub kind: FieldType,
    /// The most characters of a text, 1 to 200.
    #[serde(default = "longest")]
    #[schemars(range(min = 1, max = 200))]
    pub max_length: usize,
    /// Whether it has to be filled in.
    #[serde(default)]
    pub required: bool,
    /// The claim by which apps with the scope `profile` learn it (OpenID Connect Core §5.1). Without it they do not.
    pub claim: Option<ClaimName>,
}

impl ProfileField {
    /// A text as it is kept, if the field takes it. A field for yes or no is kept where it is yes.
    pub fn value<'t>(&self, text: &'t str) -> Option<&'t str> {
        let fits = text.chars().count() <= self.max_length && !text.chars().any(char::is_control);
        let takes = match self.kind {
            FieldType::Text => true,
            FieldType::Date => is_date(text),
            FieldType::Tel => is_telephone_number(text),
            FieldType::Boolean => return ["yes", "true"].contains(&text).then_some("yes"),
        };
        (fits && takes).then_some(text)
    }
}

/// Whether it is a day of the calendar, as `2026-11-27`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| (part.len(), part.parse::<u16>()));
    let (Some((4, Ok(year))), Some((2, Ok(month))), Some((2, Ok(day))), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether it is a telephone number as people write one: 5 to 15 digits (ITU-T E.164), and what stands between them.
fn is_telephone_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('+').unwrap_or(text);
    (5..=15).contains(&digits) && rest.bytes().all(|b| b.is_ascii_digit() || b" -/().".contains(&b))
}

const fn longest() -> usize {
    100
}

/// What a field takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// A line of text.
    #[default]
    Text,
    /// A date, `2026-11-27`.
    Date,
    /// A telephone number.
    Tel,
    /// Yes or no.
    Boolean,
}

/// The name of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9_]{1,32}$"))]
pub struct FieldId(String);

impl FieldId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FieldId {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if text.is_empty() || text.len() > 32 || !text.bytes().all(known) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a field: write 1 to 32 characters of a-z, 0-9 and _"
            )));
        }
        Ok(Self(text))
    }
}

/// The name of a claim, of the standard or of one's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z][A-Za-z0-9_.:/-]{0,99}$"))]
pub struct ClaimName(String);

/// Claims that say who vouches for what, which nobody may say of themselves.
const RESERVED: [&str; 28] = [
    "acr",
    "act",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "email",
    "email_verified",
    "entitlements",
    "events",
    "exp",
    "groups",
    "iat",
    "iss",
    "jti",
    "may_act",
    "nbf",
    "nonce",
    "phone_number_verified",
    "roles",
    "scope",
    "sid",
    "sub",
    "updated_at",
];

impl ClaimName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClaimName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b);
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || text.len() > 100 || !text.bytes().all(known) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a claim: write one such as given_name or https://example.com/customer"
            )));
        }
        if RESERVED.contains(&text.as_str()) {
            return Err(NotAllowed::new(format!("`{text}` is a claim of the gateway: write another one")));
        }
        Ok(Self(text))
    }
}

pub(crate) fn check(accounts: &Accounts, findings: &mut Findings) {
    if accounts.fields.len() > 16 {
        findings.add("accounts.fields".to_owned(), "out of range: write at most 16 fields");
    }
    let (mut seen, mut claims) = (BTreeSet::new(), BTreeSet::new());
    for (index, field) in accounts.fields.iter().enumerate() {
        if !seen.insert(&field.id) {
            findings.add(format!("accounts.fields[{index}].id"), "this field is there twice: keep one");
        }
        if field.claim.as_ref().is_some_and(|claim| !claims.insert(claim)) {
            findings.add(format!("accounts.fields[{index}].claim"), "this claim is there twice: keep one");
        }
        if !(1..=200).contains(&field.max_length) {
            findings.add(format!("accounts.fields[{index}].max_length"), "out of range: write 1 to 200");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for (text, is) in [
            ("2026-11-27", true),
            ("2024-02-29", true),
            ("2026-02-29", false),
            ("1900-02-29", false),
            ("2000-02-29", true),
            ("2026-13-01", false),
            ("2026-04-31", false),
            ("2026-1-1", false),
            ("27.11.2026", false),
        ] {
            assert_eq!(is_date(text), is, "{text}");
        }
    }

    #[test]
    fn a_telephone_number_has_digits_and_little_else() {
        for (text, is) in [
            ("+49 (0)30 / 123-456", true),
            ("030123456", true),
            ("12", false),
            ("1234567890123456", false),
            ("0800 CALL ME", false),
            ("++4930123456", false),
        ] {
            assert_eq!(is_telephone_number(text), is, "{text}");
        }
    }
}
