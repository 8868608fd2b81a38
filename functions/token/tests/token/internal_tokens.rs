//! Internal tokens: got at login, renewed at refresh, never served past their end.

use futures_util::future::join_all;
use serde_json::json;

use crate::fixture::{Fixture, NOTES, PASSWORD, login, refresh, send};
use crate::renewing::{LIFE, Mood};
use crate::request::{Response, post};

fn minutes(number: i64) -> i64 {
    number * 60
}

async fn vault(fixture: &Fixture, token: &str) -> Response {
    fixture.refresh("pub1", token).await
}

/// Abuse case I4; checklist Y-04: the session of a system that renews nothing ends with it, and says so.
#[tokio::test]
async fn a_session_ends_with_an_internal_token_that_cannot_be_renewed() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read").await;
    fixture.clock.forward(1_799);
    let last = fixture.refresh("pub1", &first.refresh).await;
    assert_eq!(last.body["expires_in"], 1, "no access token outlives what it opens");
    assert!(fixture.calls(&last.tokens().access).await);
    fixture.clock.forward(1);
    assert_eq!(fixture.refresh("pub1", &last.tokens().refresh).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    assert_eq!(fixture.legacy.logins(), 1, "nobody logged in again");
}

/// Abuse case I4: a session that is good for something without it goes on.
#[tokio::test]
async fn a_session_with_an_api_that_needs_no_token_goes_on() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read notes:read").await;
    fixture.clock.forward(1_801);
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.body["expires_in"], 600);
}

/// Checklist Y-04: the access token ends before the internal one, so that a refresh comes in time.
#[tokio::test]
async fn an_access_token_ends_before_the_internal_token_it_opens() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.clock.forward(minutes(21));
    let second = vault(&fixture, &first.refresh).await;
    assert_eq!(second.body["expires_in"], 510, "nine minutes are left, less half a minute");
    fixture.clock.forward(510);
    let third = vault(&fixture, &second.tokens().refresh).await;
    assert_eq!((fixture.vault.renewals(), third.body["expires_in"].as_u64()), (1, Some(600)));
    let session = fixture.session(&third.tokens().access).await;
    let token = session.tokens.values().next().unwrap();
    assert_eq!((token.version, token.ends), (2, Some(fixture.now().saturating_add(LIFE))));
    assert_eq!(fixture.versions(&third.tokens().access).await, [2], "the authorizer hands on the new version");
}

/// Abuse case F1: lease, renew, commit; the back end is asked once.
#[tokio::test]
async fn fifty_refreshes_at_once_renew_once() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.clock.forward(minutes(25));
    let containers: Vec<_> = (0..5).map(|_| fixture.container()).collect();
    let responses = join_all((0..50).map(|i| send(&containers[i % 5], refresh("pub1", &first.refresh)))).await;
    let successor = responses[0].tokens().refresh;
    assert!(responses.iter().all(|response| response.tokens().refresh == successor));
    assert_eq!(fixture.vault.renewals(), 1);
}

/// Abuse case I4.
#[tokio::test]
async fn a_back_end_that_refuses_to_renew_ends_the_session() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.clock.forward(minutes(25));
    fixture.vault.is(Mood::Refuses);
    let response = vault(&fixture, &first.refresh).await;
    assert_eq!(response.refusal(), (400, "invalid_grant"));
    assert!(!fixture.calls(&first.access).await);
}

/// Abuse case I4: the refused token is not injected any more, although the session goes on.
#[tokio::test]
async fn a_token_that_was_not_renewed_is_taken_from_the_grant() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read notes:read").await;
    assert_eq!(fixture.versions(&first.access).await, [1]);
    fixture.clock.forward(minutes(25));
    fixture.vault.is(Mood::Refuses);
    let second = vault(&fixture, &first.refresh).await.tokens();
    assert_eq!(fixture.versions(&second.access).await, [0; 0]);
}

/// A system that is down keeps its token while that works; then the refresh is to be repeated, and loses nothing.
#[tokio::test]
async fn a_back_end_that_is_down_costs_no_session() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.clock.forward(minutes(25));
    fixture.vault.is(Mood::IsDown);
    let second = vault(&fixture, &first.refresh).await.tokens();
    fixture.clock.forward(minutes(6));
    let response = vault(&fixture, &second.refresh).await;
    assert_eq!((response.refusal(), response.header("Retry-After")), ((503, "temporarily_unavailable"), Some("5")));
    fixture.vault.is(Mood::Renews);
    let third = vault(&fixture, &second.refresh).await.tokens();
    assert!(fixture.calls(&third.access).await);
    assert_eq!(fixture.versions(&third.access).await, [2]);
}

/// A login that one of two systems refuses is none, and the other one is told.
#[tokio::test]
async fn half_a_login_is_handed_back() {
    let fixture = Fixture::new().await;
    fixture.add_user("carol").await;
    let response = fixture.send(login("carol", "pub1", "orders:read")).await;
    assert_eq!(response.refusal(), (400, "invalid_grant"), "right here, unknown at the back end");
    assert_eq!(fixture.sessions_of("u_carol", "pub1").await, 0);
    let down = fixture.container_with(|config| config.replacen("/login", "/nowhere", 1));
    let response = send(&down, login("alice", "pub1", "orders:read vault:read")).await;
    assert_ne!(response.status, 200);
    assert_eq!((fixture.vault.ends(), fixture.sessions_of("u_alice", "pub1").await), (1, 0));
    let unreachable = fixture.container_with(|config| config.replace("http://127.0.0.1:", "http://127.0.0.2:"));
    let response = send(&unreachable, login("alice", "pub1", "orders:read")).await;
    assert_eq!((response.refusal(), response.header("Retry-After")), ((503, "temporarily_unavailable"), Some("5")));
    assert_eq!(send(&unreachable, login("alice", "pub1", NOTES)).await.status, 200, "who needs it not, is not stopped");
}

/// The back end gets what was typed, once per login, and the session's end.
#[tokio::test]
async fn the_back_end_gets_the_password_at_login_and_never_again() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "orders:read").await;
    fixture.refresh("pub1", &tokens.refresh).await.tokens();
    fixture.send(post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &tokens.access)])).await;
    let logins: Vec<_> = fixture.legacy.recorded().into_iter().filter(|request| request.target == "/login").collect();
    assert_eq!(logins.len(), 1);
    let typed: serde_json::Value = serde_json::from_slice(&logins[0].body).unwrap();
    assert_eq!(typed, json!({ "user": "alice@example.com", "pass": PASSWORD }));
}

/// A token that can never be sent is told at login, with its size, and handed back.
#[tokio::test]
async fn a_token_over_the_header_budget_is_refused_at_login_with_its_size() {
    let fixture = Fixture::new().await;
    let with = |rest: &str| {
        let long = format!("    max_header_bytes: 1024\n    headers: {{ user_id: X-{} }}\n{rest}", "a".repeat(600));
        fixture.container_with(|config| {
            config.replace("connector: vault-login\n", &format!("connector: vault-login\n{long}"))
        })
    };
    let response = send(&with(""), login("alice", "pub1", "vault:read orders:read")).await;
    assert_eq!(response.refusal(), (500, "server_error"));
    let told = response.body["error_description"].as_str().unwrap();
    assert!(told.contains("takes 45 bytes of headers") && told.contains("of its API, 1024"), "{told}");
    assert_eq!((fixture.vault.ends(), fixture.sessions_of("u_alice", "pub1").await), (1, 0));
    let optional = send(&with("    optional: true\n"), login("alice", "pub1", "vault:read orders:read")).await.tokens();
    assert_eq!(fixture.session(&optional.access).await.tokens.len(), 1, "the other API needs it not");
}

/// One system that is down and over costs the session only its own API, and the others' renewals are kept.
#[tokio::test]
async fn a_system_that_is_down_holds_up_no_other() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read notes:read").await;
    fixture.clock.forward(minutes(31));
    fixture.vault.is(Mood::IsDown);
    let second = vault(&fixture, &first.refresh).await.tokens();
    assert_eq!(fixture.versions(&second.access).await, [1], "it is kept, and not sent: it is over");
    fixture.vault.is(Mood::Renews);
    let third = vault(&fixture, &second.refresh).await.tokens();
    assert_eq!(fixture.versions(&third.access).await, [2]);
}
