//! Sessions: one successor, one lease, and an end that stays.

use crate::{DAY, NOW, at_once, legacy, session, sid, token};
use domain::session::Session;
use domain::time::Seconds;
use support::dynamodb;

fn next(session: &Session) -> Session {
    Session { family: session.family.rotated(None, DAY, NOW), ..session.clone() }
}

#[tokio::test]
async fn a_session_is_read_as_it_was_written() {
    let db = dynamodb().await;
    let mut written = session(1);
    written.family.attempt = Some("hash".into());
    db.store.create_session(&written).await.unwrap();
    assert_eq!(db.store.session(&sid(1)).await, Ok(Some(written)));
    assert_eq!(db.store.session(&sid(2)).await, Ok(None));
}

/// Abuse case F1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_rotate_one_generation_exactly_one_does() {
    let db = dynamodb().await;
    db.store.create_session(&session(1)).await.unwrap();
    let outcomes = at_once(50, |index| {
        let (store, next) = (db.store.clone(), next(&session(1)));
        async move { store.rotate_session(&next, &index.to_string(), false, NOW).await.unwrap() }
    });
    assert_eq!(outcomes.await.into_iter().filter(|rotated| *rotated).count(), 1);
    assert_eq!(db.store.session(&sid(1)).await.unwrap().unwrap().family.generation, 2);
}

/// A write whose answer was lost is repeated by the SDK: the repetition finds its own work and is told so.
#[tokio::test]
async fn a_repeated_commit_recognises_itself_and_a_foreign_one_does_not() {
    let db = dynamodb().await;
    db.store.create_session(&session(1)).await.unwrap();
    let next = next(&session(1));
    assert_eq!(db.store.rotate_session(&next, "mine", false, NOW).await, Ok(true));
    assert_eq!(db.store.rotate_session(&next, "mine", false, NOW).await, Ok(true));
    assert_eq!(db.store.rotate_session(&next, "other", false, NOW).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_held_by_one_keeps_others_from_committing_and_lapses() {
    let db = dynamodb().await;
    db.store.create_session(&session(1)).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(15));
    let holders = at_once(20, |index| {
        let store = db.store.clone();
        async move {
            let me = index.to_string();
            store.lease_session(&sid(1), 1, &me, until, NOW).await.unwrap().then_some(me)
        }
    });
    let holders: Vec<_> = holders.await.into_iter().flatten().collect();
    let [holder] = holders.as_slice() else { panic!("one holder, not {holders:?}") };
    let next = next(&session(1));
    assert_eq!(db.store.rotate_session(&next, "without", false, NOW).await, Ok(false));
    assert_eq!(db.store.rotate_session(&next, "pretender", true, NOW).await, Ok(false));
    let later = NOW.saturating_add(Seconds::new(16));
    assert_eq!(db.store.lease_session(&sid(1), 1, "heir", until, later).await, Ok(true), "an abandoned lease lapses");
    assert_eq!(db.store.rotate_session(&next, holder, true, later).await, Ok(false), "its former holder is out");
    assert_eq!(db.store.rotate_session(&next, "heir", true, later).await, Ok(true));
    assert_eq!(db.store.lease_session(&sid(1), 1, "late", until, later).await, Ok(false), "the generation is over");
}

#[tokio::test]
async fn a_released_lease_is_free_at_once_and_only_its_holder_releases_it() {
    let db = dynamodb().await;
    db.store.create_session(&session(1)).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(15));
    assert_eq!(db.store.lease_session(&sid(1), 1, "a", until, NOW).await, Ok(true));
    db.store.release_session(&sid(1), "b").await.unwrap();
    assert_eq!(db.store.lease_session(&sid(1), 1, "b", until, NOW).await, Ok(false));
    db.store.release_session(&sid(1), "a").await.unwrap();
    assert_eq!(db.store.lease_session(&sid(1), 1, "b", until, NOW).await, Ok(true));
}

/// Checklist V-01, V-05; abuse case F7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_hands_out_the_internal_tokens_once_and_no_rotation_undoes_it() {
    let db = dynamodb().await;
    db.store.create_session(&session(1)).await.unwrap();
    let ends = at_once(10, |_| {
        let store = db.store.clone();
        async move { store.end_session(&sid(1)).await.unwrap().unwrap().tokens }
    });
    let handed: Vec<_> = ends.await.into_iter().filter(|tokens| !tokens.is_empty()).collect();
    assert_eq!(handed, [session(1).tokens]);
    assert_eq!(db.store.rotate_session(&next(&session(1)), "late", false, NOW).await, Ok(false));
    assert!(db.store.session(&sid(1)).await.unwrap().unwrap().family.ended);
    assert_eq!(db.store.sealed_tokens(&sid(1)).await, Ok(None));
    assert_eq!(db.store.end_session(&sid(2)).await, Ok(None), "there is no such session");
}

#[tokio::test]
async fn the_proxy_reads_version_token_and_end() {
    let db = dynamodb().await;
    db.store.create_session(&session(1)).await.unwrap();
    let tokens = db.store.sealed_tokens(&sid(1)).await.unwrap().unwrap();
    let expected = token(1);
    assert_eq!(tokens[&legacy()], (1, expected.sealed, expected.ends));
}
