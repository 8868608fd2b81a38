//! Lines of the log name the request they belong to, by the id that the app got.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use support::{ADA, Answer, BOB, DEMO_APP, Gateway};

use crate::events::{self, AUTHORIZER, PROXY, RENEWAL, TOKEN};

/// The lines of functions, with who wrote each.
async fn lines(gateway: &Gateway) -> Vec<(String, Json)> {
    let lines = gateway.logged().await;
    let of_functions = lines.iter().filter(|line| !line.starts_with("[api-gateway]"));
    let split = |line: &String| {
        let (source, text) = line.split_once("] ").expect("a source");
        let text = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: no JSON: {line}"));
        (source.trim_start_matches('[').to_owned(), text)
    };
    of_functions.map(split).collect()
}

/// Which functions wrote a line about this request.
fn about(lines: &[(String, Json)], id: &str) -> BTreeSet<String> {
    let named = lines.iter().filter(|(_, line)| line["request_id"] == id);
    named.map(|(source, _)| source.split('#').next().expect("a name").to_owned()).collect()
}

fn id(answer: &Answer) -> String {
    answer.header("x-amzn-requestid").to_owned()
}

#[tokio::test]
async fn every_line_names_its_request_whoever_writes_it() {
    let gateway = Gateway::start_with(|options| options.log_level = "TRACE".to_owned()).await;
    let tokens = gateway.login(ADA).await;
    let mut refused = vec![
        ("token", gateway.try_login(DEMO_APP, ADA.name, "a wrong password").await),
        ("token", gateway.try_refresh(DEMO_APP, "no refresh token").await),
        ("authorizer", gateway.call("GET", "/orders", "no.access.token").await),
        ("proxy", gateway.call("GET", "/nowhere", &tokens.access).await),
        ("proxy", gateway.call("GET", "/a//b", &tokens.access).await),
    ];
    // The back end forgets its session: the proxy has the renewal function try to renew it.
    let renewed = gateway.login(BOB).await;
    gateway.stack.legacy().forget_sessions();
    refused.push(("proxy", gateway.call("GET", "/orders", &renewed.access).await));
    // Whether it comes too early or not, the keys function writes about it.
    let _ = gateway.stack.rotate("SealingKeys").await;

    let lines = lines(&gateway).await;
    let sources: BTreeSet<_> = lines.iter().filter_map(|(source, _)| source.split('#').next()).collect();
    assert_eq!(sources, ["authorizer", "keys", "proxy", "token"].into());
    for (source, line) in &lines {
        let id = line["request_id"].as_str().unwrap_or_default();
        assert_eq!(id.len(), 36, "{source}: {line}");
    }
    for (function, answer) in &refused {
        let (status, id) = (answer.status, id(answer));
        assert!(status >= 400 && about(&lines, &id).contains(*function), "{status} {function} {id}: {lines:#?}");
    }
    assert!(!about(&lines, &id(&refused[0].1)).contains("proxy"));
}

/// A renewal belongs to the call that needed it; what nobody's app asked for goes by Lambda's id.
#[tokio::test]
async fn a_renewal_names_the_call_and_an_alarm_the_request_that_met_it() {
    let gateway = Gateway::start().await;
    let event = json!({ "renew_internal_token": {
        "session": "AAAAAAAAAAAAAAAAAAAAAA", "connector": "orders-login", "version": 1, "request_id": "the-call",
        "unknown": true,
    } });
    assert_eq!(events::invoke(&gateway, RENEWAL, &event).await, Ok(json!("later")));
    let odd = json!({ "requestContext": { "requestId": "x\"\n".repeat(200) } });
    for function in [TOKEN, AUTHORIZER, PROXY, RENEWAL] {
        let _ = events::invoke(&gateway, function, &odd).await;
        let _ = events::invoke(&gateway, function, &json!({ "requestContext": { "requestId": "" } })).await;
    }
    let lines = lines(&gateway).await;
    for (source, line) in &lines {
        let id = line["request_id"].as_str().unwrap_or_default();
        assert!((1..=128).contains(&id.chars().count()), "{source}: {line}");
    }
    assert!(about(&lines, "the-call").contains("renewal"), "{lines:#?}");
    let cut: String = "x\"\n".repeat(200).chars().take(128).collect();
    assert!(about(&lines, &cut).contains("authorizer"), "{lines:#?}");
}
