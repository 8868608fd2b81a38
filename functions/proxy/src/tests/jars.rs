//! Tests of cookies that the gateway keeps for apps that keep none.

use gateway_domain::event::ApiVersion;
use gateway_domain::ids::{ApiName, UserId};
use gateway_domain::session::InternalToken;
use gateway_domain::time::Timestamp;
use support::Verdict;

use super::events::{BOTH, Event};
use super::harness::{Harness, NOW};
use super::recording_server::{Recorded, Reply, http_response};

const READ: &str = "GetItem Sessions";
const WRITE: &str = "PutItem Sessions";

/// A back end that sets what it is asked for by `X-Set`, in a response that no cache keeps.
fn setting(_: usize, request: &Recorded) -> Reply {
    let mut headers = vec![("Cache-Control", "no-store")];
    // An HTTP API joins what comes several times.
    headers.extend(request.values("x-set").into_iter().flat_map(|all| all.split(',')).map(|set| ("Set-Cookie", set)));
    http_response(200, &headers, b"")
}

fn jarred(version: ApiVersion, set: &[&'static str]) -> Event {
    let headers: Vec<_> = set.iter().map(|value| ("X-Set", *value)).collect();
    Event::new(version, "GET", "/jarred").headers(&headers)
}

fn cookies(harness: &Harness) -> Vec<String> {
    harness.back_end.requests().iter().map(|request| request.values("cookie").join("|")).collect()
}

#[tokio::test]
async fn what_a_back_end_sets_goes_with_the_next_call_and_not_to_the_app() {
    for version in BOTH {
        let harness = Harness::answering(setting).await;
        let alice = harness.alice_at("jarred", "legacy", "alices");
        let set = ["cart=7; Path=/", "lang=de; Path=/", "deep=1; Path=/elsewhere"];
        let response = harness.send(jarred(version, &set).by(alice.clone())).await;
        assert!(response.values("set-cookie").is_empty());
        assert_eq!(harness.asked(), [READ, READ, WRITE]);
        let mine = jarred(version, &[]).headers(&[("Cookie", "cart=mine; other=mine")]);
        harness.send(mine.by(alice.clone())).await;
        assert_eq!(harness.asked(), [READ], "what sets no cookie costs a read");
        // Neither what is the connector's nor what is the gateway's is kept.
        let set = ["SID=stolen; Path=/", "gateway-login=x; Path=/", "cart=; Path=/; Max-Age=0"];
        harness.send(jarred(version, &set).by(alice.clone())).await;
        harness.send(jarred(version, &[]).by(alice)).await;
        assert_eq!(
            cookies(&harness),
            ["SID=alices", "SID=alices; cart=7; lang=de", "SID=alices; cart=7; lang=de", "SID=alices; lang=de"]
        );
    }
}

#[tokio::test]
async fn each_session_has_a_jar_of_its_own() {
    let harness = Harness::answering(setting).await;
    let (alice, mut bob) = (harness.alice_at("jarred", "legacy", "alices"), harness.session(2, 1, b"bobs", None).await);
    (bob.api, bob.route) = (alice.api.clone(), alice.route.clone());
    harness.send(jarred(ApiVersion::Rest, &["cart=alices; Path=/"]).by(alice.clone())).await;
    harness.send(jarred(ApiVersion::Rest, &["cart=bobs; Path=/"]).by(bob.clone())).await;
    harness.send(jarred(ApiVersion::Rest, &[]).by(alice)).await;
    harness.send(jarred(ApiVersion::Rest, &[]).by(bob)).await;
    let expected = ["SID=alices", "SID=bobs", "SID=alices; cart=alices", "SID=bobs; cart=bobs"];
    assert_eq!(cookies(&harness), expected);
}

#[tokio::test]
async fn a_response_that_a_cache_could_have_kept_sets_nothing() {
    let harness = Harness::answering(|_, _| http_response(200, &[("Set-Cookie", "cart=somebodys; Path=/")], b"")).await;
    let alice = harness.alice_at("jarred", "legacy", "alices");
    for _ in 0..2 {
        let response = harness.send(jarred(ApiVersion::Rest, &[]).by(alice.clone())).await;
        assert!(response.values("set-cookie").is_empty());
    }
    assert_eq!(cookies(&harness), ["SID=alices", "SID=alices"]);
}

#[tokio::test]
async fn of_calls_at_the_same_time_each_keeps_its_own() {
    let harness = Harness::answering(setting).await;
    let alice = harness.alice_at("jarred", "legacy", "alices");
    let names = ["a=1; Path=/", "b=1; Path=/", "c=1; Path=/"];
    let calls = names.map(|set| harness.send(jarred(ApiVersion::Rest, &[set]).by(alice.clone())));
    futures_util::future::join_all(calls).await;
    harness.send(jarred(ApiVersion::Rest, &[]).by(alice)).await;
    let last = cookies(&harness).pop().unwrap();
    for name in ["a=1", "b=1", "c=1"] {
        assert!(last.contains(name), "{last}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_fails_the_call_and_what_cannot_be_written_does_not() {
    let harness = Harness::answering(setting).await;
    let alice = harness.alice_at("jarred", "legacy", "alices");
    harness.wire.script(|operation| if operation.writes() { Verdict::Fail } else { Verdict::Forward });
    assert_eq!(harness.send(jarred(ApiVersion::Rest, &["a=1"]).by(alice.clone())).await.status(), 200);
    harness.wire.script(|_| Verdict::Fail);
    assert_eq!(harness.send(jarred(ApiVersion::Rest, &[]).by(alice)).await.status(), 503);
    assert_eq!(cookies(&harness), ["SID=alices"], "nothing is sent without the cookies of its session");
}

/// The bytes that the back end takes are those of the token first: kept cookies may wait for a shorter one.
#[tokio::test]
async fn cookies_that_do_not_fit_beside_the_token_fail_no_call() {
    let long = |name: &str| format!("{name}={}; Path=/", "c".repeat(2030));
    let set = [long("a"), long("b")];
    let answer = move |_, _: &Recorded| {
        let cookies = set.iter().map(|set| ("Set-Cookie", set.as_str()));
        http_response(200, &cookies.chain([("Cache-Control", "no-store")]).collect::<Vec<_>>(), b"")
    };
    let harness = Harness::answering(answer).await;
    let asked: [(usize, usize, &[&str]); 2] =
        [(4_090, 1, &[READ, READ, WRITE, READ, READ]), (3_000, 1_500, &[READ, READ, READ, READ])];
    for (length, of_the_app, operations) in asked {
        let (token, long) = ("t".repeat(length), &*"h".repeat(of_the_app).leak());
        let alice = harness.alice_at("jarred", "legacy", &token);
        for _ in 0..2 {
            let call = Event::new(ApiVersion::Rest, "GET", "/jarred").headers(&[("X-Long", long)]);
            assert_eq!(harness.send(call.by(alice.clone())).await.status(), 200, "{length}");
        }
        assert_eq!(harness.asked(), operations, "they are kept");
        let received = cookies(&harness);
        assert_eq!(received[received.len() - 2..], [format!("SID={token}"), format!("SID={token}")]);
    }
}

#[tokio::test]
async fn what_a_response_deletes_is_gone_whoever_could_have_kept_it() {
    let harness = Harness::answering(|number, _| match number {
        0 => http_response(
            200,
            &[("Cache-Control", "no-store"), ("Set-Cookie", "in=1; Path=/"), ("Set-Cookie", "b=1; Path=/")],
            b"",
        ),
        _ => http_response(200, &[("Set-Cookie", "in=; Path=/; Max-Age=0"), ("Set-Cookie", "b=2; Path=/")], b""),
    })
    .await;
    let alice = harness.alice_at("jarred", "legacy", "alices");
    for _ in 0..3 {
        harness.send(jarred(ApiVersion::Rest, &[]).by(alice.clone())).await;
    }
    assert_eq!(cookies(&harness), ["SID=alices", "SID=alices; in=1; b=1", "SID=alices; b=1"]);
    assert_eq!(harness.asked(), [READ, READ, WRITE, READ, READ, WRITE, READ, READ]);
}

/// An application that calls for itself has one session for all whom it serves.
#[tokio::test]
async fn an_application_that_calls_for_itself_has_no_jar() {
    let harness = Harness::answering(setting).await;
    let mut app = harness.alice_at("jarred", "legacy", "alices");
    app.user = UserId::of_app(&app.app);
    let response = harness.send(jarred(ApiVersion::Rest, &["cart=7; Path=/"]).by(app.clone())).await;
    assert_eq!(response.values("set-cookie"), ["cart=7; Path=/"]);
    harness.send(jarred(ApiVersion::Rest, &[]).by(app)).await;
    assert_eq!(cookies(&harness), ["SID=alices", "SID=alices"]);
    assert!(harness.asked().is_empty());
}

/// They may be why it was over, and are of nobody who is logged in now.
#[tokio::test]
async fn cookies_of_a_session_that_is_over_do_not_go_into_the_next() {
    for (method, statuses) in [("GET", [200, 200, 200, 200]), ("POST", [200, 503, 200, 200])] {
        let harness = Harness::answering(|_, request| {
            let set = |cookie| http_response(200, &[("Cache-Control", "no-store"), ("Set-Cookie", cookie)], b"");
            match request.values("cookie").join("|").as_str() {
                "SID=first" => set("of=first; Path=/"),
                "SID=second" => set("of=second; Path=/"),
                "SID=second; of=second" => http_response(200, &[], b""),
                _ => http_response(401, &[], b""),
            }
        })
        .await;
        let renewable = |token: &mut InternalToken| token.renew_until = Some(Timestamp::from_secs(NOW + 86_400));
        let mut alice = harness.session_with(1, b"first", renewable).await;
        (alice.api, alice.route) = (ApiName::parse("jarred").unwrap(), "/jarred".to_owned());
        harness.renews(2, b"second", renewable);
        for status in statuses {
            let call = Event::new(ApiVersion::Rest, method, "/jarred").by(alice.clone());
            assert_eq!(harness.send(call).await.status(), status, "{method}");
        }
        let mut expected = vec!["SID=first", "SID=first; of=first", "SID=second", "SID=second; of=second"];
        expected.extend((method == "GET").then_some("SID=second; of=second"));
        assert_eq!(cookies(&harness), expected, "{method}");
    }
}
