//! The metadata says exactly what works (RFC 8414): everything advertised does, nothing else does.

use gateway_domain::ids::ClientId;
use gateway_store::GrantType;
use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, Gateway, PARTNER_APP, Phone, REDIRECT_URI, Response, Tokens, VERIFIER, Visitor};

use crate::openid::{self, KeyedApp};
use crate::owners;

const METADATA: &str = "/.well-known/oauth-authorization-server";

async fn metadata(gateway: &Gateway) -> Json {
    gateway.response(gateway.request("GET", METADATA)).await.json()
}

fn texts<'a>(metadata: &'a Json, name: &str) -> Vec<&'a str> {
    let list = metadata[name].as_array().unwrap_or_else(|| panic!("{name}: {metadata}"));
    list.iter().map(|text| text.as_str().expect("a text")).collect()
}

/// The path of an endpoint at this gateway.
fn path<'a>(gateway: &Gateway, metadata: &'a Json, name: &str) -> &'a str {
    let url = metadata[name].as_str().unwrap_or_else(|| panic!("{name}: {metadata}"));
    url.strip_prefix(gateway.stack.base_url()).expect("an endpoint under the issuer")
}

/// A request with the client's credentials shown by this method.
async fn ask(gateway: &Gateway, path: &str, method: &str, form: &[(&str, &str)]) -> Response {
    let request = gateway.request("POST", path);
    let mut form = form.to_vec();
    match method {
        "client_secret_basic" => {
            let request = request.basic_auth(PARTNER_APP, Some(gateway.partner_secret()));
            return gateway.response(request.form(&form)).await;
        }
        "client_secret_post" => {
            form.extend([("client_id", PARTNER_APP), ("client_secret", gateway.partner_secret())]);
        }
        "none" => form.push(("client_id", DEMO_APP)),
        "private_key_jwt" => {
            let assertion = KeyedApp::register(gateway).await.assertion(gateway);
            let proof = [("client_assertion_type", openid::ASSERTION), ("client_assertion", &assertion)];
            return gateway.response(request.form(&[&form[..], &proof].concat())).await;
        }
        "client_secret_jwt" => form.extend([
            ("client_id", PARTNER_APP),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
        ]),
        other => panic!("the test does not know {other}"),
    }
    gateway.response(request.form(&form)).await
}

/// Checklist M-01, M-02, M-03, M-05.
#[tokio::test]
async fn the_metadata_has_what_the_rfc_asks_for() {
    let gateway = Gateway::start().await;
    let response = gateway.response(gateway.request("GET", METADATA)).await;
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    let metadata = response.json();
    assert_eq!(metadata["issuer"], gateway.stack.base_url());
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "introspection_endpoint",
        "userinfo_endpoint",
    ] {
        path(&gateway, &metadata, name);
    }
    for (name, value) in metadata.as_object().expect("an object") {
        assert!(!value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()), "{name}: {value}");
        if name.contains("signing_alg") {
            assert!(!texts(&metadata, name).contains(&"none"), "{name}: {value}");
        }
    }
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
}

/// Checklist T-06, V-08, I-06, H-09: every method that API Gateway passes on reaches the endpoint, which names what it allows.
#[tokio::test]
async fn an_endpoint_names_the_methods_it_allows_and_answers_head_without_a_body() {
    let gateway = Gateway::start().await;
    let read = ["GET", "HEAD"].as_slice();
    for (path, allowed) in [
        ("/oauth2/token", ["POST"].as_slice()),
        ("/oauth2/revoke", &["POST"]),
        ("/oauth2/introspect", &["POST"]),
        ("/oauth2/challenge", &["POST"]),
        ("/oauth2/devices", &["POST"]),
        (METADATA, read),
        (openid::METADATA, read),
        ("/.well-known/jwks.json", read),
        ("/.well-known/passkey-endpoints", read),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if allowed.contains(&method) && method == "POST" {
                continue;
            }
            let response = gateway.response(gateway.request(method, path)).await;
            if allowed.contains(&method) {
                assert_eq!(
                    (response.status, response.header("content-type")),
                    (200, "application/json"),
                    "{method} {path}"
                );
            } else {
                assert_eq!(
                    (response.status, response.header("allow")),
                    (405, allowed.join(", ").as_str()),
                    "{method} {path}"
                );
            }
            assert_eq!(response.body.is_empty(), method == "HEAD", "{method} {path}");
        }
        let (get, head) = (gateway.request("GET", path), gateway.request("HEAD", path));
        let (get, head) = (gateway.response(get).await, gateway.response(head).await);
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}: of the body that is left out");
    }
}

/// Checklist J-08, J-09.
#[tokio::test]
async fn the_published_keys_are_public_and_distinct() {
    let gateway = Gateway::start().await;
    let response =
        gateway.response(gateway.request("GET", path(&gateway, &metadata(&gateway).await, "jwks_uri"))).await;
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    let jwks = response.json();
    let keys = jwks["keys"].as_array().expect("keys");
    let mut kids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().expect("a kid")).collect();
    kids.sort_unstable();
    kids.dedup();
    assert!(!keys.is_empty() && kids.len() == keys.len(), "{jwks}");
    for key in keys {
        for member in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(member).is_none(), "{key}");
        }
        assert!(matches!(key["alg"].as_str(), Some("ES256" | "RS256")), "{key}");
    }
}

/// Checklist M-04.
#[tokio::test]
async fn every_grant_advertised_works_and_no_other() {
    let passing = "  echo:\n    pass_access_token: { audience: partner-app }\n";
    let gateway = Gateway::start_with_config(|text| text.replace("  echo:\n", passing)).await;
    let metadata = metadata(&gateway).await;
    let endpoint = path(&gateway, &metadata, "token_endpoint");
    let Tokens { access, refresh } = gateway.login(ADA).await;
    let partner = ClientId::parse(PARTNER_APP).expect("an id");
    let mut service = gateway.store().apps.get(&partner).await.expect("a read").expect("an app");
    service.grants.insert(GrantType::TokenExchange);
    gateway.store().apps.put(&service).await.expect("a write");
    let code = Visitor::of(&gateway).logs_in(&Visitor::asking(DEMO_APP, "orders:read", &[]), ADA).await;
    let assertion = Phone::registered(&gateway, DEMO_APP).await.assertion();
    for grant in texts(&metadata, "grant_types_supported") {
        let (method, form): (_, Vec<(&str, &str)>) = match grant {
            "password" => ("none", vec![("username", ADA.name), ("password", ADA.password)]),
            "authorization_code" => {
                ("none", vec![("code", &code), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)])
            }
            "refresh_token" => ("none", vec![("refresh_token", &refresh)]),
            "client_credentials" => ("client_secret_basic", vec![]),
            "urn:ietf:params:oauth:grant-type:token-exchange" => {
                let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");
                ("client_secret_basic", vec![kind, ("subject_token", &access), ("audience", "orders")])
            }
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => ("none", vec![("assertion", &assertion)]),
            other => panic!("{other} is advertised and not known to this test"),
        };
        let response = ask(&gateway, endpoint, method, &[vec![("grant_type", grant)], form].concat()).await;
        assert_eq!(response.status, 200, "{grant}: {}", response.text());
    }
    for grant in [
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:openid:params:grant-type:ciba",
        "PASSWORD",
        "anything",
    ] {
        let form = [("grant_type", grant), ("username", ADA.name), ("password", ADA.password), ("code", "x")];
        for method in ["none", "client_secret_basic"] {
            let response = ask(&gateway, endpoint, method, &form).await;
            assert_eq!(
                (response.status, &response.json()["error"]),
                (400, &json!("unsupported_grant_type")),
                "{grant}"
            );
        }
    }
}

/// Checklist M-04.
#[tokio::test]
async fn every_authentication_advertised_works_and_no_other() {
    let gateway = Gateway::start().await;
    let metadata = metadata(&gateway).await;
    let all = ["client_secret_basic", "client_secret_post", "none", "private_key_jwt", "client_secret_jwt"];
    let tokens = gateway.login(ADA).await;
    for (endpoint, list) in [
        ("token_endpoint", "token_endpoint_auth_methods_supported"),
        ("revocation_endpoint", "revocation_endpoint_auth_methods_supported"),
        ("introspection_endpoint", "introspection_endpoint_auth_methods_supported"),
    ] {
        let advertised = texts(&metadata, list);
        assert!(advertised.iter().all(|method| all.contains(method)), "{advertised:?}");
        let endpoint = path(&gateway, &metadata, endpoint);
        for method in all {
            let mut form = vec![("token", "unknown")];
            if endpoint.ends_with("/token") {
                form = vec![("grant_type", "password"), ("username", ADA.name), ("password", ADA.password)];
            }
            let response = ask(&gateway, endpoint, method, &form).await;
            let expected = if advertised.contains(&method) { 200 } else { 401 };
            assert_eq!(response.status, expected, "{endpoint} {method}: {}", response.text());
            if expected == 401 {
                assert_eq!(response.json()["error"], "invalid_client");
            }
        }
        // Nobody at all is not `none`.
        let nobody = gateway.post_form(endpoint, &[("token", &tokens.refresh)]).await;
        assert_eq!(nobody.status, 401, "{}", nobody.text());
    }
}

/// Checklist M-04.
#[tokio::test]
async fn every_scope_advertised_is_granted_and_no_other() {
    let gateway = Gateway::start().await;
    let metadata = metadata(&gateway).await;
    let endpoint = path(&gateway, &metadata, "token_endpoint");
    let ask_for = async |scope: &str| {
        ask(&gateway, endpoint, "client_secret_post", &[("grant_type", "client_credentials"), ("scope", scope)]).await
    };
    openid::widen(&gateway, DEMO_APP).await;
    owners::widen(&gateway).await;
    for scope in texts(&metadata, "scopes_supported") {
        let of_users = ["openid", "email", "profile", "account"].contains(&scope);
        let response = match scope {
            // Apps of a family have it.
            "device_sso" => {
                let user = [("grant_type", "password"), ("username", ADA.name), ("password", ADA.password)];
                let form = [&user[..], &[("client_id", "first-app"), ("scope", scope)]].concat();
                gateway.post_form(endpoint, &form).await
            }
            _ if of_users => openid::login(&gateway, scope).await,
            _ => ask_for(scope).await,
        };
        assert_eq!((response.status, &response.json()["scope"]), (200, &json!(scope)));
    }
    for scope in ["openid", "offline_access", "orders:delete", "admin", "*"] {
        let response = ask_for(scope).await;
        assert_eq!((response.status, &response.json()["error"]), (400, &json!("invalid_scope")), "{scope}");
    }
}

/// Checklist M-04, V-08, T-06.
#[tokio::test]
async fn every_endpoint_advertised_is_there_and_no_other() {
    let gateway = Gateway::start().await;
    let metadata = metadata(&gateway).await;
    for (name, value) in metadata.as_object().expect("an object") {
        let page = match name.as_str() {
            "authorization_endpoint" => Some(400),
            "end_session_endpoint" => Some(200),
            _ => None,
        };
        if let Some(status) = page {
            let page = gateway.response(gateway.request("GET", path(&gateway, &metadata, name))).await;
            assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"), "{value}");
        } else if name.ends_with("_endpoint") {
            let response = gateway.response(gateway.request("GET", path(&gateway, &metadata, name))).await;
            let expected = if name == "userinfo_endpoint" { (401, "") } else { (405, "POST") };
            assert_eq!((response.status, response.header("allow")), expected, "{name}: {value}");
        }
    }
    let token = gateway.login(ADA).await.access;
    for path in [
        "/oauth2/authorize/",
        "/oauth2/device_authorization",
        "/oauth2/userinfo/",
        "/oauth2/token/",
        "/.well-known/openid-configuration/",
        "/.well-known/webfinger",
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(gateway.response(gateway.request(method, path)).await.status, 401, "{method} {path}");
            assert_eq!(gateway.call(method, path, &token).await.status, 404, "{method} {path}");
        }
    }
}
