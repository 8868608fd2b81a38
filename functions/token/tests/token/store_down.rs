//! The store fails: nothing is issued that is not written, nothing is lost that was promised.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use gateway_credentials::PasswordCheck;
use gateway_domain::entropy::{Entropy, NoEntropy};
use gateway_domain::password::Passwords;
use gateway_token::AuthorizationServer;
use support::{Operation, Verdict};

use crate::container::{entropy, environment, key_set, pepper, secrets_manager, tables};
use crate::fixture::{CHEAP, Fixture, NOTES, SECRET, login, password_login, refresh, send};
use crate::phone::{MOBILE, Phone};
use crate::request::{Response, post};

fn later(response: &Response) -> bool {
    assert!(response.header("Retry-After").is_some(), "{}", response.text);
    response.refusal() == (503, "temporarily_unavailable")
}

type Fault = fn() -> Verdict;

/// Throttled, failed, answered too late or not at all: told apart by whether the write happened.
const FAULTS: [(&str, Fault); 4] = [
    ("throttled", || Verdict::Throttle),
    ("failed", || Verdict::Fail),
    ("response lost", || Verdict::LoseResponse),
    ("connection broken", || Verdict::Break),
];

/// Abuse case F6: five times in vain, then the same token works; no reuse is counted.
#[tokio::test]
async fn a_refresh_in_vain_loses_nothing() {
    for (name, fault) in FAULTS {
        for table in ["Apps", "Sessions", "Users"] {
            let fixture = Fixture::new().await;
            let first = fixture.login("pub1", NOTES).await;
            fixture.wire.script(move |operation| if operation.table == table { fault() } else { Verdict::Forward });
            for _ in 0..5 {
                assert!(later(&fixture.refresh("pub1", &first.refresh).await), "{name} {table}");
            }
            fixture.wire.calm();
            let second = fixture.refresh("pub1", &first.refresh).await.tokens();
            assert_eq!(fixture.refresh("pub1", &first.refresh).await.tokens().refresh, second.refresh);
            assert!(fixture.calls(&second.access).await);
            assert_eq!(fixture.refresh("pub1", &second.refresh).await.status, 200, "{name} {table}");
        }
    }
}

/// Abuse case F6: one response is lost on the way, and the SDK repeats the write: it finds its own work.
#[tokio::test]
async fn a_write_repeated_by_the_sdk_is_one_write() {
    let fixture = Fixture::new().await;
    for fault in [|| Verdict::LoseResponse, || Verdict::Break] as [Fault; 2] {
        for once in [("PutItem", "Sessions"), ("UpdateItem", "Activity"), ("UpdateItem", "Sessions")] {
            let mut done = false;
            let first = fixture.login("pub1", "vault:read").await;
            fixture.clock.forward(1_500);
            fixture.wire.script(move |operation: &Operation| {
                let now = !done && operation.is(once.0, once.1);
                done |= now;
                if now { fault() } else { Verdict::Forward }
            });
            let before = fixture.vault.renewals();
            let second = fixture.refresh("pub1", &first.refresh).await.tokens();
            fixture.wire.calm();
            assert_eq!(fixture.vault.renewals(), before + 1);
            assert_eq!(fixture.refresh("pub1", &first.refresh).await.tokens().refresh, second.refresh);
            assert_eq!(fixture.refresh("pub1", &second.refresh).await.status, 200, "{once:?}");
        }
    }
}

/// Abuse case F6: the lease is given back, so that the next attempt need not wait for its end.
#[tokio::test]
async fn a_commit_that_failed_holds_up_nobody() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.clock.forward(1_500);
    fixture.wire.script(|operation| if operation.is("PutItem", "Sessions") { Verdict::Fail } else { Verdict::Forward });
    assert!(later(&fixture.refresh("pub1", &first.refresh).await));
    fixture.wire.calm();
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.status, 200);
}

/// Abuse case K1; checklist V-07: unreachable means try again, for every request; what needs no store is answered.
#[tokio::test]
async fn without_a_store_every_response_is_to_try_again() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", NOTES).await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let app = fixture.container_without_store();
    for request in [
        phone.asks(),
        phone.login("alice"),
        login("alice", "pub1", NOTES),
        password_login("alice", "pub1", "x"),
        refresh("pub1", &tokens.refresh),
        post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &tokens.refresh)]),
        post("/oauth2/introspect", &[("token", &tokens.refresh)]).basic("conf1", SECRET),
        post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", SECRET),
    ] {
        assert!(later(&send(&app, request).await));
    }
    let metadata = crate::request::request("GET", "/.well-known/oauth-authorization-server");
    assert_eq!(send(&app, metadata).await.status, 200);
}

/// Abuse case K1: the same container recovers; an attempt that could not be counted was not evaluated.
#[tokio::test]
async fn a_container_recovers_without_a_restart() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", NOTES).await;
    for fault in [|| Verdict::Throttle, || Verdict::Fail] as [Fault; 2] {
        fixture.wire.script(move |_| fault());
        for _ in 0..6 {
            fixture.clock.forward(10);
            assert!(later(&fixture.refresh("pub1", &tokens.refresh).await));
            assert!(later(&fixture.send(password_login("alice", "pub1", "x")).await));
        }
        fixture.wire.calm();
        assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200);
    }
    fixture
        .wire
        .script(|operation| if operation.table == "LoginAttempts" { Verdict::Throttle } else { Verdict::Forward });
    for request in [password_login("alice", "pub1", "x"), login("alice", "pub1", NOTES), login("nobody", "pub1", NOTES)]
    {
        assert!(later(&fixture.send(request).await), "right and wrong are answered alike");
    }
    fixture.wire.calm();
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200);
}

/// Checklist P-09: what could not be compared was no attempt. While the users' table or the pepper is not there, nobody uses
/// up the attempts they have.
#[tokio::test]
async fn a_login_that_could_not_be_compared_has_used_up_no_attempt() {
    let fixture = Fixture::new().await;
    let (secrets, address) = secrets_manager(&key_set("k1", 1)).await;
    let environment = environment(&fixture.wire.endpoint, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &address)]);
    let passwords = pepper(
        &gateway_runtime::Secrets::new(&gateway_runtime::Aws::new(&environment).unwrap()),
        fixture.clock.clone(),
    )
    .await;
    let store = tables(&fixture.db, &fixture.wire.endpoint);
    let passwords = PasswordCheck::new(store.users, passwords, store.attempts, entropy());
    let app = AuthorizationServer { passwords, ..fixture.container() };
    fixture.rehash_everyone(&Passwords::new(&key_set("k2", 2), CHEAP).unwrap()).await;
    secrets.set("Pepper", "unreadable");
    fixture.wire.since_last();
    for _ in 0..3 {
        fixture.clock.forward(40);
        assert!(
            later(&send(&app, password_login("alice", "pub1", "x")).await),
            "the pepper is newer than what is here"
        );
    }
    fixture.wire.script(|operation| if operation.table == "Users" { Verdict::Throttle } else { Verdict::Forward });
    for name in ["alice", "nobody"] {
        assert!(later(&fixture.send(password_login(name, "pub1", "x")).await));
    }
    let kept = fixture.db.client.scan().table_name(&fixture.db.tables.login_attempts).send().await.unwrap();
    let keys = kept.items().iter().map(|item| item["pk"].as_s().unwrap());
    assert!(keys.clone().count() > 0 && keys.clone().all(|key| key.starts_with("unreadable#")), "{:?}", kept.items());
}

/// Checklist P-09: only an account that exists can have an item that cannot be read, so that finding such is bounded.
#[tokio::test]
async fn accounts_are_not_found_without_end_by_items_that_cannot_be_read() {
    let fixture = Fixture::new().await;
    let users = &fixture.db.tables.users;
    for mut item in fixture.db.client.scan().table_name(users).send().await.unwrap().items().to_vec() {
        item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
        fixture.db.client.put_item().table_name(users).set_item(Some(item)).send().await.unwrap();
    }
    for _ in 0..200 {
        assert!(later(&fixture.send(password_login("alice", "pub1", "x")).await));
    }
    for name in ["bob", "nobody"] {
        let response = fixture.send(password_login(name, "pub1", "x")).await;
        assert_eq!(response.refusal(), (400, "invalid_grant"), "{name}: told as a wrong password is");
    }
    let users = fixture.db.client.scan().table_name(&fixture.db.tables.login_attempts).send().await.unwrap();
    assert!(users.items().iter().any(|item| item["pk"].as_s().unwrap().starts_with("source#")), "and counted so");
}

/// Abuse case F6: a store that does not answer at all; the function does, well before API Gateway gives up.
#[tokio::test]
async fn a_store_that_hangs_is_given_up_in_time() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", NOTES).await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    fixture.wire.script(move |_| Verdict::Hold(held.clone()));
    let response =
        tokio::time::timeout(Duration::from_secs(10), fixture.refresh("pub1", &tokens.refresh)).await.unwrap();
    assert!(later(&response));
    fixture.wire.calm();
    gate.add_permits(100);
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200);
}

/// The operating system has no random bytes to give.
struct Exhausted;

impl Entropy for Exhausted {
    fn fill(&self, _bytes: &mut [u8]) -> Result<(), NoEntropy> {
        Err(NoEntropy("exhausted".to_owned()))
    }
}

/// Ids and salts of zeros would be those of everybody.
#[tokio::test]
async fn without_random_bytes_nothing_is_issued() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let app = AuthorizationServer { entropy: Arc::new(Exhausted), ..fixture.container() };
    assert!(later(&send(&app, login("bob", "pub1", NOTES)).await));
    assert!(later(&send(&app, refresh("pub1", &first.refresh)).await));
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.status, 200);
}
