//! What owners see of their accounts: sessions, apps with access, and all of it as a file.

use crate::devices::OwnDevice;
use crate::error::Failure;
use crate::passkeys::to_json;
use crate::{Account, Asked};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::outbox::AppSession;
use gateway_domain::time::Timestamp;
use gateway_store::{Consent, LiveSession, User};
use serde_json::{Value, json};

/// How many items are read at the same time.
pub(crate) const AT_ONCE: usize = 8;

/// A live session as its user sees it.
pub(crate) struct OwnSession {
    pub(crate) of: AppSession,
    pub(crate) app: String,
    pub(crate) device: Option<String>,
    pub(crate) began: Timestamp,
    pub(crate) refreshed: Timestamp,
}

/// An app that may use the account.
pub(crate) struct AllowedApp {
    pub(crate) consent: Consent,
    pub(crate) name: String,
}

impl Account {
    /// The live sessions of a user, the last refreshed first.
    pub(crate) async fn sessions_of(&self, user: &UserId, now: Timestamp) -> Result<Vec<OwnSession>, Failure> {
        let live = self.activity.sessions_of_user(user, now).await?;
        let shown = stream::iter(live).map(|live| self.own_session(live)).buffer_unordered(AT_ONCE);
        let shown: Vec<Option<OwnSession>> = shown.try_collect().await?;
        let mut sessions: Vec<_> = shown.into_iter().flatten().collect();
        sessions.sort_by(|one, other| other.refreshed.cmp(&one.refreshed).then_with(|| one.of.sid.cmp(&other.of.sid)));
        Ok(sessions)
    }

    async fn own_session(&self, live: LiveSession) -> Result<Option<OwnSession>, Failure> {
        let Some(shown) = self.sessions.shown(&live.entry.sid).await? else { return Ok(None) };
        let app = self.name_of(&live.client_id).await?;
        Ok(Some(OwnSession {
            of: AppSession { client_id: live.client_id, sid: live.entry.sid },
            app,
            device: shown.origin.device,
            began: shown.origin.began.unwrap_or(shown.refreshed),
            refreshed: shown.refreshed,
        }))
    }

    /// The apps that a user has allowed to use the account.
    pub(crate) async fn apps_of(&self, user: &UserId) -> Result<Vec<AllowedApp>, Failure> {
        let consents = self.consents.of_user(user).await?;
        let apps = stream::iter(consents).map(|consent| async move {
            let name = self.name_of(&consent.client_id).await?;
            Ok::<_, Failure>(AllowedApp { consent, name })
        });
        apps.buffered(AT_ONCE).try_collect().await
    }

    /// Takes a consent back, and ends the sessions that it has allowed.
    pub(crate) async fn revoke(&self, asked: &Asked<'_>, user: &UserId, app: &ClientId) -> Result<(), Failure> {
        let take_back = async { Ok(self.consents.revoke(user, app).await?) };
        Box::pin(self.end_around(asked, user, |live| live.client_id == *app, take_back)).await
    }

    /// All that is known of a user and can be told: no password, no token.
    pub(crate) async fn data_of(&self, user: &User, now: Timestamp) -> Result<Value, Failure> {
        let sessions = self.sessions_of(&user.user_id, now).await?;
        let apps = self.apps_of(&user.user_id).await?;
        let passkeys = self.passkeys_of(&user.user_id).await?;
        let devices = self.devices_of(&user.user_id).await?;
        Ok(json!({
            "user_id": user.user_id,
            "email": user.email,
            "email_verified": user.email_verified,
            "profile": user.profile,
            "names_at_other_systems": user.links,
            "directory_subject": user.directory_subject,
            "sessions": sessions.iter().map(OwnSession::to_json).collect::<Vec<_>>(),
            "apps": apps.iter().map(AllowedApp::to_json).collect::<Vec<_>>(),
            "passkeys": passkeys.iter().map(to_json).collect::<Vec<_>>(),
            "devices": devices.iter().map(OwnDevice::to_json).collect::<Vec<_>>(),
        }))
    }

    /// The name of an app; its id if it is gone.
    pub(crate) async fn name_of(&self, app: &ClientId) -> Result<String, Failure> {
        Ok(self.apps.calling(app).await?.map_or_else(|| app.to_string(), |app| app.name))
    }
}

impl OwnSession {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "session": self.of.sid,
            "client_id": self.of.client_id,
            "app": self.app,
            "device": self.device,
            "began_at": self.began,
            "refreshed_at": self.refreshed,
        })
    }
}

impl AllowedApp {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "client_id": self.consent.client_id,
            "app": self.name,
            "scope": self.consent.scope,
            "given_at": self.consent.given_at,
        })
    }
}
