//! Calls: what is repeated, what is not, and how long the gateway is left alone.

use std::sync::Arc;
use std::time::Duration;

use gateway_client::Error;
use reqwest::Method;
use serde_json::json;
use support::{ADA, Gateway};
use tokio::task::JoinSet;

use crate::network::{Fault, response};
use crate::world::{World, orders, typed, works};

#[tokio::test]
async fn a_limit_is_respected_by_everybody_in_the_app() {
    let gateway =
        Gateway::start_with_config(|text| text.replace("calls: 60, window: 1m", "calls: 3, window: 1h")).await;
    let world = World::of(gateway).await;
    let app = Arc::new(world.logged_in().await);
    for _ in 0..3 {
        works(&app).await;
    }
    // More than an hour is more than its patience, so that it says so at once.
    let Err(Error::TryLater(wait)) = orders(&app).await else { panic!("served beyond the limit") };
    assert!(wait > Duration::from_mins(1), "{wait:?}");
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let app = Arc::clone(&app);
        calls.spawn(async move { orders(&app).await });
    }
    for outcome in calls.join_all().await {
        assert!(matches!(outcome, Err(Error::TryLater(_))), "{outcome:?}");
    }
    assert_eq!(world.network.seen("GET /orders"), 4, "fifty refusals cost the gateway nothing");
    // When the time has passed, one asks. For the gateway no time has passed, so that it refuses once more.
    world.clock.forward(wait);
    assert!(matches!(orders(&app).await, Err(Error::TryLater(_))));
    assert!(matches!(orders(&app).await, Err(Error::TryLater(_))));
    assert_eq!(world.network.seen("GET /orders"), 5);
}

#[tokio::test]
async fn a_short_refusal_is_waited_for() {
    let world = World::new().await;
    let app = world.logged_in().await;
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        let before = world.clock.waits().len();
        world.network.fail("GET /orders", vec![response(status, "Retry-After: 7\r\n", "{}"); 2]);
        works(&app).await;
        let waits = world.clock.waits().split_off(before);
        assert_eq!(waits.len(), 2);
        for (wait, most) in waits.into_iter().zip([7_500, 8_000]) {
            assert!(wait >= Duration::from_secs(7) && wait <= Duration::from_millis(most), "{wait:?}");
        }
    }
}

#[tokio::test]
async fn patience_ends_in_tries_and_in_time() {
    let world = World::new().await;
    let app = world.logged_in().await;
    for (retry_after, sent, waits) in [(1, 3, 2), (40, 2, 1), (61, 1, 0)] {
        let (before, waited) = (world.network.seen("GET /orders"), world.clock.waits().len());
        let busy = response("503 Service Unavailable", &format!("Retry-After: {retry_after}\r\n"), "{}");
        world.network.fail("GET /orders", vec![busy; sent]);
        assert!(matches!(orders(&app).await, Err(Error::TryLater(_))), "{retry_after}");
        assert_eq!(world.network.seen("GET /orders") - before, sent, "{retry_after}");
        assert_eq!(world.clock.waits().len() - waited, waits, "{retry_after}");
        world.clock.forward(Duration::from_secs(100));
    }
    works(&app).await;
}

#[tokio::test]
async fn an_order_is_never_placed_twice_by_itself() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let order = json!({ "item": "once", "quantity": 1 });
    world.network.fail("POST /orders", [Fault::LoseResponse]);
    let outcome = app.call(Method::POST, "/orders", Some(&order)).await;
    assert!(matches!(outcome, Err(Error::NoResponse)), "{outcome:?}");
    assert_eq!(world.network.seen("POST /orders"), 1);
    // Reading may be repeated, and shows what became of it.
    world.network.fail("GET /orders", [Fault::LoseResponse, Fault::CutResponse]);
    let orders = orders(&app).await.expect("a response").json();
    let once = orders["orders"].as_array().expect("orders").iter().filter(|order| order["item"] == "once").count();
    assert_eq!(once, 1, "{orders}");
    // Over the limit nothing was done, so that it is repeated.
    world.network.fail("POST /orders", [response("429 Too Many Requests", "Retry-After: 1\r\n", "{}")]);
    let placed = app.call(Method::POST, "/orders", Some(&order)).await.expect("a response");
    assert_eq!((placed.status, world.network.seen("POST /orders")), (201, 3));
}

#[tokio::test]
async fn a_missing_scope_is_named_and_not_refreshed_away() {
    // The demo's reader is an app that may not write: the seed is the gateway's to change.
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        let seed = std::fs::read_to_string(&options.seed).expect("the seed");
        options.seed = files.path().join("seed.yaml");
        let seed = seed.replacen("scopes: [orders:read, orders:write]", "scopes: [orders:read]", 1);
        std::fs::write(&options.seed, seed).expect("a file");
    });
    let world = World::of(gateway.await).await;
    let app = world.app();
    app.login(&typed(ADA)).await.expect("a login");
    let outcome = app.call(Method::POST, "/orders", Some(&json!({}))).await;
    assert!(matches!(&outcome, Err(Error::MissingScope { needed }) if needed == "orders:write"), "{outcome:?}");
    assert_eq!(world.refreshes(), 0);
    works(&app).await;
    let nothing = app.call(Method::GET, "/orders/nothing", None).await.expect("the back end's own response");
    assert_eq!(nothing.status, 404);
}
