//! The refresh token grant (RFC 6749 §6): a token gets one successor, however often and concurrently it is presented.

use crate::error::Failure;
use crate::hooks::{Mapped, Whom};
use crate::parameters::PresentedRefreshToken;
use crate::{AuthorizationServer, Request};
use gateway_credentials::AuthenticatedApp;
use gateway_domain::dpop::InvalidProof;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::refresh_token::Presented;
use gateway_domain::scope::Scope;
use gateway_domain::session::{Decision, Holder, LoginMethod, ReusePolicy, Session, Shown, judge};
use gateway_domain::time::Timestamp;
use gateway_sessions::{MAX_POLLS, POLL_INTERVAL, Rotation, TokenSource};
use gateway_store::AppKind;
use gateway_telemetry::Metric;

impl AuthorizationServer {
    /// Exchanges a refresh token for new tokens, or serves the same successor again after a lost response. A login into an
    /// existing session takes the same way.
    pub(crate) async fn refresh_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        token: &PresentedRefreshToken,
        asked: Option<&Scope>,
        source: TokenSource<'_>,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        let presented = token.or_of_nobody(SessionId::from_random(self.entropy.bytes()?));
        let (attempt, key) = (&token.attempt, request.key());
        let shown = Shown { generation: presented.generation, attempt: attempt.as_deref(), key: key.as_ref() };
        let policy = self.reuse_policy(registered);
        let mut mapped = None;
        for poll in 0..MAX_POLLS {
            if poll > 0 {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            let client = &registered.client_id;
            let session = match self.session_of(client, &presented).await? {
                Ok(session) => session,
                Err(not_theirs) => {
                    return Err(self.refused(client, None, &presented, request.now, not_theirs.reason()).await);
                }
            };
            if matches!(source, TokenSource::Login(login) if session.user_id != *login.user) {
                return Err(self.refused(client, None, &presented, request.now, "of another user").await);
            }
            let decision = judge(bound_to(&session, registered), &session.family, shown, policy, request.now);
            let scope = narrowed_scope(asked, &session.scope, &registered.scope);
            // Hooks are asked once, before anything is changed: one that does not answer leaves the refresh token as it is.
            if mapped.is_none() && matches!(decision, Decision::Replay | Decision::Rotate) {
                let scope = scope.as_ref().map_err(|_| Failure::Scope)?;
                mapped = Some(self.allowed(request, (&session, decision), scope, source).await?);
            }
            let (session, outcome) = match decision {
                Decision::Refuse => {
                    let reason = "used, expired or ended";
                    return Err(self.refused(client, Some(&session), &presented, request.now, reason).await);
                }
                // Whoever has it and not the key has no say: nothing of the session changes.
                Decision::Unproved => {
                    let reason = "the refresh token is bound to a key: send a proof of it in the header DPoP";
                    return Err(InvalidProof(reason).into());
                }
                Decision::Revoke => {
                    tracing::warn!(session = %session.sid, "a refresh token was reused: the session is ended");
                    gateway_telemetry::count(Metric::ReuseDetected);
                    // Whoever has copied it may have copied what the apps share, too. First, so that a repetition ends it after a crash.
                    self.sessions.end_secret_of(&session).await?;
                    self.sessions.end(&session.sid).await?;
                    return Err(Failure::RefreshToken("reused"));
                }
                // A refresh may have made the successor, without this login's internal tokens: then one more is made.
                Decision::Replay if is_served(&session, source) => (session, "replayed"),
                Decision::Replay | Decision::Rotate => {
                    let binds = key.clone().filter(|_| !app.is_confidential());
                    let attempt = attempt.clone();
                    let rotation = Rotation { app: registered, attempt, key: binds, source, now: request.now };
                    match self.sessions.rotate(session, rotation).await? {
                        Some(session) => (session, "rotated"),
                        // Another request is making the successor or has just made it: look again.
                        None => continue,
                    }
                }
            };
            let mapped = mapped.ok_or(Failure::Internal("no scope was decided on"))?;
            let response = self.serve(request, registered, &session, &mapped).await?;
            gateway_telemetry::count(match source {
                TokenSource::Renewal => Metric::Refresh { outcome },
                TokenSource::Login(..) => Metric::Login { grant: "password", app: registered.client_id.as_str() },
            });
            return Ok(response);
        }
        Err(Failure::Busy)
    }

    /// What the company lets the next access token of a session have. A refresh that it does not allow ends the session. One that is
    /// only served again was allowed a moment ago; longer after that it is asked again, or one answer would be good for as
    /// long as the session.
    pub(crate) async fn allowed(
        &self,
        request: &Request<'_>,
        (session, decision): (&Session, Decision),
        scope: &Scope,
        source: TokenSource<'_>,
    ) -> Result<Mapped, Failure> {
        let is_renewal = matches!(source, TokenSource::Renewal);
        let asked = async {
            let age = request.now.since(session.family.served_at);
            if is_renewal && (decision == Decision::Rotate || age > self.config.lifetimes().access_token) {
                self.check_refresh(session, scope, request.now).await?;
            }
            let grant = if is_renewal { "refresh_token" } else { "password" };
            self.mapped(request, Whom::of(grant, session, scope)).await
        };
        match asked.await {
            Err(refused @ Failure::HookRefused(_)) if is_renewal => {
                self.sessions.end(&session.sid).await?;
                Err(refused)
            }
            outcome => outcome,
        }
    }

    /// Refuses a refresh token. The steps are the same for one that is unknown, forged, another application's, expired, used
    /// or ended, so that the response time does not tell which it is.
    async fn refused(
        &self,
        client: &ClientId,
        session: Option<&Session>,
        presented: &Presented,
        now: Timestamp,
        reason: &'static str,
    ) -> Failure {
        let finished = self.sessions.finish_end(client, session, &presented.sid, now).await;
        finished.err().map_or(Failure::RefreshToken(reason), Failure::from)
    }

    /// The session of the refresh token in a login, if a refresh with it would be served: login attempts with it are counted
    /// for that session alone. Any other token is refused later, after the password was checked.
    pub(crate) async fn shown_session(
        &self,
        request: &Request<'_>,
        app: &gateway_store::App,
        token: &PresentedRefreshToken,
    ) -> Result<Option<Session>, Failure> {
        let presented = token.or_of_nobody(SessionId::from_random(self.entropy.bytes()?));
        let Ok(session) = self.session_of(&app.client_id, &presented).await? else { return Ok(None) };
        let policy = self.reuse_policy(app);
        let (attempt, key) = (token.attempt.as_deref(), request.key());
        let shown = Shown { generation: presented.generation, attempt, key: key.as_ref() };
        let decision = judge(bound_to(&session, app), &session.family, shown, policy, request.now);
        Ok(matches!(decision, Decision::Rotate | Decision::Replay).then_some(session))
    }

    pub(crate) fn reuse_policy(&self, app: &gateway_store::App) -> ReusePolicy {
        ReusePolicy {
            window: app.refresh_retry_window.unwrap_or(self.config.lifetimes().refresh_retry_window),
            late: self.config.lifetimes().access_token,
        }
    }

    /// Responds with the newest generation's tokens. It first does what a crash after the commit may have left undone, so
    /// that a repeated request completes the rotation.
    async fn serve(
        &self,
        request: &Request<'_>,
        app: &gateway_store::App,
        session: &Session,
        mapped: &Mapped,
    ) -> Result<ApiResponse, Failure> {
        self.sessions.check_credentials(session).await?;
        self.sessions.publish(app, session).await?;
        let subject = self.subject(app, session, &mapped.scope, request.now);
        self.response_with_tokens(request, &subject, mapped, Some(&self.refresh_token(session, request.now).await?))
    }
}

/// Whether the newest generation may be served again to this request. For a refresh it always may; for a login only if all
/// its internal tokens are as new as the generation.
fn is_served(session: &Session, source: TokenSource<'_>) -> bool {
    match source {
        TokenSource::Renewal => true,
        // One that began without the password has left tokens out, which are no older than any.
        TokenSource::Login(..) => {
            session.origin.by == LoginMethod::Password
                && session.tokens.values().all(|token| token.since >= session.family.served_at)
        }
    }
}

/// Whose a session is. Of an application that has become confidential since, its authentication has taken the place of the key.
pub(crate) fn bound_to<'s>(session: &'s Session, app: &gateway_store::App) -> Option<&'s Holder> {
    session.holder.as_ref().filter(|_| app.kind == AppKind::Public)
}

/// The scope of the access token: never more than was granted at login and is still assigned (RFC 6749 §6).
pub(crate) fn narrowed_scope(asked: Option<&Scope>, granted: &Scope, assigned: &Scope) -> Result<Scope, Failure> {
    let still = remaining_scope(granted, assigned);
    let Some(asked) = asked else { return Ok(still) };
    if asked.is_empty() || !asked.is_subset(&still) { Err(Failure::Scope) } else { Ok(asked.clone()) }
}

/// What is left of a granted scope: the application may have lost a part of it since the login.
pub(crate) fn remaining_scope(granted: &Scope, assigned: &Scope) -> Scope {
    granted.intersection(assigned)
}
