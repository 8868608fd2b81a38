//! Reads what people type: an address, a new password, and the fields that the configuration declares.

use crate::error::{Failure, Wrong};
use gateway_config::{FieldType, Gateway};
use gateway_credentials::password_policy;
use gateway_domain::address::Address;
use gateway_domain::secret::Secret;
use std::collections::BTreeMap;

/// An address.
pub(crate) fn address(field: &str, typed: Option<&str>) -> Result<Address, Failure> {
    let wrong = |wrong| Failure::Field { field: field.to_owned(), wrong };
    let typed = typed.filter(|typed| !typed.trim().is_empty()).ok_or_else(|| wrong(Wrong::Required))?;
    Address::parse(typed).map_err(|_| wrong(Wrong::NoAddress))
}

/// A password that may be set for this address.
pub(crate) fn new_password(field: &str, typed: Option<&Secret>, address: &str) -> Result<(), Failure> {
    let wrong = |wrong| Failure::Field { field: field.to_owned(), wrong };
    let typed = typed.filter(|typed| !typed.is_empty()).ok_or_else(|| wrong(Wrong::Required))?;
    password_policy::check(typed.expose(), address).map_err(|weak| wrong(Wrong::Password(weak)))
}

/// The declared fields; `name` says how one is called where it was typed. What was not filled in is left out.
pub(crate) fn profile<'a>(
    gateway: &Gateway,
    name: impl Fn(&str) -> String,
    typed: impl Fn(&str) -> Option<&'a str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut profile = BTreeMap::new();
    for field in &gateway.accounts().fields {
        let name = name(field.id.as_str());
        let value = typed(&name).map(str::trim).filter(|value| !value.is_empty());
        let wrong = |wrong| Failure::Field { field: name.clone(), wrong };
        let Some(value) = value else {
            if field.required {
                return Err(wrong(Wrong::Required));
            }
            continue;
        };
        if value.chars().count() > field.max_length || value.chars().any(char::is_control) {
            return Err(wrong(Wrong::TooLong(field.max_length)));
        }
        match field.kind {
            FieldType::Date if !is_date(value) => return Err(wrong(Wrong::NoDate)),
            FieldType::Tel if !is_telephone_number(value) => return Err(wrong(Wrong::NoTelephoneNumber)),
            // A box that is not ticked is not sent.
            FieldType::Boolean if !["yes", "true"].contains(&value) => return Err(wrong(Wrong::Required)),
            FieldType::Text | FieldType::Date | FieldType::Tel | FieldType::Boolean => {}
        }
        let value = if field.kind == FieldType::Boolean { "yes" } else { value };
        profile.insert(field.id.as_str().to_owned(), value.to_owned());
    }
    Ok(profile)
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
