//! Begins a session: writes it, adds it to the activity item, and keeps the number of live sessions bounded.

use crate::internal_tokens::references;
use crate::{SessionError, Sessions};
use futures_util::future::join_all;
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use gateway_store::{Entry, NewEntry};

/// The most rounds in which a login makes room among the sessions of its user and application. Each concurrent login can
/// cost one round.
const ROUNDS: u32 = 16;

impl Sessions {
    /// Writes the session, makes it live, and then checks that the credentials did not change meanwhile.
    ///
    /// No token of the session is issued before that, so a crash on the way leaves a login that did not happen. A change
    /// of credentials first raises the epoch and then ends the live sessions: it finds this session live, or this check
    /// finds the new epoch.
    ///
    /// # Errors
    /// The internal tokens of the session were then logged out, as far as the legacy systems could be reached.
    pub async fn begin(&self, app: &gateway_store::App, session: &Session) -> Result<(), SessionError> {
        let begun = async {
            self.table.create(session).await?;
            self.make_live(app, session).await?;
            self.check_credentials(session).await
        };
        let begun = begun.await;
        match begun {
            // `check_credentials` has ended the session, which includes the logout of its internal tokens.
            Ok(()) | Err(SessionError::CredentialsChanged) => {}
            Err(_) => drop(self.tokens.log_out(&session.sid, &session.tokens).await),
        }
        begun
    }

    /// Writes a session of an id that another attempt may write as well, and returns the one that is there: its salt tells whose it is.
    ///
    /// A write whose answer was lost has happened, and whoever repeats this finds the session: it keeps its internal tokens, also where it
    /// cannot be read whether it is there. Those of an attempt that came too late, or was not written, are logged out.
    pub(crate) async fn create_or_find(&self, new: &Session) -> Result<Session, SessionError> {
        let created = self.table.create(new).await;
        let found = match self.table.get(&new.sid).await {
            Ok(found) => found,
            Err(unread) => return Err(created.err().unwrap_or(unread).into()),
        };
        let Some(session) = found else {
            self.drop_tokens(&new.sid, &new.tokens).await;
            created?;
            return Err(SessionError::Internal("a session vanished"));
        };
        if session.salt != new.salt {
            self.tokens.log_out_replaced(&new.sid, &new.tokens, &session.tokens).await;
        }
        Ok(session)
    }

    /// The one session of an application that acts for itself (RFC 6749 §4.4), or of one of its devices. All access tokens of that subject
    /// share it, and it lives as long as the last of them. It has no user, no refresh token and no internal tokens.
    pub async fn begin_standing(
        &self,
        subject: &UserId,
        client: &ClientId,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<SessionId, SessionError> {
        let new = SessionId::from_random(self.entropy.bytes()?);
        Ok(self.activity.standing_entry(subject, client, new, ends, now).await?)
    }

    pub(crate) async fn make_live(&self, app: &gateway_store::App, session: &Session) -> Result<(), SessionError> {
        let entry = Entry { sid: session.sid.clone(), ends: session.family.absolute_end };
        let most = self.gateway.sessions_per_user_and_app(&app.plan);
        // Each round makes room for one session. Another login may take that room, and then one more round is needed.
        for _ in 0..ROUNDS {
            let tokens = references(&session.tokens);
            match self.activity.add_entry(&session.user_id, &session.client_id, &entry, &tokens, most).await? {
                NewEntry::Added => return Ok(()),
                NewEntry::Full(entries) => self.end_least_recent(session, &entries).await?,
            }
        }
        Err(SessionError::Busy)
    }

    /// Makes room for a session by ending the least recently refreshed one. A session that is over, or whose item is gone,
    /// goes first.
    async fn end_least_recent(&self, new: &Session, entries: &[Entry]) -> Result<(), SessionError> {
        let others =
            join_all(entries.iter().map(|entry| async move { (entry, self.table.get(&entry.sid).await) })).await;
        let now = new.family.served_at;
        let mut oldest: Option<(Timestamp, &SessionId)> = None;
        for (entry, session) in others {
            let used = match session? {
                Some(session) if !session.family.is_over(now) => session.family.served_at,
                Some(_) | None => Timestamp::from_secs(i64::MIN),
            };
            if oldest.is_none_or(|(at, _)| used < at) {
                oldest = Some((used, &entry.sid));
            }
        }
        if let Some((_, sid)) = oldest {
            self.end(sid).await?;
            // The entry takes the room, and `end` leaves it if the item of the session is gone.
            self.activity.remove_entry(&new.user_id, &new.client_id, sid).await?;
        }
        Ok(())
    }
}
