//! Many calls: how many get through, and what they cost.

use futures_util::future::join_all;
use gateway_domain::call_context::{Admitted, NotAdmitted, Refusal};

use crate::fixture::{Fixture, LIMIT, remaining, rest, unauthorized};

fn is_limited(outcome: &Result<Admitted, NotAdmitted>) -> bool {
    matches!(outcome, Err(NotAdmitted::Refused(Refusal::RateLimited { retry_after, .. })) if retry_after.as_u64() >= 1)
}

/// Abuse case H2; checklist Q-10.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_limit_is_admitted_of_four_times_as_many_concurrent_calls() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    for calls_per_container in [1, 8] {
        let containers: Vec<_> = (0..4 * LIMIT / calls_per_container).map(|_| fixture.container()).collect();
        let outcomes = join_all((0..4 * LIMIT).map(|number| {
            let container = &containers[number % containers.len()];
            fixture.call(container, &alice)
        }))
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), LIMIT);
        assert_eq!(outcomes.iter().filter(|outcome| is_limited(outcome)).count(), 3 * LIMIT);
        // The refused calls left nothing behind: after a window all of the limit is there again.
        fixture.clock.forward(66);
    }
}

/// Abuse case H1; checklist Q-09.
#[tokio::test]
async fn a_second_login_new_tokens_and_forwarded_headers_share_one_limit() {
    let fixture = Fixture::new().await;
    let logins = [fixture.login("alice", "pub1", 1).await, fixture.login("alice", "pub1", 2).await];
    let mut admitted = 0;
    for number in 0..3 * LIMIT {
        let container = fixture.container();
        let bearer = fixture.bearer(&logins[number % 2], "orders:read");
        let bearer = if number % 3 == 0 { bearer.replacen("Bearer", "bEARER", 1) } else { bearer };
        let mut event = rest("GET", "/orders", &[&bearer]);
        event["multiValueHeaders"]["X-Forwarded-For"] = serde_json::json!([format!("203.0.113.{number}")]);
        let response = container.authorize(event.clone()).await.unwrap();
        admitted += usize::from(crate::fixture::behind(&event, &response).is_ok());
    }
    assert_eq!(admitted, LIMIT);
}

/// Checklist Q-09.
#[tokio::test]
async fn two_users_of_one_app_and_one_user_in_two_apps_share_nothing() {
    let fixture = Fixture::new().await;
    let container = fixture.container();
    let alice = fixture.login("alice", "pub1", 1).await;
    for _ in 0..=LIMIT {
        let _ = fixture.call(&container, &alice).await;
    }
    assert!(is_limited(&fixture.call(&container, &alice).await));
    let others = [fixture.login("bob", "pub1", 2).await, fixture.login("alice", "pub2", 3).await];
    for other in others {
        assert_eq!(remaining(fixture.call(&container, &other).await), 11);
    }
}

/// Abuse case H3; checklist Q-11.
#[tokio::test]
async fn garbage_tokens_in_a_users_name_cost_nothing_and_take_nothing_from_her_limit() {
    let fixture = Fixture::new().await;
    let container = fixture.container();
    let alice = fixture.login("alice", "pub1", 1).await;
    let forger = Fixture::without_dynamodb();
    for _ in 0..10 * LIMIT {
        let garbage = forger.bearer(&alice, "orders:read");
        assert!(unauthorized(&container.authorize(rest("GET", "/orders", &[&garbage])).await));
    }
    assert_eq!(fixture.operations.since_last(), 0);
    assert_eq!(remaining(fixture.call(&container, &alice).await), 11);
}

#[tokio::test]
async fn an_admitted_call_costs_one_write_and_a_remembered_refusal_nothing() {
    let fixture = Fixture::new().await;
    let container = fixture.container();
    let alice = fixture.login("alice", "pub1", 1).await;
    assert!(fixture.call(&container, &alice).await.is_ok());
    assert_eq!(fixture.operations.since_last(), 2, "the application is read once");
    for _ in 1..LIMIT {
        assert!(fixture.call(&container, &alice).await.is_ok());
        assert_eq!(fixture.operations.since_last(), 1);
    }
    assert!(is_limited(&fixture.call(&container, &alice).await));
    assert_eq!(fixture.operations.since_last(), 2, "counted and taken out again");
    for _ in 0..LIMIT {
        assert!(is_limited(&fixture.call(&container, &alice).await));
    }
    assert_eq!(fixture.operations.since_last(), 0);
}

/// Checklist Q-03: waiting as long as told is enough, and a second less is not.
#[tokio::test]
async fn a_refused_caller_is_admitted_after_retry_after() {
    let fixture = Fixture::new().await;
    let container = fixture.container();
    let alice = fixture.login("alice", "pub1", 1).await;
    for _ in 0..LIMIT {
        assert!(fixture.call(&container, &alice).await.is_ok());
        fixture.clock.forward(1);
    }
    let refused = fixture.call(&container, &alice).await.unwrap_err();
    let NotAdmitted::Refused(Refusal::RateLimited { retry_after, quotas, violated }) = refused else {
        panic!("{refused:?}")
    };
    let left = quotas[0].left.unwrap();
    assert!(left.remaining == 0 && left.reset <= retry_after && violated == ["default"]);
    fixture.clock.forward(retry_after.as_i64() - 1);
    assert!(is_limited(&fixture.call(&fixture.container(), &alice).await));
    fixture.clock.forward(1);
    assert!(fixture.call(&container, &alice).await.is_ok());
}

/// A steady caller over ten minutes, with as many sessions as usual: counters are cleaned in time.
#[tokio::test]
async fn a_call_stays_within_one_write_unit() {
    let fixture = Fixture::new().await;
    let container = fixture.container();
    let alice = fixture.login("alice", "pub1", 1).await;
    for session in 2..=4 {
        fixture.login("alice", "pub1", session).await;
    }
    let mut operations = 0;
    for _ in 0..100 {
        fixture.clock.forward(6);
        fixture.operations.since_last();
        assert!(fixture.call(&container, &alice).await.is_ok());
        operations += fixture.operations.since_last();
        let (units, counters) = fixture.cost(&alice).await;
        assert!(units <= 1.0, "{units} units with {counters} counters");
    }
    // One write each, a read of the application every thirty seconds, and now and then a cleaning write.
    assert!((120..=130).contains(&operations), "{operations} operations for 100 calls");
}
