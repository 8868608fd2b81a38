//! `migrate`: what was written before items had versions, under a gateway that runs.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, Gateway};

use crate::operator::Operator;

type Item = HashMap<String, AttributeValue>;

const TABLES: [&str; 11] = [
    "UsersTable",
    "AppsTable",
    "SessionsTable",
    "ActivityTable",
    "LoginAttemptsTable",
    "AuditTable",
    "OutboxTable",
    "CodesTable",
    "OrganizationsTable",
    "UsageTable",
    "DevicesTable",
];

fn database(gateway: &Gateway) -> aws_sdk_dynamodb::Client {
    gateway.dynamodb()
}

async fn items(gateway: &Gateway, table: &str) -> Vec<Item> {
    let database = database(gateway);
    let mut pages = database.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items
}

/// Gives every item this version, or none.
async fn versioned(gateway: &Gateway, table: &str, version: Option<&str>) {
    for mut item in items(gateway, table).await {
        item.remove("v");
        item.extend(version.map(|version| ("v".to_owned(), AttributeValue::N(version.to_owned()))));
        database(gateway).put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
}

fn sums(printed: &Json, name: &str) -> u64 {
    printed["items"].as_array().unwrap().iter().map(|table| table[name].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn older_items_are_counted_then_rewritten_and_the_gateway_goes_on() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let ada = gateway.login(ADA).await;
    olga.does(&["users", "disable", "bob@example.com"]).await.text();
    let mut all = 0;
    for table in TABLES {
        versioned(&gateway, table, None).await;
        all += items(&gateway, table).await.len() as u64;
    }

    let dry = olga.json(&["migrate", "--dry-run"]).await;
    assert_eq!((sums(&dry, "older"), sums(&dry, "looked_at"), sums(&dry, "rewritten")), (all, all, 0), "{dry}");
    for table in TABLES {
        assert!(items(&gateway, table).await.iter().all(|item| !item.contains_key("v")), "{table}: it was dry");
    }

    let users = olga.json(&["migrate", "--table", "users"]).await;
    assert_eq!(users["items"].as_array().unwrap().len(), 1);
    assert_eq!((&users["items"][0]["table"], &users["items"][0]["rewritten"]), (&"users".into(), &4.into()));
    let rest = olga.json(&["migrate"]).await;
    assert_eq!(sums(&rest, "rewritten"), all - 4, "{rest}");
    for table in TABLES {
        assert!(items(&gateway, table).await.iter().all(|item| item.contains_key("v")), "{table}");
    }
    assert!(olga.does(&["migrate"]).await.text().starts_with("TABLE"), "a table for people");

    let rows = olga.json(&["audit", "list", "--act", "migrate", "--subject", "table users"]).await;
    let told: Vec<_> = rows["items"].as_array().unwrap().iter().map(|row| (&row["outcome"], &row["after"])).collect();
    let none = json!({ "looked_at": 4, "older": 0, "rewritten": 0, "left": 0 });
    let four = json!({ "looked_at": 4, "older": 4, "rewritten": 4, "left": 0 });
    let done = Json::from("done");
    assert_eq!(told, [(&done, &none), (&done, &none), (&done, &four)]);

    assert_eq!(gateway.call("GET", "/orders", &ada.access).await.status, 200);
    assert_eq!(gateway.try_refresh(DEMO_APP, &ada.refresh).await.status, 200);
    gateway.login(ADA).await;
}

/// The program is killed again and again; whatever it did stands, and the last run has only the rest to do.
#[tokio::test]
async fn a_run_that_was_killed_is_completed_by_the_next() {
    const ALL: usize = 3_000;
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let numbers: Vec<_> = (0..ALL).collect();
    for chunk in numbers.chunks(25) {
        let puts = chunk.iter().map(|number| {
            let put = PutRequest::builder().item("pk", AttributeValue::S(format!("attempt-{number}"))).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        database(&gateway).batch_write_item().request_items("LoginAttemptsTable", puts.collect()).send().await.unwrap();
    }
    let older =
        async || items(&gateway, "LoginAttemptsTable").await.iter().filter(|item| !item.contains_key("v")).count();
    let mut left = older().await;
    for millis in (100..).step_by(100) {
        // A future that is dropped kills the program.
        let run = olga.does(&["migrate", "--table", "login-attempts"]);
        let killed = tokio::time::timeout(Duration::from_millis(millis), run).await.is_err();
        left = older().await;
        if !killed || left < ALL {
            break;
        }
    }
    assert!(left < ALL, "it has begun");
    let last = olga.json(&["migrate", "--table", "login-attempts"]).await;
    // A write that was under way when the program was killed may have been done since.
    assert!(last["items"][0]["rewritten"].as_u64().unwrap() <= left as u64, "{last} {left}");
    assert_eq!(older().await, 0);
}

#[tokio::test]
async fn a_table_of_a_newer_gateway_is_left_alone_and_the_operator_told() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    versioned(&gateway, "UsersTable", Some("2")).await;
    let before = items(&gateway, "UsersTable").await;
    for arguments in [&["migrate"][..], &["users", "disable", "ada@example.com"], &["users", "list"]] {
        let refused = olga.does(arguments).await;
        let problem = refused.problem();
        assert!(problem.contains("the item has version 2 and this version of the gateway reads up to 1"), "{problem}");
        assert!(problem.contains("use the gateway-admin of the version that is deployed"), "{problem}");
    }
    assert_eq!(items(&gateway, "UsersTable").await, before);
}
