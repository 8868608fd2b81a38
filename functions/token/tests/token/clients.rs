//! Who the application is: proved in one way, before anything else is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, login, refresh, send};
use crate::request::{Request, Response, post};

/// A login of alice without any sign of an application.
fn anonymous() -> Request {
    let form =
        [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    post("/oauth2/token", &form)
}

fn with_secret(client: &str, secret: &str) -> Request {
    let form =
        [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    post("/oauth2/token", &[&form[..], &[("client_id", client), ("client_secret", secret)]].concat())
}

/// Checklist T-01, G-02, G-06: Basic, with both parts form-encoded inside, or the body; and only with the right secret.
#[tokio::test]
async fn a_confidential_application_shows_its_secret_in_one_of_two_ways() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.send(anonymous().basic("conf1", SECRET)).await.status, 200);
    assert_eq!(fixture.send(with_secret("conf1", SECRET)).await.status, 200);
    fixture.wire.since_last();
    for wrong in [anonymous().basic("conf1", "wrong"), with_secret("conf1", "wrong"), with_secret("conf1", "")] {
        assert_eq!(fixture.send(wrong).await.refusal(), (401, "invalid_client"));
    }
    assert!(fixture.wire.since_last().iter().all(|operation| !operation.ends_with("Users")), "nobody was looked up");
}

/// Checklist T-05, T-12, G-14, V-04, I-01, Z-37: the id alone opens nothing, whatever is asked.
#[tokio::test]
async fn the_id_of_a_confidential_application_alone_opens_nothing() {
    let fixture = Fixture::new().await;
    let issued = fixture.send(with_secret("conf1", SECRET)).await.tokens();
    let client = ("client_id", "conf1");
    let token = ("token", issued.refresh.as_str());
    let requests = [
        login("alice", "conf1", NOTES),
        refresh("conf1", &issued.refresh),
        post("/oauth2/token", &[("grant_type", "client_credentials"), client]),
        post("/oauth2/revoke", &[client, token]),
        post("/oauth2/introspect", &[client, token]),
        post("/oauth2/introspect", &[("client_id", "pub1"), token]),
        post("/oauth2/introspect", &[token]),
    ];
    for request in requests {
        let response = fixture.send(request).await;
        assert_eq!(response.refusal(), (401, "invalid_client"));
        assert!(response.header("WWW-Authenticate").unwrap().starts_with("Basic "));
    }
    let fields = [("grant_type", "refresh_token"), ("refresh_token", issued.refresh.as_str())];
    assert_eq!(fixture.send(post("/oauth2/token", &fields).basic("conf1", SECRET)).await.status, 200);
}

/// Abuse case E2; checklist T-03.
#[tokio::test]
async fn two_ways_at_once_are_refused() {
    let fixture = Fixture::new().await;
    for both in [
        with_secret("pub1", "x").basic("conf1", SECRET),
        with_secret("conf1", SECRET).basic("conf1", SECRET),
        login("alice", "pub1", NOTES).basic("conf1", SECRET),
    ] {
        assert_eq!(fixture.send(both).await.refusal(), (400, "invalid_request"));
    }
    assert_eq!(fixture.send(login("alice", "conf1", NOTES).basic("conf1", SECRET)).await.status, 200);
}

/// Abuse case E4; checklist G-05, N-06: no token, no look at the user, no hash.
#[tokio::test]
async fn a_public_application_with_a_secret_is_refused() {
    let fixture = Fixture::new().await;
    let issued = fixture.login("pub1", NOTES).await;
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", issued.refresh.as_str())];
    fixture.wire.since_last();
    for request in [
        with_secret("pub1", "anything"),
        anonymous().basic("pub1", "anything"),
        post("/oauth2/token", &[&refreshing[..], &[("client_id", "pub1"), ("client_secret", SECRET)]].concat()),
    ] {
        assert_eq!(fixture.send(request).await.refusal(), (401, "invalid_client"));
    }
    let looked = fixture.wire.since_last();
    assert!(
        looked.iter().all(|operation| operation.ends_with("Apps") || operation.ends_with("LoginAttempts")),
        "{looked:?}"
    );
    assert_eq!(fixture.refresh("pub1", &issued.refresh).await.status, 200);
}

/// Abuse case E5; checklist G-07, T-22.
#[tokio::test]
async fn only_a_trusted_application_may_send_a_password() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    let response = fixture.send(login("alice", "pubx", NOTES)).await;
    assert_eq!(response.refusal(), (400, "unauthorized_client"));
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"]);
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200);
}

/// Checklist T-22: a grant an application was not given, each beside one it was.
#[tokio::test]
async fn an_application_uses_the_grants_it_was_given() {
    let fixture = Fixture::new().await;
    let issued = fixture.login("login-only", NOTES).await;
    assert_eq!(issued.refresh, "", "what cannot be refreshed comes without a refresh token");
    assert_eq!(fixture.refresh("login-only", "mgr_x").await.refusal(), (400, "unauthorized_client"));
    let by_password = fixture.send(anonymous().basic("conf-refresh", SECRET)).await;
    assert_eq!(by_password.refusal(), (400, "unauthorized_client"));
    let for_itself = post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf-refresh", SECRET);
    assert_eq!(fixture.send(for_itself).await.refusal(), (400, "unauthorized_client"));
}

/// Abuse case E10: nothing tells them apart, neither the response nor the work.
#[tokio::test]
async fn unknown_disabled_and_wrong_applications_are_answered_alike() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    let mut seen: Vec<(Response, Vec<String>)> = Vec::new();
    for (client, secret) in [("nobody", SECRET), ("retired", SECRET), ("retired", "wrong"), ("conf1", "wrong")] {
        let response = fixture.send(anonymous().basic(client, secret)).await;
        assert_eq!(response.refusal(), (401, "invalid_client"));
        seen.push((response, fixture.wire.since_last()));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    let public = ["nobody", "retired"].map(|client| login("alice", client, NOTES));
    for request in public {
        assert_eq!(fixture.send(request).await, seen[0].0);
    }
}

/// Checklist T-25: the application first, then the user.
#[tokio::test]
async fn a_wrong_application_is_told_before_a_wrong_password() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    let form = [("grant_type", "password"), ("username", "nobody"), ("password", "x"), ("client_id", "nobody")];
    assert_eq!(fixture.send(post("/oauth2/token", &form)).await.refusal(), (401, "invalid_client"));
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"]);
    let unsupported = post("/oauth2/token", &[("grant_type", "x"), ("client_id", "nobody")]);
    assert_eq!(fixture.send(unsupported).await.refusal(), (401, "invalid_client"));
}

/// Checklist T-04: the 21st wrong secret is told to wait; the right one is never locked out, from anywhere.
#[tokio::test]
async fn guessing_secrets_is_slowed_down_and_locks_nobody_out() {
    let fixture = Fixture::new().await;
    let ask = |secret: &str, source: &str| {
        post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", secret).from(source)
    };
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(fixture.send(ask("wrong", "203.0.113.5")).await.status);
    }
    assert!(statuses[..20].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses[21..].iter().all(|status| *status == 429), "{statuses:?}");
    let slowed = fixture.send(ask("wrong", "203.0.113.5")).await;
    assert!(slowed.header("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
    for source in ["203.0.113.5", "203.0.113.6"] {
        assert_eq!(fixture.send(ask(SECRET, source)).await.status, 200);
    }
    fixture.clock.forward(61);
    assert_eq!(fixture.send(ask("wrong", "203.0.113.5")).await.status, 401);
}

/// Checklist T-19, T-20: an `Authorization` that is not Basic, or not whole.
#[tokio::test]
async fn a_malformed_authorization_is_refused_without_being_read() {
    let fixture = Fixture::new().await;
    let encoded = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
    for (value, code) in [
        ("Basic".to_owned(), "invalid_request"),
        ("Basic !!!".to_owned(), "invalid_request"),
        (encoded(b"no-colon"), "invalid_request"),
        (encoded(b"conf1:%zz"), "invalid_request"),
        (encoded(b"\xff\xfe:x"), "invalid_request"),
        ("Bearer abc".to_owned(), "invalid_client"),
        (encoded(b"../..:x"), "invalid_client"),
        (encoded(b":x"), "invalid_client"),
    ] {
        let response = fixture.send(anonymous().header("Authorization", &value)).await;
        assert_eq!(response.body["error"], code, "{value}");
    }
    let two = anonymous().basic("conf1", SECRET).another_header("Authorization", "Basic x");
    assert_eq!(fixture.send(two).await.refusal(), (400, "invalid_request"));
    let lower = STANDARD.encode(format!("conf1:{}", crate::request::encode(SECRET)));
    assert_eq!(fixture.send(anonymous().header("authorization", &format!("basic {lower}"))).await.status, 200);
    assert_eq!(send(&fixture.container(), anonymous().basic("pub1", "")).await.status, 200, "an empty secret is none");
}
