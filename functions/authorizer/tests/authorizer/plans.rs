//! Plans with several limits: which of them refuses a call, and what each kind costs.

use futures_util::future::join_all;
use gateway_domain::call_context::{Admitted, NotAdmitted, Refusal};
use gateway_domain::ids::{ApiName, PlanName};
use gateway_domain::rate_limit::rate_limit_policy;
use gateway_domain::time::Seconds;
use gateway_store::Subscription;

use crate::fixture::{Caller, Fixture, app, remaining};

fn gateway(plans: &str) -> String {
    format!(
        "
time_zone: Europe/Rome
plans: {plans}
apis:
  orders:
    back_end: http://127.0.0.1:3001
    routes:
      - {{ path: /orders, methods: {{ GET: [orders:read] }} }}
      - {{ path: /orders/summary, weight: 5, methods: {{ GET: [orders:read] }} }}
  open:
    back_end: http://127.0.0.1:3001
    routes:
      - {{ path: /reports, methods: {{ GET: [orders:read] }} }}
"
    )
}

async fn fixture(plans: &str) -> Fixture {
    Fixture::new().await.with(&gateway(plans))
}

/// The limits that a call was refused by, and for how long; nothing if it was admitted.
fn refused(outcome: Result<Admitted, NotAdmitted>) -> Option<(Vec<String>, Seconds)> {
    match outcome {
        Ok(_) => None,
        Err(NotAdmitted::Refused(Refusal::RateLimited { violated, retry_after, .. })) => Some((violated, retry_after)),
        Err(other) => panic!("{other:?}"),
    }
}

fn by(outcome: Result<Admitted, NotAdmitted>) -> Vec<String> {
    refused(outcome).map(|(violated, _)| violated).unwrap_or_default()
}

#[tokio::test]
async fn each_limit_of_a_plan_holds_and_a_refusal_names_it() {
    let fixture = fixture("{ standard: { calls: 20, window: 1m, limits: { burst: { calls: 5, window: 2s }, day: { calls: 30, every: day } } } }").await;
    let (container, alice) = (fixture.container(), fixture.login("alice", "pub1", 1).await);
    for _ in 0..4 {
        for _ in 0..5 {
            let admitted = fixture.call(&container, &alice).await.unwrap();
            assert_eq!(
                rate_limit_policy(&admitted.quotas),
                "\"default\";q=20;w=60, \"burst\";q=5;w=2, \"day\";q=30;w=86400"
            );
        }
        fixture.clock.forward(3);
    }
    assert_eq!(by(fixture.call(&container, &alice).await), ["default"]);
    fixture.clock.forward(62);
    let mut last = Vec::new();
    for _ in 0..11 {
        last = by(fixture.call(&container, &alice).await);
        fixture.clock.forward(1);
    }
    assert_eq!(last, ["day"]);
    // Calls of just now could be taken out again by another limit. Later it is certain that the day is used up.
    fixture.clock.forward(3);
    // 1,800,000,000 is 2027-01-15T08:00:00Z, and the day in Rome ends at 23:00.
    let (_, retry_after) = refused(fixture.call(&fixture.container(), &alice).await).unwrap();
    let since = fixture.now().as_secs() - 1_800_000_000;
    assert_eq!(retry_after.as_i64(), 15 * 3_600 - since + 1);
    fixture.clock.forward(retry_after.as_i64());
    assert_eq!(by(fixture.call(&fixture.container(), &alice).await), [""; 0]);
}

#[tokio::test]
async fn one_write_counts_a_call_for_all_limits_of_its_user_within_one_unit() {
    let fixture = fixture(
        "{ standard: { calls: 100, window: 1m, limits: { burst: { calls: 20, window: 1s }, day: { calls: 6000, every: day }, \
         month: { calls: 60000, every: month } } } }",
    )
    .await;
    let (container, alice) = (fixture.container(), fixture.login("alice", "pub1", 1).await);
    for session in 2..=4 {
        fixture.login("alice", "pub1", session).await;
    }
    let mut operations = 0;
    for call in 0..300 {
        fixture.clock.forward(if call % 3 == 0 { 2 } else { 1 });
        fixture.operations.since_last();
        assert_eq!(by(fixture.call(&container, &alice).await), [""; 0]);
        operations += fixture.operations.since_last();
        let (units, attributes) = fixture.cost(&alice).await;
        assert!(units <= 1.0, "{units} units with {attributes} attributes");
    }
    // One write each, a read of the application every thirty seconds, and now and then a cleaning write.
    assert!((310..=360).contains(&operations), "{operations} operations for 300 calls");
}

#[tokio::test]
async fn a_heavy_call_uses_its_weight_and_a_light_one_still_fits() {
    let fixture = fixture("{ standard: { calls: 12, window: 1m } }").await;
    let (container, alice) = (fixture.container(), fixture.login("alice", "pub1", 1).await);
    assert_eq!(remaining(fixture.call_to(&container, &alice, "/orders/summary").await), 7);
    assert_eq!(remaining(fixture.call_to(&container, &alice, "/orders/summary").await), 2);
    assert_eq!(by(fixture.call_to(&container, &alice, "/orders/summary").await), ["default"]);
    fixture.operations.since_last();
    assert_eq!(by(fixture.call_to(&container, &alice, "/orders/summary").await), ["default"]);
    assert_eq!(fixture.operations.since_last(), 0, "remembered");
    assert_eq!(remaining(fixture.call(&container, &alice).await), 1);
    assert_eq!(remaining(fixture.call(&container, &alice).await), 0);
}

#[tokio::test]
async fn a_limit_of_one_api_and_the_plan_of_a_subscription_leave_other_apis_alone() {
    let fixture = fixture(
        "{ standard: { calls: 50, window: 1m, limits: { reports: { calls: 2, window: 1m, api: open } } }, \
         small: { calls: 6, window: 1m } }",
    )
    .await;
    let mut partner = app("pub2");
    let orders = ApiName::parse("orders").unwrap();
    let plan = Some(PlanName::parse("small").unwrap());
    partner.subscriptions.insert(orders, Subscription { id: "s".to_owned(), enabled: true, plan });
    fixture.store.apps.put(&partner).await.unwrap();
    let (container, alice) = (fixture.container(), fixture.login("alice", "pub1", 1).await);
    let to_reports = async || by(fixture.call_to(&container, &alice, "/reports").await);
    assert_eq!((to_reports().await, to_reports().await), (vec![], vec![]));
    assert_eq!(to_reports().await, ["reports"]);
    assert_eq!(remaining(fixture.call(&container, &alice).await), 47);

    let bob = fixture.login("bob", "pub2", 2).await;
    for _ in 0..6 {
        assert_eq!(by(fixture.call(&container, &bob).await), [""; 0]);
    }
    assert_eq!(by(fixture.call(&container, &bob).await), ["orders.default"]);
    assert_eq!(by(fixture.call_to(&container, &bob, "/reports").await), [""; 0]);
}

/// A change of an application's plan is felt within thirty seconds, and what was used stays used.
#[tokio::test]
async fn a_change_of_the_plan_is_felt_within_thirty_seconds() {
    let fixture = fixture("{ standard: { calls: 5, window: 1m }, large: { calls: 10, window: 2m } }").await;
    let (container, alice) = (fixture.container(), fixture.login("alice", "pub1", 1).await);
    for _ in 0..5 {
        assert_eq!(by(fixture.call(&container, &alice).await), [""; 0]);
    }
    assert_eq!(by(fixture.call(&container, &alice).await), ["default"]);
    let mut changed = app("pub1");
    changed.plan = PlanName::parse("large").unwrap();
    fixture.store.apps.put(&changed).await.unwrap();
    assert_eq!(by(fixture.call(&container, &alice).await), ["default"]);
    fixture.clock.forward(30);
    assert_eq!(remaining(fixture.call(&container, &alice).await), 4, "five of the old plan and one of the new");
}

const SHARED: &str = "{ standard: { calls: USER, window: 1m, limits: { all: { calls: ALL, window: 1m, per: app } } } }";

fn shared(user: u32, all: u32) -> String {
    SHARED.replace("USER", &user.to_string()).replace("ALL", &all.to_string())
}

async fn callers(fixture: &Fixture, users: usize) -> Vec<Caller> {
    let mut callers = Vec::new();
    for user in 0..users {
        callers.push(fixture.login(&format!("user{user}"), "pub1", u8::try_from(user).unwrap()).await);
    }
    callers
}

/// Many users through many containers at once: never more than the limit of the application is admitted.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_what_all_users_share_is_admitted_of_four_times_as_many_concurrent_calls() {
    let fixture = fixture(&shared(39, 40)).await;
    let callers = callers(&fixture, 20).await;
    for calls_per_container in [1, 8] {
        let containers: Vec<_> = (0..160 / calls_per_container).map(|_| fixture.container()).collect();
        let calls = (0..160).map(|at| fixture.call(&containers[at % containers.len()], &callers[at % callers.len()]));
        let outcomes: Vec<_> = join_all(calls).await.into_iter().map(by).collect();
        let admitted = outcomes.iter().filter(|violated| violated.is_empty()).count();
        assert_eq!(outcomes.iter().filter(|violated| **violated == ["all"]).count(), 160 - admitted);
        assert!(admitted == 40 || (admitted < 40 && calls_per_container > 1), "{admitted} of 40");
        // A container with several calls leases two at once, and what it gives back may come too late for the others of that moment.
        // It is not lost: those that try again later within the window get it.
        let mut later = 0;
        for round in 0..3 {
            fixture.clock.forward(11);
            for (at, container) in containers.iter().take(20).enumerate() {
                later += usize::from(by(fixture.call(container, &callers[(at + round) % 20]).await).is_empty());
            }
        }
        assert_eq!(admitted + later, 40, "{later} of them later");
        // The refused calls left nothing behind, neither with the application nor with its users.
        fixture.clock.forward(66);
    }
}

/// A hot application costs hardly more than one write a call, and what it leases is never more than the limit.
#[tokio::test]
async fn what_all_users_share_costs_a_tenth_of_a_write_where_calls_are_many() {
    let fixture = fixture(&shared(1_000, 60_000)).await;
    let (callers, container) = (callers(&fixture, 8).await, fixture.container());
    let (mut operations, mut calls) = (0, 0);
    for _ in 0..10 {
        for caller in 0..40 {
            fixture.operations.since_last();
            let admitted = fixture.call(&container, &callers[caller % 8]).await.unwrap();
            operations += fixture.operations.since_last();
            calls += 1;
            assert_eq!(admitted.quotas[1].left, None, "nobody is told how much others call");
        }
        fixture.clock.forward(1);
    }
    println!("{operations} operations for {calls} calls");
    assert!(operations <= calls + calls / 10, "{operations} operations for {calls} calls");
}

/// A call that its user's own limit refuses, or whose session has ended, uses nothing of what all share.
#[tokio::test]
async fn calls_that_are_refused_for_another_reason_use_nothing_of_what_all_share() {
    let plans = "{ standard: { calls: 5, window: 1m, limits: { all: { calls: 11, window: 1m, per: app } } } }";
    let fixture = fixture(plans).await;
    let callers = callers(&fixture, 3).await;
    for _ in 0..9 {
        let _ = fixture.call(&fixture.container(), &callers[0]).await;
    }
    let gone = Caller::new("nobody", "pub1", 99);
    let event = crate::fixture::rest("GET", "/orders", &[&fixture.bearer(&gone, "orders:read")]);
    for _ in 0..6 {
        let container = fixture.container();
        fixture.operations.since_last();
        assert!(crate::fixture::unauthorized(&container.authorize(event.clone()).await));
        assert_eq!(fixture.operations.since_last(), 2, "the application is read, and the count refused");
    }
    let mut outcomes = Vec::new();
    for caller in [1, 1, 1, 2, 2, 2, 1] {
        outcomes.push(by(fixture.call(&fixture.container(), &callers[caller]).await));
    }
    let (last, others) = outcomes.split_last().unwrap();
    assert!(others.iter().all(Vec::is_empty) && *last == ["all"], "{outcomes:?}");
}
