//! All functions take the events of an HTTP API (payload 2.0) as well: the samples, made good for a running stack.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use support::{ADA, Gateway, HttpGateway};

use crate::events::{self, AUTHORIZER, PROXY, TOKEN};
use crate::wire::{last, login_for, raw, seen};

/// The body of a function's response.
fn body(response: &Json) -> Json {
    let text = response["body"].as_str().expect("a body");
    let bytes = match response["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).expect("base64"),
        _ => text.as_bytes().to_vec(),
    };
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The sample with the issuer of the running stack.
fn sample(gateway: &Gateway, name: &str) -> Json {
    let mut event = events::sample(name);
    event["stageVariables"]["issuer"] = json!(gateway.stack.base_url());
    event
}

#[tokio::test]
async fn a_login_and_a_call_work_on_events_of_either_kind() {
    let gateway = Gateway::start().await;
    for (token, http) in [("token-http.json", true), ("token-rest.json", false)] {
        let mut event = sample(&gateway, token);
        let form = "grant_type=password&client_id=demo-app&username=ada%40example.com&scope=orders%3Aread\
                    &password=correct+horse+battery+staple";
        event["body"] = json!(STANDARD.encode(form));
        event["isBase64Encoded"] = json!(true);
        let response = events::invoke(&gateway, TOKEN, &event).await.expect("a response");
        assert_eq!((&response["statusCode"], &response["cookies"].is_null()), (&json!(200), &!http), "{response}");
        let access = body(&response)["access_token"].as_str().expect("a token").to_owned();

        let event = match http {
            true => events::http_authorizer(&gateway, "GET", "/orders", &access),
            false => events::rest_authorizer(&gateway, "GET", "/orders", &access),
        };
        let response = events::invoke(&gateway, AUTHORIZER, &event).await.expect("a response");
        assert_eq!(response["isAuthorized"] == true, http, "{response}");
        let event = events::admitted(&gateway, &event).await;
        let response = events::invoke(&gateway, PROXY, &event).await.expect("a response");
        assert_eq!((&response["statusCode"], &body(&response)["user"]), (&json!(200), &json!(ADA.name)), "{response}");
        assert_eq!(response["multiValueHeaders"].is_null(), http, "{response}");
    }
}

/// The outcomes that a REST API words itself are worded by the proxy. Checklist B-07.
#[tokio::test]
async fn a_refused_call_of_an_http_api_gets_its_status_from_the_proxy() {
    let gateway = Gateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await.access;
    let mut forged = reader.clone();
    forged.truncate(forged.len() - 4);
    let before = seen(&gateway);
    for (method, path, token, status) in [
        ("GET", "/orders", forged.as_str(), 401),
        ("POST", "/orders", &reader, 403),
        ("GET", "/a//b", &reader, 400),
        ("GET", "/nowhere", &reader, 404),
    ] {
        let event = events::admitted(&gateway, &events::http_authorizer(&gateway, method, path, token)).await;
        let response = events::invoke(&gateway, PROXY, &event).await.expect("a response");
        assert_eq!(response["statusCode"], status, "{method} {path}: {response}");
        assert_eq!(response["headers"]["Content-Type"], "application/problem+json", "{response}");
    }
    assert_eq!(seen(&gateway), before);
    let event = events::admitted(&gateway, &events::http_authorizer(&gateway, "GET", "/orders", &reader)).await;
    assert_eq!(events::status(&gateway, PROXY, &event).await, Some(200));
}

#[tokio::test]
async fn cookies_and_the_raw_query_of_an_http_api_are_read_as_they_come() {
    let gateway = Gateway::start().await;
    let token = gateway.login(ADA).await.access;
    let mut event = events::admitted(&gateway, &events::http_authorizer(&gateway, "GET", "/echo", &token)).await;
    event["rawQueryString"] = json!("status=open&tag=a%20b&tag=%C3%BC&access_token=stolen&z");
    event["cookies"] = json!(["theme=dark", "LEGACYSESSID=evil"]);
    assert_eq!(events::status(&gateway, PROXY, &event).await, Some(200));
    let arrived = last(&gateway);
    assert_eq!(arrived.target, "/echo?status=open&tag=a%20b&tag=%C3%BC&z");
    assert!(arrived.header("cookie").len() == 1 && !format!("{arrived:?}").contains("evil"), "{arrived:?}");
}

/// What is decided is what is forwarded: the decoded path, encoded again.
#[tokio::test]
async fn a_path_that_an_http_api_has_decoded_is_forwarded_as_it_is_encoded_again() {
    let gateway = HttpGateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await.access;
    for (sent, arrived) in [
        ("7", "7"),
        ("caf%c3%a9", "caf%C3%A9"),
        ("a%20b", "a%20b"),
        ("100%25", "100%25"),
        ("a%23b", "a%23b"),
        ("a%3Bv", "a%3Bv"),
        ("%2A", "%2A"),
        ("a%2Db:c", "a-b:c"),
        // What is lost, and listed in docs/security.md.
        ("a%3Ab%2Bc", "a:b+c"),
        ("*", "%2A"),
        ("a;v", "a%3Bv"),
        ("a%3Fb", "a"),
        ("a%zz", "a%25zz"),
    ] {
        let response = raw(&gateway, &format!("GET /orders/{sent}"), Some(&reader), "").await;
        assert_eq!(response.status(), Some(404), "the back end does not know that order: {}", response.text());
        assert_eq!(last(&gateway).target, format!("/orders/{arrived}"), "{sent}");
    }
}

/// Abuse cases A2 to A4; checklist H-13: no spelling leads to more than the path that it stands for.
#[tokio::test]
async fn a_decoded_path_is_refused_where_two_readers_could_split_it_differently() {
    let list = "      - path: /orders/{id}\n";
    let export = format!("      - path: /orders/export\n        methods: {{ GET: [orders:write] }}\n{list}");
    let gateway = HttpGateway::start_with_config(|text| text.replace(list, &export)).await;
    let reader = login_for(&gateway, ADA, "orders:read").await.access;
    let before = seen(&gateway);
    for (status, lines) in [
        (400, &["/orders/EXPORT", "/orders/export.", "/orders/export%20", "/orders/export::$DATA"][..]),
        (400, &["/orders/%2565xport", "/orders/%25%36%35xport", "/orders/%EF%BD%85xport", "/orders/a%252fb"]),
        (400, &["/orders/%c0%af", "/orders/%ff", "/orders/a%5cb", "/orders/a%00", "/orders/a%0d%0ab"]),
        (400, &["/public/%2e%2e/orders", "/orders/%2E%2e/echo", "//orders", "/orders%2F%2F1", "/orders//1"]),
        // It arrives as what it stands for, and is decided on as that.
        (403, &["/orders/export", "/orders/%65xport", "/%6Frders/export", "/orders%2Fexport", "/orders/export%3Fa"]),
        (404, &["/orders/", "/orders/a%2Fb"]),
    ] {
        for path in lines {
            let response = raw(&gateway, &format!("GET {path}"), Some(&reader), "").await;
            assert_eq!(response.status(), Some(status), "{path}: {}", response.text());
        }
    }
    for path in ["/public/%2e%2e/orders", "/public%2F..%2Forders"] {
        let response = raw(&gateway, &format!("GET {path}"), None, "").await;
        assert_eq!(response.status(), Some(400), "{path}: {}", response.text());
    }
    assert_eq!(seen(&gateway), before, "something reached the back end");
    // Routes are found for the decoded path, and the proxy decides that this one is public.
    assert_eq!(raw(&gateway, "GET /%70ublic%2Fping", None, "").await.status(), Some(200));
}

#[tokio::test]
async fn a_query_arrives_behind_an_http_api_byte_for_byte() {
    let gateway = HttpGateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await.access;
    let sent = "b=1&a=%7e&b=x+y&c:d=%C3%bc&&%zz&a;e=%ff";
    assert_eq!(raw(&gateway, &format!("GET /echo?{sent}"), Some(&reader), "").await.status(), Some(200));
    assert_eq!(last(&gateway).target, format!("/echo?{sent}"));
}

/// The outcomes table of docs/security.md, through the front door.
#[tokio::test]
async fn an_http_api_says_itself_only_that_there_is_no_token_and_the_proxy_says_the_rest() {
    let gateway = HttpGateway::start().await;
    let reader = login_for(&gateway, ADA, "orders:read").await.access;
    let before = gateway.stack.functions().invocations(AUTHORIZER);
    let none = gateway.response(gateway.request("GET", "/orders")).await;
    assert_eq!((none.status, none.text().as_str()), (401, r#"{"message":"Unauthorized"}"#));
    assert!(!none.header("apigw-requestid").is_empty() && none.header("x-amzn-requestid").is_empty(), "{none:?}");
    assert_eq!(gateway.stack.functions().invocations(AUTHORIZER), before, "the authorizer was asked without a token");
    let challenge = "x-amzn-remapped-www-authenticate";
    let wrong = gateway.call("GET", "/orders", "wrong").await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (401, &json!("invalid_token")));
    assert!(wrong.header(challenge).contains(r#"error="invalid_token""#), "{wrong:?}");
    let weak = gateway.call("POST", "/orders", &reader).await;
    assert_eq!((weak.status, &weak.json()["scope"]), (403, &json!("orders:write")));
    assert!(weak.header(challenge).contains(r#"scope="orders:write""#), "{weak:?}");
    let asked = gateway.stack.functions().invocations(AUTHORIZER);
    for _ in 0..3 {
        assert_eq!(gateway.call("GET", "/orders", &reader).await.status, 200);
    }
    assert_eq!(gateway.stack.functions().invocations(AUTHORIZER) - asked, 3, "a decision was reused");
    let root = gateway.response(gateway.request("GET", "/").bearer_auth(&reader)).await;
    assert_eq!((root.status, root.text().as_str()), (404, r#"{"message":"Not Found"}"#));
}

/// Checklist B-01: the tokens in the samples are not good, and are refused like any other.
#[tokio::test]
async fn samples_are_events_and_other_things_are_not() {
    let gateway = Gateway::start().await;
    let before = seen(&gateway);
    for name in ["authorizer-http.json", "authorizer-rest.json"] {
        let response = events::invoke(&gateway, AUTHORIZER, &sample(&gateway, name)).await;
        let refused = match &response {
            Ok(response) => response["context"]["decision"] == "invalid_token",
            Err(error) => error.contains("Unauthorized"),
        };
        assert!(refused, "{name}: {response:?}");
    }
    // A session that was never there has no internal token.
    for name in ["proxy-http.json", "proxy-rest.json", "proxy-rest-post.json"] {
        let status = events::status(&gateway, PROXY, &sample(&gateway, name)).await;
        assert_eq!(status, Some(401), "{name}");
    }
    assert_eq!(seen(&gateway), before);
    assert_eq!(events::status(&gateway, PROXY, &sample(&gateway, "proxy-rest-public.json")).await, Some(200));

    let junk = URL_SAFE_NO_PAD.encode("junk");
    for event in [json!({}), json!([]), json!(null), json!({ "Records": [] }), json!({ "version": "3.0" }), json!(junk)]
    {
        for function in [AUTHORIZER, PROXY] {
            let error = events::invoke(&gateway, function, &event).await.expect_err("a response");
            assert!(error.contains("event"), "{function} {event}: {error}");
        }
        let response = events::invoke(&gateway, TOKEN, &event).await.expect("a response");
        assert_eq!((&response["statusCode"], &body(&response)["error"]), (&json!(500), &json!("server_error")));
    }
    assert_eq!(gateway.response(gateway.request("GET", "/public/ping")).await.status, 200);
}
