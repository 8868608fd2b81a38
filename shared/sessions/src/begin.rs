//! The beginning of a session.

use crate::internal_tokens::references;
use crate::{SessionError, Sessions};
use futures_util::future::join_all;
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use gateway_store::{Entry, NewEntry};

/// How often a login tries for room among the sessions of its user and application: so many may race without one losing.
const ROUNDS: u32 = 16;

impl Sessions {
    /// Writes the session, makes it live, and makes sure the credentials did not change meanwhile. Nobody has its
    /// tokens before that, so a crash on the way is a login that did not happen. Whoever changes the credentials raises
    /// the epoch first and ends the sessions that are live afterwards: this one is found live, or finds the new epoch.
    ///
    /// # Errors
    /// The session's internal tokens have then been logged out.
    pub async fn begin(&self, session: &Session) -> Result<(), SessionError> {
        let begun = async {
            self.table.create(session).await?;
            self.make_live(session).await?;
            self.check_credentials(session).await
        };
        let begun = begun.await;
        match begun {
            // The session is there and has been ended, with its internal tokens.
            Ok(()) | Err(SessionError::CredentialsChanged) => {}
            Err(_) => drop(self.tokens.log_out(&session.sid, &session.tokens).await),
        }
        begun
    }

    /// The session of an application that acts for itself: one for all its tokens, which lives as long as the last of them.
    /// It has no user, no refresh and no internal tokens.
    pub async fn begin_of_app(
        &self,
        client: &ClientId,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<SessionId, SessionError> {
        let new = SessionId::from_random(self.entropy.bytes()?);
        Ok(self.activity.standing_entry(&UserId::of_app(client), client, new, ends, now).await?)
    }

    async fn make_live(&self, session: &Session) -> Result<(), SessionError> {
        let entry = Entry { sid: session.sid.clone(), ends: session.family.absolute_end };
        let most = self.gateway.sessions_per_user_and_app();
        // Each round makes room for one; more rounds are needed only when as many logins race for it.
        for _ in 0..ROUNDS {
            let tokens = references(&session.tokens);
            match self.activity.add_entry(&session.user_id, &session.client_id, &entry, &tokens, most).await? {
                NewEntry::Added => return Ok(()),
                NewEntry::Full(entries) => self.end_least_recent(session, &entries).await?,
            }
        }
        Err(SessionError::Busy)
    }

    /// Makes room for a session by ending the one least recently refreshed; one that is over already goes first.
    async fn end_least_recent(&self, new: &Session, entries: &[Entry]) -> Result<(), SessionError> {
        let others =
            join_all(entries.iter().map(|entry| async move { (entry, self.table.get(&entry.sid).await) })).await;
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
            self.end(sid).await?;
            // Also when its item is gone: the entry is what takes the room.
            self.activity.remove_entry(&new.user_id, &new.client_id, sid).await?;
        }
        Ok(())
    }
}
