//! Tests of pending sessions: one code, one redemption, and an end that no redemption passes.

use crate::{NOW, app, at_once, key, legacy, sid, token, user};
use gateway_domain::pending_session::{CONSENT_LIFETIME, PendingSession, Progress, Redeemed};
use gateway_domain::pkce::CodeChallenge;
use gateway_domain::scope::Scope;
use gateway_domain::time::Seconds;
use std::collections::BTreeMap;
use support::dynamodb;

/// A login that waits for consent.
pub(crate) fn pending(byte: u8) -> PendingSession {
    PendingSession {
        sid: sid(byte),
        user_id: user(),
        client_id: app(),
        scope: Scope::parse("orders:read").unwrap(),
        redirect_uri: "com.example.app:/cb".into(),
        state: Some("s t".into()),
        challenge: Some(CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap()),
        key: Some(key()),
        nonce: Some("n".into()),
        auth_time: NOW,
        by: gateway_domain::session::LoginMethod::Passkey,
        credential_epoch: 3,
        browser_epoch: 4,
        browser: "b".into(),
        tokens: BTreeMap::from([(legacy(), token(1))]),
        ends: NOW.saturating_add(CONSENT_LIFETIME),
        progress: Progress::Asked,
    }
}

fn redeemed(attempt: Option<&str>) -> Redeemed {
    Redeemed { code: "code".into(), at: NOW, attempt: attempt.map(str::to_owned) }
}

fn issued(byte: u8) -> PendingSession {
    PendingSession { progress: Progress::Issued("code".into()), ..pending(byte) }
}

#[tokio::test]
async fn a_pending_session_is_read_as_it_was_written() {
    let db = dynamodb().await;
    for (byte, progress) in
        [Progress::Asked, Progress::Issued("code".into()), Progress::Redeemed(redeemed(Some("a"))), Progress::Ended]
            .into_iter()
            .enumerate()
    {
        let written = PendingSession { progress, ..pending(u8::try_from(byte).unwrap()) };
        db.store.pending.create(&written).await.unwrap();
        assert_eq!(db.store.pending.get(&written.sid).await, Ok(Some(written)));
    }
    assert_eq!(db.store.pending.get(&sid(9)).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_answers_to_one_question_one_gets_the_code() {
    let db = dynamodb().await;
    db.store.pending.create(&pending(1)).await.unwrap();
    let outcomes = at_once(30, |index| {
        let store = db.store.clone();
        async move { store.pending.issue(&pending(1), &index.to_string(), NOW.saturating_add(Seconds::new(60)), NOW).await }
    });
    let outcomes: Vec<_> = outcomes.await.into_iter().map(Result::unwrap).collect();
    let winner = outcomes.iter().position(|issued| *issued).unwrap();
    assert_eq!(outcomes.iter().filter(|issued| **issued).count(), 1);
    let stored = db.store.pending.get(&sid(1)).await.unwrap().unwrap();
    let later = NOW.saturating_add(Seconds::new(60));
    assert_eq!(db.store.pending.issue(&issued(1), "other", later, NOW).await, Ok(false), "another one was issued");
    assert_eq!(stored.progress, Progress::Issued(winner.to_string()));
    let (read, code, ends) = (pending(1), winner.to_string(), NOW.saturating_add(Seconds::new(60)));
    assert_eq!(db.store.pending.issue(&read, &code, ends, NOW).await, Ok(true), "a repeated write recognises itself");
}

/// Checklist G-18.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_redemptions_of_one_code_one_is_made() {
    let db = dynamodb().await;
    db.store.pending.create(&issued(1)).await.unwrap();
    let outcomes = at_once(30, |index| {
        let store = db.store.clone();
        async move { store.pending.redeem(&sid(1), &redeemed(None), &index.to_string()).await.unwrap() }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|redeemed| **redeemed).count(), 1);
    let winner = outcomes.iter().position(|redeemed| *redeemed).unwrap();
    assert_eq!(db.store.pending.redeem(&sid(1), &redeemed(None), &winner.to_string()).await, Ok(true));
}

/// Either the code is redeemed, and its session keeps the internal tokens, or they are logged out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_either_redeemed_or_ended() {
    let db = dynamodb().await;
    for byte in 0..20 {
        db.store.pending.create(&issued(byte)).await.unwrap();
        let outcomes = at_once(2, |index| {
            let store = db.store.clone();
            async move {
                match index {
                    0 => store.pending.redeem(&sid(byte), &redeemed(None), "me").await.unwrap(),
                    _ => store.pending.end(&issued(byte)).await.unwrap(),
                }
            }
        });
        assert_eq!(outcomes.await.into_iter().filter(|done| *done).count(), 1);
    }
}

#[tokio::test]
async fn a_step_is_taken_in_its_time_and_not_after_the_end() {
    let db = dynamodb().await;
    let (ends, later) = (pending(1).ends, NOW.saturating_add(Seconds::new(3_600)));
    db.store.pending.create(&pending(1)).await.unwrap();
    assert_eq!(db.store.pending.issue(&pending(1), "code", later, ends).await, Ok(false));
    assert_eq!(db.store.pending.end(&pending(1)).await, Ok(true));
    assert_eq!(db.store.pending.issue(&pending(1), "code", later, NOW).await, Ok(false));
    db.store.pending.create(&issued(2)).await.unwrap();
    assert_eq!(db.store.pending.redeem(&sid(2), &Redeemed { at: ends, ..redeemed(None) }, "me").await, Ok(false));
    let other = Redeemed { code: "other".into(), ..redeemed(None) };
    assert_eq!(db.store.pending.redeem(&sid(2), &other, "me").await, Ok(false));
    assert_eq!(db.store.pending.end(&pending(2)).await, Ok(false), "it has come further since it was read");
}

/// A session that a code has begun is not begun anew by a repetition, however it has changed since.
#[tokio::test]
async fn a_session_that_exists_is_not_overwritten() {
    let db = dynamodb().await;
    let session = crate::session(1);
    db.store.sessions.create(&session).await.unwrap();
    db.store.sessions.end(&sid(1)).await.unwrap();
    db.store.sessions.create(&session).await.unwrap();
    assert!(db.store.sessions.get(&sid(1)).await.unwrap().unwrap().family.ended);
}

#[tokio::test]
async fn what_can_go_on_no_more_is_found_until_its_tokens_are_forgotten() {
    let db = dynamodb().await;
    let store = &db.store.pending;
    store.create(&pending(1)).await.unwrap();
    store.create(&PendingSession { progress: Progress::Ended, ..pending(2) }).await.unwrap();
    store.create(&PendingSession { tokens: BTreeMap::new(), ..pending(3) }).await.unwrap();
    let found = async |now| {
        store.lapsed(&sid(7), now, 9).await.unwrap().items.into_iter().map(|one| one.sid).collect::<Vec<_>>()
    };
    assert_eq!(found(NOW).await, [sid(2)]);
    store.forget_tokens(&sid(2), &[legacy()]).await.unwrap();
    assert_eq!(found(pending(1).ends).await, [sid(1)]);
    store.forget_tokens(&sid(1), &[legacy()]).await.unwrap();
    assert!(found(pending(1).ends).await.is_empty());
}
