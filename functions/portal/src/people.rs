//! What is done with users and their sessions, by the admin API and by the pages.

use crate::error::Failure;
use crate::{Asked, Portal};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_administration::Act;
use gateway_domain::ids::{ClientId, OutboxId, SessionId, UserId};
use gateway_domain::outbox::{AppSession, ENDING, Which};
use gateway_domain::role::Role;
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use gateway_store::{LiveSession, NewEnding, User};
use serde_json::json;

/// How many sessions are read at the same time.
const AT_ONCE: usize = 8;

/// A live session, without tokens.
pub(crate) struct SeenSession {
    pub(crate) sid: SessionId,
    pub(crate) client_id: ClientId,
    pub(crate) device: Option<String>,
    pub(crate) began: Option<Timestamp>,
    pub(crate) refreshed: Timestamp,
    pub(crate) ends: Timestamp,
    pub(crate) scope: Scope,
}

impl Portal {
    pub(crate) async fn user(&self, user_id: &UserId) -> Result<User, Failure> {
        self.users.get(user_id).await?.ok_or_else(|| Failure::NoUser(user_id.clone()))
    }

    /// The live sessions of a user.
    pub(crate) async fn sessions_of(&self, user: &UserId, now: Timestamp) -> Result<Vec<SeenSession>, Failure> {
        let live = self.activity.sessions_of_user(user, now).await?;
        let seen = stream::iter(live).map(|live| self.session(live)).buffered(AT_ONCE);
        let seen: Vec<Option<SeenSession>> = seen.try_collect().await?;
        Ok(seen.into_iter().flatten().collect())
    }

    async fn session(&self, live: LiveSession) -> Result<Option<SeenSession>, Failure> {
        let Some(session) = self.sessions.shown(&live.entry.sid).await? else { return Ok(None) };
        Ok(Some(SeenSession {
            sid: live.entry.sid,
            client_id: live.client_id,
            device: session.origin.device,
            began: session.origin.began,
            refreshed: session.refreshed,
            ends: live.entry.ends,
            scope: session.scope,
        }))
    }

    /// Disables or enables a user. Either ends all sessions: the credential epoch rises, so that none is refreshed, and the outbox
    /// function ends their calls. Done again, it completes what broke off.
    pub(crate) async fn enable(
        &self,
        asked: &Asked<'_>,
        who: String,
        user: User,
        enabled: bool,
    ) -> Result<User, Failure> {
        if enabled && user.enabled {
            return Ok(user);
        }
        let act = Act {
            act: if enabled { "users enable" } else { "users disable" },
            subject: subject(&user.user_id),
            before: Some(json!({ "enabled": user.enabled })),
            after: Some(json!({ "enabled": enabled })),
        };
        let change = async {
            let epoch = self.users.change_credentials(&user.user_id, None, enabled).await?;
            let epoch = epoch.ok_or_else(|| Failure::NoUser(user.user_id.clone()))?;
            self.end(asked, &user.user_id, Which::BegunBefore(epoch)).await?;
            Ok::<_, Failure>(epoch)
        };
        let epoch = self.acts(who).audited(act, change).await?;
        Ok(User { enabled, credential_epoch: epoch, ..user })
    }

    /// Ends one session of a user, or all of them and the logins of browsers.
    pub(crate) async fn end_sessions(
        &self,
        asked: &Asked<'_>,
        who: String,
        user: &UserId,
        sid: Option<&str>,
    ) -> Result<(), Failure> {
        let chosen = self.chosen(asked, user, sid).await?;
        if sid.is_some() && chosen.is_empty() {
            return Err(Failure::NotFound);
        }
        let act = Act {
            act: "sessions end",
            subject: match sid {
                Some(sid) => format!("session {sid} of user {user}"),
                None => format!("sessions of user {user}"),
            },
            before: Some(json!({ "live_sessions": chosen.len() })),
            after: None,
        };
        let end = async {
            // The epoch of browsers first, then whoever is there: what begins by a browser, a code or a sign-on either sees the epoch or is seen.
            let chosen = if sid.is_none() {
                self.users.end_browsers(user, None).await?;
                self.chosen(asked, user, None).await?
            } else {
                chosen
            };
            if chosen.is_empty() { Ok(()) } else { self.end(asked, user, Which::These(chosen)).await }
        };
        self.acts(who).audited(act, end).await
    }

    /// The live sessions of a user, or the one of this id.
    async fn chosen(&self, asked: &Asked<'_>, user: &UserId, sid: Option<&str>) -> Result<Vec<AppSession>, Failure> {
        let live = self.activity.sessions_of_user(user, asked.now).await?.into_iter();
        let chosen = live.filter(|live| sid.is_none_or(|sid| live.entry.sid.as_str() == sid));
        Ok(chosen.map(|live| AppSession { client_id: live.client_id, sid: live.entry.sid }).collect())
    }

    /// Gives a user a role, or takes it away.
    pub(crate) async fn set_role(&self, who: String, user: &User, role: Role, has: bool) -> Result<(), Failure> {
        if user.roles.contains(&role) == has {
            return Ok(());
        }
        let act = Act {
            act: if has { "users grant" } else { "users revoke" },
            subject: subject(&user.user_id),
            before: Some(json!({ "roles": user.roles })),
            after: Some(json!({ "role": role })),
        };
        let change = async {
            let found = self.users.set_role(&user.user_id, role, has).await?;
            if found { Ok(()) } else { Err(Failure::NoUser(user.user_id.clone())) }
        };
        self.acts(who).audited(act, change).await
    }

    /// Forgets the authenticator app of a user, who sets up another at the next login.
    pub(crate) async fn reset_second_factor(&self, who: String, user: &UserId) -> Result<(), Failure> {
        let act = Act { act: "users reset-second-factor", subject: subject(user), before: None, after: None };
        let change = async {
            let found = self.users.forget_second_factor(user).await?;
            if found { Ok(()) } else { Err(Failure::NoUser(user.clone())) }
        };
        self.acts(who).audited(act, change).await
    }

    async fn end(&self, asked: &Asked<'_>, user_id: &UserId, which: Which) -> Result<(), Failure> {
        let id = OutboxId::from_random(self.entropy.bytes()?);
        let until = asked.now.saturating_add(ENDING);
        let ending = NewEnding { id: id.clone(), user_id: user_id.clone(), which, due: asked.now, until };
        self.endings.add_ending(&ending).await?;
        self.outbox.end_sessions(&id).await;
        Ok(())
    }
}

pub(crate) fn subject(user: &UserId) -> String {
    format!("user {user}")
}
