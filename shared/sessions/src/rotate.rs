//! Makes the next generation of a session: lease, renew, commit.

use crate::lease::Lease;
use crate::{Login, SessionError, Sessions, Tokens};
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::session::{Holder, LoginMethod, Origin, Session};
use gateway_domain::time::Timestamp;

/// Where the internal tokens of the next generation come from.
#[derive(Clone, Copy)]
pub enum TokenSource<'a> {
    /// Tokens that are due are renewed without the password.
    Renewal,
    /// The user has just shown the password and is logged in again at every legacy system.
    Login(Login<'a>),
}

/// A request for the next generation.
pub struct Rotation<'a> {
    /// The application of the session, as it is registered now.
    pub app: &'a gateway_store::App,
    /// The hash of the attempt id (`Idempotency-Key`) under which the application repeats this request.
    pub attempt: Option<String>,
    /// The key that a session without a holder becomes bound to from this generation on, if it does.
    pub key: Option<Thumbprint>,
    /// Where the internal tokens come from.
    pub source: TokenSource<'a>,
    /// The time.
    pub now: Timestamp,
}

impl Sessions {
    /// Makes the next generation of a session that was just read; `None` if another request is making it or has made it.
    /// Of all concurrent requests for one generation, exactly one gets it.
    ///
    /// # Errors
    /// [`SessionError::Over`] if the session is of no use any more; it was then ended.
    pub async fn rotate(&self, session: Session, rotation: Rotation<'_>) -> Result<Option<Session>, SessionError> {
        let Rotation { app, source, now, .. } = rotation;
        let lease = Lease::new(&*self.entropy)?;
        let leased = match source {
            TokenSource::Renewal => session.tokens.values().any(|token| token.wants_renewal(now)),
            TokenSource::Login(..) => true,
        };
        let mut tokens = session.tokens.clone();
        if leased {
            let next = self.next_tokens(&session, app, source, now);
            match self.leased(&session, &lease, now, next).await? {
                Some(next) => tokens = next,
                None => return Ok(None),
            }
        }
        let (auth_time, by) = match source {
            TokenSource::Renewal => (session.auth_time, session.origin.by),
            TokenSource::Login(..) => (Some(now), LoginMethod::Password),
        };
        if self.tokens.are_useless(app, (&session.scope, by), &tokens, now) {
            self.end(&session.sid).await?;
            return Err(SessionError::Over);
        }
        let family = session.family.rotated(rotation.attempt, self.gateway.lifetimes().session_idle, now);
        let since = family.generation;
        let holder = session.holder.clone().or(rotation.key.map(|key| Holder { key, since }));
        let before = session.tokens.clone();
        let origin = Origin { by, ..session.origin.clone() };
        let next = Session { family, holder, tokens, auth_time, origin, ..session };
        let committed = self.table.rotate(&next, &lease.0, leased, now).await;
        if leased && committed.is_err() {
            // A failed release is ignored: the error of the commit is the one to return, and the lease lapses by itself.
            let _ = self.table.release(&next.sid, &lease.0).await;
        }
        // Internal tokens that no session keeps are logged out: after a login, those that it replaced, or its own if the
        // commit lost; after a renewal, the renewed ones if the session ended meanwhile. If the commit failed with an error,
        // it may still have been made, so none are.
        let (sid, tokens) = (&next.sid, &self.tokens);
        match (source, &committed) {
            (TokenSource::Login(..), Ok(true)) => {
                tokens.log_out_replaced(sid, &changed(&before, &next.tokens), &next.tokens).await;
            }
            (TokenSource::Login(..), Ok(false)) => {
                tokens.log_out_replaced(sid, &changed(&next.tokens, &before), &before).await;
            }
            (TokenSource::Renewal, Ok(false)) if leased && self.has_ended(sid).await? => {
                tokens.log_out(sid, &changed(&next.tokens, &before)).await;
            }
            (TokenSource::Renewal, Ok(_)) | (_, Err(_)) => {}
        }
        Ok(committed?.then_some(next))
    }

    async fn next_tokens(
        &self,
        session: &Session,
        app: &gateway_store::App,
        source: TokenSource<'_>,
        now: Timestamp,
    ) -> Result<Tokens, SessionError> {
        let (tokens, unanswered, by) = match source {
            TokenSource::Renewal => {
                let (tokens, unanswered) = self.tokens.renew(session, now).await;
                (tokens, unanswered, session.origin.by)
            }
            TokenSource::Login(login) => {
                let (sid, before) = (&session.sid, &session.tokens);
                // An optional connector whose login failed keeps the token of before.
                let scope = &session.scope;
                let (acquired, why) = self.tokens.acquire(sid, (app, scope), login, Some(before), now).await?;
                let all = before.clone().into_iter().chain(acquired).collect();
                (all, Some(why), LoginMethod::Password)
            }
        };
        match unanswered {
            // A legacy system that did not respond may still know the session, and one that refuses a login may take the next: this error keeps
            // it from being ended.
            Some(error) if self.tokens.are_useless(app, (&session.scope, by), &tokens, now) => Err(error),
            Some(_) | None => Ok(tokens),
        }
    }

    /// Writes the internal tokens of the newest generation into the activity item, unless they are there for certain. A
    /// crash after the commit may have prevented it, so it is done whenever that generation is served.
    pub async fn publish(&self, app: &gateway_store::App, session: &Session) -> Result<(), SessionError> {
        // The entry differs from that of the first login only after a token was replaced (version above 1) or removed.
        let may_be_behind = session.tokens.values().any(|token| token.version > 1) || self.lacks_tokens(app, session);
        if may_be_behind { self.refer_to(session).await } else { Ok(()) }
    }
}

/// Those tokens that the others do not hold unchanged.
fn changed(tokens: &Tokens, others: &Tokens) -> Tokens {
    let changed = tokens.iter().filter(|(name, token)| others.get(*name) != Some(token));
    changed.map(|(name, token)| (name.clone(), token.clone())).collect()
}
