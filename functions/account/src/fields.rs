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
        let Some(value) = field.value(value) else {
            return Err(wrong(match field.kind {
                FieldType::Date => Wrong::NoDate,
                FieldType::Tel => Wrong::NoTelephoneNumber,
                // A box that is not ticked is not sent.
                FieldType::Boolean => Wrong::Required,
                FieldType::Text => Wrong::TooLong(field.max_length),
            }));
        };
        profile.insert(field.id.as_str().to_owned(), value.to_owned());
    }
    Ok(profile)
}
