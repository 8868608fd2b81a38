//! Tests of sessions: one rotation of each generation, one holder of the lease, and an end that is final.

use crate::{DAY, NOW, at_once, key, legacy, session, sid, token};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::session::{Holder, Idle, InternalToken, Session};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{Store, StoreError};
use support::dynamodb;

fn next(session: &Session) -> Session {
    Session { family: session.family.rotated(None, DAY, NOW), ..session.clone() }
}

#[tokio::test]
async fn a_session_is_read_as_it_was_written() {
    let db = dynamodb().await;
    let mut written = session(1);
    written.family.attempt = Some("hash".into());
    written.holder = Some(Holder { key: key(), since: 7 });
    db.store.sessions.create(&written).await.unwrap();
    assert_eq!(db.store.sessions.get(&sid(1)).await, Ok(Some(written)));
    assert_eq!(db.store.sessions.get(&sid(2)).await, Ok(None));
}

/// Abuse case F1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_rotate_one_generation_exactly_one_does() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let outcomes = at_once(50, |index| {
        let (store, next) = (db.store.clone(), next(&session(1)));
        async move { store.sessions.rotate(&next, &index.to_string(), false, NOW).await.unwrap() }
    });
    assert_eq!(outcomes.await.into_iter().filter(|rotated| *rotated).count(), 1);
    assert_eq!(db.store.sessions.get(&sid(1)).await.unwrap().unwrap().family.generation, 2);
}

/// The SDK repeats a write whose response was lost. The repetition finds its own write and succeeds.
#[tokio::test]
async fn a_repeated_commit_recognises_itself_and_a_foreign_one_does_not() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let next = next(&session(1));
    assert_eq!(db.store.sessions.rotate(&next, "mine", false, NOW).await, Ok(true));
    assert_eq!(db.store.sessions.rotate(&next, "mine", false, NOW).await, Ok(true));
    assert_eq!(db.store.sessions.rotate(&next, "other", false, NOW).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_held_by_one_keeps_others_from_committing_and_lapses() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(15));
    let holders = at_once(20, |index| {
        let store = db.store.clone();
        async move {
            let me = index.to_string();
            store.sessions.lease(&session(1), &me, until, NOW).await.unwrap().then_some(me)
        }
    });
    let holders: Vec<_> = holders.await.into_iter().flatten().collect();
    let [holder] = holders.as_slice() else { panic!("one holder, not {holders:?}") };
    let next = next(&session(1));
    assert_eq!(db.store.sessions.rotate(&next, "without", false, NOW).await, Ok(false));
    assert_eq!(db.store.sessions.rotate(&next, "pretender", true, NOW).await, Ok(false));
    let later = NOW.saturating_add(Seconds::new(16));
    assert_eq!(db.store.sessions.lease(&session(1), "heir", until, later).await, Ok(true), "an abandoned lease lapses");
    assert_eq!(db.store.sessions.rotate(&next, holder, true, later).await, Ok(false), "its former holder is out");
    assert_eq!(db.store.sessions.rotate(&next, "heir", true, later).await, Ok(true));
    assert_eq!(db.store.sessions.lease(&session(1), "late", until, later).await, Ok(false), "the generation is over");
}

#[tokio::test]
async fn a_released_lease_is_free_at_once_and_only_its_holder_releases_it() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(15));
    assert_eq!(db.store.sessions.lease(&session(1), "a", until, NOW).await, Ok(true));
    db.store.sessions.release(&sid(1), "b").await.unwrap();
    assert_eq!(db.store.sessions.lease(&session(1), "b", until, NOW).await, Ok(false));
    db.store.sessions.release(&sid(1), "a").await.unwrap();
    assert_eq!(db.store.sessions.lease(&session(1), "b", until, NOW).await, Ok(true));
}

/// Checklist V-01; abuse case F7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_stays_and_every_end_finds_the_tokens_that_are_not_logged_out() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let ends = at_once(10, |_| {
        let store = db.store.clone();
        async move { store.sessions.end(&sid(1)).await.unwrap().unwrap().tokens }
    });
    assert_eq!(ends.await, vec![session(1).tokens; 10]);
    assert_eq!(db.store.sessions.rotate(&next(&session(1)), "late", false, NOW).await, Ok(false));
    assert!(db.store.sessions.get(&sid(1)).await.unwrap().unwrap().family.ended);
    assert_eq!(db.store.sessions.internal_tokens(&sid(1)).await, Ok(None));
    assert_eq!(db.store.sessions.end(&sid(2)).await, Ok(None), "there is no such session");
}

/// Checklist V-05: an item of a newer version does not prevent the logout of other sessions.
#[tokio::test]
async fn a_session_of_a_newer_version_is_found_where_logouts_are_left() {
    let db = dynamodb().await;
    for number in [1, 2] {
        db.store.sessions.create(&session(number)).await.unwrap();
        db.store.sessions.end(&sid(number)).await.unwrap();
    }
    let newer =
        db.client.update_item().table_name(&db.tables.sessions).key("sid", AttributeValue::S(sid(1).to_string()));
    let newer = newer.update_expression("SET v = :v").expression_attribute_values(":v", AttributeValue::N("2".into()));
    newer.send().await.unwrap();
    let mut left = db.store.sessions.ended_with_tokens().await.unwrap();
    left.sort();
    let mut both = vec![sid(1), sid(2)];
    both.sort();
    assert_eq!(left, both);
    assert!(matches!(db.store.sessions.get(&sid(1)).await, Err(StoreError::Newer { .. })));
}

/// Checklist V-05.
#[tokio::test]
async fn internal_tokens_are_forgotten_one_by_one_and_only_after_the_end() {
    let db = dynamodb().await;
    let other = gateway_domain::ids::ConnectorName::parse("other").unwrap();
    let both = Session { tokens: [(legacy(), token(1)), (other.clone(), token(1))].into(), ..session(1) };
    db.store.sessions.create(&both).await.unwrap();
    db.store.sessions.create(&session(2)).await.unwrap();
    db.store.sessions.forget_tokens(&sid(1), &[legacy()]).await.unwrap();
    assert_eq!(db.store.sessions.get(&sid(1)).await, Ok(Some(both)), "a live session keeps them");
    assert_eq!(db.store.sessions.ended_with_tokens().await, Ok(Vec::new()));

    db.store.sessions.end(&sid(1)).await.unwrap();
    for connectors in [&[][..], &[legacy()], &[legacy()]] {
        db.store.sessions.forget_tokens(&sid(1), connectors).await.unwrap();
        assert_eq!(db.store.sessions.ended_with_tokens().await, Ok(vec![sid(1)]));
    }
    assert_eq!(db.store.sessions.end(&sid(1)).await.unwrap().unwrap().tokens, [(other.clone(), token(1))].into());
    db.store.sessions.forget_tokens(&sid(1), &[other, legacy()]).await.unwrap();
    assert_eq!(db.store.sessions.ended_with_tokens().await, Ok(Vec::new()));
    db.store.sessions.forget_tokens(&sid(3), &[legacy()]).await.unwrap();
    assert_eq!(db.store.sessions.get(&sid(3)).await, Ok(None), "nothing is made of it");
}

/// A session whose internal token ends a hundred seconds after its last use.
fn idle() -> Session {
    let idle = Idle { after: Seconds::new(100), ends: NOW.saturating_add(Seconds::new(100)) };
    Session { tokens: [(legacy(), InternalToken { idle: Some(idle), ..token(1) })].into(), ..session(1) }
}

/// When the internal token ends unless it is used.
async fn idle_end(store: &Store) -> Option<Timestamp> {
    store.sessions.internal_tokens(&sid(1)).await.unwrap().unwrap()[&legacy()].idle.map(|idle| idle.ends)
}

#[tokio::test]
async fn the_proxy_reads_the_internal_tokens_as_they_were_written() {
    let db = dynamodb().await;
    db.store.sessions.create(&idle()).await.unwrap();
    assert_eq!(db.store.sessions.internal_tokens(&sid(1)).await, Ok(Some(idle().tokens)));
}

#[tokio::test]
async fn a_use_moves_the_idle_end_of_the_token_that_was_used_and_never_back() {
    let db = dynamodb().await;
    db.store.sessions.create(&idle()).await.unwrap();
    let at = |seconds| NOW.saturating_add(Seconds::new(seconds));
    db.store.sessions.note_use(&sid(1), &legacy(), 1, at(150)).await.unwrap();
    assert_eq!(idle_end(&db.store).await, Some(at(150)));
    db.store.sessions.note_use(&sid(1), &legacy(), 1, at(140)).await.unwrap();
    db.store.sessions.note_use(&sid(1), &legacy(), 2, at(300)).await.unwrap();
    assert_eq!(idle_end(&db.store).await, Some(at(150)));
    db.store.sessions.note_use(&sid(2), &legacy(), 1, at(300)).await.unwrap();
    assert_eq!(db.store.sessions.get(&sid(2)).await, Ok(None), "nothing is made of it");
    db.store.sessions.end(&sid(1)).await.unwrap();
    db.store.sessions.note_use(&sid(1), &legacy(), 1, at(300)).await.unwrap();
    let ended = db.store.sessions.get(&sid(1)).await.unwrap().unwrap();
    assert_eq!(ended.tokens[&legacy()].idle.map(|idle| idle.ends), Some(at(150)), "the session is over");
}

/// A refresh that read the session before its internal token was replaced does not bring the old token back.
#[tokio::test]
async fn a_token_replaced_meanwhile_stays() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(30));
    assert_eq!(db.store.sessions.lease(&session(1), "me", until, NOW).await, Ok(true));
    assert_eq!(db.store.sessions.rotate(&next(&session(1)), "early", false, NOW).await, Ok(false));
    assert_eq!(db.store.sessions.replace_token(&sid(1), &legacy(), Some(&token(2)), "me").await, Ok(true));
    assert_eq!(db.store.sessions.rotate(&next(&session(1)), "late", false, NOW).await, Ok(false));
    let current = db.store.sessions.get(&sid(1)).await.unwrap().unwrap();
    assert_eq!(current.tokens[&legacy()].version, 2);
    assert_eq!(db.store.sessions.rotate(&next(&current), "again", false, NOW).await, Ok(true));
    let current = db.store.sessions.get(&sid(1)).await.unwrap().unwrap();
    assert_eq!(db.store.sessions.lease(&current, "me", until, NOW).await, Ok(true));
    assert_eq!(db.store.sessions.replace_token(&sid(1), &legacy(), None, "me").await, Ok(true));
    assert_eq!(db.store.sessions.rotate(&next(&current), "gone", false, NOW).await, Ok(false));
}

#[tokio::test]
async fn only_the_holder_of_the_lease_replaces_a_token_and_nothing_else_changes() {
    let db = dynamodb().await;
    db.store.sessions.create(&idle()).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(30));
    assert_eq!(db.store.sessions.replace_token(&sid(1), &legacy(), Some(&token(2)), "me").await, Ok(false));
    assert_eq!(db.store.sessions.lease(&session(1), "me", until, NOW).await, Ok(true));
    assert_eq!(db.store.sessions.replace_token(&sid(1), &legacy(), Some(&token(2)), "other").await, Ok(false));
    assert_eq!(db.store.sessions.replace_token(&sid(1), &legacy(), Some(&token(2)), "me").await, Ok(true));
    let expected = Session { tokens: [(legacy(), token(2))].into(), ..idle() };
    assert_eq!(db.store.sessions.get(&sid(1)).await, Ok(Some(expected)));
    assert_eq!(
        db.store.sessions.replace_token(&sid(1), &legacy(), None, "me").await,
        Ok(false),
        "the lease is given back"
    );
    assert_eq!(db.store.sessions.lease(&idle(), "late", until, NOW).await, Ok(false), "the token is another one now");
    let current = db.store.sessions.get(&sid(1)).await.unwrap().unwrap();
    assert_eq!(db.store.sessions.lease(&current, "next", until, NOW).await, Ok(true));
    assert_eq!(db.store.sessions.replace_token(&sid(1), &legacy(), None, "next").await, Ok(true));
    assert_eq!(db.store.sessions.get(&sid(1)).await.unwrap().unwrap().tokens, [].into());
}

/// Responses to concurrent calls move one version of a token: the first counts, and no lease is disturbed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_move_one_version_of_a_token_exactly_one_does() {
    let db = dynamodb().await;
    db.store.sessions.create(&session(1)).await.unwrap();
    let version = session(1).tokens[&legacy()].version;
    let moved = at_once(30, |_| {
        let store = db.store.clone();
        async move {
            let next = token(version + 1);
            store.sessions.swap_token(&sid(1), &legacy(), version, Some(&next), NOW).await.unwrap()
        }
    });
    assert_eq!(moved.await.into_iter().filter(|moved| *moved).count(), 1);
    let stored = || async { db.store.sessions.get(&sid(1)).await.unwrap().unwrap() };
    assert_eq!(stored().await.tokens[&legacy()], token(version + 1));

    // Whoever holds the lease writes the whole session, so nothing changes under it; once it has lapsed, nobody does.
    let until = NOW.saturating_add(Seconds::new(15));
    assert_eq!(db.store.sessions.lease(&stored().await, "refresh", until, NOW).await, Ok(true));
    let swap = async |now: Timestamp| db.store.sessions.swap_token(&sid(1), &legacy(), version + 1, None, now).await;
    assert_eq!(swap(NOW).await, Ok(false));
    assert_eq!(swap(NOW.saturating_add(Seconds::new(16))).await, Ok(true));
    assert!(stored().await.tokens.is_empty());
    db.store.sessions.end(&sid(1)).await.unwrap();
    assert_eq!(db.store.sessions.swap_token(&sid(1), &legacy(), version, Some(&token(9)), NOW).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_is_one_calls_alone_until_it_is_given_back_or_lapses() {
    let db = dynamodb().await;
    let turns = gateway_store::Turns::new(db.client.clone(), &db.tables.sessions);
    let until = NOW.saturating_add(Seconds::new(30));
    let taken = at_once(20, |index| {
        let turns = turns.clone();
        async move {
            let me = index.to_string();
            turns.take(&sid(1), &legacy(), &me, until, NOW).await.unwrap().then_some(me)
        }
    });
    let taken: Vec<_> = taken.await.into_iter().flatten().collect();
    let [holder] = taken.as_slice() else { panic!("one holder, not {taken:?}") };
    assert_eq!(turns.take(&sid(1), &legacy(), holder, until, NOW).await, Ok(true), "a repeated write is the same");
    assert_eq!(turns.take(&sid(2), &legacy(), "other", until, NOW).await, Ok(true), "another session has its own");
    turns.give_back(&sid(1), &legacy(), "stranger").await.unwrap();
    assert_eq!(turns.take(&sid(1), &legacy(), "next", until, NOW).await, Ok(false));
    turns.give_back(&sid(1), &legacy(), holder).await.unwrap();
    assert_eq!(turns.take(&sid(1), &legacy(), "next", until, NOW).await, Ok(true));
    let later = NOW.saturating_add(Seconds::new(31));
    assert_eq!(turns.take(&sid(1), &legacy(), "heir", later, later).await, Ok(true), "an abandoned turn lapses");
    turns.give_back(&sid(1), &legacy(), "next").await.unwrap();
    assert_eq!(turns.take(&sid(1), &legacy(), "late", later, later).await, Ok(false), "its former holder is out");
    // No session is there.
    assert_eq!(db.store.sessions.get(&sid(1)).await, Ok(None));
}
