//! Routes, paths and policies: what is decided and what is forwarded is one and the same request.

use serde_json::{Value as Json, json};
use support::{ADA, Gateway};

use crate::events::{self, ARN, AUTHORIZER, PROXY};
use crate::wire::{last, login_for, raw, seen};

/// Sends each request; none is served, and the back end hears of none.
async fn refused(gateway: &Gateway, token: Option<&str>, lines: &[&str], statuses: &[u16]) {
    let before = seen(gateway);
    for line in lines {
        let response = raw(gateway, line, token, "").await;
        assert!(response.status().is_some_and(|status| statuses.contains(&status)), "{line}: {}", response.text());
    }
    assert_eq!(seen(gateway), before, "something reached the back end");
}

/// Abuse case A1.
#[tokio::test]
async fn a_trailing_slash_is_another_path() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    let lines = ["GET /orders/", "POST /orders/", "GET /orders/1/", "GET /echo/"];
    refused(&gateway, None, &lines, &[401]).await;
    refused(&gateway, Some(&reader.access), &lines, &[404]).await;
    refused(&gateway, None, &["GET /public/ping/"], &[404]).await;

    assert_eq!(raw(&gateway, "GET /orders", Some(&reader.access), "").await.status(), Some(200));
    assert_eq!(raw(&gateway, "GET /public/ping", None, "").await.status(), Some(200));
}

/// Abuse case A2; checklist H-13.
#[tokio::test]
async fn dot_segments_do_not_leave_a_public_path() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    let lines = ["GET /public/%2e%2e/orders", "GET /public/../orders", "GET /public/%2E%2e/echo", "GET /public/."];
    refused(&gateway, None, &lines, &[400]).await;
    let lines = ["GET /orders/../echo", "GET /orders/%2e%2e/echo", "GET /./orders", "GET /echo/.."];
    refused(&gateway, Some(&reader.access), &lines, &[400]).await;

    assert_eq!(raw(&gateway, "GET /orders/1", Some(&reader.access), "").await.status(), Some(200));
}

/// Abuse case A3; checklist H-13.
#[tokio::test]
async fn an_encoded_separator_is_no_separator() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    let lines = [
        "GET /orders%2f1",
        "GET /orders%2F1",
        "GET /orders%5c1",
        "GET /orders%252f1",
        "GET /public%2fping",
        "GET /%6frders",
        "GET /orders%00",
        "GET /orders;v=1",
        "GET /orders%zz",
    ];
    refused(&gateway, Some(&reader.access), &lines, &[400, 404]).await;
    refused(&gateway, None, &["GET /public%2fping", "GET /%70ublic/ping"], &[401]).await;

    assert_eq!(raw(&gateway, "GET /orders/1", Some(&reader.access), "").await.status(), Some(200));
}

/// `/orders/export`, which needs more than the reader of `/orders/{id}` has, at the demo back end.
fn with_export(text: &str) -> String {
    let list = "      - path: /orders/{id}\n";
    assert!(text.contains(list), "{text}");
    text.replace(list, &format!("      - path: /orders/export\n        methods: {{ GET: [orders:write] }}\n{list}"))
}

/// Abuse cases A2, A3; checklist H-13: through the front door, at functions that share nothing but their configuration.
#[tokio::test]
async fn a_path_is_decided_as_its_back_end_understands_it() {
    let gateway = Gateway::start_with_config(|text| with_export(&text)).await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    refused(&gateway, Some(&reader.access), &["GET /orders/export"], &[403]).await;
    let alike = [
        "GET /orders/%65xport",
        "GET /orders/%65%78%70%6f%72%74",
        "DELETE /orders/%65xport",
        "GET /%6Frders/export",
        "GET /orders/EXPORT",
        "GET /orders/export.",
        "GET /orders/export%20",
        "GET /orders/export::$DATA",
        "GET /orders/export.json",
        "GET /orders/%2565xport",
        "GET /orders/%25%36%35xport",
        "GET /orders/%25252565xport",
        "GET /orders/a%25%32%66b",
        "GET /orders/%25252e",
        "GET /orders/%c0%af",
        "GET /orders/%ff",
        "GET /orders/%EF%BD%85xport",
    ];
    refused(&gateway, Some(&reader.access), &alike, &[400]).await;
    refused(&gateway, None, &["GET /public/%70ing"], &[400]).await;

    for (sent, arrived) in [("%31", "1"), ("exports", "exports"), ("caf%c3%a9", "caf%C3%A9"), ("a%2db", "a-b")] {
        raw(&gateway, &format!("GET /orders/{sent}"), Some(&reader.access), "").await;
        assert_eq!(last(&gateway).target, format!("/orders/{arrived}"));
    }
    assert_eq!(raw(&gateway, "GET /orders/%31", Some(&reader.access), "").await.status(), Some(200));
}

/// RFC 9110 §15.5.15. API Gateway takes policies with resources of 512 characters, and authorizes ARNs of 1,600 bytes.
#[tokio::test]
async fn a_long_path_is_carried_or_is_said_to_be_too_long() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    for (length, status) in [(400, 404), (512, 404), (1_400, 404), (1_600, 414), (9_000, 414)] {
        let line = format!("GET /orders/{}", "a".repeat(length));
        let before = seen(&gateway);
        let response = raw(&gateway, &line, Some(&reader.access), "").await;
        assert_eq!(response.status(), Some(status), "{length}: {}", response.text());
        // The back end does not know such an order, if it is asked.
        assert_eq!(seen(&gateway) - before, usize::from(status == 404), "{length}");
    }
    let writer = format!("POST /orders/{}", "a".repeat(700));
    assert_eq!(raw(&gateway, &writer, Some(&reader.access), "").await.status(), Some(405));
}

/// Abuse case A4; checklist H-13.
#[tokio::test]
async fn repeated_slashes_are_refused() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    let lines = ["GET //orders", "GET /orders//1", "GET ///orders", "GET //public/ping"];
    refused(&gateway, Some(&reader.access), &lines, &[400, 404]).await;

    assert_eq!(raw(&gateway, "GET /orders/1", Some(&reader.access), "").await.status(), Some(200));
}

/// Abuse case A5; checklist B-07.
#[tokio::test]
async fn every_call_is_decided_by_its_own_method_and_path() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    let before = gateway.stack.functions().invocations(AUTHORIZER);
    assert_eq!(gateway.call("GET", "/orders", &reader.access).await.status, 200);
    let seen_before = seen(&gateway);
    let refused = gateway.call("POST", "/orders", &reader.access).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.header("www-authenticate").contains(r#"error="insufficient_scope", scope="orders:write""#));
    assert_eq!(gateway.call("DELETE", "/echo", &reader.access).await.status, 403);
    let not_there = gateway.call("DELETE", "/orders", &reader.access).await;
    assert_eq!((not_there.status, not_there.header("allow")), (405, "GET, POST"));
    assert_eq!(seen(&gateway), seen_before);
    assert_eq!(gateway.call("GET", "/orders/1", &reader.access).await.status, 200);
    assert_eq!(gateway.stack.functions().invocations(AUTHORIZER) - before, 5, "a decision was reused");

    for (method, path) in [("GET", "/orders"), ("GET", "/orders/7"), ("POST", "/orders")] {
        let event = events::rest_authorizer(&gateway, method, path, &reader.access);
        let response = events::invoke(&gateway, AUTHORIZER, &event).await.expect("a policy");
        let expected = if method == "GET" { "Allow" } else { "Deny" };
        let statement = &response["policyDocument"]["Statement"];
        assert_eq!(statement.as_array().map(Vec::len), Some(1), "{response}");
        assert_eq!(statement[0]["Resource"], format!("{ARN}/{method}{path}"), "{response}");
        assert_eq!(statement[0]["Effect"], expected, "{response}");
    }
}

/// Abuse case A6: a policy is for exactly this request, or where it cannot say that, for its method, and the proxy compares.
#[tokio::test]
async fn no_caller_can_put_a_wildcard_into_a_policy() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    for path in ["/*", "/orders/*", "/orders/%2A", "/orders/%3F", "/orders/?", "/orders/${aws:username}", "/**/?"] {
        let event = events::rest_authorizer(&gateway, "GET", path, &reader.access);
        let response = events::invoke(&gateway, AUTHORIZER, &event).await.expect("a policy");
        for statement in response["policyDocument"]["Statement"].as_array().expect("statements") {
            let resource = statement["Resource"].as_str().expect("a text");
            let literal = resource.strip_prefix(ARN).and_then(|rest| rest.strip_prefix("/GET/")).expect("this method");
            assert!(literal == "*" || !(literal.contains(['*', '?']) || literal.contains("${")), "{path}: {resource}");
        }
    }
    refused(&gateway, Some(&reader.access), &["GET /*", "GET /orders/*", "GET /**"], &[400]).await;
    let response = raw(&gateway, "GET /orders/*", Some(&reader.access), "").await;
    assert!(response.text().contains("written as %2A"), "{}", response.text());

    // As an order's name, encoded, it is as good as any: the back end does not know that order.
    assert_eq!(raw(&gateway, "GET /orders/%2A", Some(&reader.access), "").await.status(), Some(404));
    assert_eq!(last(&gateway).target, "/orders/%2A");
}

/// Abuse case A7; checklist Y-05.
#[tokio::test]
async fn a_call_without_a_complete_identity_is_not_carried() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    for http in [false, true] {
        let event = match http {
            true => events::http_authorizer(&gateway, "GET", "/orders", &tokens.access),
            false => events::rest_authorizer(&gateway, "GET", "/orders", &tokens.access),
        };
        let good = events::admitted(&gateway, &event).await;
        let before = seen(&gateway);
        let mut bad = vec![with_context(&good, Json::Null), with_context(&good, json!({}))];
        let mut none = good.clone();
        none["requestContext"].as_object_mut().unwrap().remove("authorizer");
        bad.push(none);
        for name in ["decision", "user", "app", "app_name", "subscription", "scope", "session", "api", "route"] {
            bad.push(without(&good, name));
        }
        bad.extend(["method", "path_digest", "quotas", "route"].map(|name| without(&good, name)));
        for (name, value) in [("user", ""), ("session", ""), ("app", "a b"), ("app_name", ""), ("decision", "maybe")] {
            let mut changed = good.clone();
            events::context_of(&mut changed)[name] = json!(value);
            bad.push(changed);
        }
        bad.push(elsewhere(&good));
        for event in &bad {
            let status = events::status(&gateway, PROXY, event).await;
            assert!(matches!(status, Some(401 | 500)), "{status:?} for {}", event["requestContext"]);
        }
        assert_eq!(seen(&gateway), before, "something reached the back end");

        assert_eq!(events::status(&gateway, PROXY, &good).await, Some(200), "{good}");
        assert_eq!(last(&gateway).header("x-authenticated-userid").len(), 1);
    }
}

fn with_context(event: &Json, context: Json) -> Json {
    let mut event = event.clone();
    *events::context_of(&mut event) = context;
    event
}

fn without(event: &Json, name: &str) -> Json {
    let mut event = event.clone();
    events::context_of(&mut event).as_object_mut().expect("a context").remove(name).expect(name);
    event
}

/// The same decision beside another request.
fn elsewhere(event: &Json) -> Json {
    let mut event = event.clone();
    let path = if event["version"] == "2.0" { "rawPath" } else { "path" };
    event[path] = json!("/orders/1");
    event
}

/// Abuse case A8.
#[tokio::test]
async fn the_real_method_decides_whatever_an_override_says() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await;
    let before = seen(&gateway);
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x_http_method_override"] {
        let response = raw(&gateway, "POST /orders", Some(&reader.access), &format!("{header}: GET\r\n")).await;
        assert_eq!(response.status(), Some(403), "{}", response.text());
    }
    assert_eq!(seen(&gateway), before);

    let headers = "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\nX-Other: kept\r\n";
    assert_eq!(raw(&gateway, "GET /echo", Some(&reader.access), headers).await.status(), Some(200));
    let arrived = last(&gateway);
    assert_eq!((arrived.method.as_str(), arrived.header("x-other")), ("GET", vec!["kept".to_owned()]));
    assert!(!arrived.headers.iter().any(|(name, _)| name.contains("override")), "{arrived:?}");
}
