//! The process dies between two writes: what is done is done, the rest never happens, and the user can go on.

use crate::fixture::{Fixture, NOTES, login, refresh, send};
use crate::request::{Request, post};
use support::{Last, dying};

/// Runs the journey with ever more writes until it gets through; after each death `after` is to be true.
async fn at_every_write<F, R>(scope: &str, journey: F, after: R) -> usize
where
    F: AsyncFn(&Fixture) -> Request,
    R: AsyncFn(&Fixture, &Request, &str),
{
    for most in 0..30 {
        for last in [Last::Unanswered, Last::Answered] {
            let fixture = Box::pin(Fixture::new()).await;
            let request = Box::pin(journey(&fixture)).await;
            let dying_app = fixture.container();
            fixture.wire.script(dying(most, last));
            let response = send(&dying_app, request.clone()).await;
            fixture.wire.calm();
            if response.status == 200 && matches!(last, Last::Answered) {
                return most;
            }
            assert!(response.status == 503 || response.status == 200, "{scope} {most} {}", response.text);
            after(&fixture, &request, &format!("after {most} writes, the last {last:?}")).await;
        }
    }
    panic!("the journey has no end");
}

/// A login that died gave nobody a token; the next one works, also when such logins fill every place.
#[tokio::test]
async fn a_login_that_dies_leaves_nothing_that_works_and_is_repeated() {
    let journey = async |_: &Fixture| login("alice", "pub1", "vault:read");
    let after = async |fixture: &Fixture, request: &Request, when: &str| {
        let tokens = send(&fixture.container(), request.clone()).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{when}");
        assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200, "{when}");
    };
    assert_eq!(Box::pin(at_every_write("login", journey, after)).await, 8);
    let fixture = Fixture::new().await;
    for round in 0..12 {
        // The first login comes from a source that is not known yet, the others look for room twice.
        fixture.wire.script(dying(if round == 0 { 8 } else { 5 }, Last::Unanswered));
        assert_eq!(send(&fixture.container(), login("alice", "pub1", NOTES)).await.status, 503);
        fixture.wire.calm();
        fixture.clock.forward(1);
    }
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200);
    assert!(fixture.sessions_of("u_alice", "pub1").await <= 8);
}

/// A refresh that died is repeated with the same token, at once or when the lease has lapsed.
#[tokio::test]
async fn a_refresh_that_dies_is_repeated_with_the_same_token() {
    for (scope, writes) in [(NOTES, 1), ("vault:read", 3)] {
        let journey = async |fixture: &Fixture| {
            let tokens = fixture.login("pub1", scope).await;
            fixture.clock.forward(1_500);
            refresh("pub1", &tokens.refresh)
        };
        let after = async |fixture: &Fixture, request: &Request, when: &str| {
            fixture.clock.forward(31);
            let again = send(&fixture.container(), request.clone()).await.tokens();
            assert!(fixture.calls(&again.access).await, "{when}");
            let repeated = send(&fixture.container(), request.clone()).await.tokens();
            assert_eq!(repeated.refresh, again.refresh, "{when}");
            assert_eq!(fixture.refresh("pub1", &again.refresh).await.status, 200, "{when}");
        };
        assert_eq!(Box::pin(at_every_write(scope, journey, after)).await, writes);
    }
}

/// While the lease of a dead refresh lasts, the same token is told to come back, and is not lost.
#[tokio::test]
async fn the_lease_of_a_dead_refresh_is_waited_for() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "vault:read").await;
    fixture.clock.forward(1_500);
    fixture.wire.script(dying(1, Last::Answered));
    assert_eq!(send(&fixture.container(), refresh("pub1", &tokens.refresh)).await.status, 503);
    fixture.wire.calm();
    let response = fixture.refresh("pub1", &tokens.refresh).await;
    assert_eq!((response.refusal(), response.header("Retry-After")), ((503, "temporarily_unavailable"), Some("1")));
    fixture.clock.forward(31);
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200);
}

/// A revocation that died is repeated, and then the session is over for everybody.
#[tokio::test]
async fn a_revocation_that_dies_is_repeated() {
    let journey = async |fixture: &Fixture| {
        let tokens = fixture.login("pub1", NOTES).await;
        post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &tokens.refresh)])
    };
    let after = async |fixture: &Fixture, request: &Request, when: &str| {
        assert_eq!(send(&fixture.container(), request.clone()).await.status, 200, "{when}");
        assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0, "{when}");
    };
    assert_eq!(Box::pin(at_every_write("revoke", journey, after)).await, 2);
}

/// The end of a family that died half-way is finished by whoever presents one of its tokens again.
#[tokio::test]
async fn an_end_after_reuse_that_dies_is_finished_by_the_next_attempt() {
    let journey = async |fixture: &Fixture| {
        let first = fixture.login("pub1", NOTES).await;
        let second = fixture.refresh("pub1", &first.refresh).await.tokens();
        fixture.refresh("pub1", &second.refresh).await.tokens();
        fixture.clock.forward(1_500);
        refresh("pub1", &first.refresh)
    };
    for most in 0..2 {
        let fixture = Fixture::new().await;
        let request = journey(&fixture).await;
        fixture.wire.script(dying(most, Last::Answered));
        assert_eq!(send(&fixture.container(), request.clone()).await.status, 503, "after {most} writes");
        fixture.wire.calm();
        assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 1, "after {most} writes");
        assert_eq!(fixture.send(request).await.refusal(), (400, "invalid_grant"), "after {most} writes");
        assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0, "after {most} writes");
    }
}
