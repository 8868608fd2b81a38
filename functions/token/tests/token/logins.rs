//! Logins: right, wrong, and what a login leaves behind.

use futures_util::future::join_all;
use gateway_domain::password::Cost;
use gateway_domain::secret::Secret;

use crate::container::hasher;
use crate::fixture::{CHEAP, Fixture, NOTES, PASSWORD, login, password_login, send};
use crate::request::post;
use support::Verdict;

/// Checklist G-03, T-21.
#[tokio::test]
async fn the_right_password_logs_in_and_a_wrong_one_does_not() {
    let fixture = Fixture::new().await;
    let tokens = fixture.send(password_login("alice", "pub1", PASSWORD)).await.tokens();
    assert!(fixture.calls(&tokens.access).await);
    let longer = format!("{PASSWORD}x");
    for wrong in ["x", PASSWORD.trim(), &PASSWORD.to_uppercase(), &longer] {
        assert_eq!(
            fixture.send(password_login("alice", "pub1", wrong)).await.refusal(),
            (400, "invalid_grant"),
            "{wrong}"
        );
    }
}

/// Checklist Z-26.
#[tokio::test]
async fn a_disabled_person_does_not_log_in() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.send(login("dora", "pub1", NOTES)).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.sessions_of("u_dora", "pub1").await, 0);
}

#[tokio::test]
async fn an_address_is_compared_without_case_and_surrounding_space() {
    let fixture = Fixture::new().await;
    let form = [("grant_type", "password"), ("client_id", "pub1"), ("scope", NOTES), ("password", PASSWORD)];
    for username in [" Alice@Example.COM ", "alice@example.com"] {
        let response = fixture.send(post("/oauth2/token", &[&form[..], &[("username", username)]].concat())).await;
        assert_eq!(response.status, 200, "{username}");
    }
}

/// Abuse case G4: too long, too many, too large; no hash is made and nobody is looked up.
#[tokio::test]
async fn an_oversized_login_costs_nothing() {
    let fixture = Fixture::new().await;
    fixture.wire.since_last();
    let (long, huge) = ("x".repeat(1_000_000), "x".repeat(6 * 1024 * 1024 + 1));
    for (password, status) in [("x".repeat(1025), 400), ("é".repeat(513), 400), (long, 413), (huge, 413)] {
        let response = fixture.send(password_login("alice", "pub1", &password)).await;
        assert_eq!(response.refusal(), (status, "invalid_request"));
    }
    for username in ["x".repeat(255), "a\0b".to_owned(), "a\nb".to_owned()] {
        let form = [("grant_type", "password"), ("client_id", "pub1"), ("password", "x"), ("username", &username)];
        assert_eq!(fixture.send(post("/oauth2/token", &form)).await.refusal(), (400, "invalid_request"));
    }
    let names: Vec<_> = (0..10_000).map(|number| format!("p{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let response = fixture.send(post("/oauth2/token", &many)).await;
    assert!([400, 413].contains(&response.status));
    let few: Vec<_> = names.iter().take(65).map(|name| (name.as_str(), "x")).collect();
    assert_eq!(fixture.send(post("/oauth2/token", &few)).await.refusal(), (400, "invalid_request"));
    let touched = fixture.wire.since_last();
    assert!(touched.iter().all(|operation| operation == "GetItem Apps"), "{touched:?}");
    assert_eq!(
        fixture.send(password_login("alice", "pub1", &"x".repeat(1024))).await.refusal(),
        (400, "invalid_grant")
    );
}

/// Abuse case G8: cold containers and a warm one; also when every one has to make room first.
#[tokio::test]
async fn ten_logins_at_once_all_succeed() {
    let fixture = Fixture::new().await;
    let cold: Vec<_> = (0..10).map(|_| fixture.container()).collect();
    let responses = join_all(cold.iter().map(|app| send(app, login("alice", "pub1", NOTES)))).await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 10, "{responses:?}");
    for _ in 0..8 {
        fixture.clock.forward(1);
        fixture.login("pub1", NOTES).await;
    }
    fixture.clock.forward(1);
    let responses = join_all((0..10).map(|_| fixture.send(login("alice", "pub1", NOTES)))).await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 10, "{responses:?}");
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 8);
}

/// Checklist P-07, Z-44: a login raises the cost, once, and does not depend on that.
#[tokio::test]
async fn a_login_rehashes_when_the_cost_rose() {
    let fixture = Fixture::new().await;
    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    let stored = || async { fixture.db.store.users.get(&alice).await.unwrap().unwrap().password.unwrap() };
    let before = stored().await;
    let dearer = fixture.container_at(Cost { memory: 128, passes: 1 });
    fixture.wire.script(|operation| if operation.is("UpdateItem", "Users") { Verdict::Fail } else { Verdict::Forward });
    assert_eq!(send(&dearer, login("alice", "pub1", NOTES)).await.status, 200, "a login does not fail for it");
    assert_eq!(stored().await, before);
    fixture.wire.calm();
    assert_eq!(send(&dearer, login("alice", "pub1", NOTES)).await.status, 200);
    let after = stored().await;
    assert!(before.as_str().contains("m=64,") && after.as_str().contains("m=128,"), "{after:?}");
    assert_eq!(
        fixture.db.store.users.get(&alice).await.unwrap().unwrap().credential_epoch,
        1,
        "no session ends for it"
    );
    fixture.wire.since_last();
    assert_eq!(send(&dearer, login("alice", "pub1", NOTES)).await.status, 200);
    assert!(!fixture.wire.since_last().contains(&"UpdateItem Users".to_owned()));
    assert_eq!(
        send(&fixture.container(), login("alice", "pub1", NOTES)).await.status,
        200,
        "cheaper containers read it"
    );
}

/// Checklist Z-27: a password that changes during a login leaves no session of the old one.
#[tokio::test]
async fn a_login_that_a_password_change_overtakes_is_none() {
    let fixture = Fixture::new().await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    fixture.wire.script(move |operation| {
        if operation.is("PutItem", "Sessions") { Verdict::Hold(held.clone()) } else { Verdict::Forward }
    });
    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    let change = async {
        let new = hasher(CHEAP).hash(&Secret::new("another one".to_owned()), [9; 16]).unwrap();
        // Until the login waits at the gate, the change would not overtake it.
        while !fixture.wire.seen("PutItem", "Sessions") {
            tokio::task::yield_now().await;
        }
        fixture.db.store.users.change_credentials(&alice, Some(&new), true).await.unwrap();
        gate.add_permits(1);
    };
    let (response, ()) = futures_util::join!(fixture.send(login("alice", "pub1", NOTES)), change);
    assert_eq!(response.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    fixture.wire.calm();
    assert_eq!(fixture.send(password_login("alice", "pub1", "another one")).await.status, 200);
}
