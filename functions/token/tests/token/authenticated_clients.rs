//! What the authorize function asks: which client a request to the challenge endpoint comes from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::form::Form;
use gateway_domain::provider_event::AuthenticateClient;
use gateway_token::handle;
use serde_json::{Value, json};

use crate::client_assertions::{Keyed, TYPE};
use crate::fixture::{Fixture, ISSUER, SECRET};
use crate::request::{HOME, encode, post};

/// What a request with this header and these parameters is taken for.
async fn asked_from(fixture: &Fixture, source: &str, header: Option<&str>, fields: &[(&str, &str)]) -> Value {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let form = Form::parse(Some("application/x-www-form-urlencoded"), pairs.join("&").as_bytes()).unwrap();
    let event = AuthenticateClient::to_event(header, &form, ISSUER, Some(source));
    handle(Ok(&fixture.app), event).await.unwrap()
}

async fn asked(fixture: &Fixture, header: Option<&str>, fields: &[(&str, &str)]) -> Value {
    asked_from(fixture, HOME, header, fields).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

type Fields<'a> = &'a [(&'a str, &'a str)];

/// Checklist F-01, F-11.
#[tokio::test]
async fn a_client_is_authenticated_as_its_kind_requires() {
    let fixture = Fixture::new().await;
    let by_secret = |id, secret| [("client_id", id), ("client_secret", secret)];
    assert_eq!(asked(&fixture, Some(&basic("conf1", SECRET)), &[]).await, json!({ "client": "conf1" }));
    assert_eq!(asked(&fixture, None, &by_secret("conf1", SECRET)).await, json!({ "client": "conf1" }));
    assert_eq!(asked(&fixture, Some(&basic("first", "")), &[]).await, json!({ "client": "first" }), "nothing to prove");
    let wrong: [(Option<String>, Fields<'_>); 8] = [
        (None, &by_secret("conf1", "wrong")),
        (None, &by_secret("retired", SECRET)),
        (None, &by_secret("nobody", SECRET)),
        (None, &by_secret("first", "x")),
        (None, &[("client_id", "conf1")]),
        (None, &[("client_secret", SECRET)]),
        (Some(basic("conf1", "wrong")), &[]),
        (Some("Bearer x".to_owned()), &[]),
    ];
    for (header, fields) in wrong {
        assert_eq!(asked(&fixture, header.as_deref(), fields).await, "refused", "{header:?} {fields:?}");
    }
    let unreadable: [(String, Fields<'_>); 4] = [
        (basic("conf1", SECRET), &by_secret("conf1", SECRET)),
        (basic("conf1", SECRET), &[("client_id", "conf2")]),
        ("Basic".to_owned(), &[]),
        ("Basic %%%".to_owned(), &[]),
    ];
    for (header, fields) in unreadable {
        assert_eq!(asked(&fixture, Some(&header), fields).await, "malformed", "{header} {fields:?}");
    }
    let half = [("client_id", "conf1"), ("client_assertion", "a.b.c")];
    assert_eq!(asked(&fixture, None, &half).await, "malformed");
}

/// Checklist F-01: for this server, by the name of that endpoint as well, and once.
#[tokio::test]
async fn an_assertion_may_be_for_the_challenge_endpoint_and_is_used_once() {
    let fixture = Fixture::new().await;
    let app = Keyed::register(&fixture, "keyed").await;
    let signed = |jti: &str, audience: &str| {
        let mut claims = app.claims(&fixture, jti);
        claims["aud"] = json!(audience);
        app.sign(&claims)
    };
    let shown = async |assertion: &str| {
        asked(&fixture, None, &[("client_assertion_type", TYPE), ("client_assertion", assertion)]).await
    };
    let challenge = format!("{ISSUER}/oauth2/challenge");
    let once = signed("1", &challenge);
    assert_eq!(shown(&once).await, json!({ "client": "keyed" }));
    assert_eq!(shown(&once).await, "refused", "it was used");
    assert_eq!(shown(&signed("2", ISSUER)).await, json!({ "client": "keyed" }));
    assert_eq!(shown(&signed("3", "https://other.example/oauth2/challenge")).await, "refused");
    // Whoever has copied one has nothing at the token endpoint either.
    let revocation = [("token", "x"), ("client_assertion_type", TYPE), ("client_assertion", &once)];
    assert_eq!(fixture.send(post("/oauth2/revoke", &revocation)).await.refusal(), (401, "invalid_client"));
}

/// Wrong proofs are counted under the source of the request, together with those at the endpoints here.
#[tokio::test]
async fn wrong_proofs_count_under_their_source_and_the_right_one_never_waits() {
    let fixture = Fixture::new().await;
    let wrong = [("client_id", "conf1"), ("client_secret", "wrong")];
    for _ in 0..10 {
        assert_eq!(asked(&fixture, None, &wrong).await, "refused");
        let there = post("/oauth2/revoke", &[&wrong[..], &[("token", "x")]].concat());
        assert_eq!(fixture.send(there).await.refusal(), (401, "invalid_client"));
    }
    let waits = asked(&fixture, None, &wrong).await;
    assert!(waits["too_many_attempts"].as_u64().is_some_and(|seconds| seconds > 0), "{waits}");
    assert_eq!(asked_from(&fixture, "203.0.113.5", None, &wrong).await, "refused", "another source");
    assert_eq!(asked(&fixture, Some(&basic("conf1", SECRET)), &[]).await, json!({ "client": "conf1" }));
}
