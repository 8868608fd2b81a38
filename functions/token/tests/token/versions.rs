//! Items of a newer version: the function says that it is the older one, and no user is told that a password is wrong.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::fixture::{Fixture, NOTES, SECRET, login, password_login, refresh};
use crate::request::post;
use crate::secrecy::Kept;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// Gives every item of a table the next version, or takes it away again.
async fn versioned(fixture: &Fixture, table: &str, version: &str) {
    for mut item in fixture.db.client.scan().table_name(table).send().await.unwrap().items().to_vec() {
        item.insert("v".to_owned(), AttributeValue::N(version.to_owned()));
        fixture.db.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_item_is_a_503_with_a_clear_log_line_and_never_a_wrong_password() {
    let fixture = Fixture::new().await;
    let kept = Kept::default();
    let writer = kept.clone();
    let lines = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let subscriber = lines.with("gateway_token=info".parse::<Targets>().unwrap());
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let _log = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);

    let tokens = fixture.login("pub1", NOTES).await;
    fixture.send(password_login("alice", "pub1", "wrong")).await;
    let tables = fixture.db.tables.clone();
    let users = [login("alice", "pub1", NOTES), password_login("alice", "pub1", "wrong")];
    let refreshed = refresh("pub1", &tokens.refresh);
    let revoked = post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &tokens.refresh)]);
    let itself = post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", SECRET);
    for (table, requests) in [
        (&tables.users, vec![users[0].clone(), users[1].clone(), refreshed.clone()]),
        (&tables.login_attempts, users.to_vec()),
        (&tables.sessions, vec![refreshed.clone(), revoked.clone()]),
        (&tables.activity, vec![users[0].clone()]),
        (&tables.apps, vec![users[0].clone(), refreshed, revoked, itself]),
    ] {
        versioned(&fixture, table, "2").await;
        for request in requests {
            let before = kept.text().len();
            let response = fixture.send(request).await;
            assert_eq!(response.refusal(), (503, "temporarily_unavailable"), "{table}: {}", response.text);
            assert!(response.header("Retry-After").is_some());
            let log = kept.text().split_off(before);
            let line = log.lines().find(|line| line.contains("ERROR")).unwrap_or_else(|| panic!("{table}: {log}"));
            let text = "the item has version 2 and this version of the gateway reads up to 1: deploy the newer one";
            assert!(line.contains(text), "{table}: {line}");
        }
        versioned(&fixture, table, "1").await;
    }
    fixture.send(users[0].clone()).await.tokens();
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200, "nothing was lost meanwhile");
}
