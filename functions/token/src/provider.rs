//! Answers other functions of the gateway, which no client can send: what an ID token says, what applications are told of ended sessions and
//! of themselves, which of them a request comes from, whether a password is right at the directory, and what the hook `registered` says of a
//! user.

use crate::AuthorizationServer;
use crate::error::Failure;
use gateway_config::TokenParties;
use gateway_credentials::DirectoryError;
use gateway_domain::acquired::Handover;
use gateway_domain::id_token_hint::{self, Hint};
use gateway_domain::logout_token::{self, LIFETIME, LogoutClaims, LogoutEvent};
use gateway_domain::provider_event::{
    AuthenticateClient, ClientAuthenticated, EventNotice, EventTokenRequest, HintRequest, LogoutNotice,
    LogoutTokenRequest, ProviderEvent, ValidateUserPass, Validated,
};
use gateway_domain::secret::Secret;
use gateway_domain::security_event_token::{self, SecurityEventClaims};
use gateway_domain::source::Source;
use gateway_store::AppWebhook;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The function could not answer. Whoever asked may ask again.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// The session has not ended. A logout token never tells of a session that lives, whoever may ask for one.
    #[error("the session has not ended")]
    Live,
    /// Keys, tables or the clock cannot be used.
    #[error("{0}")]
    Failed(String),
}

impl From<Failure> for NotAnswered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<NotAnswered> for Diagnostic {
    fn from(error: NotAnswered) -> Self {
        let error_type = match &error {
            NotAnswered::Live => "Live",
            NotAnswered::Failed(_) => "NotAnswered",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

impl AuthorizationServer {
    /// Answers an event.
    pub(crate) async fn answer(&self, asked: ProviderEvent) -> Result<Value, NotAnswered> {
        let answered = async {
            self.id_tokens.fresh().await.map_err(Failure::from)?;
            match asked {
                ProviderEvent::ReadHint(asked) => Ok(json!(self.read_hint(&asked))),
                ProviderEvent::SignLogoutToken(asked) => Ok(json!(self.logout_token(&asked).await?)),
                ProviderEvent::SignEventToken(asked) => Ok(json!(self.event_token(&asked).await?)),
                ProviderEvent::Registered(asked) => Ok(json!(self.registered(&asked).await?)),
                ProviderEvent::ValidateUserPass(asked) => Ok(json!(self.validated(&asked).await?)),
                ProviderEvent::AuthenticateClient(asked) => Ok(json!(self.authenticated(asked).await?)),
            }
        };
        answered.await.inspect_err(|error: &NotAnswered| tracing::error!(%error, "another function got no answer"))
    }

    /// What an ID token says, if it is one of this issuer.
    fn read_hint(&self, asked: &HintRequest) -> Option<Hint> {
        let read = id_token_hint::verify(&asked.id_token, &self.id_tokens.value(), &asked.issuer);
        read.inspect_err(|error| tracing::info!(%error, "a hint is refused")).ok()
    }

    /// Which client a request to another function comes from. Wrong proofs count, and an assertion is used up, as at the endpoints here.
    async fn authenticated(&self, asked: AuthenticateClient) -> Result<ClientAuthenticated, NotAnswered> {
        let AuthenticateClient { authorization, mut credentials, issuer, source_ip } = asked;
        let (source, now) = (Source::of(source_ip.as_deref()), self.now().map_err(Failure::from)?);
        let presented = (authorization.as_ref().map(Secret::expose), &mut credentials);
        match self.authenticate_by(presented, &issuer, &source, now).await {
            Ok(app) => Ok(ClientAuthenticated::Client(app.registered().client_id.clone())),
            Err(Failure::Client(reason)) => {
                tracing::info!(reason, "a client is refused");
                Ok(ClientAuthenticated::Refused)
            }
            Err(Failure::TooManyAttempts(wait)) => Ok(ClientAuthenticated::TooManyAttempts(wait)),
            Err(Failure::MalformedBasic | Failure::TwoClientAuthentications | Failure::Missing(_)) => {
                Ok(ClientAuthenticated::Malformed)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// What the directory says of a password.
    async fn validated(&self, asked: &ValidateUserPass) -> Result<Validated, NotAnswered> {
        let Some(directory) = &self.directory else { return Ok(Validated::Refused) };
        self.sessions.freshen().await.map_err(Failure::from)?;
        let now = self.now().map_err(Failure::from)?;
        Ok(match directory.check(&asked.address, &asked.password, now).await {
            Ok((user_id, begun)) if asked.keep => Validated::User(user_id, begun),
            Ok((user_id, begun)) => {
                self.sessions.tokens().end_begun(&Handover::of(begun)).await;
                Validated::User(user_id, None)
            }
            Err(DirectoryError::Refused) => Validated::Refused,
            Err(DirectoryError::NotAsked(reason)) => Validated::NotAsked(reason),
            Err(DirectoryError::Unavailable(reason)) => Validated::Unavailable(reason),
        })
    }

    /// The token that tells an application of an event of itself: `None` if there is no such application, or it has no webhook. One that is
    /// disabled is told, too: that it is.
    async fn event_token(&self, asked: &EventTokenRequest) -> Result<Option<EventNotice>, NotAnswered> {
        let Some(client_id) = asked.event.subject.app() else { return Ok(None) };
        let Some(app) = self.apps.get(&client_id).await.map_err(Failure::from)? else { return Ok(None) };
        let Some(AppWebhook { uri, issuer }) = &app.webhook else { return Ok(None) };
        // Where the configuration names the issuer, that is the one, also if it was another when the webhook was registered.
        let none = BTreeMap::new();
        let configured = self.config.token_parties(&none).ok();
        let issuer = configured.as_ref().map_or(issuer.as_str(), TokenParties::issuer);
        let now = self.now().map_err(Failure::from)?;
        let claims = SecurityEventClaims::of(&asked.event, (issuer, &client_id), now);
        let signed = security_event_token::sign(&claims, &self.id_tokens.value(), app.id_token_algorithm());
        let event_token = signed.map_err(|_| Failure::Internal("signing a security event token failed"))?;
        Ok(Some(EventNotice { uri: uri.clone(), event_token }))
    }

    /// The logout token of an ended session: `None` if its application was not told of a login by an ID token, or is not to be
    /// told of its end.
    async fn logout_token(&self, asked: &LogoutTokenRequest) -> Result<Option<LogoutNotice>, NotAnswered> {
        let Some(session) = self.sessions.get(&asked.session).await.map_err(Failure::from)? else { return Ok(None) };
        if !session.family.ended {
            return Err(NotAnswered::Live);
        }
        let app = self.apps.get(&session.client_id).await.map_err(Failure::from)?.filter(|app| app.enabled);
        let Some((app, issuer)) = app.zip(session.issuer.as_deref()) else { return Ok(None) };
        let Some(uri) = app.logout.backchannel_logout_uri.clone() else { return Ok(None) };
        let now = self.now().map_err(Failure::from)?;
        let claims = LogoutClaims {
            iss: issuer,
            sub: &session.user_id,
            aud: &session.client_id,
            iat: now,
            exp: now.saturating_add(LIFETIME),
            jti: format!("{:032x}", u128::from_be_bytes(self.entropy.bytes().map_err(Failure::from)?)),
            sid: &session.sid,
            events: LogoutEvent,
        };
        let signed = logout_token::sign(&claims, &self.id_tokens.value(), app.id_token_algorithm());
        let logout_token = signed.map_err(|_| Failure::Internal("signing a logout token failed"))?;
        Ok(Some(LogoutNotice { uri, logout_token }))
    }
}
