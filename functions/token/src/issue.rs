//! Issuing tokens: the access token, and the answer of RFC 6749 §5.1.

use crate::error::Failure;
use crate::{App, Request, answer};
use domain::access_token::{AccessClaims, sign};
use domain::event::ApiResponse;
use domain::ids::{ClientId, SessionId, UserId};
use domain::scope::Scope;
use domain::secret::Secret;
use domain::session::Session;
use domain::time::Timestamp;
use serde_json::json;

/// Whom an access token is for, and until when at most.
pub(crate) struct Holder<'a> {
    pub(crate) sub: &'a UserId,
    pub(crate) client_id: &'a ClientId,
    pub(crate) sid: &'a SessionId,
    pub(crate) latest: Timestamp,
}

impl App {
    /// The answer with a signed access token and, if there is one, a refresh token.
    pub(crate) fn answer_with_tokens(
        &self,
        request: &Request<'_>,
        holder: &Holder<'_>,
        scope: &Scope,
        refresh_token: Option<&Secret>,
    ) -> Result<ApiResponse, Failure> {
        let now = request.now;
        let exp = now.saturating_add(self.config.lifetimes().access_token).min(holder.latest);
        let claims = AccessClaims {
            iss: request.issuer.to_owned(),
            sub: holder.sub.clone(),
            aud: vec![self.audience(request.issuer).to_owned()],
            client_id: holder.client_id.clone(),
            scope: scope.clone(),
            sid: holder.sid.clone(),
            jti: SessionId::from_random(startup::entropy::bytes()?).to_string(),
            iat: now,
            exp,
        };
        let key = self.in_force.key().ok_or(Failure::Internal("no signing key was checked"))?;
        let token = sign(&claims, &key).map_err(|_| Failure::Internal("signing failed"))?;
        self.public.value().note_use(key.kid(), exp);
        let mut body = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": exp.since(now).as_u64(),
            "scope": scope.to_string(),
        });
        if let (Some(refresh_token), Some(members)) = (refresh_token, body.as_object_mut()) {
            members.insert("refresh_token".into(), refresh_token.expose().into());
        }
        Ok(answer::private(200, &body))
    }

    /// The refresh token of the session's newest generation: the same every time it is asked for.
    pub(crate) async fn refresh_token(&self, session: &Session) -> Result<Secret, Failure> {
        self.refresh_for(&session.mac_key)
            .await?
            .token(&session.mac_key, &session.salt, &session.sid, session.family.generation)
            .map_err(|_| Failure::Internal("the session's MAC key is gone"))
    }
}
