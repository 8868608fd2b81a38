//! Web pages: a preflight is answered for listed origins only, and costs nothing.

use crate::fixture::{Fixture, send};
use crate::request::{Request, Response, post, request};

const PAGE: &str = "https://app.example.com";

fn preflight(path: &str, origin: &str) -> Request {
    request("OPTIONS", path).header("Origin", origin).header("Access-Control-Request-Method", "POST")
}

#[tokio::test]
async fn a_listed_page_may_ask_and_read_and_another_may_not() {
    let fixture = Fixture::new().await;
    let app = fixture.container_with(|config| format!("{config}\ncors: {{ origins: [{PAGE}] }}\n"));
    fixture.wire.since_last();
    for (path, methods) in
        [("/oauth2/token", "POST"), ("/oauth2/revoke", "POST"), ("/.well-known/jwks.json", "GET, HEAD")]
    {
        let response = send(&app, preflight(path, PAGE)).await;
        assert_eq!((response.status, response.header("Access-Control-Allow-Methods")), (204, Some(methods)));
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some(PAGE));
        let response = send(&app, preflight(path, "https://evil.test")).await;
        assert_eq!((response.status, response.header("Allow")), (405, Some(methods)));
        assert_eq!(response.header("Access-Control-Allow-Origin"), None);
    }
    assert_eq!(send(&app, preflight("/oauth2/authorize", PAGE)).await.status, 404);
    assert!(fixture.wire.since_last().is_empty(), "a preflight reads no table");

    let wrong = post("/oauth2/token", &[("client_id", "nobody")]).header("Origin", PAGE);
    for event in [wrong.rest(), wrong.http()] {
        let response = Response::of(&app.handle(event).await);
        assert_eq!(response.refusal(), (401, "invalid_client"));
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some(PAGE), "a page reads why it was refused");
        assert_eq!(response.header("Vary"), Some("Origin"));
    }
    let unconfigured = fixture.send(preflight("/oauth2/token", PAGE)).await;
    assert_eq!((unconfigured.status, unconfigured.header("Vary")), (405, None));
}
