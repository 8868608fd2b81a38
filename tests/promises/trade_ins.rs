//! Tests of trade-ins: of many requests with one token one asks its issuer, and the token becomes one session.

use crate::{DAY, NOW, app, at_once, sid, user, users};
use gateway_domain::ids::{IssuerName, UserId};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::trade_in::{ForeignRefreshToken, LEASE, Progress, RecordKey, Traded};
use support::dynamodb;

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
        async move { table.lease(&key("x"), &number.to_string(), (until(), NOW), until()).await.unwrap() }
    });
    let leased: Vec<_> = leased.await.into_iter().enumerate().filter_map(|(at, one)| Some((at, one?))).collect();
    let [(holder, record)] = &leased[..] else { panic!("{leased:?}") };
    assert_eq!((record.leased_until, &record.progress), (Some(until()), &Progress::Asked));
    let other = table.lease(&key("y"), "other", (until(), NOW), until()).await;
    assert!(other.unwrap().is_some(), "another token is another record");
    table.release(&key("x"), "nobody", until()).await.unwrap();
    let taken = async |name: &str, now| table.lease(&key("x"), name, (now, now), until()).await.unwrap().is_some();
    assert!(!taken("late", NOW).await, "whoever has it not gives nothing back");
    table.release(&key("x"), &holder.to_string(), until()).await.unwrap();
    assert!(taken("next", NOW).await);
    assert!(taken("after", until()).await, "it has lapsed");
}

#[tokio::test]
async fn what_the_issuer_answered_is_kept_for_whoever_goes_on() {
    let db = dynamodb().await;
    let (table, sealed) = (&db.store.trade_ins, SealedToken::parse("k.x"));
    table.lease(&key("x"), "one", (until(), NOW), until()).await.unwrap().unwrap();
    assert_eq!(table.answered(&key("x"), "other", &sealed).await, Ok(false));
    assert_eq!(table.answered(&key("x"), "one", &sealed).await, Ok(true));
    let late = until().saturating_add(Seconds::new(1));
    let record = table.lease(&key("x"), "two", (late.saturating_add(LEASE), late), late).await.unwrap().unwrap();
    assert_eq!(record.progress, Progress::Answered(sealed));
    assert_eq!(table.traded(&key("x"), "one", &traded(1), late).await, Ok(false), "its lease has lapsed");
    assert_eq!(table.traded(&key("x"), "two", &traded(2), late).await, Ok(true));
    assert_eq!(table.traded(&key("x"), "two", &traded(2), late).await, Ok(true), "the SDK repeats a write");
    assert_eq!(table.traded(&key("x"), "two", &traded(3), late).await, Ok(false));
    let record = table.get(&key("x")).await.unwrap().unwrap();
    assert_eq!((record.leased_until, record.progress), (None, Progress::Traded(traded(2))));
    let again = table.lease(&key("x"), "three", (until(), late), late).await;
    assert_eq!(again, Ok(None), "nobody asks for what has become a session");
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
