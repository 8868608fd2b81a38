//! Functions that stream, over HTTP, and clients that see how a stream ends.

use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::*;
use crate::template::Inputs;

type Frames = Vec<Frame<Bytes>>;

/// What the function sends for this path, and whether it then says no more and keeps the connection.
fn sent(path: &str) -> (Frames, bool) {
    let data = |text: &[u8]| Frame::data(Bytes::copy_from_slice(text));
    let prelude = |json: Json| data(&[json.to_string().as_bytes(), &limits::DELIMITER].concat());
    let fine = || prelude(json!({ "statusCode": 200, "multiValueHeaders": { "Set-Cookie": ["a=1", "b=2"] } }));
    let failed = || {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("lambda-runtime-function-error-type", HeaderValue::from_static("Test"));
        trailers.insert("lambda-runtime-function-error-body", HeaderValue::from_static("e30="));
        Frame::trailers(trailers)
    };
    match path.strip_prefix("/public/").unwrap_or_default() {
        "split" => (vec![data(b"{\"statusCode\""), data(b":200}\0\0\0"), data(b"\0\0\0\0\0bo"), data(b"dy")], false),
        "empty" => (vec![prelude(json!({ "statusCode": 204 }))], false),
        "begun" => (vec![fine(), data(b"data: 1\n\n")], true),
        "failed" => (vec![fine(), data(b"some"), failed()], false),
        "counted" => (
            vec![prelude(json!({ "statusCode": 200, "headers": { "Content-Length": "9" } })), data(b"some"), failed()],
            false,
        ),
        "failed-at-once" => (vec![failed()], false),
        "no-delimiter" => (vec![data(&[b'x'; limits::PRELUDE])], false),
        "no-json" => (vec![data(b"x\0\0\0\0\0\0\0\0body")], false),
        "whole" => (vec![data(b"{\"statusCode\":200,\"body\":\"\"}")], false),
        "unknown-member" => (vec![prelude(json!({ "statusCode": 200, "body": "" }))], false),
        "large" => (vec![fine(), data(&vec![b'x'; 100_000]), data(&vec![b'y'; 100_000])], false),
        _ => (vec![fine()], false),
    }
}

async fn work(runtime_api: String) {
    let client = Client::builder(TokioExecutor::new())
        .build_http::<http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>>();
    let base = format!("http://{runtime_api}/2018-06-01/runtime/invocation");
    let empty = || http_body_util::Empty::new().boxed();
    let next = || http::Request::get(format!("{base}/next")).body(empty()).unwrap();
    while let Ok(next) = client.request(next()).await {
        let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        let event = next.into_body().collect().await.unwrap().to_bytes();
        let event: Json = serde_json::from_slice(&event).unwrap();
        let (frames, stays) = sent(event["path"].as_str().unwrap());
        let frames = stream::iter(frames.into_iter().map(Ok));
        let silence = stream::once(async move { if stays { std::future::pending().await } else { None } });
        let body = StreamBody::new(frames.chain(silence.filter_map(|nothing| async { nothing })));
        let response = http::Request::post(format!("{base}/{id}/response"))
            .header("lambda-runtime-function-response-mode", "streaming")
            .header("trailer", "lambda-runtime-function-error-type, lambda-runtime-function-error-body")
            .body(http_body_util::BodyExt::boxed(body))
            .unwrap();
        assert!(client.request(response).await.unwrap().status().is_success());
    }
}

/// A gateway at this pace, in front of a function that may take a second.
async fn start(pace: Pace) -> (String, Log) {
    let template = Template::read(include_str!("../../../../template.yaml"), &Inputs::default()).unwrap();
    let (log, mut functions) = (Log::default(), Functions::default());
    functions.add_task("ProxyFunction", Duration::from_secs(1), &log, |endpoint| tokio::spawn(work(endpoint)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let gateway = ApiGateway::new(Arc::new(template), functions, log.clone()).paced(pace);
    tokio::spawn(gateway.serve(listener));
    (base, log)
}

#[tokio::test]
async fn a_stream_is_passed_on_with_its_head() {
    let (base, _) = start(Pace::default()).await;
    let split = reqwest::get(format!("{base}/public/split")).await.unwrap();
    assert_eq!(split.status(), 200);
    assert_eq!(split.headers()["content-type"], "application/json");
    assert_eq!(split.text().await.unwrap(), "body");
    let empty = reqwest::get(format!("{base}/public/empty")).await.unwrap();
    assert_eq!((empty.status().as_u16(), empty.text().await.unwrap().as_str()), (204, ""));
    let cookies = reqwest::get(format!("{base}/public/other")).await.unwrap();
    assert_eq!(cookies.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test]
async fn what_has_come_is_passed_on_and_the_time_of_the_function_cuts_the_rest() {
    let (base, log) = start(Pace::default()).await;
    let mut begun = reqwest::get(format!("{base}/public/begun")).await.unwrap();
    assert_eq!(begun.chunk().await.unwrap().unwrap(), "data: 1\n\n");
    assert!(begun.chunk().await.is_err());
    assert!(log.lines().iter().any(|line| line.contains("took longer than its timeout")), "{:?}", log.lines());
}

#[tokio::test]
async fn a_pause_that_is_too_long_cuts_a_stream() {
    let (base, log) = start(Pace { idle: Duration::from_millis(100), ..Pace::default() }).await;
    let mut begun = reqwest::get(format!("{base}/public/begun")).await.unwrap();
    assert_eq!(begun.chunk().await.unwrap().unwrap(), "data: 1\n\n");
    assert!(begun.chunk().await.is_err());
    assert!(log.lines().iter().any(|line| line.contains("nothing came for too long")), "{:?}", log.lines());
}

/// Whether the length was declared or not, the client sees that something is missing, and the process goes on.
#[tokio::test]
async fn an_error_in_the_trailers_cuts_the_connection_and_not_the_next_call() {
    let (base, log) = start(Pace::default()).await;
    for path in ["failed", "counted", "failed"] {
        let mut failed = reqwest::get(format!("{base}/public/{path}")).await.unwrap();
        assert_eq!(failed.status(), 200);
        let cut = loop {
            match failed.chunk().await {
                Ok(Some(piece)) => assert_eq!(piece, "some"),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(cut, "{path}");
    }
    assert!(log.lines().iter().any(|line| line.contains("a stream was cut: Test")), "{:?}", log.lines());
    assert!(reqwest::get(format!("{base}/public/split")).await.unwrap().status().is_success());
}

#[tokio::test]
async fn what_is_no_stream_is_502() {
    let (base, log) = start(Pace::default()).await;
    for path in ["failed-at-once", "no-delimiter", "no-json", "whole", "unknown-member"] {
        assert_eq!(reqwest::get(format!("{base}/public/{path}")).await.unwrap().status(), 502, "{path}");
    }
    assert_eq!(log.lines().iter().filter(|line| line.contains("malformed response")).count(), 5);
}

#[tokio::test]
async fn beyond_what_goes_out_at_once_a_stream_is_slowed_down() {
    let (base, _) = start(Pace { at_once: 150_000, rate: Some(500_000), ..Pace::default() }).await;
    let begun = Instant::now();
    let large = reqwest::get(format!("{base}/public/large")).await.unwrap();
    assert_eq!(large.bytes().await.unwrap().len(), 200_000);
    assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
}
