//! Items of a newer version: the authorizer fails, says why, and counts nothing.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::fixture::{Fixture, rest};

async fn items(fixture: &Fixture, table: &str) -> Vec<HashMap<String, AttributeValue>> {
    fixture.database.scan().table_name(table).send().await.unwrap().items.unwrap()
}

/// Gives every item of a table this version, or none.
async fn versioned(fixture: &Fixture, table: &str, version: Option<&str>) {
    for mut item in items(fixture, table).await {
        item.remove("v");
        item.extend(version.map(|version| ("v".to_owned(), AttributeValue::N(version.to_owned()))));
        fixture.database.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
}

/// A REST API answers 503, so that an app keeps its tokens: it is neither a bad token nor an ended session.
#[tokio::test]
async fn a_newer_grant_or_app_is_a_failure_that_names_both_versions_and_writes_nothing() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    for table in ["activity", "apps"] {
        versioned(&fixture, table, Some("2")).await;
        let before = items(&fixture, "activity").await;
        let event = rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")]);
        let failed = fixture.container().authorize(event).await.unwrap_err().to_string();
        let text = "the item has version 2 and this version of the gateway reads up to 1: deploy the newer one";
        assert!(failed.contains(text), "{table}: {failed}");
        assert_eq!(items(&fixture, "activity").await, before, "{table}");
        versioned(&fixture, table, Some("1")).await;
    }
    fixture.call(&fixture.container(), &alice).await.unwrap();
}

/// The check is a part of the one write: an older item, a current one and a refused one cost the same.
#[tokio::test]
async fn a_call_on_an_older_grant_is_admitted_with_one_write() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let container = fixture.container();
    fixture.call(&container, &alice).await.unwrap();
    for version in [None, Some("1")] {
        versioned(&fixture, "activity", version).await;
        fixture.operations.since_last();
        fixture.call(&container, &alice).await.unwrap();
        assert_eq!(fixture.operations.since_last(), 1, "{version:?}");
    }
}
