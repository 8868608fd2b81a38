//! Issues tokens: signs the access token, and builds the response of RFC 6749 §5.1.

use crate::error::Failure;
use crate::hooks::Mapped;
use crate::id_token::ToldLogin;
use crate::{AuthorizationServer, Request, response};
use gateway_domain::access_token::{AccessClaims, MAX_LENGTH, sign, token_type};
use gateway_domain::event::ApiResponse;
use gateway_domain::id_token::OPENID;
use gateway_domain::ids::{ApiName, SessionId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::secret::Secret;
use gateway_domain::session::{Family, Session};
use gateway_domain::time::{Seconds, Timestamp};
use serde_json::{Map, Value, json};

/// The subject of an access token, `latest`, the latest time at which that token may expire, and the login that an ID token
/// may tell of.
pub(crate) struct TokenSubject<'a> {
    pub(crate) sub: &'a UserId,
    pub(crate) app: &'a gateway_store::App,
    pub(crate) sid: &'a SessionId,
    pub(crate) latest: Timestamp,
    /// `None` if nobody has logged in.
    pub(crate) login: Option<ToldLogin<'a>>,
    /// What the response has beside the tokens.
    pub(crate) also: Map<String, Value>,
}

/// A refresh token with its lifetimes, which the response reports (draft-ietf-oauth-refresh-token-expiration-03 §6.1).
pub(crate) struct RefreshToken {
    token: Secret,
    lasts: Lasts,
}

/// How much longer a session can be refreshed, in seconds from now.
pub(crate) struct Lasts {
    /// With the newest refresh token: `refresh_token_timeout`.
    pub(crate) token: Seconds,
    /// With that token and its successors: `authorization_expires_in`. Never less than `token`.
    pub(crate) authorization: Seconds,
}

impl Lasts {
    /// The time that is left of this session.
    pub(crate) fn of(family: &Family, now: Timestamp) -> Self {
        Self { token: family.idle_end.since(now), authorization: family.absolute_end.since(now) }
    }
}

impl AuthorizationServer {
    /// The subject of an access token of this session, with this scope.
    pub(crate) fn subject<'a>(
        &self,
        app: &'a gateway_store::App,
        session: &'a Session,
        scope: &Scope,
        now: Timestamp,
    ) -> TokenSubject<'a> {
        TokenSubject {
            sub: &session.user_id,
            app,
            sid: &session.sid,
            latest: self.sessions.latest_access(app, session, scope, now),
            login: Some(ToldLogin::of(app, session)),
            also: Map::new(),
        }
    }

    /// The response with a new access token, the refresh token if one is given, and an ID token if the scope asks for one.
    pub(crate) fn response_with_tokens(
        &self,
        request: &Request<'_>,
        subject: &TokenSubject<'_>,
        Mapped { scope, claims: own }: &Mapped,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<ApiResponse, Failure> {
        let now = request.now;
        let exp = now.saturating_add(self.config.lifetimes().access_token).min(subject.latest);
        let claims = AccessClaims {
            iss: request.parties.issuer().to_owned(),
            sub: subject.sub.clone(),
            aud: self.audience(request, subject.app, scope),
            client_id: subject.app.client_id.clone(),
            scope: scope.clone(),
            sid: subject.sid.clone(),
            jti: SessionId::from_random(self.entropy.bytes()?).to_string(),
            iat: now,
            exp,
            login: subject.login.as_ref().and_then(|login| login.session.authentication()),
            cnf: request.confirmation(subject.app),
            own: own.clone(),
        };
        let key = self.in_force.key().ok_or(Failure::Internal("no signing key was checked"))?;
        let token = sign(&claims, &key).map_err(|_| Failure::Internal("signing failed"))?;
        if token.len() > MAX_LENGTH {
            return Err(Failure::Internal("the access token is longer than any that is accepted"));
        }
        self.public.value().note_use(key.kid(), exp);
        let id_token = match &subject.login {
            Some(login) if scope.contains(OPENID) => Some(self.id_token(request, login, (token.as_str(), scope))?),
            Some(_) | None => None,
        };
        let mut body = json!({
            "access_token": token,
            "token_type": token_type(claims.cnf.as_ref()),
            "expires_in": exp.since(now).as_u64(),
            "scope": scope.to_string(),
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(subject.also.clone());
        }
        if let (Some(id_token), Some(members)) = (id_token, body.as_object_mut()) {
            members.insert("id_token".into(), id_token.into());
        }
        if let (Some(refresh_token), Some(members)) = (refresh_token, body.as_object_mut()) {
            let RefreshToken { token, lasts } = refresh_token;
            members.insert("refresh_token".into(), token.expose().into());
            members.insert("refresh_token_timeout".into(), lasts.token.as_u64().into());
            members.insert("authorization_expires_in".into(), lasts.authorization.as_u64().into());
        }
        Ok(response::private(200, &body))
    }

    /// Who a token is for: the gateway, and the services to which it passes this token on.
    fn audience(&self, request: &Request<'_>, app: &gateway_store::App, scope: &Scope) -> Vec<String> {
        let subscribed = |api: &ApiName| app.subscriptions.get(api).is_some_and(|subscription| subscription.enabled);
        let services = self.config.services(scope, subscribed);
        let services = services.into_iter().map(ToString::to_string);
        std::iter::once(request.parties.audience().to_owned()).chain(services).collect()
    }

    /// The refresh token of the session's newest generation. It is derived, not stored, and so the same every time.
    pub(crate) async fn refresh_token(&self, session: &Session, now: Timestamp) -> Result<RefreshToken, Failure> {
        let token = self
            .refresh_for(&session.mac_key)
            .await?
            .token(&session.mac_key, &session.salt, &session.sid, session.family.generation)
            .map_err(|_| Failure::Internal("the session's MAC key is gone"))?;
        Ok(RefreshToken { token, lasts: Lasts::of(&session.family, now) })
    }
}

/// The member of a response that gives a device secret (OpenID Connect Native SSO §3.4).
pub(crate) fn device_secret_member(secret: &Secret) -> (String, Value) {
    ("device_secret".to_owned(), secret.expose().into())
}
