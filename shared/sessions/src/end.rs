//! Ends a session: marks it, removes it from the activity item, logs out of the legacy systems. Each step can be repeated.

use crate::logout::{QUEUED, WAITED_FOR};
use crate::{LogoutError, SessionError, Sessions, Tokens};
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use std::time::Duration;

impl Sessions {
    /// Ends a session for good: from now on no refresh works and no call is admitted. Internal tokens whose logout failed
    /// stay in the session, for [`Sessions::finish_logout`].
    pub async fn end(&self, sid: &SessionId) -> Result<(), SessionError> {
        if let Some(tokens) = self.cut_off(sid).await? {
            self.log_out_cut_off(sid, &tokens).await;
        }
        Ok(())
    }

    /// The same without the logout. Returns the internal tokens that are left; `None` if there is no such session.
    pub(crate) async fn cut_off(&self, sid: &SessionId) -> Result<Option<Tokens>, SessionError> {
        let Some(ended) = self.table.end(sid).await? else { return Ok(None) };
        self.activity.remove_entry(&ended.user_id, &ended.client_id, sid).await?;
        Ok(Some(ended.tokens))
    }

    /// The logout that remains after [`Sessions::cut_off`]. The session has ended, so the caller gets no error: it can be repeated.
    pub(crate) async fn log_out_cut_off(&self, sid: &SessionId, tokens: &Tokens) {
        if let Err(error) = self.log_out_ended(sid, tokens, WAITED_FOR).await {
            tracing::warn!(session = %sid, kind = error.kind(), reason = %error, "the logout at legacy systems is not noted");
        }
    }

    /// Logs an ended session out of the legacy systems whose logout is not done yet. One read if there are none.
    ///
    /// # Errors
    /// [`LogoutError::Live`] for a session that has not ended; nothing of it is changed.
    pub async fn finish_logout(&self, sid: &SessionId) -> Result<(), LogoutError> {
        let Some(session) = self.get(sid).await? else { return Ok(()) };
        if !session.family.ended {
            return Err(LogoutError::Live);
        }
        match self.log_out_ended(sid, &session.tokens, QUEUED).await? {
            0 => Ok(()),
            left => Err(LogoutError::Left(left)),
        }
    }

    /// Logs out these tokens of an ended session and forgets those whose logout is done. Returns how many are left.
    async fn log_out_ended(&self, sid: &SessionId, tokens: &Tokens, bound: Duration) -> Result<usize, SessionError> {
        let done = self.tokens.log_out_within(bound, sid, tokens).await;
        self.table.forget_tokens(sid, &done).await?;
        Ok(tokens.len().saturating_sub(done.len()))
    }

    /// Ends the session of [`Sessions::begin_standing`].
    pub async fn end_standing(&self, subject: &UserId, client: &ClientId, sid: &SessionId) -> Result<(), SessionError> {
        Ok(self.activity.remove_entry(subject, client, sid).await?)
    }

    /// Whether a session has ended or does not exist.
    pub(crate) async fn has_ended(&self, sid: &SessionId) -> Result<bool, SessionError> {
        Ok(self.table.get(sid).await?.is_none_or(|session| session.family.ended))
    }

    /// Finishes the end of a session that a crash interrupted: until then its access tokens still work.
    ///
    /// Without a session it reads an item as well, that of no user, so that the time does not tell whether a session exists.
    pub async fn finish_end(
        &self,
        client: &ClientId,
        session: Option<&Session>,
        sid: &SessionId,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let nobody = UserId::of_app(client);
        let user = session.map_or(&nobody, |session| &session.user_id);
        let is_live = self.activity.entry_is_live(user, client, sid, now).await?;
        match session {
            Some(session) if session.family.ended && is_live => self.end(&session.sid).await,
            Some(_) | None => Ok(()),
        }
    }
}
