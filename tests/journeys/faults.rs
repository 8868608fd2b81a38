//! What is down, slow, broken or too large is told apart, and the next call works.

use std::future::ready;

use gateway_local::stack::{Options, Stack};
use support::{ADA, DEMO_APP, Gateway, Response, Switch, binaries, send, signal};

use crate::canned::{Canned, nobody};
use crate::wire::{echo_at, last, seen};

/// A problem that says nothing about our insides.
fn is_plain_problem(response: &Response, status: u16) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/problem+json");
    let text = response.text().to_lowercase();
    for inside in ["127.0.0.1", "hyper", "dynamo", "panicked", "src/", "os error", "connect("] {
        assert!(!text.contains(inside), "{text}");
    }
}

/// Checklist H-08. One that breaks off in its body is in `streaming.rs`.
#[tokio::test]
async fn a_back_end_that_is_down_slow_or_broken_is_told_apart() {
    let (_socket, nobody) = nobody();
    let silent = Canned::start(None).await;
    let broken = Canned::start(Some("this is no HTTP\r\n\r\n".to_owned())).await;
    for (url, fields, status) in [(nobody, "", 502), (silent.url(), "    timeout: 1s\n", 504), (broken.url(), "", 502)]
    {
        let gateway = Gateway::start_with_config(|text| echo_at(&text, &url, fields)).await;
        let tokens = gateway.login(ADA).await;
        is_plain_problem(&gateway.call("GET", "/echo", &tokens.access).await, status);
        is_plain_problem(&gateway.call("POST", "/echo", &tokens.access).await, status);
        // The other API still works.
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    }
    // The two POSTs were sent once each (checklist H-05).
    for server in [&silent, &broken] {
        let posts = server.requests().iter().filter(|request| request.starts_with("POST ")).count();
        assert_eq!(posts, 1);
    }
}

/// Checklist Y-04: a session that the back end has forgotten is over, until the next login.
#[tokio::test]
async fn a_session_the_back_end_forgot_is_a_new_login() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    gateway.stack.legacy().forget_sessions();
    let over = gateway.call("GET", "/orders", &tokens.access).await;
    is_plain_problem(&over, 401);
    assert_eq!(over.json()["error"], "insufficient_user_authentication");
    let again = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &again.access).await.status, 200);
}

/// Abuse case K1; checklist H-08, V-07.
#[tokio::test]
async fn without_its_database_the_gateway_says_when_to_come_back() {
    let line = Switch::start().await;
    let gateway = Gateway::start_with(|options| {
        options.environment.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), line.url.clone()));
    })
    .await;
    line.lead_to(gateway.stack.dynamodb_url());
    let tokens = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);

    line.cut();
    let before = seen(&gateway);
    let come_back = |response: &Response| {
        assert_eq!(response.status, 503, "{}", response.text());
        assert!(response.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{response:?}");
    };
    let call = gateway.call("GET", "/orders", &tokens.access).await;
    come_back(&call);
    is_plain_problem(&call, 503);
    come_back(&gateway.try_login(DEMO_APP, ADA.name, ADA.password).await);
    come_back(&gateway.try_refresh(DEMO_APP, &tokens.refresh).await);
    let revocation = [("client_id", DEMO_APP), ("token", tokens.refresh.as_str())];
    come_back(&gateway.post_form("/oauth2/revoke", &revocation).await);
    // What needs no database works, and what is no token is none.
    assert_eq!(gateway.response(gateway.request("GET", "/.well-known/jwks.json")).await.status, 200);
    assert_eq!(gateway.call("GET", "/orders", "no-token").await.status, 401);
    assert_eq!(seen(&gateway), before, "something reached the back end");

    line.mend();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    let next = gateway.refresh(&tokens).await;
    assert_eq!(gateway.call("GET", "/orders", &next.access).await.status, 200);
    assert_eq!(
        gateway.post_form("/oauth2/revoke", &[("client_id", DEMO_APP), ("token", &next.refresh)]).await.status,
        200
    );
    assert_eq!(gateway.call("GET", "/orders", &next.access).await.status, 401);
}

/// The function's process is killed while a slow back end keeps it waiting.
#[cfg(unix)]
#[tokio::test]
async fn a_function_that_dies_during_a_call_is_a_502_and_the_next_call_works() {
    use std::os::unix::fs::PermissionsExt as _;

    let files = tempfile::tempdir().expect("a directory");
    let silent = Canned::start(None).await;
    let mut binaries = binaries().await.clone();
    // Tells its process id, then is the proxy.
    let (script, id) = (files.path().join("proxy"), files.path().join("pid"));
    let lines = format!("#!/bin/sh\necho $$ > '{}'\nexec '{}'\n", id.display(), binaries["proxy"].display());
    std::fs::write(&script, lines).expect("a file");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("a program");
    binaries.insert("proxy".to_owned(), script);
    let mut options = Options { most_processes: 1, ..Options::default() };
    support::configure(&mut options, files.path(), |config| echo_at(&config, &silent.url(), ""));
    let stack = Stack::start(options, ready(Ok(binaries))).await.expect("a stack");

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let form =
        [("grant_type", "password"), ("client_id", DEMO_APP), ("username", ADA.name), ("password", ADA.password)];
    let login = client.post(format!("{}/oauth2/token", stack.base_url())).form(&form).send().await.expect("a response");
    let login: serde_json::Value = login.json().await.expect("JSON");
    let token = login["access_token"].as_str().expect("a token");
    let call = |path: &str| client.get(format!("{}{path}", stack.base_url())).bearer_auth(token).send();

    let waiting = tokio::spawn(call("/echo"));
    while silent.requests().is_empty() {
        assert!(!waiting.is_finished(), "the call did not reach the back end");
        tokio::task::yield_now().await;
    }
    let id = std::fs::read_to_string(id).expect("a process id");
    assert!(signal("KILL", &id));
    let died = waiting.await.expect("a task").expect("a response");
    assert_eq!(died.status(), 502);
    let text = died.text().await.expect("a body");
    assert!(text.contains("\"title\"") && !text.contains("signal"), "{text}");
    assert_eq!(call("/orders").await.expect("a response").status(), 200);
}

/// Abuse case G4.
#[tokio::test]
async fn a_body_too_large_to_be_a_form_is_not_read_as_one() {
    let gateway = Gateway::start().await;
    let login = "grant_type=password&client_id=demo-app&username=ada%40example.com";
    let post = async |body: String| {
        let request = gateway.request("POST", "/oauth2/token").body(body);
        gateway.response(request.header("content-type", "application/x-www-form-urlencoded")).await
    };
    let before = gateway.stack.legacy().logins();
    let fields: String = (0..10_000).map(|index| format!("&f{index}=1")).collect();
    let few_bytes: String = (0..1_000).map(|index| format!("&f{index}=1")).collect();
    for (body, statuses) in [
        (format!("{login}&password={}", "a".repeat(1024 * 1024)), [413, 400]),
        (format!("{login}&password={}", "a".repeat(1025)), [400, 400]),
        ("a".repeat(6 * 1024 * 1024), [413, 413]),
        (format!("{login}&password=x{fields}"), [413, 400]),
        (format!("{login}&password=x{few_bytes}"), [400, 400]),
    ] {
        let length = body.len();
        let response = post(body).await;
        assert!(statuses.contains(&response.status), "{length} bytes: {}", response.text());
    }
    assert_eq!(gateway.stack.legacy().logins(), before);
    let password = "correct+horse+battery+staple";
    assert_eq!(post(format!("{login}&password={password}&other=1")).await.status, 200);
}

/// Checklist H-08; the limits are API Gateway's own.
#[tokio::test]
async fn what_is_larger_than_the_gateway_carries_is_refused() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let post = async |bytes: usize| {
        let request = gateway.request("POST", "/echo").bearer_auth(&tokens.access);
        gateway.response(request.body(vec![b'a'; bytes])).await
    };
    let with_header = async |bytes: usize| {
        let request = gateway.request("GET", "/echo").bearer_auth(&tokens.access);
        gateway.response(request.header("x-long", "a".repeat(bytes))).await
    };
    let before = seen(&gateway);
    for bytes in [6 * 1024 * 1024, 9 * 1024 * 1024] {
        assert_eq!(post(bytes).await.status, 413, "{bytes}");
    }
    // This much is not even read: the connection may end before the response is.
    let head = format!("POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", tokens.access);
    let mut bytes = format!("{head}Content-Length: 11534336\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + 11_534_336, b'a');
    assert!(send(gateway.stack.base_url(), &bytes).await.status().is_none_or(|status| status == 413));
    // More than the gateway takes, and more than the back end does.
    assert_eq!(with_header(10 * 1024).await.status, 431);
    assert_eq!(with_header(8 * 1024).await.status, 431);
    assert_eq!(seen(&gateway), before, "something reached the back end");

    assert_eq!(post(1024 * 1024).await.status, 200);
    assert_eq!(last(&gateway).body.len(), 1024 * 1024);
    assert_eq!(with_header(4 * 1024).await.status, 200);
}

/// A response that says it is larger than its API may send is a problem of the back end's.
#[tokio::test]
async fn a_response_larger_than_the_gateway_carries_is_a_502() {
    let body = "a".repeat(6 * 1024 * 1024 + 1);
    let large = Canned::start(Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))).await;
    let gateway =
        Gateway::start_with_config(|text| echo_at(&text, &large.url(), "    max_response_bytes: 6291456\n")).await;
    let tokens = gateway.login(ADA).await;
    is_plain_problem(&gateway.call("GET", "/echo", &tokens.access).await, 502);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
}
