//! The form of a pending session's item.

use crate::sessions::TokenItem;
use crate::ttl;
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::pending_session::{PendingSession, Progress, Redeemed};
use gateway_domain::pkce::CodeChallenge;
use gateway_domain::scope::Scope;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kept this long after its end, so that a code that is used twice is recognised, and tokens that nobody could log out are
/// tried again.
pub(super) const KEPT: Seconds = Seconds::new(86_400);

#[derive(Serialize, Deserialize)]
pub(super) struct PendingItem {
    sid: SessionId,
    user_id: UserId,
    client_id: ClientId,
    scope: Scope,
    redirect_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<CodeChallenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_jkt: Option<Thumbprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    auth_time: Timestamp,
    #[serde(default, skip_serializing_if = "LoginMethod::is_password")]
    login_by: LoginMethod,
    credential_epoch: u64,
    #[serde(default)]
    browser_epoch: u64,
    browser: String,
    tokens: BTreeMap<ConnectorName, TokenItem>,
    ends: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redeemed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ended: bool,
    ttl: Timestamp,
}

impl From<&PendingSession> for PendingItem {
    fn from(pending: &PendingSession) -> Self {
        let (code, redeemed, ended) = match &pending.progress {
            Progress::Asked => (None, None, false),
            Progress::Issued(code) => (Some(code.clone()), None, false),
            Progress::Redeemed(redeemed) => (Some(redeemed.code.clone()), Some(redeemed), false),
            Progress::Ended => (None, None, true),
        };
        Self {
            sid: pending.sid.clone(),
            user_id: pending.user_id.clone(),
            client_id: pending.client_id.clone(),
            scope: pending.scope.clone(),
            redirect_uri: pending.redirect_uri.clone(),
            state: pending.state.clone(),
            challenge: pending.challenge.clone(),
            dpop_jkt: pending.key.clone(),
            nonce: pending.nonce.clone(),
            auth_time: pending.auth_time,
            login_by: pending.by,
            credential_epoch: pending.credential_epoch,
            browser_epoch: pending.browser_epoch,
            browser: pending.browser.clone(),
            tokens: pending.tokens.iter().map(|(name, token)| (name.clone(), token.into())).collect(),
            ends: pending.ends,
            code,
            redeemed_at: redeemed.map(|redeemed| redeemed.at),
            attempt: redeemed.and_then(|redeemed| redeemed.attempt.clone()),
            ended,
            ttl: ttl::after([pending.ends.saturating_add(KEPT)]),
        }
    }
}

impl From<PendingItem> for PendingSession {
    fn from(item: PendingItem) -> Self {
        // An end is final, whatever was issued before it.
        let progress = match (item.ended, item.code, item.redeemed_at) {
            (true, _, _) => Progress::Ended,
            (false, None, _) => Progress::Asked,
            (false, Some(code), None) => Progress::Issued(code),
            (false, Some(code), Some(at)) => Progress::Redeemed(Redeemed { code, at, attempt: item.attempt }),
        };
        Self {
            sid: item.sid,
            user_id: item.user_id,
            client_id: item.client_id,
            scope: item.scope,
            redirect_uri: item.redirect_uri,
            state: item.state,
            challenge: item.challenge,
            key: item.dpop_jkt,
            nonce: item.nonce,
            auth_time: item.auth_time,
            by: item.login_by,
            credential_epoch: item.credential_epoch,
            browser_epoch: item.browser_epoch,
            browser: item.browser,
            tokens: item.tokens.into_iter().map(|(name, token)| (name, token.into())).collect(),
            ends: item.ends,
            progress,
        }
    }
}
