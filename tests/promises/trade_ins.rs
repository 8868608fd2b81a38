//! Tests of trade-ins: of many requests with one token one asks its issuer, and the token becomes one session.

use crate::versions::items;
use crate::{DAY, NOW, app, at_once, sid, user, users};
use gateway_domain::ids::{IssuerName, UserId};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::trade_in::{ForeignRefreshToken, LEASE, Progress, RecordKey, Traded};
use support::{DynamoDb, dynamodb};

fn issuer() -> IssuerName {
    IssuerName::parse("sso").unwrap()
}

fn key(text: &str) -> RecordKey {
    ForeignRefreshToken::of(text, "https://auth.example.com").unwrap().record(&issuer())
}

fn traded(byte: u8) -> Traded {
    Traded { user_id: user(), client_id: app(), sid: sid(byte), ends: NOW.saturating_add(DAY), credential_epoch: 1 }
}

fn until() -> Timestamp {
    NOW.saturating_add(LEASE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_one_has_the_lease_until_it_lapses_or_is_given_back() {
    let db = dynamodb().await;
    let table = &db.store.trade_ins;
    assert_eq!(table.get(&key("x")).await, Ok(None));
    let leased = at_once(8, |number| {
        let table = table.clone();
        async move { table.lease(&key("x"), &number.to_string(), (until(), NOW), (false, until())).await.unwrap() }
    });
    let leased: Vec<_> = leased.await.into_iter().enumerate().filter_map(|(at, one)| Some((at, one?))).collect();
    let [(holder, record)] = &leased[..] else { panic!("{leased:?}") };
    assert_eq!((record.leased_until, &record.progress), (Some(until()), &Progress::Asked));
    let other = table.lease(&key("y"), "other", (until(), NOW), (false, until())).await;
    assert!(other.unwrap().is_some(), "another token is another record");
    table.release(&key("x"), "nobody").await.unwrap();
    let taken =
        async |name: &str, now| table.lease(&key("x"), name, (now, now), (false, until())).await.unwrap().is_some();
    assert!(!taken("late", NOW).await, "whoever has it not gives nothing back");
    table.release(&key("x"), &holder.to_string()).await.unwrap();
    assert!(taken("next", NOW).await);
    assert!(taken("after", until()).await, "it has lapsed");
}

/// Until when the record of `x` is kept.
async fn kept(db: &DynamoDb) -> i64 {
    let records = items(db, &db.tables.sessions).await;
    records[0]["ttl"].as_n().unwrap().parse().unwrap()
}

/// A record that says nothing is soon forgotten, and none that says something is with it.
#[tokio::test]
async fn what_the_issuer_answered_is_kept_for_whoever_goes_on() {
    let db = dynamodb().await;
    let (table, sealed) = (&db.store.trade_ins, SealedToken::parse("k.x"));
    let [short, long, longest] = [1_u64, 30, 300].map(|days| NOW.saturating_add(Seconds::new(days * 86_400)));
    table.lease(&key("x"), "one", (until(), NOW), (false, short)).await.unwrap().unwrap();
    assert_eq!(kept(&db).await, short.as_secs());
    assert_eq!(table.answered(&key("x"), "other", &sealed, long).await, Ok(false));
    assert_eq!(kept(&db).await, short.as_secs());
    assert_eq!(table.answered(&key("x"), "one", &sealed, long).await, Ok(true));
    assert_eq!(kept(&db).await, long.as_secs());
    let late = until().saturating_add(Seconds::new(1));
    let times = (late.saturating_add(LEASE), late);
    assert_eq!(table.lease(&key("x"), "two", times, (false, short)).await, Ok(None), "whoever has read it before that");
    assert_eq!(table.lease(&key("y"), "two", times, (true, long)).await, Ok(None), "nor is there an answer to another");
    let record = table.lease(&key("x"), "two", times, (true, long)).await.unwrap().unwrap();
    assert_eq!(record.progress, Progress::Answered(sealed));
    table.release(&key("x"), "two").await.unwrap();
    assert_eq!(kept(&db).await, long.as_secs());
    table.lease(&key("x"), "two", times, (true, long)).await.unwrap().unwrap();
    assert_eq!(table.traded(&key("x"), "one", &traded(1), longest).await, Ok(false), "its lease has lapsed");
    assert_eq!(table.traded(&key("x"), "two", &traded(2), longest).await, Ok(true));
    assert_eq!(table.traded(&key("x"), "two", &traded(2), longest).await, Ok(true), "the SDK repeats a write");
    assert_eq!(table.traded(&key("x"), "two", &traded(3), longest).await, Ok(false));
    assert_eq!(kept(&db).await, longest.as_secs());
    let record = table.get(&key("x")).await.unwrap().unwrap();
    assert_eq!((record.leased_until, record.progress), (None, Progress::Traded(traded(2))));
    for is_answered in [false, true] {
        let again = table.lease(&key("x"), "three", times, (is_answered, long)).await;
        assert_eq!(again, Ok(None), "nobody asks for what has become a session");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_of_another_issuer_is_one_persons() {
    let db = dynamodb().await;
    for (id, email) in [("user-1", "ada@example.com"), ("user-2", "bob@example.com")] {
        db.store.users.create(&users::user(id, email)).await.unwrap();
    }
    let linked = at_once(8, |number| {
        let store = db.store.clone();
        let user = UserId::parse(if number % 2 == 0 { "user-1" } else { "user-2" }).unwrap();
        async move { (user.clone(), store.users.link_to_issuer(&user, &issuer(), "f:1:ada").await.unwrap()) }
    });
    let linked = linked.await;
    let holder = db.store.users.linked_to(&issuer(), "f:1:ada").await.unwrap().unwrap().user_id;
    assert!(linked.iter().all(|(user, done)| !done || *user == holder), "{linked:?}");
    assert!(linked.iter().any(|(_, done)| *done));
    // By the credentials of that time: a new password is the end of it, and a link that an operator makes again begins anew.
    let known = async || db.store.users.known_by_link(&issuer(), "f:1:ada").await.unwrap().unwrap().is_unchanged();
    assert!(known().await);
    db.store.users.change_credentials(&holder, None, true).await.unwrap();
    assert!(!known().await);
    assert_eq!(db.store.users.link_to_issuer(&holder, &issuer(), "f:1:ada").await, Ok(true));
    assert!(known().await);
    let other = IssuerName::parse("other").unwrap();
    assert_eq!(db.store.users.linked_to(&other, "f:1:ada").await, Ok(None), "of this issuer alone");
    // Whose id is the subject is known so since it was made; another link changes nothing of it, and one to that id begins anew.
    let known = async || db.store.users.known_by_id(&holder).await.unwrap().unwrap().is_unchanged();
    assert!(!known().await, "it has other credentials by now");
    assert_eq!(db.store.users.link_to_issuer(&holder, &other, holder.as_str()).await, Ok(true));
    assert!(known().await);
    let made = UserId::parse(if holder.as_str() == "user-1" { "user-2" } else { "user-1" }).unwrap();
    assert!(db.store.users.known_by_id(&made).await.unwrap().unwrap().is_unchanged());
}
