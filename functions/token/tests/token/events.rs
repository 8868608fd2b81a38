//! Odd events: a clear error, in the shape that the API understands, and no panic.

use gateway_runtime::StartError;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOTES, login};
use crate::request::{Response, request};

/// Every journey answers an HTTP API as it answers a REST API.
#[tokio::test]
async fn both_kinds_of_api_are_served() {
    let fixture = Fixture::new().await;
    for request in [
        login("alice", "pub1", NOTES),
        login("nobody", "pub1", NOTES),
        login("alice", "nobody", NOTES),
        request("GET", "/oauth2/token"),
        request("GET", "/.well-known/jwks.json"),
        request("GET", "/elsewhere"),
    ] {
        let rest = fixture.app.handle(request.rest()).await;
        let http = fixture.app.handle(request.http()).await;
        assert!(rest["multiValueHeaders"].is_object() && http["headers"].is_object());
        assert_eq!(Response::of(&rest).refusal(), Response::of(&http).refusal());
        assert_eq!(Response::of(&rest).header("Cache-Control"), Response::of(&http).header("Cache-Control"));
    }
    let query = login("alice", "pub1", NOTES).query("x", "y").http();
    assert_eq!(Response::of(&fixture.app.handle(query).await).refusal(), (400, "invalid_request"));
}

/// The sample events of the repository are read.
#[tokio::test]
async fn the_sample_events_are_understood() {
    let fixture = Fixture::new().await;
    for sample in
        [include_str!("../../../../events/token-rest.json"), include_str!("../../../../events/token-http.json")]
    {
        let response = fixture.app.handle(serde_json::from_str(sample).unwrap()).await;
        assert_eq!(Response::of(&response).refusal(), (401, "invalid_client"), "its application is none of ours");
    }
}

#[tokio::test]
async fn an_event_of_another_kind_is_an_error_that_says_so() {
    let fixture = Fixture::new().await;
    for event in [
        Value::Null,
        json!("text"),
        json!([]),
        json!({}),
        json!({ "Records": [{ "eventSource": "aws:sqs" }] }),
        json!({ "version": "3.0" }),
        json!({ "version": "2.0" }),
        json!({ "version": "2.0", "rawPath": "/oauth2/token", "requestContext": {} }),
        json!({ "httpMethod": "POST" }),
        json!({ "httpMethod": "POST", "path": 7, "requestContext": {} }),
        json!({ "httpMethod": "POST", "path": "/oauth2/token", "requestContext": {}, "body": {} }),
    ] {
        let response = Response::of(&fixture.app.handle(event.clone()).await);
        assert_eq!(response.refusal(), (500, "server_error"), "{event}");
        assert!(response.body["error_description"].as_str().unwrap().contains("event"));
    }
}

#[tokio::test]
async fn what_the_caller_did_to_the_event_is_the_callers_fault() {
    let fixture = Fixture::new().await;
    let good = login("alice", "pub1", NOTES).rest();
    let changed = |name: &str, value: Value| {
        let mut event = good.clone();
        event[name] = value;
        event
    };
    for (event, status) in [
        (changed("body", json!("!!!")), 400),
        (changed("headers", json!({ "Content-Type": "text/plain" })), 400),
        (changed("body", json!("A".repeat(9 * 1024 * 1024))), 413),
        (changed("body", Value::Null), 401),
    ] {
        let response = Response::of(&fixture.app.handle(event).await);
        assert_eq!(response.status, status, "{}", response.text);
    }
    let mut bare = good.clone();
    for optional in ["resource", "multiValueQueryStringParameters", "stageVariables"] {
        bare.as_object_mut().unwrap().remove(optional);
    }
    bare["requestContext"] = json!({});
    assert_eq!(Response::of(&fixture.app.handle(bare).await).status, 200);
}

/// Abuse case K1: until it can start, the function asks for patience.
#[tokio::test]
async fn a_function_that_cannot_start_says_when_to_come_back() {
    let error = StartError::Unavailable { what: "secret x".into(), reason: "no response".into() };
    for event in [login("alice", "pub1", NOTES).rest(), login("alice", "pub1", NOTES).http(), Value::Null] {
        let response = Response::of(&gateway_token::handle(Err(error.clone()), event).await.unwrap());
        assert_eq!((response.refusal(), response.header("Retry-After")), ((503, "temporarily_unavailable"), Some("5")));
        assert!(!response.text.contains("secret"));
    }
}
