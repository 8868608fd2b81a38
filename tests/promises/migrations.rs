//! Tests of migrations: older items become current, concurrent changes are kept, and a stopped run can be completed.

use crate::versions::{entry, filled, items, tables, versioned};
use crate::{DAY, NOW, app, at_once, login_attempts, session, sid, user};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use gateway_domain::ids::UserId;
use gateway_domain::login_attempts::PAIR;
use gateway_domain::password::PasswordHash;
use gateway_domain::time::Seconds;
use gateway_store::{Counted, Migrated, NewEntry, Older, OlderItem, Store, StoreError, Table};
use std::sync::Arc;
use support::{DynamoDb, Verdict, Wire, dynamodb};
use tokio::sync::Semaphore;

/// Migrates a whole table and returns what became of its older items.
async fn migrate(store: &Store, table: Table) -> Vec<Migrated> {
    let (mut fates, mut after) = (Vec::new(), None);
    loop {
        let Older { items, next, .. } = store.older_items(table, after).await.unwrap();
        for item in items {
            fates.push(store.migrate_item(table, item).await.unwrap());
        }
        after = next;
        if after.is_none() {
            return fates;
        }
    }
}

/// The older items of a table that has only one page.
async fn older(store: &Store, table: Table) -> Vec<OlderItem> {
    store.older_items(table, None).await.unwrap().items
}

/// A store behind a proxy that records its operations and can hold them up.
async fn wired(db: &DynamoDb) -> (Store, Wire) {
    let wire = Wire::to(&db.endpoint).await;
    (Store::new(support::dynamodb_client(&wire.endpoint), db.tables.clone()), wire)
}

fn ada() -> UserId {
    UserId::parse("u1").unwrap()
}

#[tokio::test]
async fn every_table_becomes_current_and_holds_what_it_held() {
    let db = dynamodb().await;
    filled(&db).await;
    let mut before = Vec::new();
    for table in tables(&db) {
        before.push(items(&db, table).await);
    }
    versioned(&db, None).await;
    for (table, expected) in Table::ALL.into_iter().zip([2, 1, 1, 1, 1, 1, 1, 1, 1, 7, 1, 2, 4, 2]) {
        assert_eq!(migrate(&db.store, table).await, vec![Migrated::Rewritten; expected], "{}", table.name());
        assert_eq!(migrate(&db.store, table).await, [], "{}: once more is nothing", table.name());
    }
    for (table, before) in tables(&db).into_iter().zip(before) {
        assert_eq!(items(&db, table).await, before, "{table}");
    }
}

#[tokio::test]
async fn a_table_with_a_newer_item_is_not_migrated() {
    let db = dynamodb().await;
    filled(&db).await;
    versioned(&db, Some("2")).await;
    for table in Table::ALL {
        let refused = db.store.older_items(table, None).await.err();
        assert!(matches!(refused, Some(StoreError::Newer { found: 2, known: 1, .. })), "{refused:?}");
    }
}

/// A change between read and write is kept. If it changed an attribute that was read, the write fails once, and the changed
/// item is rewritten unless it is current.
#[tokio::test]
async fn whoever_changes_an_item_meanwhile_wins() {
    let db = dynamodb().await;
    filled(&db).await;
    versioned(&db, None).await;
    let (store, wire) = wired(&db).await;
    let rewrite = async |table, item| {
        wire.since_last();
        let fate = store.migrate_item(table, item).await.unwrap();
        (fate, wire.since_last().len())
    };

    let new = PasswordHash::from_stored("p1$new".into());
    for item in older(&store, Table::Users).await {
        db.store.users.set_password(&ada(), &new).await.unwrap();
        assert_eq!(rewrite(Table::Users, item).await.0, Migrated::Rewritten);
    }
    assert_eq!(db.store.users.get(&ada()).await.unwrap().unwrap().password, Some(new));

    let item = older(&store, Table::Apps).await.remove(0);
    let (demo, revision) = db.store.apps.get_to_change(&app()).await.unwrap().unwrap();
    let changed = gateway_store::App { name: "Changed".into(), ..demo.clone() };
    let change = gateway_store::AppWrite::Change { before: &demo, from: revision, after: &changed };
    crate::apps::write(&db.store, change).await.unwrap();
    assert_eq!(rewrite(Table::Apps, item).await, (Migrated::NotNeeded, 1), "the change made it current");
    assert_eq!(db.store.apps.get(&app()).await.unwrap().unwrap().name, "Changed");

    let item = older(&store, Table::Sessions).await.remove(0);
    db.store.sessions.end(&sid(1)).await.unwrap();
    assert_eq!(rewrite(Table::Sessions, item).await, (Migrated::Rewritten, 1), "the end only adds to what was read");
    assert!(db.store.sessions.get(&sid(1)).await.unwrap().unwrap().family.ended);

    let item = older(&store, Table::LoginAttempts).await.remove(0);
    db.store.attempts.give_back("pair", PAIR).await.unwrap();
    assert_eq!(rewrite(Table::LoginAttempts, item).await, (Migrated::Rewritten, 2));

    let item = older(&store, Table::Activity).await.remove(0);
    db.store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    assert_eq!(rewrite(Table::Activity, item).await, (Migrated::Rewritten, 2));
    assert_eq!(db.store.activity.entry_is_live(&user(), &app(), &sid(1), NOW).await, Ok(false));
    for table in
        [&db.tables.users, &db.tables.apps, &db.tables.sessions, &db.tables.activity, &db.tables.login_attempts]
    {
        assert!(items(&db, table).await.iter().all(|item| item["v"] == AttributeValue::N("1".into())), "{table}");
    }
}

#[tokio::test]
async fn an_item_that_is_gone_does_not_come_back() {
    let db = dynamodb().await;
    filled(&db).await;
    versioned(&db, None).await;
    let found = older(&db.store, Table::Users).await;
    let user = db.store.users.get(&ada()).await.unwrap().unwrap();
    db.store.users.delete(&user).await.unwrap();
    for item in found {
        assert_eq!(db.store.migrate_item(Table::Users, item).await, Ok(Migrated::NotNeeded));
    }
    assert_eq!(items(&db, &db.tables.users).await, []);
}

/// Every call changes a counter of the activity item, so the rewrite must not require that the counters stay the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_in_use_is_rewritten_at_the_first_attempt_and_loses_no_call() {
    let db = dynamodb().await;
    filled(&db).await;
    versioned(&db, None).await;
    let (store, wire) = wired(&db).await;
    let item = older(&store, Table::Activity).await.remove(0);
    wire.since_last();
    let calls = at_once(100, |_| {
        let store = db.store.clone();
        async move { store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter("b1"), 1), NOW).await.unwrap() }
    });
    let (calls, fate) = tokio::join!(calls, store.migrate_item(Table::Activity, item));
    assert_eq!((fate, wire.since_last().len()), (Ok(Migrated::Rewritten), 1));
    assert!(calls.iter().all(|counted| matches!(counted, Counted::Live(_))));
    let Ok(Counted::Live(view)) =
        db.store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter("b1"), 1), NOW).await
    else {
        panic!()
    };
    assert_eq!(view.counters["b1"], 102);
}

#[tokio::test]
async fn an_item_that_never_stands_still_is_left_to_the_next_run() {
    let db = dynamodb().await;
    filled(&db).await;
    versioned(&db, None).await;
    let (store, wire) = wired(&db).await;
    let gate = Arc::new(Semaphore::new(0));
    let item = older(&store, Table::LoginAttempts).await.remove(0);
    let held = gate.clone();
    wire.script(move |_| Verdict::Hold(held.clone()));
    wire.since_last();
    let migration = tokio::spawn(async move { store.migrate_item(Table::LoginAttempts, item).await });
    while !migration.is_finished() {
        if !wire.since_last().is_empty() {
            login_attempts::reserve(&db.store, "pair", PAIR, NOW).await.unwrap();
            db.store.attempts.give_back("pair", PAIR).await.unwrap();
            // A reservation that is given back leaves `empty_at` as it was. This makes it another time, and makes the item
            // an older one again.
            db.client
                .update_item()
                .table_name(&db.tables.login_attempts)
                .key("pk", AttributeValue::S("pair".into()))
                .update_expression("REMOVE v ADD empty_at :one")
                .expression_attribute_values(":one", AttributeValue::N("1".into()))
                .send()
                .await
                .unwrap();
            gate.add_permits(1);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(migration.await.unwrap(), Ok(Migrated::Left));
    let changed = NOW.saturating_add(PAIR.every).saturating_add(Seconds::new(5)).as_secs();
    assert_eq!(items(&db, &db.tables.login_attempts).await[0]["empty_at"], AttributeValue::N(changed.to_string()));
    assert_eq!(migrate(&db.store, Table::LoginAttempts).await, [Migrated::Rewritten]);
}

/// The table has more than one page and throttles. The first run ends in the middle of a page.
#[tokio::test]
async fn a_run_that_was_stopped_is_completed_by_the_next() {
    const ALL: usize = 700;
    let db = dynamodb().await;
    let numbers: Vec<_> = (0..ALL).collect();
    for chunk in numbers.chunks(25) {
        let puts = chunk.iter().map(|number| {
            let put = PutRequest::builder().item("pk", AttributeValue::S(format!("attempt-{number}")));
            let put = put.item("failures", AttributeValue::N("3".into())).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        db.client.batch_write_item().request_items(&db.tables.login_attempts, puts.collect()).send().await.unwrap();
    }
    let (store, wire) = wired(&db).await;
    let mut throttled = 0;
    wire.script(move |_| {
        throttled += 1;
        if throttled % 50 == 0 { Verdict::Throttle } else { Verdict::Forward }
    });
    let first = store.older_items(Table::LoginAttempts, None).await.unwrap();
    assert!(first.items.len() < ALL && first.next.is_some(), "{}", first.items.len());
    for item in first.items.into_iter().take(150) {
        assert_eq!(store.migrate_item(Table::LoginAttempts, item).await, Ok(Migrated::Rewritten));
    }
    assert_eq!(migrate(&store, Table::LoginAttempts).await, vec![Migrated::Rewritten; ALL - 150]);
    assert_eq!(migrate(&store, Table::LoginAttempts).await, []);
    let all = items(&db, &db.tables.login_attempts).await;
    assert_eq!(all.len(), ALL);
    assert!(all.iter().all(|item| item["failures"] == AttributeValue::N("3".into()) && item.contains_key("v")));
}

/// A session from before the migration can be refreshed after it, and its lease still holds.
#[tokio::test]
async fn a_session_and_a_lease_outlive_the_migration() {
    let db = dynamodb().await;
    filled(&db).await;
    let until = NOW.saturating_add(DAY);
    assert_eq!(db.store.sessions.lease(&session(1), "me", until, NOW).await, Ok(true));
    versioned(&db, None).await;
    for table in [Table::Sessions, Table::Activity] {
        migrate(&db.store, table).await;
    }
    let next = gateway_domain::session::Session { family: session(1).family.rotated(None, DAY, NOW), ..session(1) };
    assert_eq!(db.store.sessions.rotate(&next, "other", true, NOW).await, Ok(false));
    assert_eq!(db.store.sessions.rotate(&next, "me", true, NOW).await, Ok(true));
    let added = db.store.activity.add_entry(&user(), &app(), &entry(2), &std::collections::BTreeMap::new(), 2).await;
    assert_eq!(added, Ok(NewEntry::Added));
}
