//! Responses that come through as the back end sends them: large ones, endless ones, and those that never end well.

use std::fmt::Write as _;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use gateway_local::api_gateway::Pace;
use gateway_local::stack::{Options, Running, Stack};
use ring::digest::{Context, SHA256};
use serde_json::Value as Json;
use support::{ADA, Client, Gateway, Tokens, binaries};

use crate::events::{self, PROXY};
use crate::streaming_back_end::{Act, Led};
use crate::wire::echo_at;

/// A gateway whose API `echo` is at this back end, with these fields and this change of the options.
async fn at(back_end: &Led, fields: &str, change: impl FnOnce(&mut Options)) -> Gateway {
    let config = std::fs::read_to_string(Options::default().config).expect("the demo's configuration");
    let seed = std::fs::read_to_string(Options::default().seed).expect("the demo's seed");
    Gateway::start_from(&echo_at(&config, &back_end.url, fields), &seed, change).await
}

async fn begun(client: &Client, tokens: &Tokens) -> reqwest::Response {
    client.request("GET", "/echo").bearer_auth(&tokens.access).send().await.expect("a head")
}

/// Every event is there before the back end has sent the next one.
#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    let back_end = Led::start().await;
    let gateway = at(&back_end, "", |_| {}).await;
    let tokens = gateway.login(ADA).await;
    back_end.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut response = begun(&gateway, &tokens).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    assert!(response.headers().contains_key("ratelimit") && !response.headers().contains_key("content-length"));
    for number in 0..5 {
        let event = format!("id: {number}\ndata: {number}\n\n");
        back_end.send(&format!("{:x}\r\n{event}\r\n", event.len()));
        assert_eq!(response.chunk().await.expect("no cut").expect("an event"), event);
    }
    back_end.send("0\r\n\r\n");
    assert_eq!(response.chunk().await.expect("a clean end"), None);
}

/// Checklist H-08: a client never takes half a response for a whole one, and the next call works.
#[tokio::test]
async fn what_ends_early_is_cut_and_the_next_call_works() {
    let back_end = Led::start().await;
    let gateway = at(&back_end, "    idle_timeout: 1s\n    max_response_bytes: 1024\n", |options| {
        options.most_processes = 1;
    })
    .await;
    let tokens = gateway.login(ADA).await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n";
    let counted = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome";
    for (head, act, reason) in [
        (chunked, Some(Act::Close), "broken"),
        (counted, Some(Act::Close), "broken"),
        (chunked, Some(Act::Reset), "broken"),
        (counted, Some(Act::Reset), "broken"),
        (chunked, None, "idle"),
        (counted, None, "idle"),
        (chunked, Some(Act::Send(Bytes::from(format!("400\r\n{}\r\n", "x".repeat(1024))))), "too_large"),
    ] {
        back_end.send(head);
        let mut response = begun(&gateway, &tokens).await;
        assert_eq!(response.status(), 200);
        let first = response.chunk().await.expect("a start").expect("a start");
        assert!(first.starts_with(b"some"), "{first:?}");
        let (closes, cut) = (matches!(act, Some(Act::Close | Act::Reset)), async {
            while response.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        });
        if let Some(act) = act {
            back_end.act(act);
        }
        assert!(cut.await.is_err(), "{reason}");
        if !closes {
            // The gateway has closed this connection.
            back_end.act(Act::Close);
        }
        back_end.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwhole");
        back_end.act(Act::Close);
        let next = gateway.call("GET", "/echo", &tokens.access).await;
        assert_eq!((next.status, next.text().as_str()), (200, "whole"), "{reason}");
        assert_eq!(next.header("content-length"), "5");
    }
    let lines = gateway.logged().await;
    let cuts: Vec<_> = lines.iter().filter(|line| line.contains("back_end_cut")).collect();
    assert_eq!(cuts.len(), 7, "{cuts:?}");
    for cut in cuts {
        let line: Json = serde_json::from_str(cut.split_once("] ").expect("a source").1).expect("JSON");
        assert_eq!((&line["api"], line["correlation_id"].as_str().map(str::len)), (&"echo".into(), Some(36)), "{cut}");
        assert!(!cut.contains("some"), "{cut}");
    }
    assert!(lines.iter().any(|line| line.contains("\"BackEndCuts\"")), "no metric");
}

/// The time of the function ends everything: 504 before the head, a cut behind it.
#[tokio::test]
async fn the_time_of_the_function_is_the_longest() {
    let back_end = Led::start().await;
    let gateway =
        at(&back_end, "", |options| options.parameters.push(("ProxyTimeout".to_owned(), "3".to_owned()))).await;
    let tokens = gateway.login(ADA).await;
    let late = gateway.call("GET", "/echo", &tokens.access).await;
    assert_eq!((late.status, late.header("content-type")), (504, "application/problem+json"));
    back_end.act(Act::Close);
    back_end.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome");
    let mut response = begun(&gateway, &tokens).await;
    assert_eq!(response.chunk().await.expect("a start").expect("a start"), "some");
    assert!(response.chunk().await.is_err());
    assert!(gateway.logged().await.iter().any(|line| line.contains("\"reason\":\"deadline\"")));
}

/// RFC 9110 §9.3.2, §15.3.5, §15.4.5.
#[tokio::test]
async fn head_204_and_304_have_no_body_and_cookies_all_survive() {
    let back_end = Led::start().await;
    let gateway = at(&back_end, "", |_| {}).await;
    let tokens = gateway.login(ADA).await;
    for (method, head, status, length) in [
        ("HEAD", "200 OK\r\nContent-Length: 70000000", 200, "70000000"),
        ("GET", "204 No Content", 204, ""),
        ("GET", "304 Not Modified\r\nETag: \"x\"", 304, ""),
    ] {
        back_end.send(&format!("HTTP/1.1 {head}\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nLink: <x>\r\nLink: <y>\r\nConnection: close\r\n\r\n"));
        back_end.act(Act::Close);
        let response = gateway.call(method, "/echo", &tokens.access).await;
        assert_eq!((response.status, response.header("content-length"), response.body.len()), (status, length, 0));
        let all = |name| response.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!((all("set-cookie"), all("link")), (vec!["a=1", "b=2"], vec!["<x>", "<y>"]), "{method} {status}");
    }
}

/// What the gateway answers by itself differs in nothing but its framing from what a buffered integration gives.
#[tokio::test]
async fn a_client_sees_no_difference_but_in_large_and_slow_responses() {
    let files = tempfile::tempdir().expect("a directory");
    let buffered = template_with(files.path(), "RESPONSE_STREAM", "BUFFERED");
    let streamed = Gateway::start().await;
    let buffered = Gateway::start_with(|options| options.template = buffered).await;
    let seen = async |gateway: &Gateway| {
        let tokens = gateway.login(ADA).await;
        let mut all = Vec::new();
        for (method, path, token) in [
            ("GET", "/orders", tokens.access.as_str()),
            ("HEAD", "/echo", &tokens.access),
            ("POST", "/echo", &tokens.access),
            ("DELETE", "/orders", &tokens.access),
            ("GET", "/nothing", &tokens.access),
            ("GET", "/orders/../echo", &tokens.access),
            ("GET", "/orders", "no-token"),
            ("OPTIONS", "/orders", "no-token"),
            ("GET", "/public/ping", "no-token"),
        ] {
            all.push(comparable(&gateway.call(method, path, token).await));
        }
        // Beyond the limit of 60 calls.
        let mut last = gateway.call("GET", "/orders", &tokens.access).await;
        for _ in 0..70 {
            if last.status == 429 {
                break;
            }
            last = gateway.call("GET", "/orders", &tokens.access).await;
        }
        assert_eq!(last.status, 429);
        all.push(comparable(&last));
        all
    };
    let (streamed, buffered) = (seen(&streamed).await, seen(&buffered).await);
    assert_eq!(streamed.len(), buffered.len());
    for (streamed, buffered) in streamed.iter().zip(&buffered) {
        assert_eq!(streamed, buffered);
    }
}

/// The template with this text in the place of another.
fn template_with(files: &Path, old: &str, new: &str) -> PathBuf {
    let template = std::fs::read_to_string(Options::default().template).expect("the template");
    assert!(template.contains(old));
    let path = files.join("template.yaml");
    std::fs::write(&path, template.replace(old, new)).expect("a file");
    path
}

/// A response without what differs from call to call, and without its framing.
fn comparable(response: &support::Response) -> String {
    let differs = [
        "content-length",
        "transfer-encoding",
        "date",
        "x-amzn-remapped-date",
        "x-amzn-requestid",
        "ratelimit",
        "retry-after",
        "set-cookie",
    ];
    let mut fields: Vec<_> = response.headers.iter().filter(|(name, _)| !differs.contains(&name.as_str())).collect();
    fields.sort_by_key(|(name, value)| (name.as_str(), value.as_bytes().to_vec()));
    let mut text = format!("{}", response.status);
    for (name, value) in fields {
        let _ = write!(text, "\n{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    let body = response.text();
    // API Gateway's own words end with the id of the request.
    let body = body.split("\"request_id\"").next().unwrap_or_default();
    // The echo has ids and addresses of its own call.
    if body.contains("LEGACYSESSID") { text } else { format!("{text}\n\n{body}") }
}

/// `sam local` does not know streams: there, and for an HTTP API, the function returns one JSON.
#[tokio::test]
async fn where_nobody_takes_streams_the_function_returns_json() {
    // As there: the variable says one thing, and what takes the response does another.
    let files = tempfile::tempdir().expect("a directory");
    let mode = |word| format!("ResponseTransferMode: {word}");
    let gateway = Gateway::start_with(|options| {
        options.template = template_with(files.path(), &mode("RESPONSE_STREAM"), &mode("BUFFERED"));
        options.environment.push(("AWS_SAM_LOCAL".to_owned(), "true".to_owned()));
    })
    .await;
    let tokens = gateway.login(ADA).await;
    let authorizer = events::rest_authorizer(&gateway, "GET", "/orders", &tokens.access);
    let event = events::admitted(&gateway, &authorizer).await;
    let invoke = async |gateway: &Gateway, event: &Json| {
        let functions = gateway.stack.functions();
        functions.invoke(PROXY, Bytes::from(event.to_string())).await.expect("a response")
    };
    let whole: Json = serde_json::from_slice(&invoke(&gateway, &event).await).expect("JSON");
    assert_eq!(whole["statusCode"], 200);

    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let authorizer = events::rest_authorizer(&gateway, "GET", "/orders", &tokens.access);
    let streamed = invoke(&gateway, &events::admitted(&gateway, &authorizer).await).await;
    assert!(serde_json::from_slice::<Json>(&streamed).is_err() && streamed.starts_with(b"{\""));
    let authorizer = events::http_authorizer(&gateway, "GET", "/orders", &tokens.access);
    let whole = invoke(&gateway, &events::admitted(&gateway, &authorizer).await).await;
    assert_eq!(serde_json::from_slice::<Json>(&whole).expect("JSON")["statusCode"], 200);
}

const LARGE: usize = 64 * 1024 * 1024;

/// 64 MiB pass through the proxy, byte for byte, and it never holds more than some of them.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_download_arrives_whole_in_bounded_memory() {
    let back_end = Led::start().await;
    let files = tempfile::tempdir().expect("a directory");
    let (stack, process) = with_known_proxy(files.path(), &back_end).await;
    let client = Client::new(stack.base_url());
    let tokens = client.login(ADA).await;
    back_end.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsmall");
    back_end.act(Act::Close);
    assert_eq!(client.call("GET", "/echo", &tokens.access).await.text(), "small");
    let before = peak(&process);

    back_end.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\nConnection: close\r\n\r\n"));
    let block: Bytes = (0..=250_u8).cycle().take(1024 * 1024).collect::<Vec<_>>().into();
    let mut sent = Context::new(&SHA256);
    for _ in 0..LARGE / block.len() {
        sent.update(&block);
        back_end.act(Act::Send(block.clone()));
    }
    back_end.act(Act::Close);
    let mut response = begun(&client, &tokens).await;
    assert_eq!(response.headers()["content-length"], LARGE.to_string());
    let (mut received, mut length) = (Context::new(&SHA256), 0);
    while let Some(piece) = response.chunk().await.expect("no cut") {
        received.update(&piece);
        length += piece.len();
    }
    assert_eq!(length, LARGE);
    assert_eq!(received.finish().as_ref(), sent.finish().as_ref());
    let grown = peak(&process).saturating_sub(before);
    assert!(grown < 16 * 1024, "the proxy took {grown} KiB more, {before} KiB before");
}

/// A stack whose one proxy process writes its id to a file, and that file's content.
async fn with_known_proxy(files: &Path, back_end: &Led) -> (Running, String) {
    use std::os::unix::fs::PermissionsExt as _;

    let mut binaries = binaries().await.clone();
    let (script, id) = (files.join("proxy"), files.join("pid"));
    let lines = format!("#!/bin/sh\necho $$ > '{}'\nexec '{}'\n", id.display(), binaries["proxy"].display());
    std::fs::write(&script, lines).expect("a file");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("a program");
    binaries.insert("proxy".to_owned(), script);
    let pace = Pace { rate: None, idle: Duration::from_secs(20), ..Pace::default() };
    let mut options = Options { most_processes: 1, pace, ..Options::default() };
    support::configure(&mut options, files, |config| echo_at(&config, &back_end.url, ""));
    let stack = Stack::start(options, ready(Ok(binaries))).await.expect("a stack");
    (stack, std::fs::read_to_string(id).expect("a process id").trim().to_owned())
}

/// The most memory that a process has had, in KiB.
fn peak(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
