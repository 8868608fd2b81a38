//! Authorization server metadata (RFC 8414): it lists exactly what this server supports.

use crate::{AuthorizationServer, response};
use gateway_domain::event::ApiResponse;
use serde_json::json;

impl AuthorizationServer {
    /// The metadata document.
    pub(crate) fn metadata(&self, issuer: &str) -> ApiResponse {
        let confidential = ["client_secret_basic", "client_secret_post"];
        response::public(
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "code_challenge_methods_supported": ["S256"],
                // RFC 9207 §3.
                "authorization_response_iss_parameter_supported": true,
                "token_endpoint": format!("{issuer}/oauth2/token"),
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "grant_types_supported": ["authorization_code", "password", "refresh_token", "client_credentials"],
                // Every session has an absolute and an idle end (draft-ietf-oauth-refresh-token-expiration-03 §8).
                "refresh_token_expiration_types_supported": ["authorization", "token_timeout"],
                "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                "scopes_supported": self.config.scopes(),
                "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
                "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
                "introspection_endpoint_auth_methods_supported": confidential,
            })
            .to_string(),
        )
    }
}
