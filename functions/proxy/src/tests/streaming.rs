//! Tests of responses that are passed on as they come, and of those that are cut.

use std::time::Duration;

use futures_util::StreamExt as _;
use gateway_domain::event::ApiVersion;
use gateway_domain::ids::ApiName;
use gateway_runtime::function::Cut;

use super::events::Event;
use super::harness::{Harness, admitted};
use super::recording_server::{Reply, http_response};

const LONG: Duration = Duration::from_secs(29);

fn get() -> Event {
    Event::new(ApiVersion::Rest, "GET", "/orders")
}

/// A head and these bytes, behind which the back end sends nothing more and keeps the connection.
fn unfinished(head: &str, body: &str) -> Reply {
    Reply::Stall(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").into_bytes())
}

/// Server-sent events: status, headers and each event are there while the back end still sends.
#[tokio::test]
async fn a_response_begins_while_the_back_end_still_sends() {
    let head = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nCache-Control: no-cache";
    let harness = Harness::answering(move |_, _| unfinished(head, "b\r\ndata: one\n\n\r\n")).await;
    let mut streamed = harness.stream(get().by(harness.alice(b"alices"))).await;
    assert_eq!(streamed.prelude["statusCode"], 200);
    let headers = &streamed.prelude["multiValueHeaders"];
    assert_eq!(headers["content-type"][0], "text/event-stream");
    assert_eq!(headers["RateLimit"][0], "\"default\";r=41;t=7");
    assert!(headers.get("content-length").is_none());
    assert_eq!(streamed.body.next().await.unwrap().unwrap(), "data: one\n\n");
}

#[tokio::test]
async fn a_large_body_arrives_in_pieces_with_its_length() {
    const SIZE: usize = 12 * 1024 * 1024;
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(SIZE).collect();
    let sent = body.clone();
    let harness = Harness::answering(move |_, _| {
        http_response(200, &[("Content-Encoding", "gzip"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], &sent)
    })
    .await;
    let mut streamed = harness.stream(get().by(harness.alice(b"alices"))).await;
    let headers = &streamed.prelude["multiValueHeaders"];
    assert_eq!(headers["content-length"][0], SIZE.to_string());
    assert_eq!(headers["content-encoding"][0], "gzip");
    assert_eq!(headers["set-cookie"], serde_json::json!(["a=1", "b=2"]));
    let mut received = Vec::new();
    while let Some(piece) = streamed.body.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() <= 1024 * 1024, "{}", piece.len());
        received.extend_from_slice(&piece);
    }
    assert!(received == body);
}

/// What API Gateway takes as a whole stays so, however the function streams.
#[tokio::test]
async fn an_http_api_and_a_buffered_integration_get_one_json() {
    for (version, streams) in [(ApiVersion::Http, true), (ApiVersion::Http, false), (ApiVersion::Rest, false)] {
        let harness = Harness::answering(|_, _| http_response(200, &[], b"fine")).await;
        let event = Event::new(version, "GET", "/orders").by(harness.alice(b"alices"));
        let (response, _) = harness.send_within(event, LONG, streams).await;
        assert_eq!((response.status(), response.0["body"].as_str()), (200, Some("fine")));
        assert!(response.values("content-length").is_empty());
    }
}

/// Checklist H-08: a body that ends early, pauses too long or grows too large is cut, and its start is passed on.
#[tokio::test]
async fn a_body_without_an_end_is_cut() {
    let ended = |head: &'static str, body: &'static str| {
        move || Reply::Close(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").into_bytes())
    };
    for reply in [ended("Content-Length: 9", "x"), ended("Transfer-Encoding: chunked", "1\r\nx\r\n")] {
        let harness = Harness::answering(move |_, _| reply()).await;
        let (response, cut) = harness.send_within(get().by(harness.alice(b"alices")), LONG, true).await;
        assert_eq!((response.status(), response.body(), cut), (200, b"x".to_vec(), Some(Cut("broken"))));
        // A whole response can still be told apart by its status.
        let (response, cut) = harness.send_within(get().by(harness.alice(b"alices")), LONG, false).await;
        assert_eq!((response.status(), cut), (502, None));
        assert_eq!(response.values("ratelimit").len(), 1);
    }
}

#[tokio::test]
async fn a_body_that_pauses_is_cut_after_the_idle_time_or_at_the_end_of_the_invocation() {
    for (time, reason) in [(Duration::from_secs(90), "idle"), (LONG, "deadline")] {
        let harness = Harness::answering(|_, _| unfinished("Content-Length: 9", "x")).await;
        let event = get().by(harness.alice(b"alices"));
        let mut streamed = harness.stream_within(event.clone(), time).await;
        assert_eq!(streamed.body.next().await.unwrap().unwrap(), "x");
        tokio::time::pause();
        assert_eq!(streamed.body.next().await, Some(Err(Cut(reason))));
        assert_eq!(streamed.body.next().await, None);
        let (response, _) = harness.send_within(event, time, false).await;
        assert_eq!(response.status(), 504);
        tokio::time::resume();
    }
}

/// The API `plain` allows 1024 bytes.
#[tokio::test]
async fn a_body_that_grows_too_large_is_cut_and_one_that_says_so_is_502() {
    let plain = || {
        let caller = admitted(2);
        gateway_domain::call_context::Admitted {
            api: ApiName::parse("plain").unwrap(),
            route: "/plain".to_owned(),
            ..caller
        }
    };
    let event = || Event::new(ApiVersion::Rest, "GET", "/plain").by(plain());
    let body = "x".repeat(1025);
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{body}\r\n0\r\n\r\n");
    let harness = Harness::answering(move |_, _| Reply::Send(chunked.clone().into_bytes())).await;
    let (response, cut) = harness.send_within(event(), LONG, true).await;
    assert_eq!((response.status(), cut), (200, Some(Cut("too_large"))));
    assert!(response.body().len() <= 1024);
    let (response, _) = harness.send_within(event(), LONG, false).await;
    assert_eq!(response.status(), 502);
    let harness = Harness::answering(move |_, _| http_response(200, &[], body.as_bytes())).await;
    let (response, cut) = harness.send_within(event(), LONG, true).await;
    assert_eq!((response.status(), cut), (502, None));
}

/// API Gateway looks for the end of status and headers in the first 16 KB.
#[tokio::test]
async fn headers_larger_than_a_prelude_are_502() {
    for (size, status) in [(12_000, 200), (17_000, 502)] {
        let harness = Harness::answering(move |_, _| http_response(200, &[("X-Large", &"x".repeat(size))], b"")).await;
        let response = harness.send(get().by(harness.alice(b"alices"))).await;
        assert_eq!(response.status(), status, "{size}");
    }
}

/// Whether a session is over can stand in the body; then its start is held back, and a renewal replaces it unseen.
#[tokio::test]
async fn the_start_of_a_body_that_says_so_is_a_dead_session() {
    for head in ["Transfer-Encoding: chunked", "Content-Length: 17"] {
        let body =
            if head.starts_with('T') { "11\r\n<p>Please log in</p>".get(..21).unwrap() } else { "<p>Please log in." };
        let harness = Harness::answering(move |_, _| unfinished(head, body)).await;
        let response = harness.send(Event::new(ApiVersion::Rest, "GET", "/marked").by(harness.alice_marked())).await;
        assert_eq!(response.problem()["error"], "insufficient_user_authentication", "{head}");
    }
}

/// The client sees neither the login page nor that there was one.
#[tokio::test]
async fn a_login_page_in_a_body_renews_the_session() {
    let harness = Harness::answering(|number, _| match number {
        0 => unfinished("Transfer-Encoding: chunked", "14\r\n<p>Please log in</p>\r\n"),
        _ => http_response(200, &[], b"fine"),
    })
    .await;
    let event = Event::new(ApiVersion::Rest, "GET", "/marked").by(harness.marked_session().await);
    let response = harness.send(event).await;
    assert_eq!((response.status(), response.body()), (200, b"fine".to_vec()));
    let cookies: Vec<_> = harness.back_end.requests().iter().map(|request| request.values("cookie").concat()).collect();
    assert_eq!(cookies, ["SID=old", "SID=new"]);
}

/// A back end that begins and pauses is passed on after a second.
#[tokio::test]
async fn a_start_that_is_examined_is_not_waited_for_for_ever() {
    let head = "Content-Type: text/plain\r\nTransfer-Encoding: chunked";
    let harness = Harness::answering(move |_, _| unfinished(head, "5\r\nhello\r\n")).await;
    let begun = tokio::time::Instant::now();
    let event = Event::new(ApiVersion::Rest, "GET", "/marked").by(harness.alice_marked());
    let mut streamed = harness.stream(event).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(streamed.body.next().await.unwrap().unwrap(), "hello");
}

/// Events may pause as long as there are none, and no login page is made of them.
#[tokio::test]
async fn a_stream_of_events_is_not_held_back() {
    let head = "Content-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked";
    let harness = Harness::answering(move |_, _| unfinished(head, "d\r\nPlease log in\r\n")).await;
    let event = Event::new(ApiVersion::Rest, "GET", "/marked").by(harness.alice_marked());
    let mut streamed = harness.stream(event).await;
    assert_eq!(streamed.prelude["statusCode"], 200);
    assert_eq!(streamed.body.next().await.unwrap().unwrap(), "Please log in");
}
