//! Containers whose clocks are wrong: corrected by what DynamoDB answers, or told and not used.

use support::WrongClock;

use crate::fixture::{Fixture, LIMIT, allows, rest};

/// Abuse case H2; checklist Q-10: the calls of one container count for the others, whatever their clocks say.
#[tokio::test]
async fn containers_whose_clocks_are_minutes_apart_share_one_limit() {
    let fixture = Fixture::new().await;
    fixture.is_now();
    let alice = fixture.login("alice", "pub1", 1).await;
    let containers = [-250_000, -30_000, 0, 30_000, 250_000].map(|error_ms| fixture.container_off_by(error_ms));
    let containers = futures_util::future::join_all(containers).await;
    let mut admitted = 0;
    for number in 0..4 * LIMIT {
        // In turns of a few calls each, and all of them twice.
        let container = &containers[number / 5 % containers.len()];
        admitted += usize::from(fixture.call(container, &alice).await.is_ok());
    }
    assert_eq!(admitted, LIMIT);
}

/// A clock beyond what is corrected decides nothing: API Gateway answers 503.
#[tokio::test]
async fn a_clock_beyond_the_bound_is_a_failure_and_no_attempt() {
    let fixture = Fixture::new().await;
    fixture.is_now();
    let alice = fixture.login("alice", "pub1", 1).await;
    for error_ms in [-310_000, 310_000, 86_400_000] {
        let container = fixture.container_off_by(error_ms).await;
        let event = rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")]);
        let error = container.authorize(event).await.unwrap_err().to_string();
        assert!(error.contains("clock is off by") && error.contains("300 s"), "{error}");
    }
}

/// A clock that is right again is believed again: nobody has to replace the container.
#[tokio::test]
async fn a_container_whose_clock_was_set_right_decides_again() {
    let fixture = Fixture::new().await;
    fixture.is_now();
    let alice = fixture.login("alice", "pub1", 1).await;
    let (container, machine) = fixture.container_with_secrets().await;
    let call = async || container.authorize(rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")])).await;
    assert!(allows(&call().await.unwrap()));
    for error_ms in [400_000, -400_000] {
        machine.set(error_ms);
        let error = call().await.unwrap_err().to_string();
        assert!(error.contains("clock is off by"), "{error}");
        machine.set(0);
        assert!(allows(&call().await.unwrap()));
    }
}

/// The clock of a warm container is set back: a token that was issued a moment ago is not taken for one from the future,
/// though nothing is asked of AWS before that is decided.
#[tokio::test]
async fn a_clock_that_is_set_back_refuses_no_token() {
    let fixture = Fixture::new().await;
    fixture.is_now();
    let alice = fixture.login("alice", "pub1", 1).await;
    let machine = WrongClock::by(0);
    let container = fixture.container_on(machine.clone()).await;
    for error_ms in [0, -10_000, -60_000, -250_000] {
        machine.set(error_ms);
        let event = rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")]);
        assert!(allows(&container.authorize(event).await.unwrap()), "{error_ms}");
    }
}
