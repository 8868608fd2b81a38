//! Lines of the log name the request they belong to, by the id that the app got.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use support::{ADA, BOB, DEMO_APP, Gateway, Response};

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
    let named = lines.iter().filter(|(_, line)| line["correlation_id"] == id);
    named.map(|(source, _)| source.split('#').next().expect("a name").to_owned()).collect()
}

/// Has the keys that every line has, with values of their kind, and no object but that of the metrics.
fn is_flat_and_named(source: &str, line: &Json) {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    assert_eq!(Some(text("service")), source.split('#').next(), "{source}: {line}");
    assert_eq!(text("function_request_id").len(), 36, "{source}: {line}");
    let trace = line.get("xray_trace_id").map_or(3, |_| text("xray_trace_id").split('-').count());
    assert_eq!(trace, 3, "{source}: {line}");
    let correlated = line.get("correlation_id").map(|_| text("correlation_id").chars().count());
    assert!(correlated.is_none_or(|length| (1..=128).contains(&length)), "{source}: {line}");
    let members = line.as_object().expect("an object");
    assert!(members.iter().all(|(name, value)| name == "_aws" || !value.is_object()), "{source}: {line}");
    assert!(!members.keys().any(|name| name.starts_with("event_")), "a field of ours is named like a key: {line}");
    if !members.contains_key("_aws") {
        assert!(
            line["cold_start"].is_boolean() && !text("level").is_empty() && !text("message").is_empty(),
            "{source}: {line}"
        );
        assert!(text("timestamp").ends_with('Z') && text("timestamp").starts_with("20"), "{source}: {line}");
    }
}

/// The first request of a container is its cold start, and no other. Lines of metrics do not say.
#[tokio::test]
async fn only_the_first_request_of_a_container_is_a_cold_start() {
    let gateway = Gateway::start_with(|options| options.log_level = "TRACE".to_owned()).await;
    for _ in 0..3 {
        gateway.try_refresh(DEMO_APP, "no refresh token").await;
        gateway.call("GET", "/orders", "no.access.token").await;
    }
    let lines = lines(&gateway).await;
    let id = |line: &Json| line["function_request_id"].as_str().map(str::to_owned);
    let mut cold_starts = 0;
    for source in lines.iter().map(|(source, _)| source).collect::<BTreeSet<_>>() {
        let of_it: Vec<_> = lines.iter().filter(|(other, _)| other == source).map(|(_, line)| line).collect();
        let first = of_it.iter().find_map(|line| id(line));
        for line in of_it.iter().filter(|line| line.get("cold_start").is_some()) {
            assert_eq!(line["cold_start"] == true, id(line) == first, "{source}: {of_it:#?}");
            cold_starts += u32::from(line["cold_start"] == true);
        }
    }
    assert!(cold_starts > 0, "{lines:#?}");
}

fn id(response: &Response) -> String {
    response.header("x-amzn-requestid").to_owned()
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
    assert_eq!(sources, ["authorize", "authorizer", "keys", "proxy", "token"].into());
    for (source, line) in &lines {
        is_flat_and_named(source, line);
    }
    for (function, response) in &refused {
        let (status, id) = (response.status, id(response));
        assert!(status >= 400 && about(&lines, &id).contains(*function), "{status} {function} {id}: {lines:#?}");
    }
    assert!(!about(&lines, &id(&refused[0].1)).contains("proxy"));
}

/// A renewal belongs to the call that needed it; what nobody's app asked for goes by Lambda's id alone.
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
        is_flat_and_named(source, line);
    }
    assert!(about(&lines, "the-call").contains("renewal"), "{lines:#?}");
    let cut: String = "x\"\n".repeat(200).chars().take(128).collect();
    assert!(about(&lines, &cut).contains("authorizer"), "{lines:#?}");
}
