//! The end of a session: marked, taken from the activity item, told to the legacy systems; every step may be repeated.

use crate::logout::{QUEUED, WAITED_FOR};
use crate::{LogoutError, SessionError, Sessions, Tokens};
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use std::time::Duration;

impl Sessions {
    /// Ends a session for good: no refresh from now on, and no call. What the legacy systems could not be told stays in
    /// the session, for [`Sessions::finish_logout`].
    pub async fn end(&self, sid: &SessionId) -> Result<(), SessionError> {
        if let Some(ended) = self.table.end(sid).await? {
            self.activity.remove_entry(&ended.user_id, &ended.client_id, sid).await?;
            // The session is over: whoever waits need not hear that the legacy systems will be told again.
            if let Err(error) = self.log_out_ended(sid, &ended.tokens, WAITED_FOR).await {
                tracing::warn!(session = %sid, kind = error.kind(), reason = %error, "the logout at legacy systems is not noted");
            }
        }
        Ok(())
    }

    /// Logs a session that has ended out of the legacy systems that do not know it yet. One read if there are none.
    ///
    /// # Errors
    /// [`LogoutError::Live`] for a session that has not ended, of which nothing is touched.
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

    /// Logs out and forgets these tokens of an ended session, each when its legacy system knows. Returns how many are left.
    async fn log_out_ended(&self, sid: &SessionId, tokens: &Tokens, bound: Duration) -> Result<usize, SessionError> {
        let done = self.tokens.log_out_within(bound, sid, tokens).await;
        self.table.forget_tokens(sid, &done).await?;
        Ok(tokens.len().saturating_sub(done.len()))
    }

    /// Ends the session of an application that acts for itself.
    pub async fn end_of_app(&self, client: &ClientId, sid: &SessionId) -> Result<(), SessionError> {
        Ok(self.activity.remove_entry(&UserId::of_app(client), client, sid).await?)
    }

    /// Whether a session is over, or was never there.
    pub(crate) async fn has_ended(&self, sid: &SessionId) -> Result<bool, SessionError> {
        Ok(self.table.get(sid).await?.is_none_or(|session| session.family.ended))
    }

    /// Finishes the end of a session that a crash interrupted, since what it left behind are access tokens that work.
    /// One read; of nobody's item if there is no session of this application to look after.
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
