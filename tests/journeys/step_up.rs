//! Step-up (RFC 9470) through the whole gateway: after a login by a passkey, a call that needs the password says so.

use serde_json::{Value as Json, json};
use support::{ADA, BY_PASSWORD, CATALOGUE, DEMO_APP, Response, Visitor};

use super::Gateway;
use crate::challenge::typed;
use crate::openid::METADATA;

/// The challenge of a response, which a REST API renames.
fn challenge(response: &Response) -> String {
    let names = ["x-amzn-remapped-www-authenticate", "www-authenticate"];
    names.map(|name| response.header(name)).concat()
}

/// Checklist E-01, E-02, F-28: it reaches the phone on either kind of API, and what it asks for is understood.
#[tokio::test]
async fn a_call_that_needs_the_password_says_so_and_works_after_it() {
    let gateway = Gateway::start().await;
    let metadata: Json = gateway.response(gateway.request("GET", METADATA)).await.json();
    assert_eq!(metadata["acr_values_supported"], json!([BY_PASSWORD, "phr"]));
    let mut ada = gateway.enrolled(ADA.name).await;
    let wanted = gateway.asks_to_log_in("orders:read", &[]).await;
    let tokens = gateway.redeems(&gateway.shows_passkey(&wanted, &mut ada).await).await.tokens();
    assert_eq!(gateway.call("GET", CATALOGUE, &tokens.access).await.status, 200, "needs no password");
    let refused = gateway.call("GET", "/orders", &tokens.access).await;
    let body = refused.json();
    assert_eq!(
        (refused.status, &body["error"], &body["acr_values"]),
        (401, &json!("insufficient_user_authentication"), &json!(BY_PASSWORD)),
        "{}",
        refused.text()
    );
    let told = challenge(&refused);
    assert!(told.starts_with("Bearer ") && told.contains(&format!("acr_values=\"{BY_PASSWORD}\"")), "{told}");
    // The session goes on as it is, and so does a refresh.
    let next = gateway.refresh(&tokens).await;
    assert_eq!(gateway.call("GET", CATALOGUE, &next.access).await.status, 200);
    assert_eq!(gateway.call("GET", "/orders", &next.access).await.status, 401);

    // With the classes of the response, a passkey is neither asked for nor taken.
    let acr_values = [("acr_values", body["acr_values"].as_str().expect("classes"))];
    let wanted = gateway.asks_to_log_in("orders:read", &acr_values).await;
    assert_eq!((wanted.status, wanted.json().get("passkey")), (403, None), "{}", wanted.text());
    let stepped = gateway.asks_to_log_in("orders:read", &[&acr_values[..], &typed(ADA)].concat()).await;
    let stepped = gateway.redeems(&stepped).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &stepped.access).await.status, 200);
    // The session before is the app's to end.
    let revoked = gateway.post_form("/oauth2/revoke", &[("client_id", DEMO_APP), ("token", &next.refresh)]).await;
    assert_eq!((revoked.status, gateway.try_refresh(DEMO_APP, &next.refresh).await.status), (200, 400));
    assert_eq!(gateway.call("GET", "/orders", &stepped.access).await.status, 200);
}

/// The same on the page. The form asks for the password alone, and its login calls.
#[tokio::test]
async fn the_page_asks_for_the_password_where_an_app_says_so() {
    let gateway = Gateway::start().await;
    let mut visitor = Visitor::of(&gateway);
    let passkey = visitor.get(&Visitor::asking(DEMO_APP, "orders:read", &[])).await.text();
    assert!(passkey.contains("data-options="), "{passkey}");
    let path = Visitor::asking(DEMO_APP, "orders:read", &[("acr_values", BY_PASSWORD)]);
    let page = visitor.get(&path).await.text();
    assert!(!page.contains("data-options=") && page.contains("name=\"password\""), "{page}");
    let code = visitor.logs_in(&path, ADA).await;
    let tokens = visitor.redeem(DEMO_APP, &code).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
}
