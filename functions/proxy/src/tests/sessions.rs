//! Tests of internal tokens: each is read once, never mixed up with another, and never used after its end.

use gateway_domain::call_context::Admitted;
use gateway_domain::event::ApiVersion;
use gateway_domain::ids::{ApiName, UserId};
use gateway_domain::session::{Idle, InternalToken};
use gateway_domain::time::{Seconds, Timestamp};
use proptest::prelude::*;

use support::Verdict;

use super::events::{BOTH, Event, Response};
use super::harness::{Harness, NOW, admitted};
use super::recording_server::{Recorded, Reply, http_response};

/// One read of the session.
const READ: &str = "GetItem Sessions";

fn orders(method: &'static str) -> Event {
    Event::new(ApiVersion::Rest, method, "/orders")
}

fn cookies(harness: &Harness) -> Vec<String> {
    harness.back_end.requests().iter().map(|request| request.values("cookie").join("|")).collect()
}

/// A back end that knows one session.
fn knowing(cookie: &'static str) -> impl Fn(usize, &Recorded) -> Reply + Send + Sync {
    move |_, request| http_response(if request.values("cookie") == [cookie] { 200 } else { 401 }, &[], b"")
}

/// The class of a login with the password.
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

fn is_over(response: &Response) {
    assert_eq!(response.status(), 401);
    assert_eq!(response.problem()["error"], "insufficient_user_authentication");
    assert!(response.values("www-authenticate")[0].contains("error=\"insufficient_user_authentication\""));
    assert_eq!(response.problem()["acr_values"], PASSWORD);
}

#[tokio::test]
async fn a_referred_token_is_read_once_and_again_when_it_was_replaced() {
    let harness = Harness::new().await;
    let alice = harness.session(1, 1, b"first", None).await;
    for _ in 0..3 {
        assert_eq!(harness.send(orders("GET").by(alice.clone())).await.status(), 200);
    }
    assert_eq!(harness.asked(), [READ]);
    let renewed = harness.session(1, 2, b"second", None).await;
    harness.send(orders("GET").by(renewed)).await;
    assert_eq!(harness.asked(), [READ]);
    assert_eq!(cookies(&harness), ["SID=first", "SID=first", "SID=first", "SID=second"]);
}

#[tokio::test]
async fn a_token_sealed_in_the_context_costs_no_read() {
    let harness = Harness::new().await;
    assert_eq!(harness.call(orders("GET")).await.status(), 200);
    assert_eq!((harness.asked(), cookies(&harness)), (vec![], vec!["SID=alices".to_owned()]));
}

/// Abuse case I3; checklist Y-02, Y-03: a token that was sealed for one session does not open for another.
#[tokio::test]
async fn a_token_of_another_session_does_not_open() {
    let harness = Harness::new().await;
    let bob = Admitted { tokens: harness.alice(b"alices").tokens, ..admitted(2) };
    assert_eq!(harness.send(orders("GET").by(bob)).await.status(), 500);
    assert_eq!(harness.back_end.connections(), 0);
}

/// Abuse case I4; checklist Y-04.
#[tokio::test]
async fn a_token_past_its_end_is_not_sent() {
    let harness = Harness::new().await;
    let alice = harness.session(1, 1, b"first", Some(NOW + 60)).await;
    assert_eq!(harness.send(orders("GET").by(alice.clone())).await.status(), 200);
    harness.clock.set(NOW + 60);
    is_over(&harness.send(orders("GET").by(alice)).await);
    assert_eq!(harness.back_end.requests().len(), 1);
}

#[tokio::test]
async fn a_session_without_a_token_for_the_api_needs_a_new_login() {
    let harness = Harness::new().await;
    is_over(&harness.send(orders("GET").by(admitted(1))).await);
    // The authorizer still knew the session, but the store no longer has it.
    let mut gone = harness.session(1, 1, b"first", None).await;
    gone.session = admitted(9).session;
    is_over(&harness.send(orders("GET").by(gone)).await);
    assert_eq!(harness.back_end.connections(), 0);
}

/// Checklist E-01: the challenge says which login would help, in the scheme of the token, in the field and in the body; and costs nothing.
#[tokio::test]
async fn a_call_whose_back_end_the_login_did_not_reach_asks_for_the_password() {
    let harness = Harness::new().await;
    for version in BOTH {
        for (scheme, algorithms) in [("Bearer", ""), ("DPoP", ", algs=\"ES256\"")] {
            let authorization = if scheme == "DPoP" { "dpop aaa" } else { "Bearer aaa" };
            let event = Event::new(version, "GET", "/orders").headers(&[("Authorization", authorization)]);
            let response = harness.send(event.by(admitted(1))).await;
            is_over(&response);
            let description = "This API needs a login with the password";
            let expected = format!(
                "{scheme} realm=\"gateway\", error=\"insufficient_user_authentication\", \
                 error_description=\"{description}\", acr_values=\"{PASSWORD}\"{algorithms}"
            );
            assert_eq!(response.values("www-authenticate"), [expected.as_str()]);
            assert_eq!(response.problem()["error_description"], description);
        }
    }
    assert_eq!((harness.asked(), harness.back_end.connections()), (vec![], 0), "no read, and nothing was sent");
    // The harmless twin has its token, and costs as little.
    assert_eq!(harness.call(orders("GET")).await.status(), 200);
    assert_eq!(harness.asked(), Vec::<String>::new());
}

/// What has nobody who logs in has no session at a back end, and gets none; a back end that needs none is told what it is.
#[tokio::test]
async fn a_device_and_an_app_that_acts_for_itself_are_served_where_no_login_is_needed() {
    let harness = Harness::new().await;
    for (user, kind) in [("device:d1", "device"), ("app:pub1", "application")] {
        let caller = Admitted { user: UserId::parse(user).unwrap(), ..admitted(5) };
        is_over(&harness.send(orders("GET").by(caller.clone())).await);
        let plain = Admitted { api: ApiName::parse("plain").unwrap(), route: "/plain".to_owned(), ..caller };
        let event = Event::new(ApiVersion::Rest, "GET", "/plain").headers(&[("X-Authenticated-Subject-Type", "user")]);
        assert_eq!(harness.send(event.by(plain)).await.status(), 200);
        let request = harness.back_end.requests().pop().unwrap();
        assert_eq!(request.values("x-authenticated-userid"), [user]);
        assert_eq!(request.values("x-authenticated-subject-type"), [kind]);
    }
    assert_eq!(harness.back_end.requests().len(), 2);
}

/// RFC 9470 §3.
#[tokio::test]
async fn a_session_the_back_end_has_ended_needs_a_new_login() {
    let harness = Harness::answering(knowing("SID=other")).await;
    let alice = harness.session(1, 1, b"first", None).await;
    for method in ["GET", "POST"] {
        is_over(&harness.send(orders(method).by(alice.clone())).await);
    }
    assert_eq!(harness.back_end.requests().len(), 2);
}

#[tokio::test]
async fn a_call_that_met_a_renewal_is_repeated_if_that_is_safe() {
    let harness = Harness::answering(knowing("SID=second")).await;
    let before = harness.session(1, 1, b"first", None).await;
    assert_eq!(harness.send(orders("GET").by(before.clone())).await.status(), 401);
    harness.session(1, 2, b"second", None).await;

    let inline = Admitted { tokens: harness.alice(b"first").tokens, ..before };
    let post = harness.send(orders("POST").by(inline.clone())).await;
    assert_eq!((post.status(), post.values("retry-after")), (503, vec!["1"]));
    assert_eq!(harness.send(orders("GET").by(inline)).await.status(), 200);
    assert_eq!(cookies(&harness), ["SID=first", "SID=first", "SID=second"], "what was replaced is remembered");
}

const DAY: i64 = 86_400;

fn renewable(token: &mut InternalToken) {
    token.renew_until = Some(Timestamp::from_secs(NOW + DAY));
}

#[tokio::test]
async fn a_dead_session_is_renewed_without_the_app_and_the_call_repeated() {
    let harness = Harness::answering(knowing("SID=second")).await;
    let alice = harness.session_with(1, b"first", renewable).await;
    harness.renews(2, b"second", renewable);
    assert_eq!(harness.send(orders("GET").by(alice)).await.status(), 200);
    assert_eq!(cookies(&harness), ["SID=first", "SID=second"]);
    assert_eq!(harness.asked(), [READ, READ, READ], "when it is needed, when it was refused, when it was renewed");
    let asked = &harness.lambda.requests()[0];
    assert_eq!(asked.line(), "POST /2015-03-31/functions/RenewalFunction/invocations HTTP/1.1");
    let event: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    let session = admitted(1).session.to_string();
    let request = serde_json::json!({ "session": session, "connector": "legacy", "version": 1, "request_id": "req-1" });
    assert_eq!(event, serde_json::json!({ "renew_internal_token": request }));
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed_before_it_is_sent() {
    let harness = Harness::new().await;
    let ended = |token: &mut InternalToken| {
        renewable(token);
        token.ends = Some(Timestamp::from_secs(NOW));
    };
    let alice = harness.session_with(1, b"first", ended).await;
    harness.renews(2, b"second", renewable);
    assert_eq!(harness.send(orders("POST").by(alice)).await.status(), 200);
    assert_eq!(cookies(&harness), ["SID=second"]);
}

#[tokio::test]
async fn a_call_that_is_not_safe_to_repeat_is_left_to_the_app() {
    let harness = Harness::answering(knowing("SID=second")).await;
    let alice = harness.session_with(1, b"first", renewable).await;
    harness.renews(2, b"second", renewable);
    let refused = harness.send(orders("POST").by(alice.clone())).await;
    assert_eq!((refused.status(), refused.values("retry-after")), (503, vec!["1"]));
    assert_eq!(harness.send(orders("POST").by(alice)).await.status(), 200, "the next one has the new token");
    assert_eq!(
        (harness.lambda.requests().len(), cookies(&harness)),
        (1, vec!["SID=first".into(), "SID=second".into()])
    );
}

#[tokio::test]
async fn a_renewal_that_cannot_be_is_told_as_what_it_is() {
    let harness = Harness::answering(knowing("SID=other")).await;
    let alice = harness.session_with(1, b"first", renewable).await;
    harness.answers_renewals(|| "\"over\"");
    is_over(&harness.send(orders("GET").by(alice.clone())).await);
    for (seconds, unknown) in [(5, "\"later\""), (10, ""), (15, "null"), (20, "{\"renewed\":1}")] {
        harness.answers_renewals(move || unknown);
        harness.clock.set(NOW + seconds);
        // The second call asks for no renewal, since one has just failed.
        for _ in 0..2 {
            let later = harness.send(orders("GET").by(alice.clone())).await;
            assert_eq!((later.status(), later.values("retry-after")), (503, vec!["1"]), "{unknown}");
        }
    }
    harness.clock.set(NOW + 25);
    // A renewal function that responds `renewed` without renewing causes no endless loop.
    harness.answers_renewals(|| "\"renewed\"");
    is_over(&harness.send(orders("GET").by(alice)).await);
    assert_eq!(harness.lambda.requests().len(), 6);
}

/// IIS and Apache also respond 401 to a user whom they know but do not let in. Neither a renewal nor a login helps then.
#[tokio::test]
async fn a_token_refused_right_after_its_renewal_is_about_rights() {
    let harness = Harness::answering(knowing("SID=other")).await;
    let alice = harness.session_with(1, b"first", renewable).await;
    harness.renews(2, b"second", renewable);
    for method in ["GET", "GET", "POST"] {
        let refused = harness.send(orders(method).by(alice.clone())).await;
        assert_eq!((refused.status(), refused.values("www-authenticate").len()), (403, 0), "{method}");
    }
    assert_eq!(harness.lambda.requests().len(), 1, "once, and then not for a while");
    harness.clock.set(NOW + 10);
    harness.renews(3, b"third", renewable);
    assert_eq!(
        harness.send(orders("GET").by(alice)).await.status(),
        401,
        "renewed long before, as far as the clock goes"
    );
    assert_eq!(harness.lambda.requests().len(), 2);
}

/// The internal token in the context may be older than the one that this container remembers.
#[tokio::test]
async fn a_renewed_token_is_used_although_the_activity_item_still_has_the_one_before() {
    let harness = Harness::answering(knowing("SID=second")).await;
    let before = harness.session_with(1, b"first", renewable).await;
    let inline = Admitted { tokens: harness.alice(b"first").tokens, ..before };
    harness.renews(2, b"second", renewable);
    assert_eq!(harness.send(orders("POST").by(inline.clone())).await.status(), 503);
    assert_eq!(harness.send(orders("POST").by(inline)).await.status(), 200);
    assert_eq!(cookies(&harness), ["SID=first", "SID=second"]);
}

#[tokio::test]
async fn use_is_noted_now_and_then_and_keeps_a_token_alive() {
    let harness = Harness::new().await;
    let idle = |token: &mut InternalToken| {
        let after = Seconds::new(100);
        token.idle = Some(Idle { after, ends: Timestamp::from_secs(NOW).saturating_add(after) });
    };
    let alice = harness.session_with(1, b"first", idle).await;
    let at = async |seconds: i64| {
        harness.clock.set(NOW + seconds);
        let status = harness.send(orders("GET").by(alice.clone())).await.status();
        (status, harness.asked())
    };
    let noted = vec!["UpdateItem Sessions".to_owned()];
    assert_eq!(at(1).await, (200, vec![READ.to_owned()]));
    for seconds in [10, 11, 12, 21, 22, 90, 189] {
        let worth = [11, 22, 90, 189].contains(&seconds);
        assert_eq!(at(seconds).await, (200, if worth { noted.clone() } else { vec![] }), "{seconds}");
    }
    // 100 s after the last use the token is over, also by the end that is noted in the session.
    harness.clock.set(NOW + 289);
    is_over(&harness.send(orders("GET").by(alice)).await);
}

#[tokio::test]
async fn a_failure_of_the_back_end_is_no_use() {
    let harness = Harness::answering(|_, _| http_response(500, &[], b"")).await;
    let idle = |token: &mut InternalToken| {
        token.idle = Some(Idle { after: Seconds::new(100), ends: Timestamp::from_secs(NOW + 100) });
    };
    let alice = harness.session_with(1, b"first", idle).await;
    harness.clock.set(NOW + 50);
    assert_eq!(harness.send(orders("GET").by(alice)).await.status(), 500);
    assert_eq!(harness.asked(), [READ]);
}

/// Abuse case K1; checklist H-08.
#[tokio::test]
async fn a_store_that_is_down_is_503_and_nothing_is_sent() {
    let harness = Harness::new().await;
    let alice = harness.session(1, 1, b"first", None).await;
    for verdict in [|| Verdict::Fail, || Verdict::Throttle] {
        harness.wire.script(move |_| verdict());
        let response = harness.send(orders("GET").by(alice.clone())).await;
        assert_eq!((response.status(), response.values("retry-after")), (503, vec!["1"]));
    }
    assert_eq!(harness.back_end.connections(), 0);
    harness.wire.calm();
    assert_eq!(harness.send(orders("GET").by(alice)).await.status(), 200, "it recovers without a restart");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Abuse case I3; checklist Y-03.
    #[test]
    fn every_call_of_a_warm_container_carries_its_own_token(calls in prop::collection::vec((1_u8..6, any::<bool>()), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let harness = Harness::new().await;
            let mut versions = std::collections::BTreeMap::<u8, u64>::new();
            let mut expected = Vec::new();
            for (id, renewed) in &calls {
                let version = versions.entry(*id).or_insert(1);
                *version += u64::from(*renewed);
                let caller = harness.session(*id, *version, format!("{id}-{version}").as_bytes(), None).await;
                assert_eq!(harness.send(orders("GET").by(caller)).await.status(), 200);
                expected.push(format!("SID={id}-{version}"));
            }
            assert_eq!(cookies(&harness), expected);
        });
    }
}
