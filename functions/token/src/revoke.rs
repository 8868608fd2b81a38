//! Token revocation (RFC 7009): ends the whole session, felt by the next call.

use crate::error::Failure;
use crate::{App, Request, answer};
use domain::event::ApiResponse;
use domain::ids::ClientId;
use domain::refresh_token::Presented;
use serde_json::json;

impl App {
    /// Ends the session of a refresh or access token of this application. Unknown tokens are as good as revoked.
    pub(crate) async fn revoke(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (app, form) = self.authenticated_form(request).await?;
        let token = form.get("token").ok_or(Failure::Missing("token"))?;
        // The hint is not needed: the two kinds of token cannot be mistaken for each other.
        if let Ok(presented) = Presented::parse(token) {
            self.revoke_refresh_token(&app.registered().client_id, &presented).await?;
        } else {
            self.revoke_access_token(request, &app.registered().client_id, token).await?;
        }
        Ok(answer::private(200, &json!({})))
    }

    async fn revoke_refresh_token(&self, client_id: &ClientId, presented: &Presented) -> Result<(), Failure> {
        let Some(session) = self.store.session(&presented.sid).await? else { return Ok(()) };
        if self.refresh_for(&session.mac_key).await?.check(&session.mac_key, &session.salt, presented).is_err() {
            return Ok(());
        }
        if session.client_id != *client_id {
            return Err(Failure::ForeignToken);
        }
        self.end_session(&session.sid).await
    }

    async fn revoke_access_token(&self, request: &Request<'_>, client: &ClientId, token: &str) -> Result<(), Failure> {
        let Ok(claims) = self.verified(token, request.issuer, request.now).await? else {
            return Ok(());
        };
        if claims.client_id != *client {
            return Err(Failure::ForeignToken);
        }
        if claims.sub.is_app() {
            self.store.remove_entry(&claims.sub, &claims.client_id, &claims.sid).await?;
            return Ok(());
        }
        self.end_session(&claims.sid).await
    }
}
