//! The form of a user's item.

use super::{SecondFactor, User, WayBack};
use gateway_domain::address::Address;
use gateway_domain::ids::{ConnectorName, UserId};
use gateway_domain::password::PasswordHash;
use gateway_domain::role::Role;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Serialize, Deserialize)]
pub(super) struct UserItem {
    pk: String,
    user_id: UserId,
    pub(super) email: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    pub(super) credential_epoch: u64,
    enabled: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<ConnectorName, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory_subject: Option<String>,
    #[serde(default = "proved", skip_serializing_if = "Clone::clone")]
    email_verified: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    profile: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ways_back: Vec<WayBack>,
    #[serde(default, skip_serializing_if = "none_ended")]
    pub(super) browser_epoch: u64,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "roles")]
    roles: BTreeSet<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second_factor: Option<SecondFactor>,
}

/// A string set, so that a role is added and removed without another one being lost.
mod roles {
    use gateway_domain::role::Role;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::collections::BTreeSet;

    pub(super) fn serialize<S: Serializer>(roles: &BTreeSet<Role>, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        serde_dynamo::string_set::serialize(&names, serializer)
    }

    /// One that this version does not know opens nothing here.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Role>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(Role::ALL.into_iter().filter(|role| names.iter().any(|name| name == role.as_str())).collect())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn none_ended(epoch: &u64) -> bool {
    *epoch == 0
}

const fn proved() -> bool {
    true
}

impl From<UserItem> for User {
    fn from(item: UserItem) -> Self {
        Self {
            user_id: item.user_id,
            email: item.email,
            password: item.password.map(PasswordHash::from_stored),
            credential_epoch: item.credential_epoch,
            enabled: item.enabled,
            links: item.links,
            directory_subject: item.directory_subject,
            email_verified: item.email_verified,
            profile: item.profile,
            ways_back: item.ways_back,
            browser_epoch: item.browser_epoch,
            roles: item.roles,
            second_factor: item.second_factor,
        }
    }
}

impl From<&User> for UserItem {
    fn from(user: &User) -> Self {
        Self {
            pk: format!("user#{}", user.user_id),
            user_id: user.user_id.clone(),
            email: user.email.clone(),
            password: user.password.as_ref().map(|hash| hash.as_str().to_owned()),
            credential_epoch: user.credential_epoch,
            enabled: user.enabled,
            links: user.links.clone(),
            directory_subject: user.directory_subject.clone(),
            email_verified: user.email_verified,
            profile: user.profile.clone(),
            ways_back: user.ways_back.clone(),
            browser_epoch: user.browser_epoch,
            roles: user.roles.clone(),
            second_factor: user.second_factor.clone(),
        }
    }
}
