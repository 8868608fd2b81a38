//! The form of a user's item.

use super::{User, WayBack};
use gateway_domain::address::Address;
use gateway_domain::ids::{ConnectorName, UserId};
use gateway_domain::password::PasswordHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
        }
    }
}
