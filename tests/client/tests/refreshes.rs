//! Refreshes: one at a time, and no failure of the network costs the session.

use std::sync::Arc;
use std::time::Duration;

use gateway_client::Error;
use tokio::task::JoinSet;

use crate::network::{Fault, response};
use crate::world::{LIFETIME, World, orders, works};

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let first = world.generation();
    works(&app).await;
    world.clock.forward(Duration::from_secs(569));
    works(&app).await;
    assert_eq!(world.refreshes(), 0, "it is still good");
    world.clock.forward(Duration::from_secs(1));
    works(&app).await;
    assert_eq!((world.refreshes(), world.generation()), (1, first + 1));
    works(&app).await;
    assert_eq!(world.refreshes(), 1);
}

/// The gateway has rotated, the app does not know. Twice in a row.
#[tokio::test]
async fn a_lost_response_to_a_refresh_logs_nobody_out() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let first = world.generation();
    for round in 1..=3 {
        let faults = [Fault::LoseResponse, Fault::CutResponse];
        world.network.fail("grant_type=refresh_token", faults);
        world.clock.forward(LIFETIME);
        works(&app).await;
        assert_eq!(world.generation(), first + round, "three requests made one successor");
    }
    // The first is of the login.
    let keys = world.network.header("idempotency-key").split_off(1);
    assert_eq!(keys.len(), 9);
    for attempt in keys.chunks(3) {
        assert!(attempt.iter().all(|key| *key == attempt[0]), "one attempt, one id: {keys:?}");
    }
    assert!(keys[0] != keys[3] && keys[3] != keys[6], "another attempt, another id: {keys:?}");
    assert_eq!(world.clock.waits().len(), 6, "each repetition waited");
}

/// Patience ends; the attempt does not.
#[tokio::test]
async fn an_attempt_goes_on_when_the_network_is_back() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let first = world.generation();
    world.clock.forward(LIFETIME);
    let dead = [Fault::LoseResponse, Fault::LoseRequest, Fault::LoseRequest];
    world.network.fail("grant_type=refresh_token", dead);
    assert!(matches!(orders(&app).await, Err(Error::NoResponse)));
    assert!(app.is_logged_in().expect("a file"), "nobody is logged out by a dead network");
    // As long as the gate is closed nothing is sent.
    let before = world.refreshes();
    let soon = orders(&app).await;
    assert!(matches!(soon, Ok(_) | Err(Error::TryLater(_))), "{soon:?}");
    assert!(world.refreshes() <= before + 1);
    world.clock.forward(Duration::from_hours(1));
    works(&app).await;
    // But for that of the login.
    let attempts = world.network.header("idempotency-key").into_iter().skip(1).take(4);
    let attempts: std::collections::BTreeSet<_> = attempts.collect();
    assert_eq!(attempts.len(), 1, "all of that was one attempt");
    assert!(world.generation() <= first + 2);
}

#[tokio::test]
async fn twenty_calls_with_an_expired_token_make_one_refresh() {
    let world = World::new().await;
    let app = Arc::new(world.logged_in().await);
    let first = world.generation();
    world.clock.forward(LIFETIME);
    all_work(&app).await;
    assert_eq!((world.refreshes(), world.generation()), (1, first + 1));

    // The same when it is the gateway that finds it expired: this device's clock stood still.
    let refused = response("401 Unauthorized", "", r#"{"error":"invalid_token"}"#);
    world.network.fail("GET /orders", vec![refused; 20]);
    all_work(&app).await;
    assert_eq!((world.refreshes(), world.generation()), (2, first + 2));
}

async fn all_work(app: &Arc<crate::world::App>) {
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let app = Arc::clone(app);
        calls.spawn(async move { works(&app).await });
    }
    calls.join_all().await;
}

/// All wait for one refresh, and when it fails they do not try one after the other.
#[tokio::test]
async fn twenty_calls_that_cannot_refresh_make_no_storm() {
    let world = World::new().await;
    let app = Arc::new(world.logged_in().await);
    world.clock.forward(LIFETIME);
    let busy = response("503 Service Unavailable", "Retry-After: 120\r\n", "{}");
    world.network.fail("grant_type=refresh_token", vec![busy; 20]);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let app = Arc::clone(&app);
        calls.spawn(async move { orders(&app).await });
    }
    for outcome in calls.join_all().await {
        assert!(matches!(outcome, Err(Error::TryLater(wait)) if wait >= Duration::from_secs(119)), "{outcome:?}");
    }
    assert_eq!(world.refreshes(), 1);
    assert!(world.clock.waits().is_empty(), "two minutes are more than its patience");
}

/// Somebody leaves the screen while a refresh is under way.
#[tokio::test]
async fn a_refresh_that_nobody_waits_for_any_more_is_taken_up_by_the_next() {
    let world = World::new().await;
    let app = Arc::new(world.logged_in().await);
    let first = world.generation();
    world.clock.forward(LIFETIME);
    world.network.fail("grant_type=refresh_token", [Fault::Hold]);
    let leaving = tokio::spawn({
        let app = Arc::clone(&app);
        async move { orders(&app).await.map(|_| ()) }
    });
    while world.refreshes() == 0 {
        tokio::task::yield_now().await;
    }
    leaving.abort();
    let _ = leaving.await;
    world.network.go_on();
    assert!(world.kept().attempt.is_some());
    works(&app).await;
    assert_eq!((world.refreshes(), world.generation()), (2, first + 1));
}
