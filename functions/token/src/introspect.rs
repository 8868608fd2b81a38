//! Token introspection (RFC 7662): a confidential application may ask about the tokens issued to it, and about access tokens that were
//! passed on to it.

use crate::error::Failure;
use crate::issue::Lasts;
use crate::parameters::AnyToken;
use crate::refresh_grant::remaining_scope;
use crate::{AuthorizationServer, Request, response};
use gateway_credentials::AuthenticatedApp;
use gateway_domain::access_token::{AccessClaims, token_type};
use gateway_domain::acr::Authentication;
use gateway_domain::event::ApiResponse;
use gateway_domain::refresh_token::Presented;
use gateway_domain::session::{Decision, ReusePolicy, Session, decide};
use gateway_domain::time::Seconds;
use gateway_store::GrantType;
use serde_json::{Value, json};

impl AuthorizationServer {
    /// Responds whether a token would be accepted now, and says nothing else about one that would not (RFC 7662 §2.2).
    pub(crate) async fn introspect(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (app, form) = self.authenticated_form(request).await?;
        if !app.is_confidential() {
            return Err(Failure::Client("introspection needs a confidential client"));
        }
        let active = match AnyToken::parse(form)? {
            AnyToken::Refresh(presented) => self.active_refresh_token(request, &app, &presented).await?,
            // It is of public clients, which introspect nothing.
            AnyToken::DeviceSecret(_) => None,
            AnyToken::Access(token) => self.active_access_token(request, app.registered(), token.expose()).await?,
        };
        Ok(response::private(200, &active.unwrap_or_else(|| json!({ "active": false }))))
    }

    /// The members for a refresh token; `None` if a refresh with it would be refused now, or if it is not the newest one.
    async fn active_refresh_token(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        presented: &Presented,
    ) -> Result<Option<Value>, Failure> {
        let registered = app.registered();
        let Ok(session) = self.session_of(&registered.client_id, presented).await? else { return Ok(None) };
        let strict = ReusePolicy { window: Seconds::new(0), late: Seconds::new(0) };
        let newest = decide(&session.family, presented.generation, None, strict, request.now) == Decision::Rotate;
        // An internal token that may be renewed counts as alive: introspection asks no back end. Whether the renewal works,
        // and whether the key that opens the token still exists, only a refresh finds out.
        let over = !session.tokens.values().any(|token| token.wants_renewal(request.now))
            && self.sessions.tokens().are_useless(
                registered,
                (&session.scope, session.origin.by),
                &session.tokens,
                request.now,
            );
        let refreshable = newest && !over && app.has_grant(GrantType::RefreshToken);
        if !refreshable || !self.is_live(request, &session).await? {
            return Ok(None);
        }
        // Introspection is not a use of the token: it moves neither end (draft-ietf-oauth-refresh-token-expiration-03 §7).
        let lasts = Lasts::of(&session.family, request.now);
        let mut known = json!({
            "active": true,
            "scope": remaining_scope(&session.scope, &registered.scope).to_string(),
            "client_id": session.client_id,
            "sub": session.user_id,
            "iss": request.parties.issuer(),
            "exp": session.family.idle_end,
            "iat": session.family.served_at,
            "refresh_token_timeout": lasts.token.as_u64(),
            "authorization_expires_in": lasts.authorization.as_u64(),
        });
        tell(&mut known, session.authentication());
        Ok(Some(known))
    }

    async fn active_access_token(
        &self,
        request: &Request<'_>,
        app: &gateway_store::App,
        token: &str,
    ) -> Result<Option<Value>, Failure> {
        let Ok(token) = self.verified(token, request.parties, request.now).await? else { return Ok(None) };
        let claims = token.whoever_presents();
        if claims.client_id != app.client_id && !self.is_passed_on(&claims, app) {
            return Ok(None);
        }
        if !self.sessions.is_live(&claims.sub, &claims.client_id, &claims.sid, request.now).await? {
            return Ok(None);
        }
        let AccessClaims { iss, sub, aud, client_id, scope, sid: _, jti, iat, exp, login, cnf, own: _ } = claims;
        let mut known = json!({
            "active": true, "token_type": token_type(cnf.as_ref()), "scope": scope.to_string(), "client_id": client_id, "sub": sub,
            "iss": iss, "aud": aud, "jti": jti, "iat": iat, "exp": exp,
        });
        if let (Some(cnf), Some(members)) = (cnf, known.as_object_mut()) {
            members.insert("cnf".to_owned(), json!(cnf));
        }
        tell(&mut known, login);
        Ok(Some(known))
    }

    /// Whether an API passes this access token on to the service that asks.
    pub(crate) fn is_passed_on(&self, claims: &AccessClaims, app: &gateway_store::App) -> bool {
        self.config.is_service(&app.client_id) && claims.aud.iter().any(|name| name == app.client_id.as_str())
    }

    async fn is_live(&self, request: &Request<'_>, session: &Session) -> Result<bool, Failure> {
        let (user, client) = (&session.user_id, &session.client_id);
        Ok(self.sessions.is_live(user, client, &session.sid, request.now).await?
            && self.sessions.credentials_hold(session).await?)
    }
}

/// Adds when and how the user logged in (RFC 9470 §6.2).
fn tell(known: &mut Value, login: Option<Authentication>) {
    let told = login.map(|login| json!(login));
    if let (Some(Value::Object(told)), Some(members)) = (told, known.as_object_mut()) {
        members.extend(told);
    }
}
