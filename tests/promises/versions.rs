//! Tests of versions of items: older ones are read and changed as before, newer ones are refused and not changed.

use crate::pending_sessions::pending;
use crate::{
    DAY, NOW, accounts, app, apps, deliveries, devices, legacy, login_attempts, organizations, outbox, session, sid,
    token, usage, user, users,
};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::call_context::TokenRef;
use gateway_domain::login_attempts::PAIR;
use gateway_domain::outbox::Kind;
use gateway_domain::password::PasswordHash;
use gateway_domain::pending_session::Redeemed;
use gateway_domain::session::Session;
use gateway_domain::time::Seconds;
use gateway_store::{
    Added, App, AppWrite, AuditRow, BegunSession, BrowserLogin, ChangeUser, Consent, Counted, Entry, Linked, NewEntry,
    Outcome, Purpose, Reservation, Revision, Store, StoreError, User, WriteApp,
};
use std::collections::{BTreeMap, HashMap};
use support::{DynamoDb, dynamodb};

type Item = HashMap<String, AttributeValue>;

/// The tables of a database, in the order of `Table::ALL`.
pub(crate) fn tables(db: &DynamoDb) -> [&String; 14] {
    let tables = &db.tables;
    [
        &tables.users,
        &tables.apps,
        &tables.sessions,
        &tables.activity,
        &tables.login_attempts,
        &tables.pending_sessions,
        &tables.browser_logins,
        &tables.consents,
        &tables.audit,
        &tables.outbox,
        &tables.codes,
        &tables.organizations,
        &tables.usage,
        &tables.devices,
    ]
}

/// All items of a table, in a fixed order.
pub(crate) async fn items(db: &DynamoDb, table: &str) -> Vec<Item> {
    let mut pages = db.client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items.sort_by_key(|item| format!("{:?}", item.iter().collect::<BTreeMap<_, _>>()));
    items
}

/// Sets the version of every item of every table, or removes it.
pub(crate) async fn versioned(db: &DynamoDb, version: Option<&str>) {
    for table in tables(db) {
        for mut item in items(db, table).await {
            item.remove("v");
            item.extend(version.map(|version| ("v".to_owned(), AttributeValue::N(version.to_owned()))));
            db.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
        }
    }
}

pub(crate) fn entry(byte: u8) -> Entry {
    Entry { sid: sid(byte), ends: NOW.saturating_add(Seconds::new(3_600)) }
}

fn reference(version: u64) -> BTreeMap<gateway_domain::ids::ConnectorName, TokenRef> {
    BTreeMap::from([(legacy(), TokenRef::by_version(version))])
}

fn row() -> AuditRow {
    AuditRow {
        day: "2027-01-15".into(),
        at: "08:00:00.000Z#1".into(),
        who: "olga".into(),
        act: "users disable".into(),
        subject: "user u1".into(),
        before: None,
        after: None,
        outcome: Outcome::Begun,
        reason: None,
        ttl: None,
    }
}

fn browser_login() -> BrowserLogin {
    BrowserLogin {
        id: "id".into(),
        user_id: user(),
        credential_epoch: 1,
        browser_epoch: 2,
        auth_time: NOW,
        by: gateway_domain::session::LoginMethod::Passkey,
        idle_end: NOW.saturating_add(Seconds::new(60)),
        absolute_end: NOW.saturating_add(DAY),
        sessions: [(sid(1), begun_session())].into(),
        newest: Some(sid(1)),
        second_factor_at: None,
    }
}

fn begun_session() -> BegunSession {
    BegunSession { client_id: app(), at: NOW }
}

fn consent() -> Consent {
    Consent { user_id: ada().user_id, client_id: app(), scope: pending(1).scope, given_at: NOW }
}

fn ada() -> User {
    users::user("u1", "ada@example.com")
}

/// An item of each kind, as the functions write it.
pub(crate) async fn filled(db: &DynamoDb) {
    let store = &db.store;
    store.users.create(&ada()).await.unwrap();
    store.outbox.add(&outbox::mail(1)).await.unwrap();
    let code = accounts::code(1, Purpose::ResetPassword, "u1");
    store.accounts.send_code(&code, &outbox::mail(2)).await.unwrap();
    apps::write(store, AppWrite::Create(&apps::demo(app()))).await.unwrap();
    assert_eq!(store.developers.create_organization(&organizations::organization(&["ada"])).await, Ok(true));
    store.sessions.create(&session(1)).await.unwrap();
    store.activity.add_entry(&user(), &app(), &entry(1), &reference(1), 8).await.unwrap();
    store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter("b1"), 1), NOW).await.unwrap();
    login_attempts::reserve(store, "pair", PAIR, NOW).await.unwrap();
    store.pending.create(&pending(1)).await.unwrap();
    store.browser_logins.create(&browser_login()).await.unwrap();
    assert!(store.consents.give(&consent(), &store.users, 1).await.unwrap());
    store.audit.write(&row()).await.unwrap();
    usage::add(store, "one", &[("demo-app", 0, 1)]).await.unwrap();
    deliveries::add(store).await;
    store.devices.register(&devices::device(app())).await.unwrap();
    let linked = store.devices.link(&devices::device(app()), (&ada().user_id, 1), &store.users, NOW).await;
    assert_eq!(linked, Ok(Linked::Done));
}

#[tokio::test]
async fn every_item_is_written_with_the_version() {
    let db = dynamodb().await;
    filled(&db).await;
    db.store.attempts.remember_login("never tried", PAIR, &ada().credential_version(), NOW).await.unwrap();
    let address = db.store.users.by_email("ada@example.com").await.unwrap().unwrap();
    assert_eq!(
        db.store.users.change_email(&address, &users::address("countess@example.com")).await,
        Ok(ChangeUser::Done)
    );
    for table in tables(&db) {
        let items = items(&db, table).await;
        assert!(!items.is_empty());
        for item in items {
            assert_eq!(item.get("v"), Some(&AttributeValue::N("1".into())), "{table}: {item:?}");
        }
    }
}

/// Items of the time before items had versions.
#[tokio::test]
async fn items_without_a_version_are_read_and_changed_as_ever() {
    let db = dynamodb().await;
    filled(&db).await;
    versioned(&db, None).await;
    let store = &db.store;

    assert_eq!(store.users.by_email("ada@example.com").await, Ok(Some(ada())));
    assert_eq!(store.users.get(&ada().user_id).await, Ok(Some(ada())));
    assert_eq!(store.users.page(None, 9).await.unwrap().items, [ada()]);
    let (old, new) = (ada().password.unwrap(), PasswordHash::from_stored("p1$new".into()));
    store.users.rehash(&ada().user_id, &old, &new).await.unwrap();
    assert_eq!(store.users.get(&ada().user_id).await.unwrap().unwrap().password, Some(new.clone()));
    assert_eq!(store.users.change_credentials(&ada().user_id, None, true).await, Ok(Some(2)));
    assert_eq!(store.users.set_password(&ada().user_id, &new).await, Ok(true));
    assert_eq!(store.users.change_email(&ada(), &users::address("countess@example.com")).await, Ok(ChangeUser::Done));
    let moved = store.users.by_email("countess@example.com").await.unwrap().unwrap();
    assert_eq!(store.users.delete(&moved).await, Ok(ChangeUser::Done));

    let (read, revision) = store.apps.get_to_change(&app()).await.unwrap().unwrap();
    assert_eq!(
        (store.apps.get(&app()).await, store.apps.page(None, 9).await.unwrap().items.len()),
        (Ok(Some(read.clone())), 1)
    );
    let Ok(WriteApp::Written(revision)) =
        apps::write(store, AppWrite::Change { before: &read, from: revision, after: &read }).await
    else {
        panic!("changed")
    };
    assert_eq!(apps::write(store, AppWrite::Delete(&read, revision)).await, Ok(WriteApp::Written(revision)));

    assert_eq!(store.sessions.get(&sid(1)).await, Ok(Some(session(1))));
    assert_eq!(store.sessions.internal_tokens(&sid(1)).await.unwrap().unwrap()[&legacy()].version, 1);
    let until = NOW.saturating_add(Seconds::new(15));
    assert_eq!(store.sessions.lease(&session(1), "me", until, NOW).await, Ok(true));
    store.sessions.release(&sid(1), "me").await.unwrap();
    assert_eq!(store.sessions.rotate(&next(), "me", false, NOW).await, Ok(true));
    versioned(&db, None).await;
    assert_eq!(store.sessions.end(&sid(1)).await.unwrap().unwrap().tokens[&legacy()], token(1));

    let counted = store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter("b1"), 1), NOW).await;
    assert!(matches!(counted, Ok(Counted::Live(view)) if view.counters["b1"] == 2 && view.tokens == reference(1)));
    store.activity.refund_call(&user(), &app(), (&crate::counter("b1"), 1)).await.unwrap();
    store.activity.update_entry(&user(), &app(), &entry(1), &reference(2)).await.unwrap();
    assert_eq!(store.activity.entry_is_live(&user(), &app(), &sid(1), NOW).await, Ok(true));
    assert_eq!(store.activity.sessions_of_user(&user(), NOW).await.unwrap().len(), 1);
    assert_eq!(store.activity.sessions_of_app(None, NOW).await.unwrap().len(), 1);
    assert_eq!(store.activity.add_entry(&user(), &app(), &entry(2), &reference(1), 8).await, Ok(NewEntry::Added));
    store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    assert_eq!(store.activity.entry_is_live(&user(), &app(), &sid(1), NOW).await, Ok(false));

    store.attempts.give_back("pair", PAIR).await.unwrap();
    assert_eq!(login_attempts::reserve(store, "pair", PAIR, NOW).await, Ok(Reservation::Granted));
    store.attempts.remember_login("pair", PAIR, &ada().credential_version(), until).await.unwrap();
    assert_eq!(store.pending.get(&sid(1)).await, Ok(Some(pending(1))));
    assert_eq!(store.pending.issue(&pending(1), "code", until, NOW).await, Ok(true));
    let redeemed = Redeemed { code: "code".into(), at: NOW, attempt: None };
    assert_eq!(store.pending.redeem(&sid(1), &redeemed, "me").await, Ok(true));
    assert_eq!(store.browser_logins.get("id").await, Ok(Some(browser_login())));
    let later = NOW.saturating_add(DAY);
    store.browser_logins.note_use("id", later).await.unwrap();
    let noted = store.browser_logins.note_session(&browser_login(), &sid(2), &begun_session()).await;
    assert_eq!(noted, Ok(true));
    assert_eq!(store.consents.of_user(&ada().user_id).await, Ok(vec![consent()]));
    assert_eq!(usage::add(store, "two", &[("demo-app", 0, 1)]).await, Ok(Added::Counted));
    assert_eq!(store.usage.of_app(&app(), usage::time(), 9).await.unwrap().items[0].calls.succeeded, 2);
    store.audit.end(&AuditRow { outcome: Outcome::Done, ..row() }).await.unwrap();
    assert_eq!(store.audit.of_day("2027-01-15", ("0", "~"), 9).await.unwrap().items[0].outcome, Outcome::Done);
    let device = store.devices.get(&devices::device(app()).device_id).await.unwrap().unwrap();
    assert_eq!(store.devices.lives(&device.device_id).await, Ok(true));
    assert_eq!(store.devices.linked_to(&ada().user_id).await, Ok(vec![device.device_id.clone()]));
    assert_eq!(store.devices.note_use(&device, later).await, Ok(true));
    assert_eq!(store.devices.rename(&device.device_id, &ada().user_id, "x").await, Ok(true));
    assert_eq!(store.devices.revoke(&device, (&store.outbox, &devices::ending(1)), later).await, Ok(true));
}

fn next() -> Session {
    Session { family: session(1).family.rotated(None, DAY, NOW), ..session(1) }
}

fn newer<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    let told = done.expect_err("refused").to_string();
    let text = ": the item has version 2 and this version of the gateway reads up to 1: deploy the newer one";
    assert!(told.ends_with(text), "{told}");
}

/// An older function after a newer one neither uses nor changes an item of a version that it cannot read.
#[tokio::test]
async fn a_newer_item_is_refused_by_every_call_and_stays_as_it_is() {
    let db = dynamodb().await;
    filled(&db).await;
    let (demo, revision) = db.store.apps.get_to_change(&app()).await.unwrap().unwrap();
    versioned(&db, Some("2")).await;
    let mut before = Vec::new();
    for table in tables(&db) {
        before.push(items(&db, table).await);
    }
    of_people(&db.store).await;
    newer(db.store.apps.get(&app()).await);
    newer(db.store.apps.calling(&app()).await);
    newer(db.store.apps.asking(&app()).await);
    newer(db.store.apps.get_to_change(&app()).await);
    newer(db.store.apps.page(None, 9).await);
    newer(apps::write(&db.store, AppWrite::Create(&demo)).await);
    let other = App { name: "Other".into(), ..demo.clone() };
    newer(apps::write(&db.store, AppWrite::Change { before: &demo, from: revision, after: &other }).await);
    newer(db.store.apps.put(&demo).await);
    newer(apps::write(&db.store, AppWrite::Delete(&demo, revision)).await);
    of_organizations(&db.store).await;
    of_usage(&db.store).await;
    of_devices(&db.store).await;
    of_sessions(&db.store).await;
    of_activity(&db.store).await;
    of_the_outbox(&db.store).await;
    newer(db.store.attempts.get("pair").await);
    newer(login_attempts::reserve(&db.store, "pair", PAIR, NOW).await);
    newer(db.store.attempts.give_back("pair", PAIR).await);
    newer(db.store.attempts.use_once("pair", NOW.saturating_add(DAY), NOW).await);
    newer(db.store.attempts.remember_login("pair", PAIR, &ada().credential_version(), NOW).await);
    of_pages(&db.store).await;
    newer(db.store.audit.end(&AuditRow { outcome: Outcome::Done, ..row() }).await);
    newer(db.store.audit.of_day("2027-01-15", ("0", "~"), 9).await);
    for (table, before) in tables(&db).into_iter().zip(before) {
        assert_eq!(items(&db, table).await, before, "{table}");
    }
}

async fn of_organizations(store: &Store) {
    let acme = organizations::organization(&["ada"]);
    let developers = &store.developers;
    newer(developers.organizations.get(&acme.organization_id).await);
    newer(developers.organizations.of_user(acme.members.keys().next().unwrap()).await);
    newer(developers.create_organization(&acme).await);
    let revision = Revision::parse("1").unwrap();
    newer(developers.change_organization((&acme, revision), &acme, None).await);
    newer(developers.delete_organization(&acme, revision).await);
}

async fn of_usage(store: &Store) {
    newer(usage::add(store, "two", &[("demo-app", 0, 1)]).await);
    newer(store.usage.of_app(&app(), usage::time(), 9).await);
    newer(store.usage.of_day(usage::day(), None, 9).await);
}

async fn of_devices(store: &Store) {
    let device = devices::device(app());
    newer(store.devices.register(&device).await);
    newer(store.devices.get(&device.device_id).await);
    newer(store.devices.lives(&device.device_id).await);
    newer(store.devices.note_use(&device, NOW).await);
    newer(store.devices.link(&device, (&ada().user_id, 1), &store.users, NOW).await);
    newer(store.devices.linked_to(&ada().user_id).await);
    newer(store.devices.rename(&device.device_id, &ada().user_id, "x").await);
    newer(store.devices.revoke(&device, (&store.outbox, &devices::ending(1)), NOW).await);
}

async fn of_people(store: &Store) {
    let (old, new) = (ada().password.unwrap(), PasswordHash::from_stored("p1$new".into()));
    newer(store.users.by_email("ada@example.com").await);
    newer(store.users.get(&ada().user_id).await);
    newer(store.users.state(&ada().user_id).await);
    newer(store.users.page(None, 9).await);
    newer(store.users.rehash(&ada().user_id, &old, &new).await);
    newer(store.users.change_credentials(&ada().user_id, Some(&new), false).await);
    newer(store.users.set_password(&ada().user_id, &new).await);
    newer(store.users.change_email(&ada(), &users::address("countess@example.com")).await);
    newer(store.users.delete(&ada()).await);
}

async fn of_pages(store: &Store) {
    let redeemed = Redeemed { code: "code".into(), at: NOW, attempt: None };
    newer(store.pending.get(&sid(1)).await);
    newer(store.pending.issue(&pending(1), "code", NOW.saturating_add(DAY), NOW).await);
    newer(store.pending.redeem(&sid(1), &redeemed, "me").await);
    newer(store.pending.end(&pending(1)).await);
    newer(store.pending.forget_tokens(&sid(1), &[legacy()]).await);
    newer(store.pending.lapsed(&sid(1), NOW.saturating_add(DAY), 9).await);
    newer(store.browser_logins.get("id").await);
    newer(store.browser_logins.note_use("id", NOW.saturating_add(DAY)).await);
    newer(store.browser_logins.note_session(&browser_login(), &sid(2), &begun_session()).await);
    newer(store.consents.get(&ada().user_id, &app()).await);
    newer(store.consents.give(&consent(), &store.users, 1).await);
    newer(store.consents.of_user(&ada().user_id).await);
}

async fn of_sessions(store: &Store) {
    newer(store.sessions.get(&sid(1)).await);
    newer(store.sessions.internal_tokens(&sid(1)).await);
    newer(store.sessions.lease(&session(1), "me", NOW, NOW).await);
    newer(store.sessions.rotate(&next(), "me", false, NOW).await);
    newer(store.sessions.rotate(&next(), "me", true, NOW).await);
    newer(store.sessions.release(&sid(1), "me").await);
    newer(store.sessions.end(&sid(1)).await);
}

async fn of_activity(store: &Store) {
    newer(store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter("b1"), 1), NOW).await);
    newer(store.activity.refund_call(&user(), &app(), (&crate::counter("b1"), 1)).await);
    newer(store.activity.clean_counters(&user(), &app(), &["b1".to_owned()]).await);
    newer(store.activity.add_entry(&user(), &app(), &entry(1), &reference(1), 8).await);
    newer(store.activity.add_entry(&user(), &app(), &entry(2), &reference(1), 8).await);
    newer(store.activity.standing_entry(&user(), &app(), sid(3), NOW.saturating_add(DAY), NOW).await);
    newer(store.activity.update_entry(&user(), &app(), &entry(1), &reference(2)).await);
    newer(store.activity.remove_entry(&user(), &app(), &sid(1)).await);
    newer(store.activity.entry_is_live(&user(), &app(), &sid(1), NOW).await);
    newer(store.activity.sessions_of_user(&user(), NOW).await);
    newer(store.activity.sessions_of_app(Some(&app()), NOW).await);
}

async fn of_the_outbox(store: &Store) {
    let mail = outbox::mail(1).id;
    let code = accounts::code(1, Purpose::ResetPassword, "u1").id;
    newer(store.codes.try_code(&code, Purpose::ResetPassword, NOW).await);
    newer(store.codes.get(&code, Purpose::ResetPassword, NOW).await);
    newer(store.codes.use_up(&code).await);
    newer(store.outbox.claim::<gateway_store::QueuedMail>(&mail, NOW, NOW).await);
    newer(store.outbox.defer(Kind::Mail, &mail, NOW).await);
    newer(store.outbox.due(Kind::Mail, NOW, 1).await);
    let queue = deliveries::queue("user:u_1");
    let (order, event) = deliveries::event("user:u_1", 2);
    let events = &store.deliveries;
    newer(events.add(&queue.destination, (&order, &event), NOW).await);
    newer(events.claim(&queue, NOW, NOW).await);
    newer(events.due(&queue.destination, NOW, 1).await);
    newer(events.waiting(&queue, 1).await);
    newer(events.put_off(&queue, (NOW, 1), None).await);
    newer(events.queues(&queue.destination, 1).await);
    let (order, event) = deliveries::event("logins:u_1", 3);
    newer(events.count(&queue.destination, (&order, &event), 1, &deliveries::unique("other")).await);
    let (day, _) = gateway_store::day_and_time(NOW.as_secs() * 1_000);
    newer(events.of_day(&day, "~", 1).await);
}
