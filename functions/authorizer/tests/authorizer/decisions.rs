//! One call at a time: which of the outcomes it gets.

use gateway_domain::call_context::{NotAdmitted, Refusal};
use gateway_domain::ids::ApiName;
use gateway_domain::scope::Scope;
use serde_json::{Value, json};

use crate::fixture::{Caller, Fixture, allows, app, behind, http, rest, token_reference, unauthorized};

#[tokio::test]
async fn a_good_call_is_admitted_with_everything_the_proxy_needs() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let call = fixture.call(&fixture.container(), &alice).await.unwrap();
    assert_eq!((call.user, call.app, call.session), (alice.user, alice.app, alice.session));
    assert_eq!((call.app_name.as_str(), call.subscription.as_str()), ("The pub1 app", "sub-orders"));
    assert_eq!((call.api.as_str(), call.route.as_str()), ("orders", "/orders"));
    assert_eq!(call.scope, Scope::parse("orders:read").unwrap());
    assert_eq!(call.tokens, token_reference());
    assert_eq!(call.quotas[0].left.unwrap().remaining, 11);
}

#[tokio::test]
async fn an_http_api_gets_the_same_decision_as_a_simple_response() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let event = http("GET", "/orders/7", &fixture.bearer(&alice, "orders:read"));
    let response = fixture.container().authorize(event.clone()).await.unwrap();
    assert_eq!(response["isAuthorized"], true);
    assert_eq!(behind(&event, &response).unwrap().route, "/orders/{id}");
}

/// Abuse cases B6, H3; checklist B-01 to B-04: none of these costs an operation, for DynamoDB is not even there.
#[tokio::test]
async fn a_request_without_a_valid_token_is_unauthorized_and_never_reaches_the_store() {
    let fixture = Fixture::without_dynamodb();
    let container = fixture.container();
    let alice = Caller::new("alice", "pub1", 1);
    let good = fixture.bearer(&alice, "orders:read");
    let (rest_of_it, signature) = good.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let changed = format!("{rest_of_it}.{other}{}", &signature[1..]);
    let foreign = Fixture::without_dynamodb().bearer(&alice, "orders:read");
    let values: [&[&str]; 8] =
        [&[], &["Bearer garbage"], &[&changed], &[&foreign], &[&good, &good], &["Basic YTpi"], &[""], &["Bearer "]];
    for authorization in values {
        let response = container.authorize(rest("GET", "/orders", authorization)).await;
        assert!(unauthorized(&response), "{authorization:?}: {response:?}");
    }
    let mut conflicting = rest("GET", "/orders", &[&good]);
    conflicting["headers"] = json!({ "Authorization": "Bearer other" });
    assert!(unauthorized(&container.authorize(conflicting).await));
    let mut in_query = rest("GET", "/orders", &[]);
    in_query["queryStringParameters"] = json!({ "access_token": good.trim_start_matches("Bearer ") });
    assert!(unauthorized(&container.authorize(in_query).await));

    let event = http("GET", "/orders", "Bearer garbage");
    let response = container.authorize(event.clone()).await.unwrap();
    assert_eq!(behind(&event, &response), Err(NotAdmitted::Refused(Refusal::InvalidToken)));
}

/// Abuse case A1 to A6: refused before the store is asked, each for its own method and path.
#[tokio::test]
async fn paths_that_lead_nowhere_are_refused_behind_the_authorizer() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let bearer = fixture.bearer(&alice, "orders:read orders:write");
    let container = fixture.container();
    let too_long = format!("/orders/{}", "a".repeat(1_600));
    for (method, path, refusal) in [
        ("GET", "/public/%2e%2e/orders", Refusal::BadRequest),
        ("GET", "/orders/../echo", Refusal::BadRequest),
        ("GET", "/orders%2f7", Refusal::BadRequest),
        ("GET", "//orders", Refusal::BadRequest),
        ("GET", "/orders/*", Refusal::BadRequest),
        ("GET", "/%6frders", Refusal::BadRequest),
        ("GET", "/orders/%2565xport", Refusal::BadRequest),
        ("GET", "/orders/%ff", Refusal::BadRequest),
        ("GET", &too_long, Refusal::PathTooLong),
        ("G T", "/orders", Refusal::BadRequest),
        ("GET", "/orders/", Refusal::NotFound),
        ("GET", "/nothing", Refusal::NotFound),
        ("DELETE", "/orders", Refusal::NotFound),
    ] {
        let event = rest(method, path, &[&bearer]);
        let response = container.authorize(event.clone()).await.unwrap();
        assert!(allows(&response), "{method} {path}");
        assert_eq!(behind(&event, &response), Err(NotAdmitted::Refused(refusal)), "{method} {path}");
    }
    assert_eq!(fixture.operations.since_last(), 0);
}

/// Abuse case A8, checklist B-07: the method that counts is the real one.
#[tokio::test]
async fn a_scope_opens_its_methods_and_no_others() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let read = fixture.bearer(&alice, "orders:read");
    let container = fixture.container();
    let mut event = rest("POST", "/orders", &[&read]);
    event["multiValueHeaders"]["X-HTTP-Method-Override"] = json!(["GET"]);
    let denied = container.authorize(event).await.unwrap();
    assert!(!allows(&denied));
    assert_eq!(
        denied["context"],
        json!({
            "error": "insufficient_scope",
            "scope": "orders:write",
            "challenge": r#"Bearer realm="gateway", error="insufficient_scope", scope="orders:write""#
        })
    );
    assert_eq!(fixture.operations.since_last(), 0);
    for (method, path, scope) in
        [("GET", "/orders", "orders:read"), ("POST", "/orders", "orders:write"), ("GET", "/echo", "echo")]
    {
        let event = rest(method, path, &[&fixture.bearer(&alice, scope)]);
        let response = container.authorize(event.clone()).await.unwrap();
        assert!(behind(&event, &response).is_ok(), "{method} {path}");
    }
}

/// Checklist C-07, Z-25: an ended session ends with its next call.
#[tokio::test]
async fn a_session_that_ended_is_an_invalid_token() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let container = fixture.container();
    assert!(fixture.call(&container, &alice).await.is_ok());
    let event = rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")]);
    fixture.store.activity.remove_entry(&alice.user, &alice.app, &alice.session).await.unwrap();
    assert!(unauthorized(&container.authorize(event).await));
}

#[tokio::test]
async fn a_disabled_application_is_felt_within_thirty_seconds() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let container = fixture.container();
    assert!(fixture.call(&container, &alice).await.is_ok());
    fixture.store.apps.put(&gateway_store::App { enabled: false, ..app("pub1") }).await.unwrap();
    assert!(fixture.call(&container, &alice).await.is_ok());
    fixture.clock.forward(30);
    let event = rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")]);
    assert!(unauthorized(&container.authorize(event).await));
}

#[tokio::test]
async fn an_application_without_subscription_has_insufficient_scope() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let orders = ApiName::parse("orders").unwrap();
    let (mut disabled, mut missing) = (app("pub1"), app("pub1"));
    disabled.subscriptions.get_mut(&orders).unwrap().enabled = false;
    missing.subscriptions.remove(&orders);
    for changed in [disabled, missing] {
        fixture.store.apps.put(&changed).await.unwrap();
        let container = fixture.container();
        let denied =
            container.authorize(rest("GET", "/orders", &[&fixture.bearer(&alice, "orders:read")])).await.unwrap();
        assert!(!allows(&denied));
        let event = rest("GET", "/echo", &[&fixture.bearer(&alice, "echo")]);
        assert!(allows(&container.authorize(event).await.unwrap()));
    }
}

/// Abuse case K1: an incident does not look like a bad token.
#[tokio::test]
async fn a_store_that_is_down_is_a_failure_not_a_401() {
    let fixture = Fixture::new().await;
    let alice = fixture.login("alice", "pub1", 1).await;
    let down = Fixture::without_dynamodb();
    let event = rest("GET", "/orders", &[&down.bearer(&alice, "orders:read")]);
    let error = down.container().authorize(event).await.unwrap_err().to_string();
    assert!(error.starts_with("the authorizer could not decide"), "{error}");
}

#[tokio::test]
async fn an_event_that_is_none_and_an_issuer_that_is_not_configured_are_failures_that_say_so() {
    let fixture = Fixture::without_dynamodb();
    let mut without_issuer = rest("GET", "/orders", &[]);
    without_issuer["stageVariables"] = Value::Null;
    let mut without_arn = rest("GET", "/nothing", &[&fixture.bearer(&Caller::new("alice", "pub1", 1), "")]);
    without_arn["methodArn"] = Value::Null;
    for (event, expected) in
        [(json!({ "Records": [] }), "expected an API Gateway"), (without_issuer, "issuer"), (without_arn, "methodArn")]
    {
        let error = fixture.container().authorize(event).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
