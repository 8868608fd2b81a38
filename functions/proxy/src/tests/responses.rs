//! Tests of what reaches the client of a back end's response, and of the response when there is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::event::ApiVersion;

use super::events::{BOTH, Event};
use super::harness::{Harness, admitted};
use super::recording_server::{RecordingServer, Reply, http_response};

fn get(version: ApiVersion) -> Event {
    Event::new(version, "GET", "/orders")
}

/// Checklist H-09, H-10; abuse case B8.
#[tokio::test]
async fn a_response_passes_without_the_connection_and_the_legacy_session() {
    for version in BOTH {
        let harness = Harness::answering(|_, _| {
            let headers = [
                ("Content-Type", "image/png"),
                ("Set-Cookie", "a=1; Path=/"),
                ("Set-Cookie", "SID=new; HttpOnly"),
                ("Set-Cookie", "b=2"),
                ("WWW-Authenticate", "Basic realm=\"legacy\""),
                ("Connection", "keep-alive, X-Hop"),
                ("X-Hop", "1"),
                ("Keep-Alive", "timeout=9"),
                ("RateLimit", "theirs"),
                ("X-Own", "yes"),
            ];
            http_response(403, &headers, b"\x89PNG\0\xff")
        })
        .await;
        let response = harness.call(get(version)).await;
        assert_eq!((response.status(), response.body()), (403, b"\x89PNG\0\xff".to_vec()));
        assert_eq!(response.values("set-cookie"), ["a=1; Path=/", "b=2"]);
        assert_eq!(response.values("www-authenticate"), ["Basic realm=\"legacy\""]);
        assert_eq!(response.values("x-own"), ["yes"]);
        assert_eq!(response.values("ratelimit"), ["\"default\";r=41;t=7"]);
        assert_eq!(response.values("ratelimit-policy"), ["\"default\";q=60;w=60"]);
        for name in ["connection", "keep-alive", "x-hop", "transfer-encoding"] {
            assert!(response.values(name).is_empty(), "{name}");
        }
        // What is sent as a whole is counted by who sends it.
        let length = (version == ApiVersion::Rest).then_some("6");
        assert_eq!(response.values("content-length").first().copied(), length);
    }
}

/// Checklist H-09; RFC 9110 §9.3.2: the length is that of the response to a GET, if the back end sends it.
#[tokio::test]
async fn head_204_and_304_have_no_body() {
    let harness = Harness::answering(|number, _| {
        let line = ["200 OK\r\nContent-Length: 5", "200 OK", "204 No Content", "304 Not Modified\r\nETag: x"][number];
        Reply::Send(format!("HTTP/1.1 {line}\r\n\r\n").into_bytes())
    })
    .await;
    for (method, status, length) in
        [("HEAD", 200, Some("5")), ("HEAD", 200, None), ("GET", 204, None), ("GET", 304, None)]
    {
        let response = harness.call(Event::new(ApiVersion::Rest, method, "/orders")).await;
        assert_eq!((response.status(), response.body()), (status, vec![]));
        assert_eq!(response.values("content-length").first().copied(), length, "{method} {status}");
        assert!(response.values("content-type").is_empty());
    }
    assert_eq!(harness.back_end.connections(), 1);
}

/// Without a type, API Gateway would declare the body as JSON (RFC 9110 §8.3).
#[tokio::test]
async fn a_body_without_a_type_is_bytes_and_no_json() {
    for version in BOTH {
        let harness =
            Harness::answering(|number, _| http_response(200, &[], if number == 0 { b"<html>" } else { b"" })).await;
        assert_eq!(harness.call(get(version)).await.values("content-type"), ["application/octet-stream"]);
        assert!(harness.call(get(version)).await.values("content-type").is_empty(), "nothing has no type");
    }
}

/// Abuse case B8: a back end that repeats its query, in a redirect or another field, does not reveal the ticket.
#[tokio::test]
async fn an_injected_token_does_not_leave_through_the_back_ends_words() {
    const TICKET: &str = "ST-1856339-aA5Yuvrxzpv8Tau1cYQ7";
    for version in BOTH {
        let harness = Harness::answering(|_, request| {
            let first = request.line();
            let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
            assert!(target.contains(TICKET), "{target}");
            let moved = target.replace("/tickets", "/tickets/");
            let (refresh, link) = (format!("0; url={moved}"), format!("<{moved}>; rel=self"));
            let base64 = STANDARD.encode(&target);
            http_response(
                302,
                &[
                    ("Location", &moved),
                    ("Content-Location", &moved),
                    ("Link", &link),
                    ("Refresh", &refresh),
                    ("X-Debug", &base64),
                    ("X-Request-Line", first),
                    ("Set-Cookie", &format!("last={target}")),
                    ("X-Authenticated-UserId", "alice"),
                    ("X-Own", "yes"),
                ],
                b"",
            )
        })
        .await;
        let mut event = Event::new(version, "GET", "/tickets");
        event.query = vec![("a", "1"), ("TICKET", "stolen")];
        let response = harness.send(event.by(harness.alice_with_ticket(TICKET))).await;
        assert_eq!(response.status(), 302);
        assert!(!response.0.to_string().contains("ST-1856339"), "{}", response.0);
        for name in ["location", "content-location"] {
            assert_eq!(response.values(name), ["/tickets/?a=1"]);
        }
        assert_eq!(response.values("link"), ["</tickets/?a=1>; rel=self"]);
        assert_eq!(response.values("refresh"), ["0; url=/tickets/?a=1"]);
        assert_eq!(response.values("x-own"), ["yes"]);
        for name in ["x-debug", "x-request-line", "set-cookie", "x-authenticated-userid"] {
            assert!(response.values(name).is_empty(), "{name}");
        }
    }
}

/// Abuse case B8: a session cookie does not leave either, whatever a servlet container or a framework makes of it.
#[tokio::test]
async fn an_injected_cookie_does_not_leave_either() {
    let harness = Harness::answering(|_, request| {
        let cookie = request.values("cookie").join("; ");
        http_response(
            302,
            &[
                ("Location", "/orders;jsessionid=9C1A?SID=new&a=1"),
                ("Set-Cookie", "a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT, SID=new; HttpOnly"),
                ("Set-Cookie2", "SID=new; Version=1"),
                ("X-Cookie", &cookie),
                ("Via", "1.1 legacy"),
            ],
            b"",
        )
    })
    .await;
    let response = harness.call(get(ApiVersion::Rest)).await;
    assert_eq!(response.values("location"), ["/orders?a=1"]);
    assert_eq!(response.values("set-cookie"), ["a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT"]);
    assert!(response.values("x-cookie").is_empty() && response.values("set-cookie2").is_empty());
    assert_eq!(response.values("via"), ["1.1 legacy"]);
}

#[tokio::test]
async fn a_response_larger_than_lambda_carries_is_said_to_be() {
    const MB: usize = 1024 * 1024;
    // In JSON, bytes that are not text grow by a third (base64), and a control character becomes six bytes.
    for (byte, size, status) in [(b'x', 6 * MB + 1, 502), (0xff, 5 * MB, 502), (1, 2 * MB, 502), (0xff, 4 * MB, 200)] {
        let harness = Harness::answering(move |_, _| http_response(200, &[], &vec![byte; size])).await;
        let response = harness.call(get(ApiVersion::Http)).await;
        assert_eq!(response.status(), status, "{byte} {size}");
        if status == 502 {
            assert_eq!(response.problem()["detail"], "The back end's response is larger than the gateway carries.");
        }
    }
}

#[tokio::test]
async fn a_response_larger_than_its_api_allows_is_502() {
    for (size, status) in [(1024, 200), (1025, 502)] {
        let harness = Harness::answering(move |_, _| http_response(200, &[], &vec![b'x'; size])).await;
        let api = gateway_domain::ids::ApiName::parse("plain").unwrap();
        let caller = gateway_domain::call_context::Admitted { api, route: "/plain".to_owned(), ..admitted(2) };
        let response = harness.send(Event::new(ApiVersion::Rest, "GET", "/plain").by(caller)).await;
        assert_eq!(response.status(), status, "{size}");
    }
}

/// Checklist H-08.
#[tokio::test]
async fn a_back_end_that_is_down_or_broken_is_502() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unused = RecordingServer::start(|_, _| http_response(200, &[], b""));
    let down = Harness::over(unused, &format!("http://{nobody}")).await;
    let response = down.call(get(ApiVersion::Rest)).await;
    assert_eq!(response.status(), 502);
    let problem = response.problem();
    assert_eq!(problem["detail"], "The back end could not be reached.");
    assert!(!problem.to_string().contains("127.0.0.1"));
    assert_eq!(response.values("ratelimit").len(), 1);

    let broken = Harness::answering(|_, _| Reply::Close(b"garbage\r\n\r\n".to_vec())).await;
    assert_eq!(broken.call(get(ApiVersion::Http)).await.problem()["status"], 502);
}

/// Checklist H-08.
#[tokio::test]
async fn a_back_end_that_never_answers_is_504() {
    let harness = Harness::answering(|_, _| Reply::Stall(Vec::new())).await;
    tokio::time::pause();
    let response = harness.call(get(ApiVersion::Rest)).await;
    assert_eq!(response.problem()["detail"], "The back end did not answer in time.");
    assert_eq!(response.status(), 504);
}

/// Checklist H-05.
#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let harness = Harness::answering(|_, _| Reply::Close(Vec::new())).await;
    assert_eq!(harness.call(Event::new(ApiVersion::Rest, "POST", "/orders")).await.status(), 502);
    assert_eq!(harness.back_end.requests().len(), 1);
}

#[tokio::test]
async fn connections_to_the_back_end_are_reused() {
    let harness = Harness::new().await;
    for _ in 0..5 {
        assert_eq!(harness.call(get(ApiVersion::Rest)).await.status(), 200);
    }
    assert_eq!((harness.back_end.connections(), harness.back_end.requests().len()), (1, 5));
}
