//! Pushed authorization requests (RFC 9126): a client sends the parameters itself, and the browser carries a reference alone.

use crate::error::Failure;
use crate::{AuthorizationServer, Request, response};
use gateway_domain::authorization_request::{AuthorizationRequest, Target};
use gateway_domain::event::ApiResponse;
use gateway_domain::pushed_request::{LIFETIME, PushedRequest, SealedAs};
use serde_json::json;

impl AuthorizationServer {
    /// Checks the request as the authorization endpoint does, so that its mistakes are told here, and returns its
    /// `request_uri`. With a proof, its code is for the holder of that key (RFC 9449 §10.1).
    pub(crate) async fn push(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (app, form) = self.authenticated_form(request).await?;
        let app = app.registered();
        if form.get("request_uri").is_some() {
            return Err(Failure::Malformed("request_uri"));
        }
        let target = Target::of(&form, &app.registration()).map_err(|_| Failure::Malformed("redirect_uri"))?;
        let asked = AuthorizationRequest::parse(target, &form, &app.registration());
        let asked = asked.map_err(Failure::AuthorizationRequest)?;
        self.use_at_issuer(request).await?;
        let key = request.key();
        if key.is_some() && asked.key.is_some() && key != asked.key {
            return Err(Failure::Malformed("dpop_jkt"));
        }
        let pushed = PushedRequest::new(&app.client_id, &form, request.now);
        let pushed = match &key {
            Some(key) => pushed.and_then(|pushed| pushed.of_holder(key)),
            None => pushed,
        };
        let pushed = pushed.map_err(|_| Failure::Malformed("request"))?;
        let request_uri = pushed
            .seal(SealedAs::RequestUri, &self.sessions.tokens().sealing(), self.entropy.bytes()?)
            .map_err(|_| Failure::Internal("sealing failed"))?;
        Ok(response::private(201, &json!({ "request_uri": request_uri, "expires_in": LIFETIME.as_u64() })))
    }
}
