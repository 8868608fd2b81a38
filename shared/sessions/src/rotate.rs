//! The next generation of a session: lease, renew, commit.

use crate::lease::Lease;
use crate::{Login, SessionError, Sessions, Tokens};
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;

/// Where the internal tokens of the next generation come from.
#[derive(Clone, Copy)]
pub enum TokenSource<'a> {
    /// What wants renewal is renewed, without the password.
    Renewal,
    /// This user has just shown the password, and is logged in anew everywhere.
    Login(Login<'a>),
}

/// A wish for the next generation.
pub struct Rotation<'a> {
    /// The application of the session, as it is registered now.
    pub app: &'a gateway_store::App,
    /// The hash of the id under which the application repeats this very request.
    pub attempt: Option<String>,
    /// Where internal tokens come from.
    pub source: TokenSource<'a>,
    /// The time.
    pub now: Timestamp,
}

impl Sessions {
    /// Makes the next generation of a session that was read just now; `None` if another request is making it, or has just
    /// made it.
    ///
    /// # Errors
    /// [`SessionError::Over`] when nothing of the session lives any more; it has been ended then.
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
        if self.is_useless(app, &session.scope, &tokens, now) {
            self.end(&session.sid).await?;
            return Err(SessionError::Over);
        }
        let family = session.family.rotated(rotation.attempt, self.gateway.lifetimes().session_idle, now);
        let before = session.tokens.clone();
        let next = Session { family, tokens, ..session };
        let committed = self.table.rotate(&next, &lease.0, leased, now).await;
        if leased && committed.is_err() {
            // The commit's own error is the one to tell; an abandoned lease lapses by itself.
            let _ = self.table.release(&next.sid, &lease.0).await;
        }
        // Internal tokens that no session keeps are logged out: those of the login before, or of this one if it came to
        // nothing; and what was renewed for a session that has ended meanwhile. Where nobody knows whether the commit
        // was made, none are.
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
        let (tokens, unanswered) = match source {
            TokenSource::Renewal => self.tokens.renew(session, now).await,
            TokenSource::Login(login) => {
                let (sid, before) = (&session.sid, &session.tokens);
                // One that could do without its new token keeps the one it has.
                let acquired = self.tokens.acquire(sid, app, &session.scope, login, Some(before), now).await?;
                let nothing = SessionError::BackEnd("no back end of this session could be logged in to".into());
                (before.clone().into_iter().chain(acquired).collect(), Some(nothing))
            }
        };
        match unanswered {
            // What a system did not answer may be worth a session.
            Some(error) if self.is_useless(app, &session.scope, &tokens, now) => Err(error),
            Some(_) | None => Ok(tokens),
        }
    }

    /// Lets the authorizer know of the internal tokens of the newest generation, unless it does. A crash may have left
    /// that undone behind the commit, so it is done whenever that generation is served.
    pub async fn publish(&self, app: &gateway_store::App, session: &Session) -> Result<(), SessionError> {
        // Only a renewal, or one that was refused, changes what the activity item keeps of a session.
        let may_be_behind = session.tokens.values().any(|token| token.version > 1) || self.lacks_tokens(app, session);
        if may_be_behind { self.refer_to(session).await } else { Ok(()) }
    }
}

/// Those of these tokens that are not among the others.
fn changed(tokens: &Tokens, others: &Tokens) -> Tokens {
    let changed = tokens.iter().filter(|(name, token)| others.get(*name) != Some(token));
    changed.map(|(name, token)| (name.clone(), token.clone())).collect()
}
