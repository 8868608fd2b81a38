//! Families of apps, which share logins on one device.

use crate::check::Findings;
use crate::file::File;
use gateway_domain::ids::ClientId;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most apps of a family: a sign-on knows a session of each, and is one small item.
const MOST: usize = 20;

/// Apps of the company that share logins on one device (OpenID Connect Native SSO for Mobile Apps).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppFamily {
    /// The client ids of the apps, 2 to 20. An app is in one family at most.
    #[schemars(with = "Vec<String>", length(min = 2, max = 20))]
    pub apps: Vec<ClientId>,
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    let mut known = BTreeMap::new();
    for (name, family) in &file.app_families {
        let field = format!("app_families.{name}.apps");
        let count = family.apps.len();
        if !(2..=MOST).contains(&count) {
            findings.add(field.clone(), format!("{count} apps: write 2 to {MOST}, or leave the family out"));
        }
        for app in &family.apps {
            if let Some(other) = known.insert(app, name) {
                let reason = format!("`{app}` is in the family `{other}` already: an app is in one family, once");
                findings.add(field.clone(), reason);
            }
        }
    }
}
