//! Keeps what a back end's response has made of an internal token: systems that give a session another id with each response, or
//! that end it.

use crate::{POLL_INTERVAL, SessionError, Sessions};
use bytes::Bytes;
use gateway_connectors::Call;
use gateway_domain::renewal::{NextToken, ReplaceRequest, ReplaceResponse};
use gateway_domain::session::{Idle, InternalToken, Session};
use gateway_domain::time::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How long a replacement waits for who holds the lease. A move that is not kept leaves the session with an id that may be dead,
/// so it is given up only when the function's own time ends: the bound of Lambda (28 s), less what the last attempt takes. Who holds
/// the lease and lives has the same bound.
const LONGEST_WAIT: Duration = Duration::from_secs(24);

/// The longest pause between two attempts. The first is [`POLL_INTERVAL`], and each is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

impl Sessions {
    /// Replaces an internal token by its next version, if it still has the version that the call used. A refresh that holds the
    /// lease is waited for: what it commits is either this version, which is then replaced, or a newer one, which stays. `now` is
    /// read again for every attempt.
    pub async fn replace(
        &self,
        asked: &ReplaceRequest,
        now: impl Fn() -> Result<Timestamp, SessionError>,
    ) -> Result<ReplaceResponse, SessionError> {
        let sid = &asked.session;
        let (begun, mut pause) = (Instant::now(), POLL_INTERVAL);
        loop {
            let now = now()?;
            let Some(mut session) = self.table.get(sid).await? else { return Ok(ReplaceResponse::Kept) };
            if session.family.ended {
                self.log_out_next(asked, now).await;
                return Ok(ReplaceResponse::Kept);
            }
            let Some(token) = session.tokens.get(&asked.connector) else { return Ok(ReplaceResponse::Kept) };
            // The SDK repeats a write whose response was lost: then this is what this request has written.
            let is_done = token.version == asked.version.saturating_add(1)
                && asked.token.as_ref().is_some_and(|next| next.sealed == token.sealed);
            if is_done {
                self.refer(&session).await;
                return Ok(ReplaceResponse::Replaced);
            }
            if token.version != asked.version {
                return Ok(ReplaceResponse::Kept);
            }
            let next = match &asked.token {
                Some(next) => Some(self.next(asked, next, token, now).await?),
                None => None,
            };
            if !self.table.swap_token(sid, &asked.connector, asked.version, next.as_ref(), now).await? {
                if begun.elapsed() >= LONGEST_WAIT {
                    return Err(SessionError::Busy);
                }
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                continue;
            }
            session.tokens.remove(&asked.connector);
            session.tokens.extend(next.map(|token| (asked.connector.clone(), token)));
            self.refer(&session).await;
            return Ok(ReplaceResponse::Replaced);
        }
    }

    /// Logs out what a session moved to while it ended: its end knew only what was there before.
    async fn log_out_next(&self, asked: &ReplaceRequest, now: Timestamp) {
        let Some(next) = &asked.token else { return };
        let (version, sealed) = (asked.version.saturating_add(1), next.sealed.clone());
        let token = InternalToken { version, sealed, since: now, ends: next.ends, idle: None, renew_until: None };
        self.tokens.log_out(&asked.session, &[(asked.connector.clone(), token)].into()).await;
    }

    /// Tells the authorizer of the new version. A failure here is no error: calls that get the old version then use it, as
    /// concurrent ones do.
    async fn refer(&self, session: &Session) {
        if let Err(error) = self.refer_to(session).await {
            tracing::warn!(session = %session.sid, reason = %error, "the activity item still refers to the version before");
        }
    }

    /// The next version of a token: its bounds are those of the one before, unless the response moved its end. What does not
    /// open as the next version, or cannot be sent, is no token.
    async fn next(
        &self,
        asked: &ReplaceRequest,
        next: &NextToken,
        before: &InternalToken,
        now: Timestamp,
    ) -> Result<InternalToken, SessionError> {
        let version = asked.version.saturating_add(1);
        let keys = self.tokens.sealing_for(&next.sealed).await?;
        let state = keys
            .open(&asked.session, &asked.connector, version, &next.sealed)
            .map_err(|_| SessionError::Internal("an internal token does not open as the next version"))?;
        let call = Call { content_type: None, body: &Bytes::new() };
        let injected = self.tokens.connector(&asked.connector)?.inject(&state, call);
        injected.map_err(|error| SessionError::of(&asked.connector, &error))?;
        let idle = before.idle.map(|idle| Idle { ends: now.saturating_add(idle.after).max(idle.ends), ..idle });
        let ends = next.ends.or(before.ends);
        // It is as old as before: what is young was renewed a moment ago, and a move is no renewal.
        let (sealed, since, renew_until) = (next.sealed.clone(), before.since, before.renew_until);
        Ok(InternalToken { version, sealed, since, ends, idle, renew_until })
    }
}
