//! Guesses: reserved before they are evaluated, however many come at once.

use crate::{NOW, at_once};
use domain::guess::{ACCOUNT, PAIR, wait};
use domain::time::Seconds;
use store::Reservation;
use support::dynamodb;

/// Abuse case G2; checklist G-04: no race loses a count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_guesses_at_once_only_the_free_ones_and_one_waiter_are_granted() {
    let db = dynamodb().await;
    let outcomes = at_once(200, |_| {
        let store = db.store.clone();
        async move { store.reserve_guess("pair", PAIR, NOW).await.unwrap() }
    });
    let granted = outcomes.await.into_iter().filter(|one| matches!(one, Reservation::Granted { .. })).count() as u64;
    assert!((PAIR.free..=PAIR.free + 1).contains(&granted), "{granted} of 200");
}

/// Abuse case G8: as many right logins at once as are free do not disturb each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_at_once_are_all_granted() {
    let db = dynamodb().await;
    let outcomes = at_once(10, |_| {
        let store = db.store.clone();
        async move { store.reserve_guess("pair", PAIR, NOW).await.unwrap() }
    });
    assert!(outcomes.await.into_iter().all(|one| one == Reservation::Granted { known: false }));
}

#[tokio::test]
async fn after_the_free_guesses_one_is_granted_per_wait_and_waits_grow() {
    let db = dynamodb().await;
    for _ in 0..ACCOUNT.free {
        assert_eq!(db.store.reserve_guess("a", ACCOUNT, NOW).await, Ok(Reservation::Granted { known: false }));
    }
    let mut now = NOW;
    for failures in ACCOUNT.free + 1..ACCOUNT.free + 8 {
        assert_eq!(db.store.reserve_guess("a", ACCOUNT, now).await, Ok(Reservation::Granted { known: false }));
        let length = wait(ACCOUNT, failures);
        assert_eq!(db.store.reserve_guess("a", ACCOUNT, now).await, Ok(Reservation::Wait(length)), "{failures}");
        now = now.saturating_add(length);
    }
}

/// Checklist P-09: success resets; a source that logged in is known.
#[tokio::test]
async fn a_success_forgets_failures_and_makes_the_source_known_until_then() {
    let db = dynamodb().await;
    for _ in 0..PAIR.free + 1 {
        db.store.reserve_guess("p", PAIR, NOW).await.unwrap();
    }
    let until = NOW.saturating_add(Seconds::new(1_000));
    db.store.forget_guesses("p", until).await.unwrap();
    assert_eq!(db.store.reserve_guess("p", PAIR, NOW).await, Ok(Reservation::Granted { known: true }));
    assert_eq!(db.store.reserve_guess("p", PAIR, until).await, Ok(Reservation::Granted { known: false }));
}

#[tokio::test]
async fn a_returned_guess_is_free_again_and_never_more_than_that() {
    let db = dynamodb().await;
    db.store.reserve_guess("r", PAIR, NOW).await.unwrap();
    for _ in 0..5 {
        db.store.return_guess("r").await.unwrap();
    }
    for _ in 0..PAIR.free {
        assert!(matches!(db.store.reserve_guess("r", PAIR, NOW).await, Ok(Reservation::Granted { .. })));
    }
    db.store.reserve_guess("r", PAIR, NOW).await.unwrap();
    assert!(matches!(db.store.reserve_guess("r", PAIR, NOW).await, Ok(Reservation::Wait(_))));
}
