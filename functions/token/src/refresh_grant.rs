//! The refresh token grant (RFC 6749 §6): one successor per token, however often and concurrently it is asked for.

use crate::client::AuthenticatedApp;
use crate::connect::{Person, Tokens, references};
use crate::error::Failure;
use crate::issue::Holder;
use crate::{App, Request};
use domain::event::ApiResponse;
use domain::form::Form;
use domain::ids::{ClientId, SessionId};
use domain::refresh_token::Presented;
use domain::scope::Scope;
use domain::secret::sha256_hex;
use domain::session::{Decision, Patience, Session, decide};
use domain::time::{Seconds, Timestamp};
use startup::Metric;
use std::time::Duration;
use store::{Entry, GrantType};

/// How long a refresh may hold the right to rotate while it renews internal tokens: longer than API Gateway waits for it.
pub(crate) const LEASE: Seconds = Seconds::new(30);
/// A concurrent refresh looks this often, this far apart, for the successor that another one is making.
pub(crate) const LOOKS: u32 = 20;
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Where the internal tokens of the next generation come from.
#[derive(Clone, Copy)]
pub(crate) enum Means<'a> {
    /// What wants renewal is renewed, without the password.
    Renewal,
    /// This person has just shown the password, and is logged in anew everywhere.
    Login(Person<'a>),
}

impl App {
    /// Exchanges a refresh token for a new pair, or serves the same successor again after a lost response.
    pub(crate) async fn refresh_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        form: &Form,
        means: Means<'_>,
    ) -> Result<ApiResponse, Failure> {
        app.may_use(GrantType::RefreshToken)?;
        let registered = app.registered();
        let token = form.get("refresh_token").ok_or(Failure::Missing("refresh_token"))?;
        let unknown = SessionId::from_random(startup::entropy::bytes()?);
        let presented = Presented::parse(token).unwrap_or_else(|_| Presented::of_nobody(unknown));
        let asked = form.get("scope").map(Scope::parse).transpose().map_err(|_| Failure::Scope)?;
        let attempt = attempt(request)?;
        let patience = self.patience(registered);
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
            let client = &registered.client_id;
            let session = match self.session_of(client, &presented).await? {
                Ok(session) => session,
                Err(not_theirs) => {
                    return Err(self.refused(client, None, &presented, request.now, not_theirs.reason()).await);
                }
            };
            if matches!(means, Means::Login(person) if session.user_id != *person.user) {
                return Err(self.refused(client, None, &presented, request.now, "of another user").await);
            }
            let decision = decide(&session.family, presented.generation, attempt.as_deref(), patience, request.now);
            let scope = narrowed_scope(asked.as_ref(), &session.scope, &registered.scope);
            let (session, outcome) = match decision {
                Decision::Refuse => {
                    let reason = "used, expired or ended";
                    return Err(self.refused(client, Some(&session), &presented, request.now, reason).await);
                }
                Decision::Revoke => {
                    tracing::warn!(session = %session.sid, "a refresh token was reused: the session is ended");
                    startup::count(Metric::ReuseDetected);
                    self.end_session(&session.sid).await?;
                    return Err(Failure::RefreshToken("reused"));
                }
                // A successor that a refresh has made is none of this login: another one is.
                Decision::Replay if is_served(&session, means) => (session, "replayed"),
                Decision::Replay | Decision::Rotate => {
                    scope.as_ref().map_err(|_| Failure::Scope)?;
                    match self.rotate(request.now, registered, session, attempt.clone(), means).await? {
                        Some(session) => (session, "rotated"),
                        // Another request is making the successor, or has just made it.
                        None => continue,
                    }
                }
            };
            let answer = self.serve(request, registered, &session, &scope?).await?;
            startup::count(match means {
                Means::Renewal => Metric::Refresh { outcome },
                Means::Login(..) => Metric::Login { grant: "password", app: registered.client_id.as_str() },
            });
            return Ok(answer);
        }
        Err(Failure::Busy)
    }

    /// Refuses a refresh token. Whether it is unknown, forged, another application's, expired, used or ended: the steps
    /// are the same, so that the time tells none from the others.
    async fn refused(
        &self,
        client: &ClientId,
        session: Option<&Session>,
        presented: &Presented,
        now: Timestamp,
        reason: &'static str,
    ) -> Failure {
        let finished = self.finish_end(client, session, &presented.sid, now).await;
        finished.err().unwrap_or(Failure::RefreshToken(reason))
    }

    /// The session whose refresh token a login brings, if that token would be served: whoever has it is no stranger to
    /// the session's user. Otherwise nothing is told yet; the password is looked at first.
    pub(crate) async fn shown_session(
        &self,
        request: &Request<'_>,
        app: &store::App,
        form: &Form,
    ) -> Result<Option<Session>, Failure> {
        let Some(token) = form.get("refresh_token") else { return Ok(None) };
        let unknown = SessionId::from_random(startup::entropy::bytes()?);
        let presented = Presented::parse(token).unwrap_or_else(|_| Presented::of_nobody(unknown));
        let Ok(session) = self.session_of(&app.client_id, &presented).await? else { return Ok(None) };
        let attempt = attempt(request)?;
        let decision =
            decide(&session.family, presented.generation, attempt.as_deref(), self.patience(app), request.now);
        Ok(matches!(decision, Decision::Rotate | Decision::Replay).then_some(session))
    }

    fn patience(&self, app: &store::App) -> Patience {
        Patience {
            window: app.refresh_retry_window.unwrap_or(self.config.lifetimes().refresh_retry_window),
            late: self.config.lifetimes().access_token,
        }
    }

    /// Lease, renew, commit: makes the next generation, or tells that another request does.
    async fn rotate(
        &self,
        now: Timestamp,
        app: &store::App,
        session: Session,
        attempt: Option<String>,
        means: Means<'_>,
    ) -> Result<Option<Session>, Failure> {
        let rotation = u128::from_be_bytes(startup::entropy::bytes()?).to_string();
        let leased = match means {
            Means::Renewal => session.tokens.values().any(|token| token.wants_renewal(now)),
            Means::Login(..) => true,
        };
        let mut tokens = session.tokens.clone();
        if leased {
            let sid = &session.sid;
            if !self.store.lease_session(&session, &rotation, now.saturating_add(LEASE), now).await? {
                return Ok(None);
            }
            let made = match means {
                Means::Renewal => Ok(self.renew(&session, now).await),
                Means::Login(person) => {
                    // One that could do without its new token keeps the one it has.
                    let acquired = self.acquire(sid, app, &session.scope, person, Some(&session.tokens), now).await;
                    let nothing = || Failure::BackEnd("no back end of this session could be logged in to".into());
                    acquired.map(|acquired| (tokens.into_iter().chain(acquired).collect(), Some(nothing())))
                }
            };
            let made = made.and_then(|(tokens, unanswered)| match unanswered {
                // What a system did not answer may be worth a session.
                Some(failure) if self.is_useless(app, &session.scope, &tokens, now) => Err(failure),
                Some(_) | None => Ok(tokens),
            });
            tokens = match made {
                Ok(tokens) => tokens,
                Err(failure) => {
                    self.store.release_session(sid, &rotation).await?;
                    return Err(failure);
                }
            };
        }
        if self.is_useless(app, &session.scope, &tokens, now) {
            self.end_session(&session.sid).await?;
            return Err(Failure::LoginAgain);
        }
        let family = session.family.rotated(attempt, self.config.lifetimes().session_idle, now);
        let before = session.tokens.clone();
        let next = Session { family, tokens, ..session };
        let committed = self.store.rotate_session(&next, &rotation, leased, now).await;
        if leased && committed.is_err() {
            // The commit's own error is the one to tell; an abandoned lease lapses by itself.
            let _ = self.store.release_session(&next.sid, &rotation).await;
        }
        // Of two logins one is too many: the one before, or the new one if it came to nothing. It may have come to
        // something where nobody knows. What was renewed for a session that has ended meanwhile is too many as well.
        match (means, &committed) {
            (Means::Login(..), Ok(true)) => {
                self.end_replaced(&next.sid, &changed(&before, &next.tokens), &next.tokens).await;
            }
            (Means::Login(..), Ok(false)) => {
                self.end_replaced(&next.sid, &changed(&next.tokens, &before), &before).await;
            }
            (Means::Renewal, Ok(false)) if leased && self.has_ended(&next.sid).await? => {
                self.end_tokens(&next.sid, &changed(&next.tokens, &before)).await;
            }
            (Means::Renewal, Ok(_)) | (_, Err(_)) => {}
        }
        Ok(committed?.then_some(next))
    }

    /// Answers with the newest generation's token. What a crash may have left undone after the commit is done here,
    /// so that a repeated request finds it complete.
    async fn serve(
        &self,
        request: &Request<'_>,
        app: &store::App,
        session: &Session,
        scope: &Scope,
    ) -> Result<ApiResponse, Failure> {
        self.check_epoch(session).await?;
        if self.grant_may_be_behind(app, session) {
            let entry = Entry { sid: session.sid.clone(), ends: session.family.absolute_end };
            let tokens = references(&session.tokens);
            self.store.update_entry(&session.user_id, &session.client_id, &entry, &tokens).await?;
        }
        let holder = Holder {
            sub: &session.user_id,
            client_id: &session.client_id,
            sid: &session.sid,
            latest: self.latest_access(app, session, scope, request.now),
        };
        self.answer_with_tokens(request, &holder, scope, Some(&self.refresh_token(session, request.now).await?))
    }

    /// Only a renewal, or one that was refused, changes what the grant item keeps of a session.
    fn grant_may_be_behind(&self, app: &store::App, session: &Session) -> bool {
        session.tokens.values().any(|token| token.version > 1) || self.lacks_tokens(app, session)
    }
}

/// Whether the newest generation is an answer to this request: a refresh is, and a login if it logged in.
fn is_served(session: &Session, means: Means<'_>) -> bool {
    match means {
        Means::Renewal => true,
        Means::Login(..) => session.tokens.values().all(|token| token.since >= session.family.served_at),
    }
}

/// Those of these tokens that are not among the others.
fn changed(tokens: &Tokens, others: &Tokens) -> Tokens {
    let changed = tokens.iter().filter(|(name, token)| others.get(*name) != Some(token));
    changed.map(|(name, token)| (name.clone(), token.clone())).collect()
}

/// The scope of the access token: what was granted at login, or less; never more (RFC 6749 §6).
fn narrowed_scope(asked: Option<&Scope>, granted: &Scope, assigned: &Scope) -> Result<Scope, Failure> {
    let still = remaining_scope(granted, assigned);
    let Some(asked) = asked else { return Ok(still) };
    if asked.is_empty() || !asked.is_subset(&still) { Err(Failure::Scope) } else { Ok(asked.clone()) }
}

/// What is left of a granted scope: an application may have lost some of it since.
pub(crate) fn remaining_scope(granted: &Scope, assigned: &Scope) -> Scope {
    granted.intersection(assigned)
}

/// The hash of the attempt id that an app sends with a refresh and repeats when the response was lost.
fn attempt(request: &Request<'_>) -> Result<Option<String>, Failure> {
    let header = request.api.header("idempotency-key").map_err(|_| Failure::RepeatedHeader("Idempotency-Key"))?;
    match header {
        None | Some("") => Ok(None),
        Some(id) if id.len() <= 255 && id.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(sha256_hex(id.as_bytes()))),
        Some(_) => Err(Failure::Malformed("Idempotency-Key")),
    }
}
