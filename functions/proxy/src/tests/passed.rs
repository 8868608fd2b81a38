//! Tests of access tokens that are passed on to the back end of an API.

use gateway_domain::event::ApiVersion;

use super::events::{BOTH, Event};
use super::harness::Harness;
use super::recording_server::http_response;

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln";

const BEARER: &str = "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln";

#[tokio::test]
async fn a_service_gets_the_token_beside_what_its_connector_injects() {
    for version in BOTH {
        let harness = Harness::new().await;
        let alice = harness.alice_at("passing", "legacy", "alices");
        let headers = [("Authorization", BEARER), ("X_Access_Token", "evil"), ("x-access-token", "evil")];
        let event = Event::new(version, "GET", "/passing").headers(&headers);
        assert_eq!(harness.send(event.by(alice)).await.status(), 200);
        let request = &harness.back_end.requests()[0];
        assert_eq!(request.values("x-access-token"), [TOKEN]);
        assert!(request.values("authorization").is_empty() && !request.head.contains("evil"), "{}", request.head);
        assert_eq!(request.values("cookie"), ["SID=alices"]);
    }
}

#[tokio::test]
async fn without_a_name_of_its_own_the_token_is_a_bearer_token_again() {
    let harness = Harness::new().await;
    let alice = harness.alice_at("bearing", "legacy", "alices");
    // The scheme has no case, and is told in the usual one.
    let headers = [("authorization", "bEARER eyJhbGciOiJFUzI1NiJ9.e30.c2ln")];
    let event = Event::new(ApiVersion::Rest, "GET", "/bearing").headers(&headers);
    assert_eq!(harness.send(event.by(alice)).await.status(), 200);
    assert_eq!(harness.back_end.requests()[0].values("authorization"), [BEARER]);
}

/// A token that is bound to a key is passed on as any other: the gateway has checked the proof, which is for the gateway alone.
#[tokio::test]
async fn of_a_bound_token_a_service_gets_the_token_and_not_the_proof() {
    for version in BOTH {
        let harness = Harness::new().await;
        let alice = harness.alice_at("bearing", "legacy", "alices");
        let headers =
            [("Authorization", "DPoP eyJhbGciOiJFUzI1NiJ9.e30.c2ln"), ("DPoP", "of-the-key"), ("D_PoP", "of-the-key")];
        let event = Event::new(version, "GET", "/bearing").headers(&headers);
        assert_eq!(harness.send(event.by(alice)).await.status(), 200);
        let request = &harness.back_end.requests()[0];
        assert_eq!(request.values("authorization"), [BEARER]);
        assert!(!request.head.contains("of-the-key"), "{}", request.head);
    }
}

#[tokio::test]
async fn nobody_else_gets_it() {
    let harness = Harness::new().await;
    let headers = [("Authorization", BEARER), ("X-Access-Token", BEARER)];
    assert_eq!(harness.call(Event::new(ApiVersion::Rest, "GET", "/orders").headers(&headers)).await.status(), 200);
    let public = Event::new(ApiVersion::Rest, "GET", "/public/passing").headers(&headers).anonymous();
    assert_eq!(harness.send(public).await.status(), 200);
    for request in harness.back_end.requests() {
        assert!(!request.head.to_lowercase().contains("authorization:"), "{}", request.head);
    }
    assert!(harness.back_end.requests()[1].values("x-access-token").is_empty(), "on a public route nobody sets it");
}

#[tokio::test]
async fn a_back_end_that_tells_it_is_not_heard() {
    let harness = Harness::answering(|_, request| {
        let token = request.values("x-access-token")[0].to_owned();
        let (named, other) = (("X-Access-Token", token.as_str()), ("X-Debug", token.as_str()));
        http_response(200, &[named, other, ("Location", &format!("/passing?t={token}"))], b"")
    })
    .await;
    let alice = harness.alice_at("passing", "legacy", "alices");
    let event = Event::new(ApiVersion::Rest, "GET", "/passing").headers(&[("Authorization", BEARER)]);
    let response = harness.send(event.by(alice)).await;
    assert_eq!(response.status(), 200);
    for name in ["x-access-token", "x-debug", "location"] {
        assert!(response.values(name).iter().all(|value| !value.contains(TOKEN)), "{name}");
    }
}
