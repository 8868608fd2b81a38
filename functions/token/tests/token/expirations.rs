//! What an application is told about the ends of its refresh token and its session
//! (draft-ietf-oauth-refresh-token-expiration-03).

use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, login, refresh};
use crate::request::{Response, post};

const DAY: i64 = 86_400;

/// How long the token and the session last, as the response says.
fn told(response: &Response) -> (i64, i64) {
    let seconds = |name: &str| response.body[name].as_i64().unwrap_or_else(|| panic!("{name}: {}", response.text));
    (seconds("refresh_token_timeout"), seconds("authorization_expires_in"))
}

/// Checklist Z-24, Z-35: with every refresh token, counted from the response that holds it.
#[tokio::test]
async fn every_response_with_a_refresh_token_tells_when_it_and_the_session_end() {
    let fixture = Fixture::new().await;
    let first = fixture.send(login("alice", "pub1", NOTES)).await;
    assert_eq!(told(&first), (DAY, 7 * DAY));
    fixture.clock.forward(1_000);
    let second = fixture.refresh("pub1", &first.tokens().refresh).await;
    assert_eq!(told(&second), (DAY, 7 * DAY - 1_000));
    fixture.clock.forward(10);
    let repeated = fixture.refresh("pub1", &first.tokens().refresh).await;
    assert_eq!(repeated.tokens().refresh, second.tokens().refresh);
    assert_eq!(told(&repeated), (DAY - 10, 7 * DAY - 1_010), "the token is not younger for being served again");
    let form = [("grant_type", "password"), ("client_id", "pub1"), ("username", "alice@example.com")];
    let again = [("password", PASSWORD), ("scope", NOTES), ("refresh_token", &second.tokens().refresh)];
    let again = fixture.send(post("/oauth2/token", &[&form[..], &again].concat())).await;
    assert_eq!(told(&again), (DAY, 7 * DAY - 1_010), "a login into a session does not prolong it");
}

/// Checklist Z-24: what is told is what happens, to the second, and the token never outlives the session.
#[tokio::test]
async fn a_refresh_token_is_good_until_the_end_that_was_told() {
    let fixture = Fixture::new().await;
    let mut response = fixture.send(login("alice", "pub1", NOTES)).await;
    let mut left = 7 * DAY;
    loop {
        let (timeout, authorization) = told(&response);
        assert_eq!((timeout, authorization), (DAY.min(left), left));
        fixture.clock.forward(timeout - 1);
        left -= timeout - 1;
        if left == 1 {
            break;
        }
        response = fixture.refresh("pub1", &response.tokens().refresh).await;
    }
    let last = fixture.refresh("pub1", &response.tokens().refresh).await;
    assert_eq!(told(&last), (1, 1));
    fixture.clock.forward(1);
    assert_eq!(fixture.refresh("pub1", &last.tokens().refresh).await.refusal(), (400, "invalid_grant"));
    let idle = fixture.send(login("alice", "pub1", NOTES)).await;
    fixture.clock.forward(told(&idle).0);
    assert_eq!(fixture.refresh("pub1", &idle.tokens().refresh).await.refusal(), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_response_without_a_refresh_token_tells_of_none() {
    let fixture = Fixture::new().await;
    let itself = post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", SECRET);
    for request in [login("alice", "login-only", NOTES), itself] {
        let response = fixture.send(request).await;
        assert_eq!(response.status, 200);
        for name in ["refresh_token", "refresh_token_timeout", "authorization_expires_in"] {
            assert!(response.body.get(name).is_none(), "{name}: {}", response.text);
        }
    }
}

/// Checklist I-02: the same of a refresh token that is introspected, which prolongs nothing; nothing of an access token.
#[tokio::test]
async fn introspection_tells_the_ends_of_a_refresh_token() {
    let fixture = Fixture::new().await;
    let form = [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD)];
    let tokens = fixture.send(post("/oauth2/token", &form).basic("conf1", SECRET)).await.tokens();
    let introspect = |token: &str| post("/oauth2/introspect", &[("token", token)]).basic("conf1", SECRET);
    for passed in [0, 100] {
        fixture.clock.forward(passed);
        let response = fixture.send(introspect(&tokens.refresh)).await;
        assert_eq!(told(&response), (DAY - passed, 7 * DAY - passed));
    }
    let access = fixture.send(introspect(&tokens.access)).await;
    assert_eq!(access.body["active"], true);
    assert!(
        access.body.get("refresh_token_timeout").is_none() && access.body.get("authorization_expires_in").is_none()
    );
    fixture.clock.forward(DAY - 100);
    let over = refresh("pub1", &tokens.refresh);
    assert_eq!(fixture.send(over).await.refusal(), (400, "invalid_grant"));
}
