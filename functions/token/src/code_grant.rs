//! The authorization code grant (RFC 6749 §4.1.3): a code gives its session once, to who can prove that it is the client's.

use crate::error::Failure;
use crate::hooks::{Mapped, Whom};
use crate::id_token::ToldLogin;
use crate::issue::{TokenSubject, device_secret_member};
use crate::parameters::CodeRequest;
use crate::refresh_grant::remaining_scope;
use crate::{AuthorizationServer, Request};
use gateway_credentials::{AuthenticatedApp, ProvedDevice};
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::event::ApiResponse;
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::id_token::DEVICE_SSO;
use gateway_domain::ids::SessionId;
use gateway_domain::pending_session::{PendingSession, Proof, Redeemed, Redemption};
use gateway_sessions::{Redeeming, SessionError};
use gateway_store::GrantType;
use gateway_telemetry::Metric;

/// A redemption that lost a race reads the pending session again, once: it finds the redemption that won.
const ROUNDS: u32 = 2;

impl AuthorizationServer {
    /// Exchanges a code for tokens, or serves the same tokens again to the attempt that has exchanged it.
    pub(crate) async fn code_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: CodeRequest,
    ) -> Result<ApiResponse, Failure> {
        let device = self.login_device(request, app, asked.device_assertion.as_ref()).await?;
        // A text that is no code costs the same read as a code that was never issued.
        let nobody = AuthorizationCode::from_random(SessionId::from_random(self.entropy.bytes()?), [0; 32]);
        let code = asked.code.as_ref().unwrap_or(&nobody);
        let key = request.key();
        for _ in 0..ROUNDS {
            let Some(pending) = self.pending.get(&code.sid).await? else { return Err(Failure::Code("unknown")) };
            let proof = proof(app, &pending, &asked, key.as_ref());
            match pending.redemption(&code.hash(), proof, asked.attempt.as_deref(), request.now) {
                Redemption::Redeem => {
                    self.check_allowed(app, &pending).await?;
                    self.may_link(device.as_ref(), &pending.user_id).await?;
                    // Before the code is used up: a hook that does not answer leaves it as it is.
                    let mapped = self.mapped_login(request, app, &pending).await?;
                    let redeemed = Redeemed { code: code.hash(), at: request.now, attempt: asked.attempt.clone() };
                    if !self.sessions.redeem(&self.pending, &pending.sid, &redeemed).await? {
                        continue;
                    }
                    gateway_telemetry::count(Metric::Login {
                        grant: "authorization_code",
                        app: app.registered().client_id.as_str(),
                    });
                    return self.serve_code(request, app, (&pending, &mapped), (&asked, device.as_ref())).await;
                }
                Redemption::Repeat => {
                    self.may_link(device.as_ref(), &pending.user_id).await?;
                    let mapped = match self.mapped_login(request, app, &pending).await {
                        Err(refused @ Failure::HookRefused(_)) => {
                            self.sessions.end(&pending.sid).await?;
                            return Err(refused);
                        }
                        mapped => mapped?,
                    };
                    return self.serve_code(request, app, (&pending, &mapped), (&asked, device.as_ref())).await;
                }
                Redemption::Refuse => return Err(Failure::Code(reason(proof))),
                Redemption::EndSession => {
                    tracing::warn!(session = %pending.sid, "a code was used again: the session is ended");
                    gateway_telemetry::count(Metric::ReuseDetected);
                    // Whoever redeemed it may have let other apps in by now.
                    if pending.scope.contains(DEVICE_SSO) {
                        self.sessions.end_together(&pending.sid).await?;
                    }
                    self.sessions.end_redeemed(&self.pending, &pending).await?;
                    return Err(Failure::Code("used before"));
                }
            }
        }
        Err(Failure::Busy)
    }

    /// Since the code was issued, the application may have lost the scope, and the user may have taken the consent back.
    async fn check_allowed(&self, app: &AuthenticatedApp, pending: &PendingSession) -> Result<(), Failure> {
        if !pending.scope.is_empty() && remaining_scope(&pending.scope, &app.registered().scope).is_empty() {
            return Err(Failure::Code("nothing of its scope is left to the application"));
        }
        if app.registered().trusted {
            return Ok(());
        }
        let consent = self.consents.get(&pending.user_id, &pending.client_id).await?;
        let given = consent.is_some_and(|consent| pending.scope.is_subset(&consent.scope));
        if given { Ok(()) } else { Err(Failure::Code("the consent was taken back")) }
    }

    async fn mapped_login(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        pending: &PendingSession,
    ) -> Result<Mapped, Failure> {
        let scope = remaining_scope(&pending.scope, &app.registered().scope);
        let PendingSession { user_id, client_id, sid: session, .. } = pending;
        self.mapped(
            request,
            Whom { grant: "authorization_code", user_id, client_id, session: Some(session), scope: &scope },
        )
        .await
    }

    async fn serve_code(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        (pending, mapped): (&PendingSession, &Mapped),
        (asked, shown): (&CodeRequest, Option<&ProvedDevice>),
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        let (refresh, now) = (self.refresh.value(), request.now);
        let (mac_key, device) = (refresh.current_id(), asked.device.as_deref());
        let issuer = request.parties.issuer();
        let holder = request.holder(app);
        let sign_on = self.signs_on(registered, &mapped.scope).then_some(&*refresh);
        let holder = holder.as_ref();
        let redeeming = Redeeming { app: registered, pending, mac_key, sign_on, device, holder, issuer, now };
        let session = match self.sessions.begin_redeemed(&self.pending, &redeeming).await {
            Err(SessionError::CredentialsChanged) => {
                return Err(Failure::Code("the user was disabled, or the session has ended"));
            }
            begun => begun?,
        };
        // Whoever took that back meanwhile has not found this session.
        if let Err(failure) = self.check_allowed(app, pending).await {
            self.sessions.end(&session.sid).await?;
            return Err(failure);
        }
        // The same attempt with another key is none of its holder's.
        if session.holder.as_ref().is_some_and(|holder| request.key().as_ref() != Some(&holder.key)) {
            return Err(Failure::Code(ANOTHER_KEY));
        }
        // After a refresh, the application has had the response.
        if session.family.generation != 1 {
            return Err(Failure::Code("used before, and its session was refreshed since"));
        }
        // If the store does not answer, the same attempt goes on here; another reason keeps the login from happening.
        match self.link(shown, (&pending.user_id, pending.credential_epoch), now).await {
            Err(failure @ Failure::NoDevice(_)) => {
                self.sessions.end(&session.sid).await?;
                return Err(failure);
            }
            linked => linked?,
        }
        let refresh_token =
            if app.has_grant(GrantType::RefreshToken) { Some(self.refresh_token(&session, now).await?) } else { None };
        let login = ToldLogin { app: registered, session: &session, nonce: pending.nonce.as_deref() };
        let secret = self.own_device_secret(registered, (&session, &mapped.scope), pending.browser_epoch).await?;
        let subject = TokenSubject {
            login: Some(login),
            also: secret.iter().map(device_secret_member).collect(),
            ..self.subject(registered, &session, &mapped.scope, now)
        };
        self.response_with_tokens(request, &subject, mapped, refresh_token.as_ref())
    }
}

const ANOTHER_KEY: &str = "another key";

/// What the request proves. `redirect_uri` may be left out where PKCE proves more (OAuth 2.1 draft-15 §10.2).
fn proof(app: &AuthenticatedApp, pending: &PendingSession, asked: &CodeRequest, key: Option<&Thumbprint>) -> Proof {
    let redirect_uri = match &asked.redirect_uri {
        Some(uri) => *uri == pending.redirect_uri,
        None => pending.challenge.is_some(),
    };
    // A verifier without a challenge is refused: an attacker may have removed the challenge (RFC 9700 §2.1.1).
    let verifier = match (&pending.challenge, &asked.verifier) {
        (Some(challenge), Some(verifier)) => challenge.is_of(verifier),
        (None, None) => app.is_confidential(),
        (Some(_), None) | (None, Some(_)) => false,
    };
    let key = pending.key.is_none() || pending.key.as_ref() == key;
    Proof { client: pending.client_id == app.registered().client_id, redirect_uri, verifier, key }
}

fn reason(proof: Proof) -> &'static str {
    match proof {
        Proof { client: false, .. } => "of another application",
        Proof { redirect_uri: false, .. } => "another redirect URI",
        Proof { verifier: false, .. } => "another verifier",
        Proof { key: false, .. } => ANOTHER_KEY,
        Proof { .. } => "not issued, expired or used",
    }
}
