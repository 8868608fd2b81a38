//! All functions take the events of an HTTP API (payload 2.0) as well: the samples, made good for a running stack.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use support::{ADA, Gateway};

use crate::events::{self, AUTHORIZER, PROXY, TOKEN};
use crate::wire::{last, login_for, seen};

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
