//! The refresh token grant (RFC 6749 §6): one successor per token, however often and concurrently it is asked for.

use crate::error::Failure;
use crate::issue::TokenSubject;
use crate::parameters::PresentedRefreshToken;
use crate::{AuthorizationServer, Request};
use gateway_credentials::AuthenticatedApp;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::refresh_token::Presented;
use gateway_domain::scope::Scope;
use gateway_domain::session::{Decision, ReusePolicy, Session, decide};
use gateway_domain::time::Timestamp;
use gateway_sessions::{MAX_POLLS, POLL_INTERVAL, Rotation, TokenSource};
use gateway_telemetry::Metric;

impl AuthorizationServer {
    /// Exchanges a refresh token for a new pair, or serves the same successor again after a lost response.
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
        let attempt = &token.attempt;
        let policy = self.reuse_policy(registered);
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
            let decision = decide(&session.family, presented.generation, attempt.as_deref(), policy, request.now);
            let scope = narrowed_scope(asked, &session.scope, &registered.scope);
            let (session, outcome) = match decision {
                Decision::Refuse => {
                    let reason = "used, expired or ended";
                    return Err(self.refused(client, Some(&session), &presented, request.now, reason).await);
                }
                Decision::Revoke => {
                    tracing::warn!(session = %session.sid, "a refresh token was reused: the session is ended");
                    gateway_telemetry::count(Metric::ReuseDetected);
                    self.sessions.end(&session.sid).await?;
                    return Err(Failure::RefreshToken("reused"));
                }
                // A successor that a refresh has made is none of this login: another one is.
                Decision::Replay if is_served(&session, source) => (session, "replayed"),
                Decision::Replay | Decision::Rotate => {
                    scope.as_ref().map_err(|_| Failure::Scope)?;
                    let rotation = Rotation { app: registered, attempt: attempt.clone(), source, now: request.now };
                    match self.sessions.rotate(session, rotation).await? {
                        Some(session) => (session, "rotated"),
                        // Another request is making the successor, or has just made it.
                        None => continue,
                    }
                }
            };
            let response = self.serve(request, registered, &session, &scope?).await?;
            gateway_telemetry::count(match source {
                TokenSource::Renewal => Metric::Refresh { outcome },
                TokenSource::Login(..) => Metric::Login { grant: "password", app: registered.client_id.as_str() },
            });
            return Ok(response);
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
        let finished = self.sessions.finish_end(client, session, &presented.sid, now).await;
        finished.err().map_or(Failure::RefreshToken(reason), Failure::from)
    }

    /// The session whose refresh token a login brings, if that token would be served: whoever has it is no stranger to
    /// the session's user. Otherwise nothing is told yet; the password is looked at first.
    pub(crate) async fn shown_session(
        &self,
        request: &Request<'_>,
        app: &gateway_store::App,
        token: &PresentedRefreshToken,
    ) -> Result<Option<Session>, Failure> {
        let presented = token.or_of_nobody(SessionId::from_random(self.entropy.bytes()?));
        let Ok(session) = self.session_of(&app.client_id, &presented).await? else { return Ok(None) };
        let policy = self.reuse_policy(app);
        let decision = decide(&session.family, presented.generation, token.attempt.as_deref(), policy, request.now);
        Ok(matches!(decision, Decision::Rotate | Decision::Replay).then_some(session))
    }

    fn reuse_policy(&self, app: &gateway_store::App) -> ReusePolicy {
        ReusePolicy {
            window: app.refresh_retry_window.unwrap_or(self.config.lifetimes().refresh_retry_window),
            late: self.config.lifetimes().access_token,
        }
    }

    /// Answers with the newest generation's token. What a crash may have left undone after the commit is done here,
    /// so that a repeated request finds it complete.
    async fn serve(
        &self,
        request: &Request<'_>,
        app: &gateway_store::App,
        session: &Session,
        scope: &Scope,
    ) -> Result<ApiResponse, Failure> {
        self.sessions.check_credentials(session).await?;
        self.sessions.publish(app, session).await?;
        let subject = TokenSubject {
            sub: &session.user_id,
            client_id: &session.client_id,
            sid: &session.sid,
            latest: self.sessions.latest_access(app, session, scope, request.now),
        };
        self.response_with_tokens(request, &subject, scope, Some(&self.refresh_token(session, request.now).await?))
    }
}

/// Whether the newest generation serves this request: any does for a refresh, and for a login one whose internal tokens all
/// came with it.
fn is_served(session: &Session, source: TokenSource<'_>) -> bool {
    match source {
        TokenSource::Renewal => true,
        TokenSource::Login(..) => session.tokens.values().all(|token| token.since >= session.family.served_at),
    }
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
