//! The process dies between two writes: what is done is done, the rest never happens, and the user can go on.

use std::cmp::Ordering;

use crate::request::{Request, post};
use crate::stage::{NOTES, Stage, login, refresh, send};
use support::{Operation, Verdict};

/// How the last write before the end goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Last {
    /// It happens and is answered.
    Answered,
    /// It happens, and nobody learns of it.
    Unanswered,
}

/// Lets `most` writes happen; after the last of them nothing passes any more.
pub(crate) fn dying(most: usize, last: Last) -> impl FnMut(&Operation) -> Verdict + Send + 'static {
    let mut writes = 0;
    move |operation| {
        if operation.writes() {
            writes += 1;
        }
        match (writes.cmp(&most), last) {
            (Ordering::Less, _) | (Ordering::Equal, Last::Answered) => Verdict::Forward,
            (Ordering::Equal, Last::Unanswered) if operation.writes() => Verdict::LoseResponse,
            (Ordering::Equal, Last::Unanswered) | (Ordering::Greater, _) => Verdict::Fail,
        }
    }
}

/// Runs the journey with ever more writes until it gets through; after each death `after` is to be true.
async fn at_every_write<F, R>(scope: &str, journey: F, after: R) -> usize
where
    F: AsyncFn(&Stage) -> Request,
    R: AsyncFn(&Stage, &Request, &str),
{
    for most in 0..30 {
        for last in [Last::Answered, Last::Unanswered] {
            let stage = Box::pin(Stage::new()).await;
            let request = Box::pin(journey(&stage)).await;
            let dying_app = stage.container();
            stage.wire.script(dying(most, last));
            let response = send(&dying_app, request.clone()).await;
            stage.wire.calm();
            if response.status == 200 && matches!(last, Last::Answered) {
                return most;
            }
            assert!(response.status == 503 || response.status == 200, "{scope} {most} {}", response.text);
            after(&stage, &request, &format!("after {most} writes, the last {last:?}")).await;
        }
    }
    panic!("the journey has no end");
}

/// A login that died gave nobody a token; the next one works, also when such logins fill every place.
#[tokio::test]
async fn a_login_that_dies_leaves_nothing_that_works_and_is_repeated() {
    let journey = async |_: &Stage| login("alice", "pub1", "vault:read");
    let after = async |stage: &Stage, request: &Request, when: &str| {
        let tokens = send(&stage.container(), request.clone()).await.tokens();
        assert!(stage.calls(&tokens.access).await, "{when}");
        assert_eq!(stage.refresh("pub1", &tokens.refresh).await.status, 200, "{when}");
    };
    assert_eq!(at_every_write("login", journey, after).await, 8);
    let stage = Stage::new().await;
    for round in 0..12 {
        // The first login comes from a source that is not known yet, the others look for room twice.
        stage.wire.script(dying(if round == 0 { 8 } else { 5 }, Last::Unanswered));
        assert_eq!(send(&stage.container(), login("alice", "pub1", NOTES)).await.status, 503);
        stage.wire.calm();
        stage.clock.forward(1);
    }
    assert_eq!(stage.send(login("alice", "pub1", NOTES)).await.status, 200);
    assert!(stage.sessions_of("u_alice", "pub1").await <= 8);
}

/// A refresh that died is repeated with the same token, at once or when the lease has lapsed.
#[tokio::test]
async fn a_refresh_that_dies_is_repeated_with_the_same_token() {
    for (scope, writes) in [(NOTES, 1), ("vault:read", 3)] {
        let journey = async |stage: &Stage| {
            let tokens = stage.login("pub1", scope).await;
            stage.clock.forward(1_500);
            refresh("pub1", &tokens.refresh)
        };
        let after = async |stage: &Stage, request: &Request, when: &str| {
            stage.clock.forward(31);
            let again = send(&stage.container(), request.clone()).await.tokens();
            assert!(stage.calls(&again.access).await, "{when}");
            let repeated = send(&stage.container(), request.clone()).await.tokens();
            assert_eq!(repeated.refresh, again.refresh, "{when}");
            assert_eq!(stage.refresh("pub1", &again.refresh).await.status, 200, "{when}");
        };
        assert_eq!(Box::pin(at_every_write(scope, journey, after)).await, writes);
    }
}

/// While the lease of a dead refresh lasts, the same token is told to come back, and is not lost.
#[tokio::test]
async fn the_lease_of_a_dead_refresh_is_waited_for() {
    let stage = Stage::new().await;
    let tokens = stage.login("pub1", "vault:read").await;
    stage.clock.forward(1_500);
    stage.wire.script(dying(1, Last::Answered));
    assert_eq!(send(&stage.container(), refresh("pub1", &tokens.refresh)).await.status, 503);
    stage.wire.calm();
    let response = stage.refresh("pub1", &tokens.refresh).await;
    assert_eq!((response.refusal(), response.header("Retry-After")), ((503, "temporarily_unavailable"), Some("1")));
    stage.clock.forward(31);
    assert_eq!(stage.refresh("pub1", &tokens.refresh).await.status, 200);
}

/// A revocation that died is repeated, and then the session is over for everybody.
#[tokio::test]
async fn a_revocation_that_dies_is_repeated() {
    let journey = async |stage: &Stage| {
        let tokens = stage.login("pub1", NOTES).await;
        post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &tokens.refresh)])
    };
    let after = async |stage: &Stage, request: &Request, when: &str| {
        assert_eq!(send(&stage.container(), request.clone()).await.status, 200, "{when}");
        assert_eq!(stage.sessions_of("u_alice", "pub1").await, 0, "{when}");
    };
    assert_eq!(at_every_write("revoke", journey, after).await, 2);
}

/// The end of a family that died half-way is finished by whoever presents one of its tokens again.
#[tokio::test]
async fn an_end_after_reuse_that_dies_is_finished_by_the_next_attempt() {
    let journey = async |stage: &Stage| {
        let first = stage.login("pub1", NOTES).await;
        let second = stage.refresh("pub1", &first.refresh).await.tokens();
        stage.refresh("pub1", &second.refresh).await.tokens();
        stage.clock.forward(1_500);
        refresh("pub1", &first.refresh)
    };
    for most in 0..2 {
        let stage = Stage::new().await;
        let request = journey(&stage).await;
        stage.wire.script(dying(most, Last::Answered));
        assert_eq!(send(&stage.container(), request.clone()).await.status, 503, "after {most} writes");
        stage.wire.calm();
        assert_eq!(stage.sessions_of("u_alice", "pub1").await, 1, "after {most} writes");
        assert_eq!(stage.send(request).await.refusal(), (400, "invalid_grant"), "after {most} writes");
        assert_eq!(stage.sessions_of("u_alice", "pub1").await, 0, "after {most} writes");
    }
}
