//! The end of a session: marked, taken from the grant, told to the legacy systems; every step may be repeated.

use crate::{SessionError, Sessions};
use domain::ids::{ClientId, SessionId, UserId};
use domain::session::Session;
use domain::time::Timestamp;

impl Sessions {
    /// Ends a session for good: no refresh from now on, and no call.
    pub async fn end(&self, sid: &SessionId) -> Result<(), SessionError> {
        if let Some(ended) = self.table.end(sid).await? {
            self.grants.remove_entry(&ended.user_id, &ended.client_id, sid).await?;
            self.tokens.log_out(sid, &ended.tokens).await;
        }
        Ok(())
    }

    /// Ends the session of an application that acts for itself.
    pub async fn end_of_app(&self, client: &ClientId, sid: &SessionId) -> Result<(), SessionError> {
        Ok(self.grants.remove_entry(&UserId::of_app(client), client, sid).await?)
    }

    /// Whether a session is over, or was never there.
    pub(crate) async fn has_ended(&self, sid: &SessionId) -> Result<bool, SessionError> {
        Ok(self.table.get(sid).await?.is_none_or(|session| session.family.ended))
    }

    /// Finishes the end of a session that a crash interrupted, since what it left behind are access tokens that work.
    /// One read; of nobody's grant if there is no session of this application to look after.
    pub async fn finish_end(
        &self,
        client: &ClientId,
        session: Option<&Session>,
        sid: &SessionId,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let nobody = UserId::of_app(client);
        let user = session.map_or(&nobody, |session| &session.user_id);
        let is_live = self.grants.entry_is_live(user, client, sid, now).await?;
        match session {
            Some(session) if session.family.ended && is_live => self.end(&session.sid).await,
            Some(_) | None => Ok(()),
        }
    }
}
