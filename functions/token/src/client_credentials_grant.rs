//! The client credentials grant (RFC 6749 §4.4): an application acts for itself, not for a user.

use crate::AuthorizationServer;
use crate::Request;
use crate::error::Failure;
use crate::hooks::Whom;
use crate::issue::TokenSubject;
use crate::parameters::ClientCredentialsRequest;
use gateway_credentials::AuthenticatedApp;
use gateway_domain::event::ApiResponse;
use gateway_domain::id_token::user_scopes;
use gateway_domain::ids::UserId;
use gateway_domain::scope::Scope;
use gateway_telemetry::Metric;
use serde_json::Map;

impl AuthorizationServer {
    /// Issues an access token for the application's one standing session, without a refresh token (RFC 6749 §4.4.3).
    pub(crate) async fn client_credentials_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: &ClientCredentialsRequest,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        // Nobody logs in, so there is nobody to tell about.
        let assigned = registered.scope.difference(&user_scopes());
        let scope = Scope::granted(asked.scope.as_ref(), &assigned).ok_or(Failure::Scope)?;
        let client_id = &registered.client_id;
        let sub = UserId::of_app(client_id);
        let whom = Whom { grant: "client_credentials", user_id: &sub, client_id, session: None, scope: &scope };
        let mapped = self.mapped(request, whom).await?;
        let latest = request.now.saturating_add(self.config.lifetimes().access_token);
        let sid = self.sessions.begin_standing(&sub, client_id, latest, request.now).await?;
        let subject = TokenSubject { sub: &sub, app: registered, sid: &sid, latest, login: None, also: Map::new() };
        let response = self.response_with_tokens(request, &subject, &mapped, None)?;
        gateway_telemetry::count(Metric::Login { grant: "client_credentials", app: client_id.as_str() });
        Ok(response)
    }
}
