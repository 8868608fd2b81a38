//! Logins by passkeys, through the whole gateway: the demo has them for `localhost`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use support::{ADA, CATALOGUE, DEMO_APP, Visitor};

use super::Gateway;

/// Abuse case M2: in the real functions, with their roles.
#[tokio::test]
async fn a_passkey_logs_in_on_an_apps_own_screens_once() {
    let gateway = Gateway::start().await;
    let mut ada = gateway.enrolled(ADA.name).await;
    let wanted = gateway.asks_to_log_in("orders:read", &[]).await.json();
    assert_eq!(wanted["passkey"]["rpId"], "localhost", "{wanted}");
    let session = wanted["auth_session"].as_str().expect("a session");
    let response = ada.get(&wanted["passkey"]).await;
    let form = [("client_id", DEMO_APP), ("auth_session", session), ("passkey", response.as_str())];
    let given = gateway.post_form("/oauth2/challenge", &form).await;
    let tokens = gateway.redeems(&given).await.tokens();
    assert_eq!(gateway.call("GET", CATALOGUE, &tokens.access).await.status, 200, "what needs no login behind it");
    let users = gateway.store().users;
    let user = users.by_email(ADA.name).await.expect("a read").expect("a user of the demo");
    let stored = users.passkeys(&user.user_id).await.expect("a read");
    assert!(stored[0].used_at.is_some(), "the function may note it");
    let again = gateway.post_form("/oauth2/challenge", &form).await.json();
    assert_eq!((&again["error"], &again["mistake"]), (&json!("insufficient_authorization"), &json!("wrong_passkey")));
}

#[tokio::test]
async fn the_login_page_asks_for_a_passkey_by_a_script_that_its_policy_names() {
    let gateway = Gateway::start().await;
    let page = Visitor::of(&gateway).get(&Visitor::asking(DEMO_APP, "orders:read", &[])).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let script = text.split_once("<script>").and_then(|(_, rest)| rest.split("</script>").next()).expect("a script");
    let hash = STANDARD.encode(gateway_domain::secret::sha256(script.as_bytes()));
    let policy = page.header("Content-Security-Policy").to_owned();
    assert!(policy.contains(&format!("script-src 'sha256-{hash}'")), "{policy}");
    assert!(
        text.contains("&#34;rpId&#34;:&#34;localhost&#34;") && text.contains("id=\"passkey-form\" hidden"),
        "{text}"
    );
}
