//! Tests of sign-ons: each app has one place, of those that want it at once one gets it, and what has ended stays so.

use crate::versions::items;
use crate::{NOW, at_once, session, sid};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::sign_on::{MAX_EXCHANGES, Member, SignOn};
use gateway_store::{Store, StoreError};
use support::{DynamoDb, dynamodb};

fn second() -> ClientId {
    ClientId::parse("second-app").unwrap()
}

fn member(byte: u8) -> Member {
    let (attempt, before) = (Some(format!("attempt {byte}")), Some("attempt before".to_owned()));
    Member { sid: sid(byte), at: NOW, attempt, before }
}

/// The tables with a sign-on, whose first session is that of byte 1.
async fn begun() -> DynamoDb {
    let db = dynamodb().await;
    db.store.sessions.create_sign_on(&SignOn::begin(&session(1), 7)).await.unwrap();
    db
}

async fn take(store: &Store, byte: u8, before: Option<&SessionId>) -> bool {
    store.sessions.take_place(&sid(1), &second(), &member(byte), before).await.unwrap()
}

async fn stored(store: &Store) -> SignOn {
    store.sessions.sign_on(&sid(1)).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_sign_on_is_read_as_it_was_written_and_written_once() {
    let db = begun().await;
    let first = SignOn::begin(&session(1), 7);
    assert_eq!(stored(&db.store).await, first);
    assert!(take(&db.store, 2, None).await);
    // The redemption that began it was repeated.
    db.store.sessions.create_sign_on(&first).await.unwrap();
    let now = stored(&db.store).await;
    assert_eq!((now.members.get(&second()), now.exchanges), (Some(&member(2)), 1));
    assert_eq!(db.store.sessions.sign_on(&sid(3)).await, Ok(None));
    // It is no session, and none is a sign-on.
    assert_eq!(db.store.sessions.get(&sid(1)).await, Ok(None));
    db.store.sessions.create(&session(3)).await.unwrap();
    assert_eq!(db.store.sessions.sign_on(&sid(3)).await, Ok(None));
}

/// Abuse case O5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_exchanges_at_once_one_gets_the_place() {
    let db = begun().await;
    for before in [None, Some(())] {
        let before = match before {
            None => None,
            Some(()) => stored(&db.store).await.members.get(&second()).map(|member| member.sid.clone()),
        };
        let takes = at_once(10, |at| {
            let (store, before) = (db.store.clone(), before.clone());
            let byte = u8::try_from(at).unwrap() + if before.is_some() { 30 } else { 10 };
            async move { take(&store, byte, before.as_ref()).await }
        });
        assert_eq!(takes.await.into_iter().filter(|taken| *taken).count(), 1, "{before:?}");
    }
    assert_eq!(stored(&db.store).await.exchanges, 2);
    assert!(!take(&db.store, 50, Some(&sid(49))).await, "that session has not the place");
}

/// Abuse case O4.
#[tokio::test]
async fn after_its_end_nobody_gets_a_place_and_its_members_are_known() {
    let db = begun().await;
    assert!(take(&db.store, 2, None).await);
    assert_eq!(db.store.sessions.end_sign_on(&sid(3)).await, Ok(false), "there is none");
    for _ in 0..2 {
        assert_eq!(db.store.sessions.end_sign_on(&sid(1)).await, Ok(true));
    }
    assert!(!take(&db.store, 3, Some(&sid(2))).await);
    assert!(stored(&db.store).await.ended);
    let members = db.store.sessions.members(&sid(1)).await.unwrap();
    let mut sids: Vec<_> = members.into_iter().map(|member| member.sid).collect();
    sids.sort();
    let mut expected = [sid(1), sid(2)];
    expected.sort();
    assert_eq!(sids, expected);
    assert_eq!(db.store.sessions.members(&sid(3)).await, Ok(Vec::new()));
    // A repetition of the login brings nothing back.
    db.store.sessions.create_sign_on(&SignOn::begin(&session(1), 7)).await.unwrap();
    assert!(stored(&db.store).await.ended);
}

/// Abuse case O9.
#[tokio::test]
async fn exchanges_of_one_login_are_bounded() {
    let db = begun().await;
    assert!(take(&db.store, 2, None).await);
    for _ in 1..MAX_EXCHANGES {
        assert!(take(&db.store, 2, Some(&sid(2))).await);
    }
    assert!(!take(&db.store, 2, Some(&sid(2))).await);
    assert_eq!(stored(&db.store).await.exchanges, MAX_EXCHANGES);
}

/// Only the version that has written it knows what it means.
#[tokio::test]
async fn a_newer_sign_on_is_refused_by_every_call_and_stays_as_it_is() {
    let db = begun().await;
    let newer = db.client.update_item().table_name(&db.tables.sessions);
    let newer = newer.key("sid", AttributeValue::S(format!("sso#{}", sid(1)))).update_expression("SET v = :two");
    newer.expression_attribute_values(":two", AttributeValue::N("2".into())).send().await.unwrap();
    let before = items(&db, &db.tables.sessions).await;
    let refused = |error: StoreError| assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    refused(db.store.sessions.sign_on(&sid(1)).await.unwrap_err());
    refused(db.store.sessions.members(&sid(1)).await.unwrap_err());
    refused(db.store.sessions.take_place(&sid(1), &second(), &member(2), None).await.unwrap_err());
    refused(db.store.sessions.end_sign_on(&sid(1)).await.unwrap_err());
    assert_eq!(items(&db, &db.tables.sessions).await, before);
}
