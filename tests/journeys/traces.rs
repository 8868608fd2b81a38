//! Traces: what the functions tell X-Ray of a login and a call, at a daemon that is a real socket.

use std::collections::BTreeSet;
use std::net::UdpSocket;

use gateway_domain::trace::Trace;
use serde_json::Value as Json;
use support::{ADA, Daemon, Gateway};

use crate::events::{AUTHORIZER, PROXY, TOKEN};
use crate::wire::{last, raw};

/// A gateway whose functions know this daemon.
async fn known(daemon: &Daemon, sampled: bool) -> Gateway {
    let gateway = Gateway::start_with(|options| daemon.is_known(options, sampled)).await;
    // What was asked for when the stack started is looked at elsewhere.
    daemon.told();
    gateway
}

/// The documents of this name.
fn named<'d>(documents: &'d [Json], name: &str) -> Vec<&'d Json> {
    documents.iter().filter(|document| document["name"] == name).collect()
}

/// The document belongs to the last invocation of this function.
fn is_below(document: &Json, gateway: &Gateway, function: &str) {
    let header = gateway.stack.functions().last_trace(function);
    let trace = Trace::parse(&header).expect("a trace");
    assert_eq!((document["trace_id"].as_str(), document["parent_id"].as_str()), (Some(trace.root), Some(trace.parent)));
}

#[tokio::test]
async fn a_login_and_a_call_are_traced_to_the_back_end() {
    let daemon = Daemon::start();
    let gateway = known(&daemon, true).await;
    let tokens = gateway.login(ADA).await;
    let login = daemon.told();
    assert_eq!(login.len(), 1, "{login:#?}");
    assert_eq!((&login[0]["name"], &login[0]["namespace"]), (&"orders-login".into(), &"remote".into()));
    is_below(&login[0], &gateway, TOKEN);

    let foreign = "X-Amzn-Trace-Id: Root=1-00000001-000000000000000000000001;Parent=0000000000000001;Sampled=1\r\n\
                   traceparent: 00-00000000000000000000000000000001-0000000000000001-01\r\n";
    let response = raw(&gateway, "GET /orders/2?secret=query", Some(&tokens.access), foreign).await;
    let call = daemon.told();
    let (counts, calls) = (named(&call, "DynamoDB"), named(&call, "127.0.0.1"));
    assert_eq!((counts.len(), calls.len(), call.len()), (1, 1, 2), "{call:#?}");
    assert_eq!((&counts[0]["namespace"], &counts[0]["aws"]["operation"]), (&"aws".into(), &"UpdateItem".into()));
    is_below(counts[0], &gateway, AUTHORIZER);
    is_below(calls[0], &gateway, PROXY);
    assert_eq!(calls[0]["namespace"], "remote");
    assert_eq!(calls[0]["http"]["request"], serde_json::json!({ "method": "GET", "url": "http://127.0.0.1" }));
    assert_eq!(calls[0]["http"]["response"]["status"].as_u64(), response.status().map(u64::from));
    let roots: BTreeSet<_> = call.iter().map(|document| document["trace_id"].as_str()).collect();
    assert_eq!(roots.len(), 1);
    assert!(!roots.contains(&login[0]["trace_id"].as_str()), "each request has a trace of its own");

    // The back end belongs below the call's own subsegment, in both ways of saying so, whatever the client said.
    let arrived = last(&gateway);
    let (root, id) = (calls[0]["trace_id"].as_str().expect("an id"), calls[0]["id"].as_str().expect("an id"));
    assert_eq!(arrived.header("x-amzn-trace-id"), [format!("Root={root};Parent={id};Sampled=1")]);
    let unique = root.strip_prefix("1-").expect("an id").replace('-', "");
    assert_eq!(arrived.header("traceparent"), [format!("00-{unique}-{id}-01")]);

    gateway.post_form("/oauth2/revoke", &[("client_id", support::DEMO_APP), ("token", &tokens.refresh)]).await;
    let logout = daemon.told();
    assert_eq!(named(&logout, "orders-login").len(), 1, "{logout:#?}");
    is_below(&logout[0], &gateway, TOKEN);
}

#[tokio::test]
async fn mishaps_are_told_as_what_they_are() {
    let daemon = Daemon::start();
    let gateway = known(&daemon, true).await;
    let tokens = gateway.login(ADA).await;
    daemon.told();
    gateway.stack.legacy().forget_sessions();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    let told = daemon.told();
    let calls = named(&told, "127.0.0.1");
    assert_eq!(
        (calls.len(), &calls[0]["http"]["response"]["status"], &calls[0]["error"]),
        (1, &401.into(), &true.into())
    );
}

#[tokio::test]
async fn no_secret_and_no_name_of_a_user_is_in_a_document() {
    let daemon = Daemon::start();
    let gateway = known(&daemon, true).await;
    let tokens = gateway.login(ADA).await;
    let refreshed = gateway.refresh(&tokens).await;
    gateway.try_login(support::DEMO_APP, ADA.name, "canary-of-a-password").await;
    gateway.call("POST", "/orders", &refreshed.access).await;
    gateway.call("GET", "/orders/canary-in-a-path?canary-in-a-query=1", &refreshed.access).await;
    let cookie = last(&gateway).header("cookie").pop().expect("a cookie");
    gateway.post_form("/oauth2/revoke", &[("client_id", support::DEMO_APP), ("token", &refreshed.refresh)]).await;
    let documents = daemon.told();
    assert!(documents.len() >= 6, "{documents:#?}");
    let text = serde_json::to_string(&documents).expect("JSON");
    let session = cookie.strip_prefix("LEGACYSESSID=").expect("the session alone");
    for secret in [
        ADA.name,
        "ada@",
        "ada%40",
        ADA.password,
        &tokens.access,
        &refreshed.access,
        &refreshed.refresh,
        session,
        "canary",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // The harmless twin: the search does find what is there.
    assert!(text.contains("orders-login"));
}

#[tokio::test]
async fn a_trace_that_is_not_kept_is_not_told_but_goes_on() {
    let daemon = Daemon::start();
    let gateway = known(&daemon, false).await;
    let tokens = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    assert_eq!(daemon.told(), Vec::<Json>::new());
    let header = gateway.stack.functions().last_trace(PROXY);
    assert!(header.ends_with(";Sampled=0"), "{header}");
    assert_eq!(last(&gateway).header("x-amzn-trace-id"), [header]);
}

#[tokio::test]
async fn a_daemon_that_is_not_there_disturbs_nobody() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").to_string();
    for address in [silent.as_str(), "nonsense"] {
        let gateway = Gateway::start_with(|options| {
            options.sampled = true;
            options.environment.push(("AWS_XRAY_DAEMON_ADDRESS".to_owned(), address.to_owned()));
        })
        .await;
        let tokens = gateway.login(ADA).await;
        for _ in 0..5 {
            assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200, "{address}");
        }
        let lines = gateway.logged().await;
        let warned = lines.iter().filter(|line| line.contains("AWS_XRAY_DAEMON_ADDRESS")).count();
        assert_eq!(warned > 0, address == "nonsense", "{lines:#?}");
    }
}
