//! Metadata (RFC 8414, OpenID Connect Discovery §3): it lists exactly what this server supports.

use crate::{AuthorizationServer, response};
use gateway_domain::client_assertion;
use gateway_domain::device_assertion;
use gateway_domain::event::ApiResponse;
use gateway_domain::holder_key;
use gateway_domain::id_token::{self, ACR, DEVICE_SSO, PHISHING_RESISTANT};
use gateway_domain::token_type::GRANT_TYPE;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The path of the metadata for clients of OAuth 2.0.
pub(crate) const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// The path of the metadata for clients of OpenID Connect.
pub(crate) const OPENID: &str = "/.well-known/openid-configuration";
/// The path of the keys.
pub(crate) const JWKS: &str = "/.well-known/jwks.json";
/// The path of the pushed authorization request endpoint.
pub(crate) const PAR: &str = "/oauth2/par";
/// The path of the challenge endpoint, which is the authorize function's.
pub(crate) const CHALLENGE: &str = "/oauth2/challenge";
/// The path at which devices are registered.
pub(crate) const DEVICES: &str = "/oauth2/devices";
/// The path of the token endpoint.
pub(crate) const TOKEN: &str = "/oauth2/token";

/// The claims that are there whatever the configuration says.
const CLAIMS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "at_hash",
    "sid",
    "email",
    "email_verified",
];

/// The URL of an endpoint.
pub(crate) fn endpoint(issuer: &str, path: &str) -> String {
    format!("{issuer}{path}")
}

impl AuthorizationServer {
    /// The metadata document.
    pub(crate) fn metadata(&self, issuer: &str) -> ApiResponse {
        let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
        let all = [&confidential[..], &["none"]].concat();
        let scopes: BTreeSet<_> = self.config.scopes().into_iter().chain(id_token::SCOPES).collect();
        let of_fields = self.config.accounts().fields.iter().filter_map(|field| Some(field.claim.as_ref()?.as_str()));
        let registers =
            self.config.registration().map(|_| ("registration_endpoint", endpoint(issuer, "/oauth2/register")));
        let of_passkeys = self.config.passkeys().map(|_| PHISHING_RESISTANT);
        let acrs: Vec<_> = std::iter::once(ACR).chain(of_passkeys).collect();
        let mut metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": endpoint(issuer, "/oauth2/authorize"),
            "pushed_authorization_request_endpoint": endpoint(issuer, "/oauth2/par"),
            // OAuth 2.0 for First-Party Applications draft-04 §8.
            "authorization_challenge_endpoint": endpoint(issuer, CHALLENGE),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            // RFC 9207 §3.
            "authorization_response_iss_parameter_supported": true,
            "token_endpoint": endpoint(issuer, TOKEN),
            "token_endpoint_auth_methods_supported": all,
            "token_endpoint_auth_signing_alg_values_supported": client_assertion::ALGORITHMS,
            // RFC 9449 §5.1.
            "dpop_signing_alg_values_supported": [holder_key::ALGORITHM],
            "grant_types_supported": ["authorization_code", "password", "refresh_token", "client_credentials", GRANT_TYPE],
            // Every session has an absolute and an idle end (draft-ietf-oauth-refresh-token-expiration-03 §8).
            "refresh_token_expiration_types_supported": ["authorization", "token_timeout"],
            "jwks_uri": endpoint(issuer, JWKS),
            "scopes_supported": scopes,
            "revocation_endpoint": endpoint(issuer, "/oauth2/revoke"),
            "revocation_endpoint_auth_methods_supported": all,
            "revocation_endpoint_auth_signing_alg_values_supported": client_assertion::ALGORITHMS,
            "introspection_endpoint": endpoint(issuer, "/oauth2/introspect"),
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": client_assertion::ALGORITHMS,
            // OpenID Connect RP-Initiated Logout 1.0 §2.1, Back-Channel Logout 1.0 §2.1. Every logout token has a `sid`.
            "end_session_endpoint": endpoint(issuer, "/oauth2/logout"),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "userinfo_endpoint": endpoint(issuer, "/oauth2/userinfo"),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": id_token::ALGORITHMS,
            "acr_values_supported": acrs,
            "claim_types_supported": ["normal"],
            "claims_supported": CLAIMS.into_iter().chain(of_fields).collect::<Vec<_>>(),
            "claims_parameter_supported": false,
        });
        if let (Some((name, url)), Some(members)) = (registers, metadata.as_object_mut()) {
            members.insert(name.to_owned(), url.into());
        }
        if let (true, Some(members)) = (self.config.has_app_families(), metadata.as_object_mut()) {
            // OpenID Connect Native SSO §6.
            members.insert("native_sso_supported".to_owned(), true.into());
            let also = [("scopes_supported", DEVICE_SSO), ("claims_supported", "ds_hash")];
            for (name, value) in also {
                if let Some(values) = members.get_mut(name).and_then(Value::as_array_mut) {
                    values.push(value.into());
                }
            }
        }
        if let (Some(_), Some(members)) = (self.config.devices(), metadata.as_object_mut()) {
            // No standard has a name for it.
            members.insert("gateway_device_registration_endpoint".to_owned(), endpoint(issuer, DEVICES).into());
            if let Some(grants) = members.get_mut("grant_types_supported").and_then(Value::as_array_mut) {
                grants.push(device_assertion::GRANT_TYPE.into());
            }
        }
        response::public(metadata.to_string())
    }
}
