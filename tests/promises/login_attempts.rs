//! Tests of login attempts: each is reserved before it is evaluated, and concurrent ones get no more than sequential ones.

use crate::{NOW, at_once, users};
use gateway_domain::login_attempts::{ACCOUNT, Counter, Limit, PAIR, SOURCE};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{Reservation, Store, StoreError, User};
use support::{DynamoDb, dynamodb};

/// Reads and reserves, as the token function does.
pub(crate) async fn reserve(store: &Store, key: &str, limit: Limit, now: Timestamp) -> Result<Reservation, StoreError> {
    let seen = store.attempts.get(key).await?;
    store.attempts.reserve(key, limit, &seen, now).await
}

async fn granted_of(db: &DynamoDb, times: usize, limit: Limit, now: Timestamp) -> u64 {
    let outcomes = at_once(times, |_| {
        let store = db.store.clone();
        async move { reserve(&store, "key", limit, now).await.unwrap() }
    });
    outcomes.await.into_iter().filter(|one| *one == Reservation::Granted).count() as u64
}

/// Abuse case G2; checklist G-04: no race loses a count, neither of the first attempt nor of any later one, over a day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_attempts_at_once_again_and_again_no_more_are_granted_than_one_after_the_other() {
    let db = dynamodb().await;
    let (mut model, mut now, mut evaluated) = (Counter::EMPTY, NOW, 0);
    for pause in [0, 0, 60, 60, 1, 3_600, 12, 36_000, 60, 43_000] {
        now = now.saturating_add(Seconds::new(pause));
        let mut allowed = 0;
        while let Ok(permit) = model.permit(PAIR, now) {
            model = model.counted(PAIR, permit, now);
            allowed += 1;
        }
        assert_eq!(granted_of(&db, 50, PAIR, now).await, allowed, "after {} s", now.since(NOW));
        evaluated += allowed;
        assert_eq!(db.store.attempts.get("key").await.unwrap().counter, model);
    }
    assert!(evaluated <= PAIR.most + now.since(NOW).as_u64() / PAIR.every.as_u64(), "{evaluated}");
}

/// Abuse case G8: as many concurrent correct logins as there are free attempts do not disturb each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_at_once_are_all_granted() {
    let db = dynamodb().await;
    assert_eq!(granted_of(&db, 10, PAIR, NOW).await, 10);
}

/// Of five hundred correct logins from one address, a hundred at a time, each is granted and none stays counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_logins_of_many_behind_one_address_leave_its_counter_empty() {
    let db = dynamodb().await;
    for _ in 0..5 {
        let outcomes = at_once(100, |_| {
            let store = db.store.clone();
            async move {
                let reserved = reserve(&store, "source", SOURCE, NOW).await.unwrap();
                store.attempts.give_back("source", SOURCE).await.unwrap();
                reserved
            }
        });
        assert!(outcomes.await.into_iter().all(|one| one == Reservation::Granted));
    }
    assert!(db.store.attempts.get("source").await.unwrap().counter.empty_at <= NOW);
}

/// A counter whose `empty_at` has come starts from empty, whether it was full or not.
#[tokio::test]
async fn a_counter_that_has_lapsed_begins_anew() {
    let db = dynamodb().await;
    for (key, before) in [("one", 1), ("nine", 9), ("full", ACCOUNT.free)] {
        for _ in 0..before {
            reserve(&db.store, key, ACCOUNT, NOW).await.unwrap();
        }
        let then = db.store.attempts.get(key).await.unwrap().counter.empty_at;
        for _ in 0..ACCOUNT.free {
            assert_eq!(reserve(&db.store, key, ACCOUNT, then).await, Ok(Reservation::Granted), "{key}");
        }
        let lapses = then.saturating_add(Seconds::new(ACCOUNT.free * ACCOUNT.every.as_u64()));
        assert_eq!(db.store.attempts.get(key).await.unwrap().counter.empty_at, lapses, "{key}");
    }
}

/// Checklist P-09: a success resets the counter; the source is then known for the credentials that were used, until a time.
#[tokio::test]
async fn a_success_forgets_failures_and_makes_the_source_known_until_then() {
    let db = dynamodb().await;
    for _ in 0..PAIR.free + 1 {
        reserve(&db.store, "p", PAIR, NOW).await.unwrap();
    }
    let until = NOW.saturating_add(Seconds::new(1_000));
    let ada = users::user("u1", "ada@example.com");
    let of_ada = ada.credential_version();
    db.store.attempts.remember_login("p", PAIR, &of_ada, until).await.unwrap();
    let seen = db.store.attempts.get("p").await.unwrap();
    assert!(seen.is_known(&of_ada, NOW) && !seen.is_known(&of_ada, until) && seen.counter == Counter::EMPTY);
    let changed = User { credential_epoch: ada.credential_epoch + 1, ..ada.clone() };
    let namesake = users::user("u2", "ada@example.com");
    assert!(!seen.is_known(&changed.credential_version(), NOW), "another password");
    assert!(!seen.is_known(&namesake.credential_version(), NOW), "another user of that address");
    for _ in 0..PAIR.free {
        assert_eq!(reserve(&db.store, "p", PAIR, NOW).await, Ok(Reservation::Granted));
    }
}

/// A reservation does not rely on what was read before: its conditional write fails if that is outdated.
#[tokio::test]
async fn a_reservation_on_what_was_read_long_ago_counts_as_much() {
    let db = dynamodb().await;
    let old = db.store.attempts.get("old").await.unwrap();
    let mut granted = 0;
    for _ in 0..PAIR.free + 5 {
        granted += u64::from(db.store.attempts.reserve("old", PAIR, &old, NOW).await == Ok(Reservation::Granted));
    }
    assert_eq!(granted, PAIR.free + 1);
    let of_ada = users::user("u1", "ada@example.com").credential_version();
    db.store.attempts.remember_login("old", PAIR, &of_ada, NOW.saturating_add(Seconds::new(9))).await.unwrap();
    assert_eq!(db.store.attempts.reserve("old", PAIR, &old, NOW).await, Ok(Reservation::Granted));
}

/// What may be used once is used once, by whoever comes first, until it means nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_uses_at_once_of_what_may_be_used_once_one_succeeds() {
    let db = dynamodb().await;
    let until = NOW.saturating_add(Seconds::new(60));
    let store = db.store.clone();
    let uses = |key: &'static str, now: Timestamp, until: Timestamp| {
        let store = store.clone();
        at_once(20, move |_| {
            let store = store.clone();
            async move { store.attempts.use_once(key, until, now).await.unwrap() }
        })
    };
    let used = |outcomes: Vec<bool>| outcomes.into_iter().filter(|used| *used).count();
    assert_eq!(used(uses("one", NOW, until).await), 1);
    assert_eq!(used(uses("other", NOW, until).await), 1);
    let last = NOW.saturating_add(Seconds::new(59));
    assert_eq!(used(uses("one", last, until.saturating_add(Seconds::new(60))).await), 0);
    assert_eq!(used(uses("one", until, until.saturating_add(Seconds::new(60))).await), 1);
}
