//! The end of a session: marked, taken from the grant, told to the legacy systems; every step may be repeated.

use crate::App;
use crate::error::Failure;
use domain::ids::SessionId;
use domain::session::Session;
use domain::time::Timestamp;
use futures_util::future::join_all;
use store::Entry;

impl App {
    /// Ends a session for good: no refresh from now on, and no call.
    pub(crate) async fn end_session(&self, sid: &SessionId) -> Result<(), Failure> {
        if let Some(ended) = self.store.end_session(sid).await? {
            self.store.remove_entry(&ended.user_id, &ended.client_id, sid).await?;
            self.end_tokens(sid, &ended.tokens).await;
        }
        Ok(())
    }

    /// Whether a session is over, or was never there.
    pub(crate) async fn has_ended(&self, sid: &SessionId) -> Result<bool, Failure> {
        Ok(self.store.session(sid).await?.is_none_or(|session| session.family.ended))
    }

    /// Ends the session if the person's credentials changed, or the person was disabled, since it began.
    pub(crate) async fn check_epoch(&self, session: &Session) -> Result<(), Failure> {
        if self.credentials_hold(session).await? {
            return Ok(());
        }
        self.end_session(&session.sid).await?;
        Err(Failure::RefreshToken("the credentials changed or the user is disabled"))
    }

    /// Whether the person is enabled and has the credentials the session began with.
    pub(crate) async fn credentials_hold(&self, session: &Session) -> Result<bool, Failure> {
        let user = self.store.user(&session.user_id).await?;
        Ok(user.is_some_and(|user| user.enabled && user.credential_epoch == session.credential_epoch))
    }

    /// Makes room for a session by ending the one least recently refreshed; one that is over already goes first.
    pub(crate) async fn end_least_recent(&self, new: &Session, entries: &[Entry]) -> Result<(), Failure> {
        let others =
            join_all(entries.iter().map(|entry| async move { (entry, self.store.session(&entry.sid).await) })).await;
        let mut oldest: Option<(Timestamp, &SessionId)> = None;
        for (entry, session) in others {
            let used = match session? {
                Some(session) if !session.family.ended => session.family.served_at,
                Some(_) | None => Timestamp::from_secs(i64::MIN),
            };
            if oldest.is_none_or(|(at, _)| used < at) {
                oldest = Some((used, &entry.sid));
            }
        }
        if let Some((_, sid)) = oldest {
            self.end_session(sid).await?;
            // Also when its item is gone: the entry is what takes the room.
            self.store.remove_entry(&new.user_id, &new.client_id, sid).await?;
        }
        Ok(())
    }
}
