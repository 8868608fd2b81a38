//! Tests of back ends whose responses move the session: another id, or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_domain::event::ApiVersion;
use serde_json::Value;

use super::events::{BOTH, Event};
use super::harness::Harness;
use super::recording_server::http_response;

fn call(method: &'static str, path: &str) -> Event {
    Event::new(ApiVersion::Rest, method, path)
}

/// What the proxy has asked the renewal function so far.
fn asked(harness: &Harness) -> Vec<Value> {
    harness.lambda.requests().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[tokio::test]
async fn the_next_call_carries_the_id_that_a_response_has_set() {
    for version in BOTH {
        follows(version).await;
    }
}

async fn follows(version: ApiVersion) {
    // A page that fails has moved the session as well.
    let harness = Harness::answering(|at, _| {
        let cookie = format!("MOVING=moved-{}; Path=/; HttpOnly", at + 2);
        http_response([200, 500, 404][at % 3], &[("Set-Cookie", &cookie), ("Cache-Control", "private")], b"fine")
    })
    .await;
    harness.answers_renewals(|| "\"replaced\"");
    for status in [200, 500, 404] {
        // The authorizer still knows the first version.
        let event = Event::new(version, "GET", "/moving").by(harness.alice_at("moving", "moving", "t1"));
        let response = harness.send(event).await;
        assert_eq!(response.status(), status);
        assert!(response.values("set-cookie").is_empty(), "the app never sees it");
    }
    let sent: Vec<_> = harness.back_end.requests().iter().map(|request| request.values("cookie").concat()).collect();
    assert_eq!(sent, ["MOVING=t1", "MOVING=moved-2", "MOVING=moved-3"]);
    let kept: Vec<_> = asked(&harness).iter().map(|event| harness.replaced(event).unwrap()).collect();
    assert_eq!(kept, ["moved-2", "moved-3", "moved-4"]);
    assert_eq!(asked(&harness)[2]["replace_internal_token"]["version"], 3);
    // None of it is in the clear. What is sealed has any two characters by chance, but not these.
    assert!(!asked(&harness)[0].to_string().contains("moved-2"));
}

#[tokio::test]
async fn an_id_that_could_be_somebody_elses_is_not_believed() {
    for (method, field) in [
        ("GET", ("X-None", "")),
        ("GET", ("Cache-Control", "max-age=60")),
        ("GET", ("Age", "1")),
        ("POST", ("Cache-Control", "public, max-age=60")),
    ] {
        let harness =
            Harness::answering(move |_, _| http_response(200, &[("Set-Cookie", "MOVING=bobs"), field], b"fine")).await;
        let response = harness.send(call(method, "/moving").by(harness.alice_at("moving", "moving", "t1"))).await;
        assert_eq!((response.status(), asked(&harness).len()), (200, 0), "{field:?}");
    }
    // The session of nobody, which comes with the response that says that the session is over.
    let dead = [("Set-Cookie", "MOVING=nobodys"), ("Cache-Control", "no-store")];
    let harness = Harness::answering(move |_, _| http_response(401, &dead, b"")).await;
    harness.session_with(1, b"t1", |_| {}).await;
    let response = harness.send(call("GET", "/moving").by(harness.alice_at("moving", "moving", "t1"))).await;
    assert_eq!((response.status(), asked(&harness).len()), (401, 0));
}

/// What stands before a back end that does not answer knows nothing of the session.
#[tokio::test]
async fn an_id_from_a_server_in_front_is_not_followed() {
    for status in [502, 503, 504] {
        let moved = [("Set-Cookie", "MOVING=t2"), ("Cache-Control", "no-store")];
        let harness = Harness::answering(move |_, _| http_response(status, &moved, b"")).await;
        let response = harness.send(call("GET", "/moving").by(harness.alice_at("moving", "moving", "t1"))).await;
        assert_eq!((response.status(), asked(&harness).len()), (u64::from(status), 0));
    }
}

#[tokio::test]
async fn a_deleted_cookie_ends_the_token() {
    let deleted = [("Set-Cookie", "MOVING=; Path=/; Max-Age=0")];
    let harness = Harness::answering(move |_, _| http_response(200, &deleted, b"bye")).await;
    harness.answers_renewals(|| "\"replaced\"");
    let response = harness.send(call("POST", "/moving").by(harness.alice_at("moving", "moving", "t1"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!((asked(&harness).len(), harness.replaced(&asked(&harness)[0])), (1, None));
}

/// Of two responses that move one version, the first counts: the other is told so, and its value is used by nobody.
#[tokio::test]
async fn a_value_that_was_not_kept_is_not_used() {
    let moved = [("Set-Cookie", "MOVING=t2"), ("Cache-Control", "no-store")];
    let harness = Harness::answering(move |_, _| http_response(200, &moved, b"fine")).await;
    for outcome in ["\"kept\"", "\"failed\"", "nonsense"] {
        harness.answers_renewals(move || outcome);
        let response = harness.send(call("GET", "/moving").by(harness.alice_at("moving", "moving", "t1"))).await;
        assert_eq!(response.status(), 200, "the call was carried");
        assert_eq!(harness.back_end.requests().pop().unwrap().values("cookie"), ["MOVING=t1"]);
    }
}

#[tokio::test]
async fn where_the_newest_id_alone_works_calls_go_one_after_the_other() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (now.clone(), most.clone());
    let harness = Harness::answering(move |at, _| {
        peak.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        (0..20).for_each(|_| std::thread::yield_now());
        counted.fetch_sub(1, Ordering::SeqCst);
        let cookie = format!("STRICT=t{}", at + 2);
        http_response(200, &[("Set-Cookie", &cookie), ("Cache-Control", "no-store")], b"fine")
    })
    .await;
    harness.keeps_moves("strict", "t1").await;
    let calls = (0..5).map(|_| harness.send(call("GET", "/strict").by(harness.alice_at("strict", "strict", "t1"))));
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.status(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
    let mut sent: Vec<_> =
        harness.back_end.requests().iter().map(|request| request.values("cookie").concat()).collect();
    sent.sort();
    assert_eq!(sent, ["STRICT=t1", "STRICT=t2", "STRICT=t3", "STRICT=t4", "STRICT=t5"]);
}

/// A turn that nobody gives back lapses; until then, calls are told to come again.
#[tokio::test]
async fn a_turn_that_is_held_makes_a_call_come_again() {
    let harness = Harness::new().await;
    harness.keeps_moves("strict", "t1").await;
    let admitted = harness.alice_at("strict", "strict", "t1");
    let (turns, connector) = (harness.turns(), admitted.tokens.keys().next().unwrap().clone());
    let at = |seconds: i64| gateway_domain::time::Timestamp::from_secs(super::harness::NOW + seconds);
    assert!(turns.take(&admitted.session, &connector, "another", at(30), at(0)).await.unwrap());
    let response = harness.send(call("GET", "/strict").by(admitted.clone())).await;
    assert_eq!((response.status(), response.values("retry-after")), (503, vec!["1"]));
    assert!(harness.back_end.requests().is_empty());
    harness.clock.set(super::harness::NOW + 31);
    assert_eq!(harness.send(call("GET", "/strict").by(admitted)).await.status(), 200);
}

/// Checklist E-01: a call that cannot be carried waits for no other one, and costs nothing.
#[tokio::test]
async fn who_is_not_logged_in_there_takes_no_turn() {
    let harness = Harness::new().await;
    harness.keeps_moves("strict", "t1").await;
    let there = harness.alice_at("strict", "strict", "t1");
    let (turns, connector) = (harness.turns(), there.tokens.keys().next().unwrap().clone());
    let at = |seconds: i64| gateway_domain::time::Timestamp::from_secs(super::harness::NOW + seconds);
    assert!(turns.take(&there.session, &connector, "another", at(30), at(0)).await.unwrap());
    let mut left_out = there.clone();
    left_out.tokens.clear();
    harness.asked();
    let response = harness.send(call("GET", "/strict").by(left_out)).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.problem()["error"], "insufficient_user_authentication");
    assert_eq!((harness.asked(), harness.back_end.connections()), (vec![], 0), "no read, and nothing was sent");
    assert_eq!(harness.send(call("GET", "/strict").by(there)).await.status(), 503, "the twin waits");
}

/// What a move and a turn cost, as decision 0038 says; what the renewal function
/// does for a move is counted among the tests of the token function.
#[tokio::test]
async fn a_move_costs_an_invocation_and_a_turn_a_read_and_two_writes() {
    const TURN: [&str; 3] = ["PutItem Sessions", "GetItem Sessions", "DeleteItem Sessions"];
    let harness = Harness::answering(|at, request| {
        let name = request.line().split(['/', ' ']).nth(2).unwrap().to_ascii_uppercase();
        let cookie = format!("{name}=t{}", at + 2);
        let moved = [("Set-Cookie", cookie.as_str()), ("Cache-Control", "no-store")];
        http_response(200, if request.head.contains("x-stay") { &[] } else { &moved }, b"fine")
    })
    .await;
    for (path, operations) in [("moving", &[][..]), ("strict", &TURN)] {
        for (stays, invocations) in [(true, 0), (false, 1)] {
            harness.keeps_moves(path, "t1").await;
            let (_, before) = (harness.asked(), asked(&harness).len());
            let event = call("GET", &format!("/{path}"));
            let event = if stays { event.headers(&[("X-Stay", "1")]) } else { event };
            let response = harness.send(event.by(harness.alice_at(path, path, "t1"))).await;
            assert_eq!(response.status(), 200);
            assert_eq!(harness.asked(), operations, "{path}, stays: {stays}");
            assert_eq!(asked(&harness).len() - before, invocations, "{path}, stays: {stays}");
        }
    }
}
