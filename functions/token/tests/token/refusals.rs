//! What is no refresh token of the application: it gets one response, after the same work, whatever it is.

use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET};
use crate::request::{Request, Response, post};

/// Tokens that are refused, with what they are. None of the attempts changes what another is.
async fn refused(fixture: &Fixture) -> Vec<(&'static str, String)> {
    let expired = login(fixture, "conf1").await;
    fixture.clock.forward(86_400);
    let (used, forged, revoked) =
        (login(fixture, "conf1").await, login(fixture, "conf1").await, login(fixture, "conf1").await);
    let by_another = fixture.login("pub1", NOTES).await.refresh;
    assert_eq!(fixture.send(revoke(&revoked)).await.status, 200);
    assert_eq!(fixture.send(refresh(&used)).await.status, 200);
    fixture.clock.forward(301);
    let last = forged.chars().last().unwrap();
    let other = if last == 'A' { 'E' } else { 'A' };
    vec![
        ("unknown", format!("mgr_{}.1.{}", "A".repeat(22), "A".repeat(43))),
        ("malformed", "x".to_owned()),
        ("forged", format!("{}{other}", &forged[..forged.len() - 1])),
        ("foreign", by_another),
        ("expired", expired),
        ("used", used),
        ("revoked", revoked),
    ]
}

async fn login(fixture: &Fixture, client: &str) -> String {
    let form = [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD)];
    fixture
        .send(post("/oauth2/token", &[&form[..], &[("scope", NOTES)]].concat()).basic(client, SECRET))
        .await
        .tokens()
        .refresh
}

fn refresh(token: &str) -> Request {
    post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).basic("conf1", SECRET)
}

fn revoke(token: &str) -> Request {
    post("/oauth2/revoke", &[("token", token)]).basic("conf1", SECRET)
}

/// Sends each request, and requires of all the same operations on the store and the same response, which it returns.
async fn alike(fixture: &Fixture, requests: Vec<(&str, Request)>) -> Response {
    let mut first = None;
    for (what, request) in requests {
        fixture.wire.since_last();
        let response = fixture.send(request).await;
        let told = (fixture.wire.since_last(), response);
        let expected = first.get_or_insert_with(|| told.clone());
        assert_eq!(told, *expected, "{what}");
    }
    first.unwrap().1
}

/// Checklist T-21, G-13: also with a scope that could not be had, and at a login into a session.
#[tokio::test]
async fn a_refresh_token_is_refused_after_the_same_work_whatever_it_is() {
    let fixture = Fixture::new().await;
    let tokens = refused(&fixture).await;
    let with = |more: &[(&str, &str)]| -> Vec<(&str, Request)> {
        let request = |token: &str| post("/oauth2/token", &[more, &[("refresh_token", token)]].concat());
        tokens.iter().map(|(what, token)| (*what, request(token).basic("conf1", SECRET))).collect()
    };
    for more in [&[("grant_type", "refresh_token")][..], &[("grant_type", "refresh_token"), ("scope", "vault:read")]] {
        assert_eq!(alike(&fixture, with(more)).await.refusal(), (400, "invalid_grant"));
    }
    let user = [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD)];
    assert_eq!(alike(&fixture, with(&user)).await.refusal(), (400, "invalid_grant"));
    let malformed_scope = [("grant_type", "refresh_token"), ("scope", "a  b")];
    assert_eq!(alike(&fixture, with(&malformed_scope)).await.refusal(), (400, "invalid_scope"));
}

/// Checklist V-04, V-06: another application's token is not told from one that does not exist.
#[tokio::test]
async fn a_revocation_without_effect_is_answered_after_the_same_work() {
    let fixture = Fixture::new().await;
    let tokens = refused(&fixture).await;
    let unlike = ["malformed", "expired", "used"];
    let requests = tokens.iter().filter(|(what, _)| !unlike.contains(what)).map(|(what, token)| (*what, revoke(token)));
    let response = alike(&fixture, requests.collect()).await;
    assert_eq!((response.status, response.text.as_str()), (200, "{}"));
    let foreign = tokens.iter().find(|(what, _)| *what == "foreign").unwrap();
    assert_eq!(fixture.refresh("pub1", &foreign.1).await.status, 200, "its owner does not notice");
}

/// Checklist I-02, I-06.
#[tokio::test]
async fn an_inactive_refresh_token_is_introspected_after_the_same_work() {
    let fixture = Fixture::new().await;
    let introspect = |token: &str| post("/oauth2/introspect", &[("token", token)]).basic("conf1", SECRET);
    let tokens = refused(&fixture).await;
    let requests = tokens.iter().filter(|(what, _)| *what != "malformed");
    let response = alike(&fixture, requests.map(|(what, token)| (*what, introspect(token))).collect()).await;
    assert_eq!((response.status, response.text.as_str()), (200, r#"{"active":false}"#));
}
