//! Reads what people type: an address, a new password, and the fields that the configuration declares.

use crate::error::{Failure, Wrong};
use gateway_config::{FieldType, Gateway};
use gateway_credentials::password_policy;
use gateway_domain::address::Address;
use gateway_domain::secret::Secret;
use std::collections::BTreeMap;

/// An address.
pub(crate) fn address(field: &str, typed: Option<&str>) -> Result<Address, Failure> {
    let wrong = |wrong| Failure::field(field, wrong);
    let typed = typed.filter(|typed| !typed.trim().is_empty()).ok_or_else(|| wrong(Wrong::Required))?;
    let address = Address::parse(typed).map_err(|_| wrong(Wrong::NoAddress))?;
    // Mail systems have read these as another address: a route (`%`, `!`) or an encoded word (`=?`).
    let name = address.as_str().split('@').next().unwrap_or_default();
    if name.contains(['%', '!']) || name.contains("=?") { Err(wrong(Wrong::NoAddress)) } else { Ok(address) }
}

/// A password that may be set, where others can know these texts.
pub(crate) fn new_password(field: &str, typed: Option<&Secret>, known: &[&str]) -> Result<(), Failure> {
    let wrong = |wrong| Failure::field(field, wrong);
    let typed = typed.filter(|typed| !typed.is_empty()).ok_or_else(|| wrong(Wrong::Required))?;
    password_policy::check(typed.expose(), known).map_err(|weak| wrong(Wrong::Password(weak)))
}

/// The declared fields; `name` says how one is called where it was typed. What was not filled in is left out.
pub(crate) fn profile<'a>(
    gateway: &Gateway,
    name: impl Fn(&str) -> String,
    typed: impl Fn(&str) -> Option<&'a str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let (mut profile, mut mistakes) = (BTreeMap::new(), Mistaken::default());
    for field in &gateway.accounts().fields {
        let name = name(field.id.as_str());
        let value = typed(&name).map(str::trim).filter(|value| !value.is_empty());
        let Some(value) = value else {
            if field.required {
                mistakes.0.push((name, Wrong::Required));
            }
            continue;
        };
        if let Some(value) = field.value(value) {
            profile.insert(field.id.as_str().to_owned(), value.to_owned());
            continue;
        }
        let wrong = match field.kind {
            FieldType::Date => Wrong::NoDate,
            FieldType::Tel => Wrong::NoTelephoneNumber,
            // A box that is not ticked is not sent.
            FieldType::Boolean => Wrong::Required,
            FieldType::Text => Wrong::TooLong(field.max_length),
        };
        mistakes.0.push((name, wrong));
    }
    mistakes.none()?;
    Ok(profile)
}

/// What is wrong with the fields of a form, so that all of it is told at once.
#[derive(Default)]
pub(crate) struct Mistaken(Vec<(String, Wrong)>);

impl Mistaken {
    /// What was read, unless a field is wrong: that is kept, and everything else is an error.
    pub(crate) fn in_field<T>(&mut self, read: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match read {
            Ok(read) => return Ok(Some(read)),
            Err(Failure::Fields(wrong)) => self.0.extend(wrong),
            Err(failure) => return Err(failure),
        }
        Ok(None)
    }

    /// Fails if a field was wrong.
    pub(crate) fn none(self) -> Result<(), Failure> {
        if self.0.is_empty() { Ok(()) } else { Err(Failure::Fields(self.0)) }
    }
}
