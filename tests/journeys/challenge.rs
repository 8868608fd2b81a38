//! The challenge endpoint through the whole gateway: an app of the company logs a person in on its own screens.

use serde_json::json;
use support::{ADA, BOB, CHALLENGE, DEMO_APP, Response, UNTRUSTED_APP, VERIFIER};

use super::Gateway;
use crate::openid::METADATA;

const PATH: &str = "/oauth2/challenge";

async fn asks(gateway: &Gateway, app: &str, more: &[(&str, &str)]) -> Response {
    let request = [
        ("client_id", app),
        ("response_type", "code"),
        ("scope", "orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    gateway.post_form(PATH, &[&request[..], more].concat()).await
}

fn typed(user: support::User) -> [(&'static str, &'static str); 2] {
    [("username", user.name), ("password", user.password)]
}

async fn redeem(gateway: &Gateway, response: &Response) -> Response {
    assert_eq!(response.status, 200, "{}", response.text());
    let code = response.json()["authorization_code"].as_str().expect("a code").to_owned();
    let form =
        [("grant_type", "authorization_code"), ("client_id", DEMO_APP), ("code", &code), ("code_verifier", VERIFIER)];
    gateway.post_form("/oauth2/token", &form).await
}

#[tokio::test]
async fn a_person_logs_in_on_the_apps_own_screens_and_calls() {
    let gateway = Gateway::start().await;
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    assert!(metadata["authorization_challenge_endpoint"].as_str().is_some_and(|url| url.ends_with(PATH)), "{metadata}");
    // Everything at once.
    let tokens = redeem(&gateway, &asks(&gateway, DEMO_APP, &typed(ADA)).await).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    let refreshed = gateway.refresh(&tokens).await;
    assert_eq!(gateway.call("GET", "/orders", &refreshed.access).await.status, 200);
    // Step by step.
    let wanted = asks(&gateway, DEMO_APP, &[]).await;
    assert_eq!((wanted.status, &wanted.json()["error"]), (403, &json!("insufficient_authorization")));
    let session = wanted.json()["auth_session"].as_str().expect("a session").to_owned();
    let goes_on = async |user: &[(&str, &str)]| {
        gateway.post_form(PATH, &[&[("auth_session", session.as_str())], user].concat()).await
    };
    let wrong = goes_on(&[("username", BOB.name), ("password", "wrong")]).await;
    assert_eq!((wrong.status, &wrong.json()["mistake"]), (403, &json!("wrong_login")));
    let tokens = redeem(&gateway, &goes_on(&typed(BOB)).await).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    // Who is not of the company asks nobody for a password.
    let refused = asks(&gateway, UNTRUSTED_APP, &typed(ADA)).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));
}
