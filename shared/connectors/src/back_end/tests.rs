//! The client with servers that follow, break and ignore the rules of HTTP.

use http::Method;

use super::*;
use crate::recording_server::{RecordingServer, Reply, http_response};

const BOUNDS: Bounds = Bounds { timeout: Duration::from_secs(20), max_body: 1000 };

async fn send(
    client: &BackEndClient,
    method: Method,
    url: &str,
    bounds: Bounds,
) -> Result<Response<Bytes>, BackEndError> {
    let request = Request::builder().method(method).uri(url).body(Bytes::from_static(b"\0\xffbody")).unwrap();
    client.send(request, bounds).await
}

async fn get(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
    bounds: Bounds,
) -> Result<Response<Bytes>, BackEndError> {
    let server = RecordingServer::start(move |_, _| reply());
    send(&BackEndClient::new().unwrap(), Method::GET, &server.origin(), bounds).await
}

/// Checklist H-06, H-07: a request has one framing, the configured host, and the bytes of its body unchanged.
#[tokio::test]
async fn connections_are_reused_and_requests_are_framed_once() {
    let server = RecordingServer::start(|_, _| http_response(200, &[], b"fine"));
    let client = BackEndClient::new().unwrap();
    for _ in 0..3 {
        let http_response = send(&client, Method::POST, &format!("{}/a?b=%20", server.origin()), BOUNDS).await.unwrap();
        assert_eq!((http_response.status(), http_response.body().as_ref()), (StatusCode::OK, &b"fine"[..]));
    }
    assert_eq!(server.connections(), 1);
    let request = &server.requests()[2];
    assert_eq!(request.line(), "POST /a?b=%20 HTTP/1.1");
    assert_eq!(request.values("host"), [server.origin().strip_prefix("http://").unwrap()]);
    assert_eq!(request.values("content-length"), ["6"]);
    assert!(request.values("transfer-encoding").is_empty());
    assert_eq!(request.body, b"\0\xffbody");
}

/// Checklist H-08.
#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = send(&BackEndClient::new().unwrap(), Method::GET, &format!("http://{nobody}/"), BOUNDS).await;
    assert_eq!(outcome.unwrap_err(), BackEndError::Unreachable);
}

/// Checklist H-08.
#[tokio::test(start_paused = true)]
async fn silence_and_slow_drips_time_out() {
    assert_eq!(get(|| Reply::Stall(Vec::new()), BOUNDS).await.unwrap_err(), BackEndError::TimedOut);
    let drip = || Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec());
    assert_eq!(get(drip, BOUNDS).await.unwrap_err(), BackEndError::TimedOut);
}

#[tokio::test]
async fn a_body_may_be_as_large_as_allowed_and_no_larger() {
    assert_eq!(get(|| http_response(200, &[], &[b'x'; 1000]), BOUNDS).await.unwrap().body().len(), 1000);
    let too_large = get(|| http_response(200, &[], &[b'x'; 1001]), BOUNDS).await;
    assert_eq!(too_large.unwrap_err(), BackEndError::TooLarge);
    let endless = || {
        let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
        Reply::Stall(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}").into_bytes())
    };
    assert_eq!(get(endless, BOUNDS).await.unwrap_err(), BackEndError::TooLarge);
}

/// Checklist H-08.
#[tokio::test]
async fn answers_that_are_no_http_or_end_early_are_broken() {
    for bytes in [
        &b"garbage\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ] {
        let outcome = get(|| Reply::Close(bytes.to_vec()), BOUNDS).await;
        assert_eq!(outcome.unwrap_err(), BackEndError::Broken, "{}", String::from_utf8_lossy(bytes));
    }
}

/// Checklist H-05.
#[tokio::test]
async fn only_idempotent_requests_are_sent_again_and_only_once() {
    for (method, times) in [(Method::POST, 1), (Method::PATCH, 1), (Method::GET, 2), (Method::DELETE, 2)] {
        let server = RecordingServer::start(|_, _| Reply::Close(Vec::new()));
        let outcome = send(&BackEndClient::new().unwrap(), method.clone(), &server.origin(), BOUNDS).await;
        assert_eq!(outcome.unwrap_err(), BackEndError::Broken);
        assert_eq!(server.requests().len(), times, "{method}");
    }
    let server = RecordingServer::start(|number, _| match number {
        0 => Reply::Close(Vec::new()),
        _ => http_response(200, &[], b""),
    });
    assert!(send(&BackEndClient::new().unwrap(), Method::GET, &server.origin(), BOUNDS).await.is_ok());
}

/// Checklist H-07: whoever else is on the way may have believed the other framing, so that the next response is anybody's.
#[tokio::test]
async fn a_response_with_two_framings_is_broken_and_the_last_one_of_its_connection() {
    for reply in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ] {
        let server = RecordingServer::start(|_, _| Reply::Stall(reply.as_bytes().to_vec()));
        let client = BackEndClient::new().unwrap();
        for connections in 1..=3 {
            let outcome = send(&client, Method::GET, &server.origin(), BOUNDS).await;
            assert_eq!(outcome.unwrap_err(), BackEndError::Broken);
            assert_eq!(server.connections(), connections, "{reply}");
        }
    }
}

/// Abuse case C7.
#[tokio::test]
async fn redirects_are_responses_and_nothing_else() {
    let elsewhere = RecordingServer::start(|_, _| http_response(200, &[], b""));
    for status in [301, 302, 307, 308] {
        let location = elsewhere.origin();
        let outcome = get(move || http_response(status, &[("Location", &location)], b""), BOUNDS).await.unwrap();
        assert_eq!(outcome.status().as_u16(), status);
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// The head is there before the body, which comes as the back end sends it.
#[tokio::test]
async fn an_open_response_is_read_piece_by_piece() {
    let server = RecordingServer::start(|_, _| http_response(200, &[], &vec![b'x'; 100_000]));
    let client = BackEndClient::new().unwrap();
    let request = || Request::get(server.origin()).body(Bytes::new()).unwrap();
    let response = client.open(Connection::Kept, request(), BOUNDS.timeout).await.unwrap();
    let mut body = response.into_body();
    assert_eq!((body.declared(), body.is_over()), (Some(100_000), false));
    let (mut length, mut pieces) = (0, 0);
    while let Some(piece) = body.next().await.unwrap() {
        (length, pieces) = (length + piece.len(), pieces + 1);
    }
    assert!(length == 100_000 && pieces > 1, "{length} in {pieces}");
    assert!(body.is_over());
    // Read to its end, the connection serves the next request.
    assert!(client.open(Connection::Kept, request(), BOUNDS.timeout).await.is_ok());
    assert_eq!(server.connections(), 1);
}

/// Checklist H-08: the time is that of the head, and a body that ends early says so.
#[tokio::test]
async fn an_open_response_tells_a_missing_head_from_a_broken_body() {
    let open = async |reply: fn() -> Reply| {
        let server = RecordingServer::start(move |_, _| reply());
        let request = Request::get(server.origin()).body(Bytes::new()).unwrap();
        BackEndClient::new().unwrap().open(Connection::Kept, request, Duration::from_millis(300)).await
    };
    assert_eq!(open(|| Reply::Stall(Vec::new())).await.unwrap_err(), BackEndError::TimedOut);
    for short in [
        || Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec()),
        || Reply::Close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n".to_vec()),
    ] {
        let mut body = open(short).await.unwrap().into_body();
        assert_eq!(body.next().await.unwrap().as_deref(), Some(&b"x"[..]));
        assert_eq!(body.next().await.unwrap_err(), BackEndError::Broken);
    }
}
