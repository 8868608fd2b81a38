//! Applications that register themselves: RFC 7591 and RFC 7592.

use gateway_domain::admin_scope;
use gateway_domain::ids::ClientId;
use gateway_store::Dpop;
use serde_json::{Value as Json, json};
use support::{DEMO_APP, Response};

use super::Gateway;
use super::admin_api::{ask, operator};

async fn registers(gateway: &Gateway, token: &str, body: Json) -> Response {
    gateway.response(gateway.request("POST", "/oauth2/register").bearer_auth(token).json(&body)).await
}

/// Checklist: RFC 7591 and RFC 7592.
#[tokio::test]
async fn an_app_registers_itself_and_manages_its_registration() {
    let gateway = Gateway::start().await;
    let metadata = gateway.response(gateway.request("GET", "/.well-known/openid-configuration")).await.json();
    assert_eq!(metadata["registration_endpoint"], gateway.url("/oauth2/register"));
    let token = operator(&gateway, &[admin_scope::APPS_REGISTER]).await;
    let wanted = json!({
        "client_name": "Notes", "redirect_uris": ["com.example.notes:/cb"], "application_type": "native",
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid orders:read", "logo_uri": "https://notes.example/logo.png", "dpop_bound_access_tokens": true,
    });
    assert_eq!(registers(&gateway, "nobody", wanted.clone()).await.status, 401);
    let registered = registers(&gateway, &token, wanted.clone()).await;
    let told = registered.json();
    assert_eq!((registered.status, registered.header("cache-control")), (201, "no-store"), "{}", registered.text());
    for (name, value) in wanted.as_object().expect("an object").iter().filter(|(name, _)| *name != "logo_uri") {
        assert_eq!(&told[name], value, "{name}");
    }
    assert_eq!((told.get("client_secret"), told.get("logo_uri")), (None, None), "only what is registered is told");
    let own = told["registration_access_token"].as_str().expect("a token").to_owned();
    let id = told["client_id"].as_str().expect("an id").to_owned();
    let stored =
        gateway.store().apps.get(&ClientId::parse(&id).expect("an id")).await.expect("a read").expect("an app");
    assert_eq!(stored.dpop, Dpop::Required);
    let hash = stored.registration_hash.expect("a hash");
    assert!(own.len() >= 68 && hash != own && hash.len() == 64, "256 random bits, stored as a hash");
    let path = format!("/oauth2/register/{id}");
    assert_eq!(told["registration_client_uri"], gateway.url(&path));

    let manages = async |method: &str, token: &str, body: Option<&Json>| {
        let request = gateway.request(method, &path).bearer_auth(token);
        gateway.response(if let Some(body) = body { request.json(body) } else { request }).await
    };
    for other in ["nobody", token.as_str()] {
        assert_eq!(manages("GET", other, None).await.status, 401);
    }
    let elsewhere = gateway.request("GET", &format!("/oauth2/register/{DEMO_APP}")).bearer_auth(&own);
    assert_eq!(gateway.response(elsewhere).await.status, 401);
    assert_eq!(manages("GET", &own, None).await.json()["client_name"], "Notes");
    let told = manages("GET", &own, None).await.json();
    assert_eq!(told["registration_access_token"], own, "RFC 7592 §3");
    let mut changed = wanted.clone();
    changed["client_id"] = json!(id);
    assert_eq!(manages("PUT", &own, Some(&wanted)).await.status, 400, "it has to say who it is");
    assert_eq!(manages("PUT", &own, Some(&told)).await.status, 200, "what was told is taken");

    // It adds and renames nothing, since people have consented to it as it was.
    for (name, value, error) in [
        ("redirect_uris", json!(["com.example.notes:/cb", "com.evil.notes:/cb"]), "invalid_redirect_uri"),
        ("client_name", json!("Your bank"), "invalid_client_metadata"),
        ("scope", json!("openid orders:read orders:write"), "invalid_client_metadata"),
        ("grant_types", json!(["authorization_code", "refresh_token", "password"]), "invalid_client_metadata"),
        ("backchannel_logout_uri", json!("https://evil.example/out"), "invalid_client_metadata"),
        ("post_logout_redirect_uris", json!(["https://evil.example/"]), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("ES256"), "invalid_client_metadata"),
        ("dpop_bound_access_tokens", json!(false), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("client_secret_basic"), "invalid_client_metadata"),
    ] {
        let mut greedy = changed.clone();
        greedy[name] = value;
        let refused = manages("PUT", &own, Some(&greedy)).await;
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!(error)), "{name}: {}", refused.text());
    }
    changed["scope"] = json!("openid");
    assert_eq!(manages("PUT", &own, Some(&changed)).await.json()["scope"], "openid");
    let operator = operator(&gateway, &admin_scope::ALL).await;
    let shown = ask(&gateway, &operator, "GET", &format!("/apps/{id}"), None).await;
    assert_eq!((&shown.json()["self_registered"], &shown.json()["scopes"]), (&json!(true), &json!(["openid"])));
    // What an operator adds meanwhile is not lost by a change that does not know of it.
    assert_eq!(
        ask(&gateway, &operator, "PATCH", &format!("/apps/{id}"), Some(&json!({ "name": "Notes 2" }))).await.status,
        200
    );
    assert_eq!(manages("PUT", &own, Some(&changed)).await.status, 400);
    assert_eq!(manages("PATCH", &own, None).await.header("allow"), "GET, PUT, DELETE");
    assert_eq!(manages("DELETE", &own, None).await.status, 204);
    assert_eq!(manages("GET", &own, None).await.status, 401);

    // An operator ends the token of an app that goes on.
    let registered = registers(&gateway, &operator, wanted).await.json();
    let path = format!("/oauth2/register/{}", registered["client_id"].as_str().expect("an id"));
    let own = registered["registration_access_token"].as_str().expect("a token");
    let patch = format!("/apps/{}", registered["client_id"].as_str().expect("an id"));
    let operator = self::operator(&gateway, &admin_scope::ALL).await;
    assert_eq!(ask(&gateway, &operator, "PATCH", &patch, Some(&json!({ "self_registered": false }))).await.status, 200);
    assert_eq!(gateway.response(gateway.request("GET", &path).bearer_auth(own)).await.status, 401);
}

/// Checklist.
#[tokio::test]
async fn a_registration_that_is_not_for_everybody_is_refused_in_the_words_of_the_standard() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &[admin_scope::APPS_REGISTER]).await;
    let uri = json!(["https://app.example/cb"]);
    for (body, error) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["http://app.example/cb"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["com.example.app:/cb"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": uri, "grant_types": ["password"] }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "grant_types": ["implicit"] }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "response_types": ["token"] }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "scope": "account" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "scope": "one two" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "scope": "gateway:users:write" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "scope": "nothing" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "token_endpoint_auth_method": "tls_client_auth" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "token_endpoint_auth_method": "private_key_jwt" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "jwks_uri": "https://app.example/keys" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": uri, "client_name": "a\nb" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": "https://app.example/cb" }), "invalid_client_metadata"),
        (
            json!({ "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none" }),
            "invalid_client_metadata",
        ),
    ] {
        let refused = registers(&gateway, &token, body.clone()).await;
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!(error)), "{body}: {}", refused.text());
    }
    // No member of a registration makes an app more than a registered one.
    let greedy = json!({
        "redirect_uris": uri, "trusted": true, "plan": "partner", "subscriptions": { "orders": { "id": "x", "enabled": true } },
        "scope": "openid offline_access account gateway:users:write nothing",
        "enabled": true, "client_id": "chosen", "client_secret": "chosen", "secret_hash": "x", "pkce_optional": true,
    });
    let registered = registers(&gateway, &token, greedy).await.json();
    let id = ClientId::parse(registered["client_id"].as_str().expect("an id")).expect("an id");
    let app = gateway.store().apps.get(&id).await.expect("a read").expect("an app");
    assert!(!app.trusted && !app.pkce_optional && app.subscriptions.is_empty() && app.plan.as_str() == "standard");
    assert_eq!((app.scope.to_string().as_str(), app.dpop), ("openid", Dpop::Optional));
    assert_ne!(id.as_str(), "chosen");
    assert_ne!(registered["client_secret"], "chosen");
}

/// Registration is off unless the configuration says otherwise.
#[tokio::test]
async fn without_a_word_in_the_configuration_nobody_registers() {
    let gateway = Gateway::start_with_config(|config| config.replace("registration: { plan: standard }\n", "")).await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    assert_eq!(registers(&gateway, &token, json!({ "redirect_uris": ["https://app.example/cb"] })).await.status, 404);
    let metadata = gateway.response(gateway.request("GET", "/.well-known/openid-configuration")).await.json();
    assert_eq!(metadata.get("registration_endpoint"), None);
}
