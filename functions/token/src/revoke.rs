//! Token revocation (RFC 7009): it ends the whole session, and the next call of the session is refused. A device secret ends all sessions
//! that several apps have by it, and a refresh token of another issuer the session that it became.

use crate::error::Failure;
use crate::parameters::AnyToken;
use crate::trade_in::Trading;
use crate::{AuthorizationServer, Request, response};
use gateway_credentials::AuthenticatedApp;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ClientId, SubjectKind};
use gateway_domain::refresh_token::Presented;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use serde_json::json;

impl AuthorizationServer {
    /// Ends the session of a refresh or access token of this application. For any other token the response is the same,
    /// whether it belongs to another application or does not exist: it counts as revoked already (RFC 7009 §2.2).
    pub(crate) async fn revoke(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (app, form) = self.authenticated_form(request).await?;
        let client = &app.registered().client_id;
        match AnyToken::parse(form)? {
            AnyToken::Refresh(presented) => self.revoke_refresh_token(client, &presented, request.now).await?,
            AnyToken::DeviceSecret(presented) => self.revoke_device_secret(client, &presented).await?,
            AnyToken::Access(token) => self.revoke_access_token(request, &app, &token).await?,
        }
        Ok(response::private(200, &json!({})))
    }

    /// Every token that ends no session takes the same steps, so that the response time does not tell the reason.
    async fn revoke_refresh_token(
        &self,
        client: &ClientId,
        presented: &Presented,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match self.session_of(client, presented).await?.ok() {
            Some(session) if !session.family.ended => self.sessions.end(&session.sid).await?,
            ended_or_not_theirs => {
                self.sessions.finish_end(client, ended_or_not_theirs.as_ref(), &presented.sid, now).await?;
            }
        }
        Ok(())
    }

    async fn revoke_access_token(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        token: &Secret,
    ) -> Result<(), Failure> {
        let client = &app.registered().client_id;
        let Ok(token) = self.verified(token.expose(), request.parties, request.now).await? else {
            return match Trading::of(&self.config, request, app, (Some(token), None)) {
                Some(trading) => self.revoke_traded_in(client, &trading, request.now).await,
                None => Ok(()),
            };
        };
        // Whoever has a token may end what it is good for, also without the key that it is bound to.
        let claims = token.whoever_presents();
        if claims.client_id != *client {
            return Ok(());
        }
        match claims.sub.kind() {
            SubjectKind::User => self.sessions.end(&claims.sid).await?,
            SubjectKind::Device | SubjectKind::Application => {
                self.sessions.end_standing(&claims.sub, &claims.client_id, &claims.sid).await?;
            }
        }
        Ok(())
    }
}
