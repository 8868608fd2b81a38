//! Metadata (RFC 8414) and keys: what is published works, and nothing else does.

use serde_json::{Value, json};

use crate::fixture::{Fixture, ISSUER, NOTES, PASSWORD, SECRET};
use crate::request::{post, request};

async fn document(fixture: &Fixture) -> Value {
    let response = fixture.send(request("GET", "/.well-known/oauth-authorization-server")).await;
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/json")));
    response.body
}

/// Checklist M-01, M-02, M-03, M-05, M-06, M-07, M-08.
#[tokio::test]
async fn the_metadata_are_those_of_the_issuer_and_have_no_empty_member() {
    let fixture = Fixture::new().await;
    let document = document(&fixture).await;
    assert_eq!(document["issuer"], ISSUER);
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "introspection_endpoint",
        "userinfo_endpoint",
        "end_session_endpoint",
    ] {
        assert!(document[name].as_str().unwrap().starts_with(&format!("{ISSUER}/")), "{name}");
    }
    for (name, value) in document.as_object().unwrap() {
        assert!(value.as_array().is_none_or(|values| !values.is_empty()), "{name}");
        assert!(!name.contains("_alg_") || !value.to_string().contains("none"), "{name}");
    }
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]), "M-07");
    assert_eq!(document["authorization_response_iss_parameter_supported"], true, "M-08");
    assert_eq!(document["refresh_token_expiration_types_supported"], json!(["authorization", "token_timeout"]));
}

/// Checklist M-04, G-09: every endpoint, grant and method that is published works; what is not does not.
#[tokio::test]
async fn what_is_published_works_and_nothing_else_does() {
    let fixture = Fixture::new().await;
    let document = document(&fixture).await;
    let list = |name: &str| -> Vec<String> { serde_json::from_value(document[name].clone()).unwrap() };
    let posted =
        ["token_endpoint", "revocation_endpoint", "introspection_endpoint", "pushed_authorization_request_endpoint"];
    for name in posted {
        let path = document[name].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        assert_eq!(fixture.send(post(path, &[])).await.refusal(), (401, "invalid_client"), "{name}");
    }
    let path = document["jwks_uri"].as_str().unwrap().strip_prefix(ISSUER).unwrap();
    assert_eq!(fixture.send(request("GET", path)).await.status, 200);

    let user = [("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    let tokens = fixture.login("pub1", NOTES).await;
    for grant in ["password", "refresh_token", "client_credentials", "authorization_code", "implicit", "none"] {
        let fields = [&user[..], &[("grant_type", grant), ("refresh_token", &tokens.refresh)]].concat();
        let confidential = fixture.send(post("/oauth2/token", &fields).basic("conf1", SECRET)).await;
        let supported = confidential.body["error"] != "unsupported_grant_type";
        assert_eq!(supported, list("grant_types_supported").contains(&grant.to_owned()), "{grant}");
    }
    let login = [&user[..], &[("grant_type", "password")]].concat();
    let in_body = [&login[..], &[("client_id", "conf1"), ("client_secret", SECRET)]].concat();
    for (method, request) in [
        ("client_secret_basic", post("/oauth2/token", &login).basic("conf1", SECRET)),
        ("client_secret_post", post("/oauth2/token", &in_body)),
        ("none", post("/oauth2/token", &[&login[..], &[("client_id", "pub1")]].concat())),
    ] {
        assert!(list("token_endpoint_auth_methods_supported").contains(&method.to_owned()));
        assert_eq!(fixture.send(request).await.status, 200, "{method}");
    }
    // `client_assertions.rs` has this one.
    assert!(list("token_endpoint_auth_methods_supported").contains(&"private_key_jwt".to_owned()));
    let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    assert_eq!(list("introspection_endpoint_auth_methods_supported"), confidential);
    assert_eq!(list("token_endpoint_auth_signing_alg_values_supported"), ["ES256", "RS256", "PS256"]);
    let scopes = list("scopes_supported");
    let expected = "email notes:read notes:write openid orders:read orders:write profile vault:read";
    assert_eq!(scopes, expected.split(' ').collect::<Vec<_>>());
}

/// OpenID Connect Discovery §3: what is said there is said to OAuth 2.0 clients as well, and is true.
#[tokio::test]
async fn both_documents_are_one_and_tell_of_id_tokens_what_they_are() {
    let fixture = Fixture::new().await;
    let document = document(&fixture).await;
    let response = fixture.send(request("GET", "/.well-known/openid-configuration")).await;
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/json")));
    assert_eq!(response.body, document);
    let login = fixture.send(crate::fixture::login("alice", "oidc", "openid email")).await;
    let (header, claims) = crate::request::decoded(login.body["id_token"].as_str().unwrap());
    let lists = |name: &str, value: &Value| document[name].as_array().unwrap().contains(value);
    assert!(lists("id_token_signing_alg_values_supported", &header["alg"]));
    assert!(lists("acr_values_supported", &claims["acr"]));
    assert_eq!(document["subject_types_supported"], json!(["public"]));
    let path = document["userinfo_endpoint"].as_str().unwrap().strip_prefix(ISSUER).unwrap();
    let bearer = format!("Bearer {}", login.tokens().access);
    let told = fixture.send(request("GET", path).header("Authorization", &bearer)).await.body;
    for name in claims.as_object().unwrap().keys().chain(told.as_object().unwrap().keys()) {
        assert!(lists("claims_supported", &json!(name)), "{name}");
    }
}

/// Checklist J-09.
#[tokio::test]
async fn the_key_set_is_public_and_verifies_what_is_issued() {
    let fixture = Fixture::new().await;
    let response = fixture.send(request("GET", "/.well-known/jwks.json")).await;
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/json")));
    let keys = response.body["keys"].as_array().unwrap();
    for key in keys {
        assert!(["d", "p", "q", "dp", "dq", "qi", "k"].iter().all(|name| key.get(name).is_none()));
    }
    let (header, _) = crate::request::decoded(&fixture.login("pub1", NOTES).await.access);
    assert!(keys.iter().any(|key| key["kid"] == header["kid"] && key["alg"] == header["alg"]));
}

/// Checklist M-01: the public documents are read, never written.
#[tokio::test]
async fn the_public_documents_are_only_read() {
    let fixture = Fixture::new().await;
    for path in
        ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/jwks.json"]
    {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let response = fixture.send(request(method, path)).await;
            assert_eq!((response.status, response.header("Allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
        let response = fixture.send(request("GET", path)).await;
        assert_eq!(response.header("Cache-Control"), Some("public, max-age=300"));
        let head = fixture.send(request("HEAD", path)).await;
        assert_eq!(head, response, "API Gateway leaves the body out and tells its length");
    }
    assert_eq!(fixture.send(request("GET", "/.well-known/openid-configuration/")).await.status, 404);
}
