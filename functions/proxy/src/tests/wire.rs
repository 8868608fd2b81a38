//! Tests of the bytes that reach the back end, for honest and hostile requests.

use super::events::{BOTH, Event};
use super::harness::Harness;
use super::recording_server::{RecordingServer, http_response};
use gateway_domain::event::ApiVersion;

/// The harmless counterpart of the cases below. Checklist H-03, H-06, H-07, H-11, H-12, H-13, Y-05.
#[tokio::test]
async fn an_honest_call_arrives_with_its_identity_and_its_session() {
    for version in BOTH {
        let harness = Harness::new().await;
        let event = Event::new(version, "POST", "/orders").headers(&[
            ("Accept", "text/html"),
            ("Content-Type", "application/octet-stream"),
            ("Authorization", "Bearer mobile"),
        ]);
        let response = harness.call(event.body(b"\0\xff\r\n\r\nGET / HTTP/1.1\r\n")).await;
        assert_eq!((response.status(), response.body()), (200, b"fine".to_vec()));

        let requests = harness.back_end.requests();
        assert_eq!(requests.len(), 1);
        let request = &requests[0];
        assert_eq!(request.line(), "POST /orders HTTP/1.1");
        assert_eq!(request.body, b"\0\xff\r\n\r\nGET / HTTP/1.1\r\n");
        for (name, value) in [
            ("host", harness.back_end.origin().strip_prefix("http://").unwrap()),
            ("content-length", "22"),
            ("content-type", "application/octet-stream"),
            ("accept", "text/html"),
            ("cookie", "SID=alices"),
            ("x-authenticated-userid", "alice"),
            ("x-authenticated-subject-type", "user"),
            ("x-authenticated-scope", "read write"),
            ("x-consumer-username", "Demo"),
            ("x-consumer-custom-id", "sub-1"),
            ("x-credential-identifier", "pub1"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-host", "api.example.com"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=192.0.2.7;host=api.example.com;proto=https"),
            ("x-request-id", "req-1"),
            ("x-amzn-trace-id", "Root=1-2-3"),
            ("via", "1.1 mobile-api-gateway"),
        ] {
            assert_eq!(request.values(name), [value], "{name}");
        }
        assert_eq!(request.head.lines().count(), 21, "{}", request.head);
    }
}

/// Checklist H-12.
#[tokio::test]
async fn repeated_headers_arrive_in_order() {
    let harness = Harness::new().await;
    let headers = [("X-Tag", "one"), ("X-Tag", "two"), ("X-Tag", "one")];
    harness.call(Event::new(ApiVersion::Rest, "GET", "/orders").headers(&headers)).await;
    assert_eq!(harness.back_end.requests()[0].values("x-tag"), ["one", "two", "one"]);
}

/// Abuse cases A8, B1, B2, B3, B5, B7, B8, C1, C2, C5; checklist S-09, H-01, H-02, H-06, H-07, H-11.
#[tokio::test]
async fn nothing_a_client_sends_changes_who_calls_or_how_it_is_framed() {
    const HOSTILE: [(&str, &str); 25] = [
        ("X-Authenticated-Userid", "evil"),
        ("X_Authenticated_Userid", "evil"),
        ("X_Authenticated-Userid", "evil"),
        ("x-AUTHENTICATED-userid", "evil"),
        ("x-authenticated-USERID", "evil"),
        ("X-Authenticated-Scope", "evil"),
        ("X-Consumer-Id", "evil"),
        ("X-Consumer-Username", "evil"),
        ("X.Consumer.Custom.Id", "evil"),
        ("X-Credential-Identifier", "evil"),
        ("X-Anonymous-Consumer", "evil"),
        ("X-Forwarded-For", "evil"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Proto", "evil"),
        ("X-Forwarded-Prefix", "evil"),
        ("X-Forwarded-Uri", "evil"),
        ("X-Real-IP", "evil"),
        ("X-HTTP-Method-Override", "evil"),
        ("Cookie", "SID=evil"),
        ("Authorization", "Negotiate evil"),
        ("Connection", "x-authenticated-userid, cookie, host"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("Host", "evil.test"),
        ("Expect", "evil"),
    ];
    for version in BOTH {
        let harness = Harness::new().await;
        let response = harness.call(Event::new(version, "POST", "/orders").headers(&HOSTILE).body(b"honest")).await;
        assert_eq!(response.status(), 200);
        let requests = harness.back_end.requests();
        let request = &requests[0];
        assert_eq!((requests.len(), request.body.as_slice()), (1, &b"honest"[..]));
        assert!(!request.head.to_ascii_lowercase().contains("evil"), "{}", request.head);
        assert_eq!(request.values("x-authenticated-userid"), ["alice"]);
        assert_eq!(request.values("cookie"), ["SID=alices"]);
        assert_eq!(request.values("content-length"), ["6"]);
        assert_eq!(request.head.lines().count(), 19, "{}", request.head);
    }
}

/// Abuse case B4; checklist S-09.
#[tokio::test]
async fn a_public_call_carries_no_identity_and_no_session() {
    for version in BOTH {
        let harness = Harness::new().await;
        let event = Event::new(version, "GET", "/public/ping").headers(&[
            ("X-Authenticated-UserId", "evil"),
            ("X-Authenticated-Scope", "evil"),
            ("X-Consumer-Username", "evil"),
            ("X-Consumer-Custom-Id", "evil"),
            ("X-Credential-Identifier", "evil"),
            ("Cookie", "SID=evil"),
            ("Accept", "*/*"),
        ]);
        assert_eq!(harness.send(event.anonymous()).await.status(), 200);
        // An identity in the event changes nothing.
        assert_eq!(harness.send(event.by(harness.alice(b"alices"))).await.status(), 200);
        for request in harness.back_end.requests() {
            assert_eq!(request.values("accept"), ["*/*"]);
            for word in ["evil", "alice", "x-authenticated", "x-consumer", "x-credential", "cookie"] {
                assert!(!request.head.contains(word), "{}", request.head);
            }
        }
    }
}

/// Checklist B-03, H-13.
#[tokio::test]
async fn the_query_arrives_as_it_was_without_an_access_token() {
    for version in BOTH {
        let harness = Harness::new().await;
        let mut event = Event::new(version, "GET", "/orders/7");
        event.query = vec![("a", "2"), ("a", "1"), ("access_token", "stolen"), ("b", "")];
        let mut alice = harness.alice(b"alices");
        alice.route = "/orders/{id}".to_owned();
        assert_eq!(harness.send(event.by(alice)).await.status(), 200);
        assert_eq!(harness.back_end.requests()[0].line(), "GET /orders/7?a=2&a=1&b= HTTP/1.1");
    }
}

/// Abuse case C7.
#[tokio::test]
async fn a_redirect_of_the_back_end_is_passed_on_and_not_followed() {
    for status in [302, 307] {
        let elsewhere = RecordingServer::start(|_, _| http_response(200, &[], b""));
        let location = elsewhere.origin();
        let harness = Harness::answering(move |_, _| http_response(status, &[("Location", &location)], b"")).await;
        let response = harness.call(Event::new(ApiVersion::Rest, "GET", "/orders")).await;
        assert_eq!(response.status(), u64::from(status));
        assert_eq!(response.values("location"), [elsewhere.origin()]);
        assert_eq!(elsewhere.connections(), 0);
    }
}

/// RFC 9110 §8.6: a server that requires a length responds 411 to a POST without one.
#[tokio::test]
async fn a_body_that_is_empty_has_a_length_where_the_method_means_one() {
    let harness = Harness::new().await;
    for (method, path, lengths) in [
        ("POST", "/orders", vec!["0"]),
        ("PUT", "/orders", vec!["0"]),
        ("GET", "/orders", vec![]),
        ("HEAD", "/orders", vec![]),
    ] {
        assert_eq!(harness.call(Event::new(ApiVersion::Rest, method, path)).await.status(), 200);
        let requests = harness.back_end.requests();
        let request = requests.last().unwrap();
        assert_eq!(request.values("content-length"), lengths, "{method}");
        assert!(request.values("transfer-encoding").is_empty() && request.values("content-type").is_empty());
    }
}

/// The gateway adds no type to a body that has none, since the back end knows better what the body is.
#[tokio::test]
async fn no_type_is_added_to_a_body() {
    for version in BOTH {
        let harness = Harness::new().await;
        assert_eq!(harness.call(Event::new(version, "POST", "/orders").body(b"a=1")).await.status(), 200);
        assert!(harness.back_end.requests()[0].values("content-type").is_empty());
    }
}

/// RFC 3986 §6.2.2: the path that was decided on is the path that arrives.
#[tokio::test]
async fn the_canonical_path_arrives() {
    for version in BOTH {
        let harness = Harness::new().await;
        for (sent, arrived) in [
            ("/orders/%37", "/orders/7"),
            ("/orders/550e8400%2de29b", "/orders/550e8400-e29b"),
            ("/orders/caf%c3%a9", "/orders/caf%C3%A9"),
            ("/orders/a%3ab%2A", "/orders/a%3Ab%2A"),
            ("/orders/exports", "/orders/exports"),
        ] {
            let mut alice = harness.alice(b"alices");
            alice.route = "/orders/{id}".to_owned();
            assert_eq!(harness.send(Event::new(version, "GET", sent).by(alice)).await.status(), 200, "{sent}");
            let requests = harness.back_end.requests();
            // An HTTP API hands a colon on decoded, and nothing tells that it was encoded.
            let arrived = if version == ApiVersion::Http { arrived.replace("%3A", ":") } else { arrived.to_owned() };
            assert_eq!(requests.last().unwrap().line(), format!("GET {arrived} HTTP/1.1"));
        }
    }
}

/// A raw query passes unchanged, but for parameters such as `_method`.
#[tokio::test]
async fn the_raw_query_of_an_http_api_keeps_its_bytes() {
    let harness = Harness::new().await;
    let mut event = Event::new(ApiVersion::Http, "GET", "/orders").by(harness.alice(b"alices"));
    event["rawQueryString"] = serde_json::json!("b=%ff&a=x+y;z&c&%zz=100%&_method=DELETE");
    assert_eq!(harness.send(event).await.status(), 200);
    assert_eq!(harness.back_end.requests()[0].line(), "GET /orders?b=%ff&a=x+y;z&c&%zz=100% HTTP/1.1");
}

/// In a coding that is unknown here, nobody would see that the session is over.
#[tokio::test]
async fn where_bodies_are_examined_no_unknown_coding_is_asked_for() {
    let harness = Harness::new().await;
    let call = |path| Event::new(ApiVersion::Rest, "GET", path).headers(&[("Accept-Encoding", "zstd, gzip;q=0.5, *")]);
    assert_eq!(harness.send(call("/marked").by(harness.alice_marked())).await.status(), 200);
    assert_eq!(harness.call(call("/orders")).await.status(), 200);
    let sent = harness.back_end.requests();
    let sent: Vec<_> = sent.iter().map(|request| request.values("accept-encoding").concat()).collect();
    assert_eq!(sent, ["gzip;q=0.5", "zstd, gzip;q=0.5, *"]);
}

#[tokio::test]
async fn a_back_end_that_wants_it_has_one_call_on_each_connection() {
    let harness = Harness::new().await;
    for (path, connections) in
        [("/public/ping", 1), ("/public/ping", 1), ("/public/trusted", 2), ("/public/trusted", 3)]
    {
        assert_eq!(harness.send(Event::new(ApiVersion::Rest, "GET", path).anonymous()).await.status(), 200);
        assert_eq!(harness.back_end.connections(), connections, "{path}");
    }
}
