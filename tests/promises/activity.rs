//! Tests of the activity item: no race loses or adds a call, or lets in more sessions than allowed.

use crate::{NOW, app, at_once, legacy, sid, user};
use gateway_domain::call_context::TokenRef;
use gateway_domain::dpop::Proof;
use gateway_domain::dpop::seen::{MOST, ProofSet, SeenProof};
use gateway_domain::holder_key::HolderKey;
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{Counted, Entry, NewEntry, Store};
use std::collections::BTreeMap;
use support::dynamodb;

fn entry(byte: u8) -> Entry {
    Entry { sid: sid(byte), ends: NOW.saturating_add(Seconds::new(3_600)) }
}

fn small(version: u64) -> BTreeMap<gateway_domain::ids::ConnectorName, TokenRef> {
    BTreeMap::from([(
        legacy(),
        TokenRef {
            version,
            sealed: Some(SealedToken::parse("k1.c2VhbGVk")),
            ends: Some(Timestamp::from_secs(1_900_000_000)),
        },
    )])
}

async fn live(store: &Store, byte: u8) {
    assert_eq!(store.activity.add_entry(&user(), &app(), &entry(byte), &small(1), 8).await, Ok(NewEntry::Added));
}

async fn count(store: &Store, byte: u8) -> Counted {
    store.activity.count_call(&user(), &app(), &sid(byte), (&crate::counter("b1"), 1), NOW).await.unwrap()
}

/// Checklist Q-10: 200 concurrent calls see 200 distinct counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_concurrent_call_sees_a_count_of_its_own() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    let seen = at_once(200, |_| {
        let store = db.store.clone();
        async move {
            match count(&store, 1).await {
                Counted::Live(view) => view.counters["b1"],
                Counted::SessionEnded | Counted::Replayed => panic!("the session is alive"),
            }
        }
    });
    let mut seen = seen.await;
    seen.sort_unstable();
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

/// Checklist V-02, Z-25: the next call finds that an entry was removed; abuse case F7.
#[tokio::test]
async fn a_call_is_counted_only_while_its_session_is_alive() {
    let db = dynamodb().await;
    assert_eq!(count(&db.store, 1).await, Counted::SessionEnded, "never began");
    live(&db.store, 1).await;
    assert!(matches!(count(&db.store, 1).await, Counted::Live(_)));
    let after = NOW.saturating_add(Seconds::new(3_600));
    let late = db.store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter("b1"), 1), after).await;
    assert_eq!(late, Ok(Counted::SessionEnded), "past its absolute end, though no TTL has removed it");
    db.store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    assert_eq!(count(&db.store, 1).await, Counted::SessionEnded);
}

#[tokio::test]
async fn counters_outlive_the_session_so_that_logging_out_does_not_reset_a_limit() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    count(&db.store, 1).await;
    db.store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    live(&db.store, 2).await;
    let Counted::Live(view) = count(&db.store, 2).await else { panic!("the session is alive") };
    assert_eq!(view.counters["b1"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_never_go_below_zero() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    for _ in 0..3 {
        count(&db.store, 1).await;
    }
    let refunds = at_once(20, |_| {
        let store = db.store.clone();
        async move { store.activity.refund_call(&user(), &app(), (&crate::counter("b1"), 1)).await }
    });
    assert!(refunds.await.into_iter().all(|refund| refund.is_ok()));
    let Counted::Live(view) = count(&db.store, 1).await else { panic!("the session is alive") };
    assert_eq!(view.counters["b1"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_concurrent_logins_only_as_many_as_allowed_find_room() {
    let db = dynamodb().await;
    let outcomes = at_once(20, |index| {
        let store = db.store.clone();
        let entry = entry(u8::try_from(index).unwrap());
        async move { store.activity.add_entry(&user(), &app(), &entry, &small(1), 8).await.unwrap() }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == NewEntry::Added).count(), 8);
    let full = outcomes.iter().find_map(|outcome| match outcome {
        NewEntry::Full(entries) => Some(entries.len()),
        NewEntry::Added => None,
    });
    assert_eq!(full, Some(8), "who finds no room is told who has it");
}

#[tokio::test]
async fn adding_and_removing_twice_is_once() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    live(&db.store, 1).await;
    for _ in 0..2 {
        db.store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    }
    for byte in 2..10 {
        live(&db.store, byte).await;
    }
    let ninth = db.store.activity.add_entry(&user(), &app(), &entry(10), &small(1), 8).await.unwrap();
    assert!(matches!(ninth, NewEntry::Full(_)), "the number of sessions is exact");
}

/// Only the first session has its token inline, which keeps the item within one write unit.
#[tokio::test]
async fn the_item_stays_within_one_write_unit_with_all_sessions_and_counters() {
    let db = dynamodb().await;
    for byte in 1..9 {
        live(&db.store, byte).await;
    }
    for index in 0..28 {
        let bucket = format!("b{}", 360_000_000 + index);
        let counted =
            db.store.activity.count_call(&user(), &app(), &sid(1), (&crate::counter(&bucket), 1), NOW).await.unwrap();
        let Counted::Live(view) = counted else { panic!("the session is alive") };
        assert!(view.capacity_units <= 1.0, "{} units with {index} counters", view.capacity_units);
        assert!(view.tokens[&legacy()].sealed.is_some());
    }
    let Counted::Live(other) = count(&db.store, 2).await else { panic!("the session is alive") };
    assert_eq!(other.tokens[&legacy()], TokenRef::by_version(1));
}

/// The proof of this id, made at this time. Its signature is no business of the store.
fn proof(jti: &str, iat: Timestamp, now: Timestamp) -> SeenProof {
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    });
    let key = HolderKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    SeenProof::of(&sid(1), &Proof { key, jti: jti.to_owned(), iat, nonce: None }, now)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + seconds)
}

/// Counts a call of the first session with the proof of this id, made when it came.
async fn proved(store: &Store, jti: &str, now: Timestamp) -> Counted {
    let (seen, counters) = (proof(jti, now, now), crate::counter("b1"));
    store.activity.count_proved_call(&user(), &app(), &sid(1), (&counters, 1), &seen, now).await.unwrap()
}

/// Abuse case D15; checklist D-16.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_calls_with_one_proof_one_is_counted() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    let outcomes = at_once(30, |index| {
        let store = db.store.clone();
        // Each of ten proofs thrice.
        async move { proved(&store, &(index % 10).to_string(), NOW).await }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Counted::Live(_))).count(), 10);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Counted::Replayed).count(), 20);
    let Counted::Live(view) = count(&db.store, 1).await else { panic!("the session is alive") };
    assert_eq!(view.counters["b1"], 11, "a call that is replayed counts for nothing");
    assert!(view.proofs.is_empty(), "who has noted none is told of none");
}

#[tokio::test]
async fn a_proof_is_remembered_until_its_set_is_over_and_then_removed_with_a_later_one() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    assert!(matches!(proved(&db.store, "one", NOW).await, Counted::Live(_)));
    // It is still good, by its own time, when its last moment has come.
    let (late, counters) = (proof("one", NOW, at(59)), crate::counter("b1"));
    let again =
        db.store.activity.count_proved_call(&user(), &app(), &sid(1), (&counters, 1), &late, at(59)).await.unwrap();
    assert_eq!(again, Counted::Replayed);
    let Counted::Live(view) = proved(&db.store, "two", at(60)).await else { panic!("the session is alive") };
    assert_eq!(view.proofs.values().sum::<usize>(), 2);
    let Counted::Live(view) = proved(&db.store, "three", at(100)).await else { panic!("the session is alive") };
    let first = ProofSet::parse("j90000000").unwrap();
    assert!(!view.proofs.contains_key(&first) && view.proofs.len() == 2, "{:?}", view.proofs);
}

#[tokio::test]
async fn a_call_of_an_ended_session_is_told_so_whatever_its_proof() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    assert!(matches!(proved(&db.store, "one", NOW).await, Counted::Live(_)));
    db.store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    assert_eq!(proved(&db.store, "one", NOW).await, Counted::SessionEnded);
    assert_eq!(proved(&db.store, "two", NOW).await, Counted::SessionEnded);
}

/// What is left of a burst before a pause is removed by name, with counters.
#[tokio::test]
async fn sets_that_are_left_are_cleaned() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    for index in 0..20 {
        proved(&db.store, &index.to_string(), NOW).await;
    }
    let Counted::Live(view) = proved(&db.store, "later", at(3_000)).await else { panic!("the session is alive") };
    let stale = gateway_domain::dpop::seen::stale(&view.proofs, at(3_000));
    assert_eq!(stale, ["j90000000"]);
    db.store.activity.clean_counters(&user(), &app(), &stale).await.unwrap();
    let Counted::Live(view) = proved(&db.store, "last", at(3_001)).await else { panic!("the session is alive") };
    assert_eq!(view.proofs.len(), 1);
}

/// With four sessions, the counters of a minute before they are cleaned, and as many proofs as a plan may have for them to be noted, made over
/// as long a time as they can be.
#[tokio::test]
async fn the_item_stays_within_one_write_unit_with_all_proofs_that_are_noted() {
    let db = dynamodb().await;
    for byte in 1..5 {
        live(&db.store, byte).await;
    }
    for index in 0..i64::try_from(MOST).unwrap() {
        let counter = crate::counter(&format!("b{}", 360_000_000 + index % 24));
        let seen = proof(&index.to_string(), at(index * 2 - 60), at(0));
        let counted = db.store.activity.count_proved_call(&user(), &app(), &sid(1), (&counter, 1), &seen, NOW).await;
        let Ok(Counted::Live(view)) = counted else { panic!("{counted:?}") };
        assert!(view.capacity_units <= 1.0, "{} units with {} sets", view.capacity_units, view.proofs.len());
    }
    let Counted::Live(view) = proved(&db.store, "one more", NOW).await else { panic!("the session is alive") };
    assert_eq!((view.proofs.values().sum::<usize>(), view.proofs.len()), (61, 6));
    assert!(view.capacity_units <= 1.0, "{} units", view.capacity_units);
}

#[tokio::test]
async fn a_renewal_never_recreates_a_removed_entry_and_an_older_version_never_wins() {
    let db = dynamodb().await;
    live(&db.store, 1).await;
    db.store.activity.update_entry(&user(), &app(), &entry(1), &small(3)).await.unwrap();
    db.store.activity.update_entry(&user(), &app(), &entry(1), &small(2)).await.unwrap();
    let Counted::Live(view) = count(&db.store, 1).await else { panic!("the session is alive") };
    assert_eq!(view.tokens[&legacy()].version, 3);
    db.store.activity.remove_entry(&user(), &app(), &sid(1)).await.unwrap();
    db.store.activity.update_entry(&user(), &app(), &entry(1), &small(4)).await.unwrap();
    assert_eq!(count(&db.store, 1).await, Counted::SessionEnded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_acting_for_itself_has_one_session_however_many_ask() {
    let db = dynamodb().await;
    let sids = at_once(20, |index| {
        let store = db.store.clone();
        let (new, ends) = (sid(u8::try_from(index).unwrap()), NOW.saturating_add(Seconds::new(600 + index as u64)));
        async move { store.activity.standing_entry(&user(), &app(), new, ends, NOW).await.unwrap() }
    });
    let sids: std::collections::BTreeSet<_> = sids.await.into_iter().collect();
    assert_eq!(sids.len(), 1);
    let only = sids.first().unwrap();
    let almost = NOW.saturating_add(Seconds::new(618));
    assert!(db.store.activity.entry_is_live(&user(), &app(), only, almost).await.unwrap(), "the latest end stands");
    let over = NOW.saturating_add(Seconds::new(700));
    let next =
        db.store.activity.standing_entry(&user(), &app(), sid(99), over.saturating_add(Seconds::new(600)), over).await;
    assert_eq!(next, Ok(sid(99)), "an ended one is begun anew");
}
