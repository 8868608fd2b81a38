//! What an access token says (RFC 9068), and the response it comes in.

use std::collections::BTreeSet;

use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{SubjectKind, UserId};
use gateway_domain::session::Session;
use serde_json::json;

use crate::fixture::{AUDIENCE, Fixture, ISSUER, NOTES, SECRET, login};
use crate::request::{decoded, post};

/// Checklist T-16, T-17, T-18.
#[tokio::test]
async fn the_response_holds_the_members_of_the_rfc() {
    let fixture = Fixture::new().await;
    let response = fixture.send(login("alice", "pub1", NOTES)).await;
    let (_, claims) = decoded(response.body["access_token"].as_str().unwrap());
    assert_eq!((response.status, response.body["token_type"].as_str()), (200, Some("Bearer")));
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(response.body["expires_in"], json!(lifetime));
    assert_eq!(lifetime, 600);
    assert!(response.body["refresh_token"].is_string());
}

/// Checklist: complete, and without anything personal.
#[tokio::test]
async fn an_access_token_says_what_is_needed_and_nothing_personal() {
    let fixture = Fixture::new().await;
    let (header, claims) = decoded(&fixture.login("pub1", NOTES).await.access);
    assert_eq!(header, json!({"typ": "at+jwt", "alg": "ES256", "kid": "k1"}));
    let now = fixture.clock.now().as_secs();
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!([AUDIENCE])),
        ("sub", json!("u_alice")),
        ("client_id", json!("pub1")),
        ("scope", json!(NOTES)),
        ("iat", json!(now)),
        ("exp", json!(now + 600)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let names: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        Vec::from_iter(names),
        ["acr", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sid", "sub"]
    );
    assert!(!claims.to_string().contains("alice@"));
}

/// Checklist A-03: two tokens of one second differ in their `jti`.
#[tokio::test]
async fn every_access_token_has_an_id_of_its_own() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let again = fixture.refresh("pub1", &first.refresh).await.tokens();
    let (one, other) = (decoded(&first.access).1, decoded(&again.access).1);
    assert_ne!(one["jti"], other["jti"]);
    assert_eq!(one["sid"], other["sid"]);
}

/// Checklist A-04: an application acting for itself can be taken for no user.
#[tokio::test]
async fn an_application_acting_for_itself_is_its_own_subject() {
    let fixture = Fixture::new().await;
    let itself = post("/oauth2/token", &[("grant_type", "client_credentials"), ("scope", NOTES)]);
    let (_, claims) = decoded(&fixture.send(itself.basic("conf1", SECRET)).await.tokens().access);
    assert_eq!(claims["sub"], "app:conf1");
    assert_eq!(UserId::parse("app:conf1").unwrap().kind(), SubjectKind::Application);
}

/// Checklist A-06: without a configured audience the issuer is the resource.
#[tokio::test]
async fn the_issuer_may_come_from_the_stage_and_is_then_the_audience() {
    let fixture = Fixture::new().await;
    let app = fixture.container_with(|config| {
        config.replace("issuer: https://auth.example.com\naudience: https://api.example.com\n", "")
    });
    let mut event = login("alice", "pub1", NOTES).rest();
    let nameless = crate::request::Response::of(&app.handle(event.clone()).await);
    assert_eq!(nameless.refusal(), (500, "server_error"));
    event["stageVariables"] = json!({ "issuer": "https://stage.example.com/" });
    let response = crate::request::Response::of(&app.handle(event).await);
    let (_, claims) = decoded(&response.tokens().access);
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("https://stage.example.com"), &json!(["https://stage.example.com"]))
    );
}

/// Checklist Z-24: no access token outlives the session.
#[tokio::test]
async fn the_last_access_token_ends_with_the_session() {
    let fixture = Fixture::new().await;
    let mut tokens = fixture.login("pub1", NOTES).await;
    let session: Session = fixture.session(&tokens.access).await;
    for _ in 0..8 {
        let left = session.family.absolute_end.since(fixture.now()).as_u64();
        fixture.clock.forward(i64::try_from(left.saturating_sub(60).min(86_000)).unwrap());
        tokens = fixture.refresh("pub1", &tokens.refresh).await.tokens();
    }
    let (_, claims) = decoded(&tokens.access);
    assert_eq!(claims["exp"], json!(session.family.absolute_end));
    assert_eq!(session.family.absolute_end.since(fixture.now()).as_u64(), 60);
}
