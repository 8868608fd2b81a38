//! Turns a pending session into a session when its code is redeemed, and logs out those that never are.

use crate::{PendingSessions, SessionError, Sessions};
use gateway_domain::ids::SessionId;
use gateway_domain::pending_session::{PendingSession, Redeemed};
use gateway_domain::session::{Family, Session};
use gateway_domain::time::Timestamp;

/// Pending sessions that one sweep looks at.
const MOST: usize = 100;

/// A pending session whose code is being redeemed, with what only the redeeming function knows.
pub struct Redeeming<'a> {
    /// The application, as it is registered now.
    pub app: &'a gateway_store::App,
    /// It, as it was read.
    pub pending: &'a PendingSession,
    /// The id of the key that makes the refresh tokens.
    pub mac_key: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl Sessions {
    /// Redeems a code. `false` if another request has redeemed it meanwhile.
    pub async fn redeem(
        &self,
        table: &gateway_store::PendingSessions,
        sid: &SessionId,
        redeemed: &Redeemed,
    ) -> Result<bool, SessionError> {
        let redemption = u128::from_be_bytes(self.entropy.bytes()?).to_string();
        Ok(table.redeem(sid, redeemed, &redemption).await?)
    }

    /// Begins the session of a redeemed code, or finds it begun. Each step can be repeated, so that an attempt that was cut
    /// off is finished by the next one. After an error the internal tokens stay, for a repetition or for
    /// [`Sessions::sweep`].
    pub async fn begin_redeemed(&self, redeeming: &Redeeming<'_>) -> Result<Session, SessionError> {
        let Redeeming { app, pending, mac_key, now } = *redeeming;
        let lifetimes = self.gateway.lifetimes();
        let new = Session {
            sid: pending.sid.clone(),
            user_id: pending.user_id.clone(),
            client_id: pending.client_id.clone(),
            scope: pending.scope.clone(),
            family: Family::begin(now, lifetimes.session_idle, lifetimes.session_absolute),
            salt: self.entropy.bytes()?,
            mac_key: mac_key.to_owned(),
            credential_epoch: pending.credential_epoch,
            auth_time: Some(pending.auth_time),
            tokens: pending.tokens.clone(),
        };
        self.table.create(&new).await?;
        // Another attempt of the same client may have written it first, with a salt of its own.
        let session = self.table.get(&new.sid).await?.ok_or(SessionError::Internal("a session vanished"))?;
        if session.family.ended {
            return Err(SessionError::CredentialsChanged);
        }
        self.make_live(app, &session).await?;
        self.check_credentials(&session).await?;
        Ok(session)
    }

    /// Logs out the internal tokens of pending sessions that can go on no more, and returns how many sessions are left.
    pub async fn sweep(&self, pending: &PendingSessions, now: Timestamp) -> Result<usize, SessionError> {
        let page = pending.table().lapsed(now, MOST).await?;
        let mut left = 0;
        for lapsed in &page.items {
            let done = self.sweep_one(pending, lapsed).await;
            if let Err(error) = &done {
                tracing::warn!(session = %lapsed.sid, kind = error.kind(), reason = %error, "a lapsed login is not logged out");
            }
            left += usize::from(!done.unwrap_or(false));
        }
        Ok(left + usize::from(page.more))
    }

    async fn sweep_one(&self, pending: &PendingSessions, lapsed: &PendingSession) -> Result<bool, SessionError> {
        // The session of a redeemed code owns the internal tokens, and its end logs them out.
        if self.table.get(&lapsed.sid).await?.is_some() {
            let all: Vec<_> = lapsed.tokens.keys().cloned().collect();
            pending.table().forget_tokens(&lapsed.sid, &all).await?;
            return Ok(true);
        }
        if !pending.table().end(lapsed).await? {
            return Ok(true);
        }
        pending.log_out(lapsed).await
    }
}
