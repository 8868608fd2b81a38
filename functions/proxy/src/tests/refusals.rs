//! Tests of calls that must not reach the back end, and of the responses to them.

use std::time::Duration;

use gateway_domain::call_context::{Admitted, Outcome, Refusal};
use gateway_domain::event::ApiVersion;
use gateway_domain::ids::{ApiName, SessionId};
use gateway_domain::scope::Scope;
use gateway_domain::time::Seconds;
use gateway_runtime::{Aws, CorrectedClock, Environment};
use gateway_store::Sessions;
use serde_json::{Value, json};
use support::WrongClock;

use super::events::{BOTH, Event, Response, invocation, received};
use super::harness::{Harness, admitted, quota};

/// Sends an event to a fresh harness, and checks that nothing reached the back end.
async fn refused(event: Value) -> Response {
    let harness = Harness::new().await;
    let response = harness.send(event).await;
    assert_eq!(harness.back_end.connections(), 0, "{response:?}");
    response
}

/// Abuse cases A2, A3, A4, C3, C4; checklist H-13.
#[tokio::test]
async fn a_path_that_two_readers_could_read_differently_is_refused() {
    let harness = Harness::new().await;
    for version in BOTH {
        for path in [
            "/orders/../orders",
            "/public/%2e%2e/orders",
            "/orders%2f7",
            "/orders%5c7",
            "//orders",
            "/orders//7",
            "//evil.test/x",
            "///evil.test",
            "\\\\evil.test\\x",
            "/\\evil.test/x",
            "\t//evil.test/x",
            "@evil.test/x",
            ".evil.test/x",
            ":443@evil.test/x",
            "%40evil.test",
            "/orders;a=1",
            "/orders%00",
            "/or ders",
        ] {
            let response = harness.send(Event::new(version, "GET", path).by(harness.alice(b"alices"))).await;
            // What an HTTP API has decoded is another path, about which the decision in the event is not.
            let another = version == ApiVersion::Http && ["/orders%2f7", "/orders;a=1", "/or ders"].contains(&path);
            let status = if another { 500 } else { 400 };
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.problem()["status"], status);
        }
    }
    assert_eq!(harness.back_end.connections(), 0);
    assert_eq!(harness.call(Event::new(ApiVersion::Rest, "GET", "/orders")).await.status(), 200);
}

/// Abuse cases A2, A3: a path that the back end could take for another one is refused even if the authorizer admits it.
#[tokio::test]
async fn a_path_that_looks_like_another_route_is_refused_in_words_of_its_own() {
    let harness = Harness::new().await;
    let disguised =
        ["/orders/%65xport", "/orders/EXPORT", "/orders/export.", "/orders/export%20", "/orders/export::$DATA"];
    let not_allowed =
        ["/orders/%2565xport", "/orders/a%25%32%66b", "/orders/%25252e", "/orders/%ff", "/orders/a%c0%af", "/orders/*"];
    for version in BOTH {
        for (path, words) in disguised
            .map(|path| (path, "A back end could take this path for another one: "))
            .into_iter()
            .chain(not_allowed.map(|path| (path, "The path is not allowed: ")))
        {
            // Of these an HTTP API makes paths that nobody takes for others.
            if version == ApiVersion::Http && ["/orders/%65xport", "/orders/*"].contains(&path) {
                continue;
            }
            let mut alice = harness.alice(b"alices");
            alice.route = "/orders/{id}".to_owned();
            let response = harness.send(Event::new(version, "GET", path).by(alice)).await;
            assert_eq!(response.status(), 400, "{path}");
            let problem = response.problem();
            assert!(problem["detail"].as_str().unwrap().starts_with(words), "{path}: {problem}");
        }
    }
    let public = harness.send(Event::new(ApiVersion::Rest, "GET", "/public/%70ing").anonymous()).await;
    assert_eq!(public.status(), 400);
    let asterisk = harness.call(Event::new(ApiVersion::Rest, "GET", "/orders/*")).await.problem();
    assert_eq!(asterisk["detail"], "The path is not allowed: the path has a `*`, which has to be written as %2A.");
    assert_eq!(harness.back_end.connections(), 0);
}

/// RFC 9110 §15.5.15.
#[tokio::test]
async fn a_path_that_is_too_long_is_414() {
    for version in BOTH {
        let long = format!("/orders/{}", "a".repeat(8_192));
        assert_eq!(refused(Event::new(version, "GET", &long).by(admitted(1))).await.problem()["status"], 414);
        let event = Event::new(version, "GET", "/orders").decided(Outcome::Refused(Refusal::PathTooLong));
        assert_eq!(refused(event).await.problem()["title"], "URI Too Long");
    }
}

/// A REST API replaces bytes that are not UTF-8. The replacement must not be sent in place of the original bytes.
#[tokio::test]
async fn a_query_that_a_rest_api_could_not_decode_is_refused() {
    let mut event = Event::new(ApiVersion::Rest, "GET", "/orders").by(admitted(1));
    event["multiValueQueryStringParameters"] = json!({ "a": ["1"], "b": ["caf\u{fffd}"] });
    let problem = refused(event).await.problem();
    assert_eq!(problem["detail"], "The query is not allowed: the query has bytes that are not UTF-8.");
}

/// Abuse case A7; checklist Y-05.
#[tokio::test]
async fn without_the_authorizers_word_there_is_no_call() {
    for version in BOTH {
        let event = Event::new(version, "GET", "/orders");
        assert_eq!(refused(event.anonymous()).await.status(), 500);
        for context in [Value::Null, json!({}), json!({"decision": "admitted"}), json!({"user": "alice"})] {
            assert_eq!(refused(event.with_context(context)).await.status(), 500);
        }
        let whole = event.by(admitted(1));
        let path = if version == ApiVersion::Rest {
            "/requestContext/authorizer"
        } else {
            "/requestContext/authorizer/lambda"
        };
        for field in ["user", "app", "app_name", "session", "scope", "api", "subscription", "path_digest", "method"] {
            let mut event = whole.clone();
            assert!(event.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(field).is_some(), "{field}");
            let response = refused(event).await;
            assert_eq!(response.status(), 500, "{field}");
            assert!(!String::from_utf8(response.body()).unwrap().contains("alice"));
        }
    }
}

/// Abuse case A5: a decision is valid only for the method, the path and the route that it was made for.
#[tokio::test]
async fn a_decision_about_another_request_is_no_decision() {
    let harness = Harness::new().await;
    let decided = Event::new(ApiVersion::Rest, "GET", "/orders").by(harness.alice(b"alices"));
    for (field, value) in [("httpMethod", "POST"), ("path", "/orders/7")] {
        let mut event = decided.clone();
        event[field] = json!(value);
        assert_eq!(harness.send(event).await.status(), 500);
    }
    // The path is right, but the decision is about another API.
    assert_eq!(
        harness.send(Event::new(ApiVersion::Rest, "GET", "/plain").by(harness.alice(b"alices"))).await.status(),
        500
    );
    assert_eq!(harness.back_end.connections(), 0);
    assert_eq!(harness.send(decided).await.status(), 200);
}

/// Checklist D-15: among them that of a token that is bound to a key.
#[tokio::test]
async fn the_authorizers_refusals_are_answered_with_their_own_status() {
    for version in BOTH {
        let refuse = |refusal| refused(Event::new(version, "GET", "/orders").decided(Outcome::Refused(refusal)));
        assert_eq!(refuse(Refusal::BadRequest).await.problem()["status"], 400);
        assert_eq!(refuse(Refusal::NotFound).await.problem()["status"], 404);
        let invalid = refuse(Refusal::InvalidToken).await;
        assert_eq!((invalid.status(), invalid.problem()["error"].as_str()), (401, Some("invalid_token")));
        assert!(invalid.values("www-authenticate")[0].starts_with("Bearer realm=\"gateway\", error=\"invalid_token\""));
        let detail = "the DPoP proof was used before; make another one.";
        let unproved = refuse(Refusal::InvalidProof { detail: detail.to_owned() }).await;
        assert_eq!((unproved.status(), unproved.problem()["error"].as_str()), (401, Some("invalid_dpop_proof")));
        assert_eq!(unproved.problem()["detail"], detail);
        let challenge = "DPoP realm=\"gateway\", error=\"invalid_dpop_proof\", algs=\"ES256\"";
        assert_eq!(unproved.values("www-authenticate"), [challenge]);
        let insufficient = refuse(Refusal::InsufficientScope { required: Scope::parse("b a").unwrap() }).await;
        assert_eq!((insufficient.status(), insufficient.problem()["scope"].as_str()), (403, Some("a b")));
        assert!(insufficient.values("www-authenticate")[0].contains("scope=\"a b\""));
        let limited = refuse(Refusal::RateLimited {
            quotas: vec![quota(0)],
            violated: vec!["default".to_owned()],
            retry_after: Seconds::new(9),
        })
        .await;
        assert_eq!((limited.status(), limited.values("retry-after")), (429, vec!["9"]));
        assert_eq!(limited.values("ratelimit"), ["\"default\";r=0;t=7"]);
        assert_eq!(limited.values("ratelimit-policy"), ["\"default\";q=60;w=60"]);
        assert_eq!(limited.problem()["violated-policies"], json!(["default"]));
    }
}

/// RFC 9110 §15.5.6: `Allow` names the methods of the path.
#[tokio::test]
async fn another_method_at_a_known_path_is_405_and_an_unknown_path_404() {
    for version in BOTH {
        let response = refused(Event::new(version, "DELETE", "/public/ping").anonymous()).await;
        assert_eq!((response.status(), response.values("allow")), (405, vec!["GET"]));
        let event = Event::new(version, "DELETE", "/orders").decided(Outcome::Refused(Refusal::NotFound));
        assert_eq!(refused(event).await.status(), 405);
        assert_eq!(refused(Event::new(version, "GET", "/public/nothing").anonymous()).await.status(), 404);
    }
}

/// Abuse case B6.
#[tokio::test]
async fn header_maps_that_disagree_are_refused() {
    let event = Event::new(ApiVersion::Rest, "GET", "/public/ping");
    for (single, multiple) in [("a", json!(["b", "c"])), ("a", json!(["b"]))] {
        let mut event = event.anonymous();
        event["headers"]["X-Authenticated-Userid"] = json!(single);
        event["multiValueHeaders"]["X-Authenticated-Userid"] = multiple;
        assert_eq!(refused(event).await.status(), 400);
    }
    assert_eq!(Harness::new().await.send(event.headers(&[("X-A", "b"), ("X-A", "c")]).anonymous()).await.status(), 200);
}

/// Abuse case C8.
#[tokio::test]
async fn odd_queries_and_headers_are_refused_and_the_next_call_works() {
    let harness = Harness::new().await;
    for raw in ["a=\"b\"", "a=<b>", "a=b c", "a=\u{1}", "a=\r\nX: y", "a=\u{e9}"] {
        let mut event = Event::new(ApiVersion::Http, "GET", "/orders").by(harness.alice(b"alices"));
        event["rawQueryString"] = json!(raw);
        assert_eq!(harness.send(event).await.status(), 400, "{raw:?}");
    }
    for headers in [[("X-A", "caf\u{e9}")], [("X-A", "a\r\nX-B: c")], [("X A", "b")]] {
        assert_eq!(harness.call(Event::new(ApiVersion::Rest, "GET", "/orders").headers(&headers)).await.status(), 400);
    }
    assert_eq!(harness.back_end.connections(), 0);
    assert_eq!(harness.call(Event::new(ApiVersion::Http, "GET", "/orders")).await.status(), 200);
}

/// Abuse case C6; checklist H-04.
#[tokio::test]
async fn a_stored_value_that_would_break_a_header_stops_the_call() {
    let event = Event::new(ApiVersion::Rest, "GET", "/orders");
    for state in [&b"a\r\nX-Admin: 1"[..], b"a\0", "caf\u{e9}".as_bytes(), b"\xff"] {
        let harness = Harness::new().await;
        assert_eq!(harness.send(event.by(harness.alice(state))).await.status(), 500);
        assert_eq!(harness.back_end.connections(), 0);
    }
    let harness = Harness::new().await;
    let alice = Admitted { app_name: "caf\u{e9}".to_owned(), ..harness.alice(b"alices") };
    assert_eq!(harness.send(event.by(alice)).await.status(), 500);
    assert_eq!(harness.back_end.connections(), 0);
}

#[tokio::test]
async fn headers_larger_than_the_back_end_takes_are_431() {
    let harness = Harness::new().await;
    let plain = || Admitted { api: ApiName::parse("plain").unwrap(), route: "/plain".to_owned(), ..admitted(1) };
    let big: &'static str = Box::leak("x".repeat(900).into_boxed_str());
    let event = Event::new(ApiVersion::Rest, "GET", "/plain");
    assert_eq!(harness.send(event.clone().headers(&[("X-Big", big)]).by(plain())).await.status(), 431);
    assert_eq!(harness.back_end.connections(), 0);
    assert_eq!(harness.send(event.headers(&[("X-Big", "x")]).by(plain())).await.status(), 200);
}

#[tokio::test]
async fn an_unknown_event_is_an_error_that_says_what_was_expected() {
    let harness = Harness::new().await;
    for event in [json!({}), json!([]), json!({"Records": []}), json!({"version": "3.0"})] {
        let error =
            harness.proxy.handle(invocation(event, Duration::from_secs(29), true)).await.unwrap_err().to_string();
        assert!(error.contains("expected an API Gateway REST API event"), "{error}");
    }
}

/// Abuse case K2: secrets that cannot be read at a cold start are a failure of the gateway, not of the client.
#[tokio::test]
async fn a_function_that_cannot_start_asks_to_come_back() {
    for version in BOTH {
        let error =
            gateway_runtime::StartError::Unavailable { what: "secret sealing".into(), reason: "10.0.0.1".into() };
        let event = invocation(Event::new(version, "GET", "/orders").anonymous(), Duration::from_secs(29), true);
        let response = received(crate::not_ready(&event, &error)).await.0;
        assert_eq!((response.status(), response.values("retry-after")), (503, vec!["1"]));
        assert!(!response.problem().to_string().contains("10.0.0.1"));
    }
}

/// While the clock is too wrong to be corrected, nothing is sent. Once a response shows it to be right, it is trusted again.
#[tokio::test]
async fn with_a_clock_beyond_the_bound_nothing_is_sent() {
    let mut harness = Harness::new().await;
    for error_ms in [-310_000, 310_000, 86_400_000] {
        let machine = WrongClock::by(error_ms);
        let clock = CorrectedClock::new(machine.clone());
        let pairs = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &harness.database.endpoint),
        ];
        let environment = Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let dated =
            Sessions::new(Aws::dated(&environment, &clock).unwrap().dynamodb(), &harness.database.tables.sessions);
        let answered = async || dated.get(&SessionId::from_random([1; 16])).await.unwrap().is_none();
        assert!(answered().await);
        harness.proxy.clock = clock;
        let before = harness.back_end.connections();
        for version in BOTH {
            let response = harness.send(Event::new(version, "GET", "/public/ping").anonymous()).await;
            assert_eq!(response.status(), 503, "{error_ms}");
            assert!(!response.values("retry-after").is_empty());
        }
        assert_eq!(harness.back_end.connections(), before);
        machine.set(0);
        assert!(answered().await);
        let response = harness.send(Event::new(BOTH[0], "GET", "/public/ping").anonymous()).await;
        assert_eq!(response.status(), 200, "{error_ms}");
    }
}
