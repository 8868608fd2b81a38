//! Who issues a token, who verifies it and what is published go by one name, however the issuer is written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use support::{DEMO_APP, Gateway, with_issuer};

use crate::events::{self, AUTHORIZER, TOKEN};

/// Forms that the template's parameter and the configuration take, and the name that each stands for.
const FORMS: [(&str, &str); 12] = [
    ("https://auth.example.com", "https://auth.example.com"),
    ("https://auth.example.com/", "https://auth.example.com"),
    ("https://auth.example.com//", "https://auth.example.com"),
    ("https://Auth.Example.COM", "https://Auth.Example.COM"),
    ("https://Auth.Example.COM/", "https://Auth.Example.COM"),
    ("https://auth.example.com:8443", "https://auth.example.com:8443"),
    ("https://auth.example.com:8443/", "https://auth.example.com:8443"),
    ("https://auth.example.com/v1", "https://auth.example.com/v1"),
    ("https://auth.example.com/v1/", "https://auth.example.com/v1"),
    ("https://auth.example.com/a/B//", "https://auth.example.com/a/B"),
    ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
    ("http://localhost/v1/", "http://localhost/v1"),
];

fn token_event(method: &str, path: &str, body: &str, issuer: Option<&str>) -> Json {
    let mut event = events::sample("token-rest.json");
    event["httpMethod"] = json!(method);
    event["path"] = json!(path);
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    event["stageVariables"] = json!({ "issuer": issuer.unwrap_or("https://not.this.example.com") });
    event
}

fn body(response: &Json) -> Json {
    serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON")
}

/// Takes a token from issuance through metadata to a call.
async fn works(gateway: &Gateway, issuer: Option<&str>, name: &str) {
    let form = format!(
        "grant_type=password&client_id={DEMO_APP}&username=ada%40example.com&password=correct+horse+battery+staple"
    );
    let response = events::invoke(gateway, TOKEN, &token_event("POST", "/oauth2/token", &form, issuer)).await;
    let response = response.expect("a response");
    assert_eq!(response["statusCode"], 200, "{issuer:?}: {response}");
    let access = body(&response)["access_token"].as_str().expect("a token").to_owned();
    let claims = URL_SAFE_NO_PAD.decode(access.split('.').nth(1).expect("claims")).expect("base64url");
    let claims: Json = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(name), &json!([name])));

    let metadata = token_event("GET", "/.well-known/oauth-authorization-server", "", issuer);
    let metadata = body(&events::invoke(gateway, TOKEN, &metadata).await.expect("a response"));
    assert_eq!(metadata["issuer"], name);
    for (endpoint, path) in [("token_endpoint", "/oauth2/token"), ("jwks_uri", "/.well-known/jwks.json")] {
        assert_eq!(metadata[endpoint], format!("{name}{path}"));
    }

    let mut call = events::rest_authorizer(gateway, "GET", "/orders", &access);
    call["stageVariables"]["issuer"] = json!(issuer.unwrap_or("https://not.this.example.com"));
    let decision = events::invoke(gateway, AUTHORIZER, &call).await;
    let decision = decision.unwrap_or_else(|error| panic!("{issuer:?}: {error}"));
    assert_eq!(decision["policyDocument"]["Statement"][0]["Effect"], "Allow", "{issuer:?}: {decision}");
    let mut call = events::http_authorizer(gateway, "GET", "/orders", &access);
    call["stageVariables"]["issuer"] = json!(issuer.unwrap_or("https://not.this.example.com"));
    assert_eq!(
        events::invoke(gateway, AUTHORIZER, &call).await.expect("a response")["isAuthorized"],
        true,
        "{issuer:?}"
    );
}

/// Checklist A-06, M-01.
#[tokio::test]
async fn a_token_is_good_for_a_call_whatever_form_the_stage_variable_has() {
    let gateway = Gateway::start().await;
    for (issuer, name) in FORMS {
        works(&gateway, Some(issuer), name).await;
    }
    for none in ["", "auth.example.com", "http://auth.example.com", "https://auth.example.com?a=b", "https://", "/"] {
        let event = token_event("GET", "/.well-known/oauth-authorization-server", "", Some(none));
        assert_eq!(events::status(&gateway, TOKEN, &event).await, Some(500), "{none:?}");
        let mut call = events::rest_authorizer(&gateway, "GET", "/orders", "a.b.c");
        call["stageVariables"]["issuer"] = json!(none);
        let error = events::invoke(&gateway, AUTHORIZER, &call).await.expect_err("no decision");
        assert!(error.contains("issuer"), "{none:?}: {error}");
    }
}

/// Checklist A-06, M-01.
#[tokio::test]
async fn a_token_is_good_for_a_call_whatever_form_the_configuration_has() {
    for (issuer, name) in FORMS.into_iter().step_by(2) {
        let gateway = Gateway::start_with_config(|text| with_issuer(&text, issuer)).await;
        works(&gateway, None, name).await;
    }
}
