//! The form of a session's item and of the internal tokens in it.

use crate::ttl;
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::sealing::SealedToken;
use gateway_domain::session::{Family, Holder, Idle, InternalToken, LoginMethod, OfSignOn, Origin, Session};
use gateway_domain::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kept this long after its absolute end, so that a reused refresh token is still recognised.
pub(super) const KEPT: Seconds = Seconds::new(86_400);

#[derive(Serialize, Deserialize)]
pub(super) struct SessionItem {
    pub(super) sid: SessionId,
    user_id: UserId,
    client_id: ClientId,
    scope: Scope,
    generation: u64,
    served_at: Timestamp,
    parent_served_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_attempt: Option<String>,
    idle_end: Timestamp,
    absolute_end: Timestamp,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) ended: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<HolderItem>,
    salt: String,
    mac_key: String,
    credential_epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(default, skip_serializing_if = "LoginMethod::is_password")]
    login_by: LoginMethod,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign_on: Option<OfSignOnItem>,
    #[serde(default)]
    tokens: BTreeMap<ConnectorName, TokenItem>,
    /// The rotation that made this generation, so that a repeated write recognises its own result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rotation: Option<String>,
    ttl: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct HolderItem {
    jkt: Thumbprint,
    since: u64,
}

#[derive(Serialize, Deserialize)]
struct OfSignOnItem {
    id: SessionId,
    ds_hash: String,
}

/// The part of a session that a call needs.
#[derive(Deserialize)]
pub(super) struct TokensItem {
    #[serde(default)]
    ended: bool,
    #[serde(default)]
    tokens: BTreeMap<ConnectorName, TokenItem>,
}

/// The part of a session that tells under which credentials it began.
#[derive(Deserialize)]
pub(super) struct EpochItem {
    pub(super) credential_epoch: u64,
}

/// The part of a session that its user sees.
#[derive(Deserialize)]
pub(super) struct ShownItem {
    #[serde(default)]
    pub(super) ended: bool,
    pub(super) served_at: Timestamp,
    pub(super) began_at: Option<Timestamp>,
    pub(super) device: Option<String>,
    pub(super) scope: Scope,
}

/// The part of a session that tells whether its application may want to be told of its end.
#[derive(Deserialize)]
pub(super) struct NoticeItem {
    #[serde(default)]
    pub(super) ended: bool,
    #[serde(default)]
    pub(super) issuer: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TokenItem {
    v: u64,
    x: SealedToken,
    since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<Timestamp>,
    /// Seconds without use after which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_ends: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renew_until: Option<Timestamp>,
}

impl TokensItem {
    /// The internal tokens, unless the session has ended.
    pub(super) fn of_live_session(self) -> Option<BTreeMap<ConnectorName, InternalToken>> {
        (!self.ended).then(|| self.tokens.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

impl SessionItem {
    pub(super) fn of(session: &Session, rotation: Option<&str>) -> Self {
        let family = &session.family;
        Self {
            sid: session.sid.clone(),
            user_id: session.user_id.clone(),
            client_id: session.client_id.clone(),
            scope: session.scope.clone(),
            generation: family.generation,
            served_at: family.served_at,
            parent_served_at: family.parent_served_at,
            attempt: family.attempt.clone(),
            parent_attempt: family.parent_attempt.clone(),
            idle_end: family.idle_end,
            absolute_end: family.absolute_end,
            ended: family.ended,
            holder: session.holder.as_ref().map(HolderItem::from),
            salt: hex(session.salt),
            mac_key: session.mac_key.clone(),
            credential_epoch: session.credential_epoch,
            auth_time: session.auth_time,
            began_at: session.origin.began,
            device: session.origin.device.clone(),
            login_by: session.origin.by,
            issuer: session.issuer.clone(),
            sign_on: session.sign_on.as_ref().map(OfSignOnItem::from),
            tokens: session.tokens.iter().map(|(name, value)| (name.clone(), value.into())).collect(),
            rotation: rotation.map(str::to_owned),
            ttl: ttl::after([family.absolute_end.saturating_add(KEPT), family.idle_end]),
        }
    }
}

impl From<&Holder> for HolderItem {
    fn from(holder: &Holder) -> Self {
        Self { jkt: holder.key.clone(), since: holder.since }
    }
}

impl From<&OfSignOn> for OfSignOnItem {
    fn from(sign_on: &OfSignOn) -> Self {
        Self { id: sign_on.id.clone(), ds_hash: sign_on.ds_hash.clone() }
    }
}

impl From<&InternalToken> for TokenItem {
    fn from(token: &InternalToken) -> Self {
        Self {
            v: token.version,
            x: token.sealed.clone(),
            since: token.since,
            ends: token.ends,
            idle: token.idle.map(|idle| idle.after.as_u64()),
            idle_ends: token.idle.map(|idle| idle.ends),
            renew_until: token.renew_until,
        }
    }
}

impl From<TokenItem> for InternalToken {
    fn from(item: TokenItem) -> Self {
        let idle = item.idle.zip(item.idle_ends);
        Self {
            version: item.v,
            sealed: item.x,
            since: item.since,
            ends: item.ends,
            idle: idle.map(|(after, ends)| Idle { after: Seconds::new(after), ends }),
            renew_until: item.renew_until,
        }
    }
}

impl From<SessionItem> for Session {
    fn from(item: SessionItem) -> Self {
        Self {
            sid: item.sid,
            user_id: item.user_id,
            client_id: item.client_id,
            scope: item.scope,
            family: Family {
                generation: item.generation,
                served_at: item.served_at,
                parent_served_at: item.parent_served_at,
                attempt: item.attempt,
                parent_attempt: item.parent_attempt,
                idle_end: item.idle_end,
                absolute_end: item.absolute_end,
                ended: item.ended,
            },
            holder: item.holder.map(|HolderItem { jkt: key, since }| Holder { key, since }),
            // An unreadable salt becomes zeros, with which no refresh token of the session verifies: it fails closed.
            salt: unhex(&item.salt),
            mac_key: item.mac_key,
            credential_epoch: item.credential_epoch,
            auth_time: item.auth_time,
            origin: Origin { began: item.began_at, device: item.device, by: item.login_by },
            issuer: item.issuer,
            sign_on: item.sign_on.map(|OfSignOnItem { id, ds_hash }| OfSignOn { id, ds_hash }),
            tokens: item.tokens.into_iter().map(|(name, value)| (name, value.into())).collect(),
        }
    }
}

pub(super) fn hex(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

pub(super) fn unhex(text: &str) -> [u8; 16] {
    u128::from_str_radix(text, 16).unwrap_or_default().to_be_bytes()
}
