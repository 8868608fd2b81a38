//! Devices, which apps register by keys of their own.

use crate::check::Findings;
use crate::file::File;
use gateway_domain::admin_scope;
use gateway_domain::id_token;
use gateway_domain::scope::{ACCOUNT, Scope};
use schemars::JsonSchema;
use serde::Deserialize;

/// Devices that apps register by keys of their own, and that call without a login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// The scopes that a device can have, with a space between two of them; of them it gets those that its app has.
    #[schemars(with = "String")]
    pub scope: Scope,
    /// How many devices one source registers at once, and then in a day, 1 to 86400. Many people may be behind one address.
    #[serde(default = "per_source")]
    #[schemars(range(min = 1, max = 86400))]
    pub registrations_per_source: u32,
    /// How many devices of one app are registered at once, and then in a day, 1 to 86400.
    #[serde(default = "per_app")]
    #[schemars(range(min = 1, max = 86400))]
    pub registrations_per_app: u32,
}

const fn per_source() -> u32 {
    200
}

const fn per_app() -> u32 {
    10_000
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    let Some(devices) = &file.devices else { return };
    let field = "devices.scope";
    if devices.scope.is_empty() {
        findings.add(field.to_owned(), "no scope: write those that a device can have, or remove `devices`");
    }
    let known = file.known_scopes();
    for scope in devices.scope.iter() {
        if id_token::SCOPES.contains(&scope) || scope == ACCOUNT || admin_scope::is_one(scope) {
            findings.add(field.to_owned(), format!("`{scope}` is about a person or for who administers: leave it out"));
        } else if !known.contains(scope) {
            findings
                .add(field.to_owned(), format!("no route needs `{scope}`: write a scope of a route, or leave it out"));
        }
    }
    for (name, most) in [
        ("registrations_per_source", devices.registrations_per_source),
        ("registrations_per_app", devices.registrations_per_app),
    ] {
        if !(1..=86_400).contains(&most) {
            findings.add(format!("devices.{name}"), "out of range: write 1 to 86400");
        }
    }
}
