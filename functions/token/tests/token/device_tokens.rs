//! Tokens of devices (RFC 7523 §2.1): by the signature of the key alone, for the scopes of devices, as long as nobody revoked it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use gateway_domain::ids::ClientId;
use gateway_store::{App, Dpop};
use serde_json::{Value, json};
use support::ClientKey;

use crate::dpop::{NO_PROOF, bound_to};
use crate::fixture::{Fixture, ISSUER, PASSWORD, send};
use crate::phone::{JWT_BEARER, MOBILE, NO_DEVICE, NO_GRANT, OTHER_MOBILE, Phone, TOKEN, grant, login_on};
use crate::request::{Request, Response, decoded, post};

const DAY: i64 = 86_400;

fn sid(response: &Response) -> String {
    decoded(&response.tokens().access).1["sid"].as_str().unwrap().to_owned()
}

fn scoped(phone: &Phone<'_>, scope: &str) -> Request {
    let form = [("grant_type", JWT_BEARER), ("client_id", phone.client), ("scope", scope)];
    post(TOKEN, &[&form[..], &[("assertion", &phone.assertion())]].concat())
}

#[tokio::test]
async fn a_device_gets_an_access_token_of_its_own_for_the_scopes_of_devices_and_nothing_else() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let response = fixture.send(phone.asks()).await;
    let names: BTreeSet<_> = response.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["access_token", "expires_in", "scope", "token_type"]));
    let access = response.tokens().access;
    assert_eq!(
        (&response.body["scope"], &response.body["expires_in"]),
        (&json!("notes:read notes:write"), &json!(600))
    );
    let claims = decoded(&access).1;
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(phone.id), &json!(MOBILE)));
    assert!(fixture.calls(&access).await);
    assert_eq!(fixture.legacy.logins(), 0, "it has no session at a back end");
    // The app may have orders, a person may have openid: a device has neither.
    for wider in ["orders:read", "notes:read orders:read", "openid", "unknown"] {
        assert_eq!(fixture.send(scoped(&phone, wider)).await.refusal(), (400, "invalid_scope"), "{wider}");
    }
    assert_eq!(fixture.send(scoped(&phone, "notes:read")).await.body["scope"], "notes:read");
    for audience in [json!(format!("{ISSUER}{TOKEN}")), json!([ISSUER])] {
        let mut claims = phone.claims();
        claims["aud"] = audience;
        assert_eq!(fixture.send(grant(MOBILE, &phone.signed(&claims))).await.status, 200);
    }
}

#[tokio::test]
async fn a_device_has_one_standing_session_which_its_app_may_end() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let other = Phone::registered(&fixture, MOBILE).await;
    let responses = join_all((0..8).map(|_| fixture.send(phone.asks()))).await;
    let first = sid(&responses[0]);
    assert!(responses.iter().all(|response| sid(response) == first));
    let tokens = fixture.send(phone.asks()).await.tokens();
    let of_other = fixture.send(other.asks()).await;
    assert_ne!(sid(&of_other), first);
    let revoking = post("/oauth2/revoke", &[("client_id", MOBILE), ("token", &tokens.access)]);
    assert_eq!(fixture.send(revoking).await.status, 200);
    assert!(!fixture.calls(&tokens.access).await);
    assert!(fixture.calls(&of_other.tokens().access).await, "another device goes on");
    assert!(fixture.calls(&fixture.send(phone.asks()).await.tokens().access).await, "and this one begins anew");
}

/// Checklist D-17: a proof binds the token of a device as any other. There is no refresh token that would have to be bound.
#[tokio::test]
async fn a_token_that_a_device_asks_for_with_a_proof_is_bound_to_its_key() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let with_proof = async || {
        let proof = phone.key.proof("POST", &format!("{ISSUER}{TOKEN}"), fixture.now().as_secs());
        fixture.send(phone.asks().header("DPoP", &proof.signed())).await
    };
    let is_bound = |response: &Response| {
        let jkt = bound_to(&response.tokens().access);
        assert!(jkt.is_null() || jkt == phone.key.thumbprint().as_str(), "{jkt}");
        assert_eq!(response.body["token_type"], if jkt.is_null() { "Bearer" } else { "DPoP" });
        !jkt.is_null()
    };
    assert!(is_bound(&with_proof().await));
    assert!(!is_bound(&fixture.send(phone.asks()).await), "the twin");
    let apps = &fixture.db.store.apps;
    let app = apps.get(&ClientId::parse(MOBILE).unwrap()).await.unwrap().unwrap();
    apps.put(&App { dpop: Dpop::RefreshTokens, ..app.clone() }).await.unwrap();
    assert!(!is_bound(&with_proof().await));
    assert!(!is_bound(&fixture.send(phone.asks()).await));
    apps.put(&App { dpop: Dpop::Required, ..app }).await.unwrap();
    assert!(is_bound(&with_proof().await));
    assert_eq!(fixture.send(phone.asks()).await.refusal(), NO_PROOF);
    // Whoever found an assertion binds it to no key of their own, and does not use it up.
    let (found, thief) = (phone.assertion(), ClientKey::new());
    let with = |key: &ClientKey| {
        let proof = key.proof("POST", &format!("{ISSUER}{TOKEN}"), fixture.now().as_secs());
        grant(MOBILE, &found).header("DPoP", &proof.signed())
    };
    assert_eq!(fixture.send(with(&thief)).await.refusal(), NO_GRANT);
    assert!(is_bound(&fixture.send(with(&phone.key)).await), "the twin");
}

/// Abuse case L2: of many uses of one assertion, in whatever container, one is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_used_once() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let other = Phone::registered(&fixture, MOBILE).await;
    let claims = phone.claims();
    let assertion = phone.signed(&claims);
    let containers = [fixture.container(), fixture.container()];
    let outcomes = join_all((0..8).map(|index| send(&containers[index % 2], grant(MOBILE, &assertion)))).await;
    assert_eq!(outcomes.iter().filter(|response| response.status == 200).count(), 1);
    for refused in outcomes.iter().filter(|response| response.status != 200) {
        assert_eq!(refused.refusal(), NO_GRANT);
    }
    // The same id in another assertion is the same use, also at a login.
    let mut again = claims.clone();
    again["exp"] = json!(fixture.now().as_secs() + 90);
    assert_eq!(fixture.send(grant(MOBILE, &phone.signed(&again))).await.refusal(), NO_GRANT);
    let shown = phone.key.jwt(&json!({ "alg": "ES256", "typ": "device-link+jwt" }), &again);
    let login = login_on(MOBILE, "alice", PASSWORD, &shown);
    assert_eq!(fixture.send(login).await.refusal(), NO_DEVICE);
    // The twins: the same id of another device, and another id of this one.
    let mut same_id = other.claims();
    same_id["jti"] = claims["jti"].clone();
    assert_eq!(fixture.send(grant(MOBILE, &other.signed(&same_id))).await.status, 200);
    assert_eq!(fixture.send(phone.asks()).await.status, 200);
}

/// Abuse cases L1, L3, L5: none tells what is wrong, and who is not known costs what who is known costs.
#[tokio::test]
async fn every_other_assertion_is_refused_in_the_same_words() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let foreign = Phone::registered(&fixture, OTHER_MOBILE).await;
    let revoked = Phone::registered(&fixture, MOBILE).await;
    fixture.revoke(&revoked.device_id()).await;
    let (stranger, now) = (ClientKey::new(), fixture.now().as_secs());
    let changed = |name: &str, value: Value| {
        let mut claims = phone.claims();
        claims[name] = value;
        phone.signed(&claims)
    };
    let typed = |header: Value| phone.key.jwt(&header, &phone.claims());
    let nobody = format!("device:{}", stranger.thumbprint());
    // Who has not signed it: known or not, it costs the same.
    let unsigned = [
        ("unknown", stranger.assertion(&nobody, ISSUER, now)),
        ("another key", stranger.assertion(&phone.id, ISSUER, now)),
        ("the key of another device", foreign.key.assertion(&phone.id, ISSUER, now)),
        ("another algorithm", typed(json!({ "alg": "none" }))),
    ];
    let signed = [
        ("revoked", revoked.assertion()),
        ("another app's", foreign.assertion()),
        ("of a login", phone.link_assertion()),
        ("for elsewhere", changed("aud", json!("https://elsewhere.example"))),
        ("for two", changed("aud", json!([ISSUER, "https://elsewhere.example"]))),
        ("of another issuer", changed("iss", json!(MOBILE))),
        ("too long", changed("exp", json!(now + 331))),
        ("expired", changed("exp", json!(now))),
        ("not yet", changed("nbf", json!(now + 60))),
        ("without an id", changed("jti", Value::Null)),
        ("a long id", changed("jti", json!("x".repeat(256)))),
        ("critical", typed(json!({ "alg": "ES256", "crit": ["b64"], "b64": false }))),
        ("a proof of possession", typed(json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": phone.key.jwk() }))),
    ];
    let without_look_up = [
        ("the id alone", phone.id.clone()),
        ("no JWT", "a.b.c".to_owned()),
        ("of a person", changed("sub", json!("u_alice"))),
        ("of nobody", changed("sub", Value::Null)),
        ("long", changed("more", json!("x".repeat(4_096)))),
    ];
    let (mut texts, mut work) = (BTreeSet::new(), BTreeSet::new());
    for (number, (case, assertion)) in unsigned.iter().chain(&signed).chain(&without_look_up).enumerate() {
        fixture.wire.since_last();
        let response = fixture.send(grant(MOBILE, assertion).from(&format!("192.0.2.{number}"))).await;
        assert_eq!(response.refusal(), NO_GRANT, "{case}");
        texts.insert(response.text);
        let wrote = fixture.wire.since_last();
        if number < unsigned.len() {
            work.insert(wrote.join(", "));
        } else if number < unsigned.len() + signed.len() {
            assert!(
                !wrote.iter().any(|operation| operation == "UpdateItem LoginAttempts"),
                "{case}: it is not counted"
            );
        }
    }
    assert_eq!((texts.len(), work.len()), (1, 1), "{texts:?} {work:?}");
    assert_eq!(fixture.send(grant(MOBILE, "")).await.refusal(), (400, "invalid_request"));
    // The twins.
    for right in [changed("exp", json!(now + 300)), typed(json!({ "alg": "ES256", "typ": "JWT" }))] {
        assert_eq!(fixture.send(grant(MOBILE, &right)).await.status, 200);
    }
    assert_eq!(fixture.send(foreign.asks()).await.status, 200);
}

/// Failed assertions slow their source down, and keep no right one out.
#[tokio::test]
async fn wrong_assertions_are_counted_and_keep_no_right_one_out() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let stranger = ClientKey::new();
    let mut statuses = Vec::new();
    for _ in 0..25 {
        let wrong = stranger.assertion(&phone.id, ISSUER, fixture.now().as_secs());
        statuses.push(fixture.send(grant(MOBILE, &wrong)).await.status);
    }
    assert_eq!((statuses[0], statuses[24]), (400, 429), "{statuses:?}");
    assert_eq!(fixture.send(phone.asks()).await.status, 200);
}

/// Abuse case L7: it gets no token any more, nor one whose request was under way.
#[tokio::test]
async fn a_device_that_is_revoked_meanwhile_keeps_no_session() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let (db, id, now) = (fixture.db.store.clone(), phone.device_id(), fixture.now());
    fixture.wire.before_each(move |operation| {
        let is_session = operation.is("UpdateItem", "Activity");
        let (store, id) = (db.clone(), id.clone());
        Box::pin(async move {
            if is_session && store.devices.lives(&id).await.unwrap() {
                crate::devices::revoke(&store, &id, now).await;
            }
        })
    });
    assert_eq!(fixture.send(phone.asks()).await.refusal(), NO_GRANT);
    assert_eq!(fixture.sessions_of(&phone.id, MOBILE).await, 0);
    assert_eq!(fixture.send(phone.asks()).await.refusal(), NO_GRANT);
    let twin = Phone::registered(&fixture, MOBILE).await;
    assert!(fixture.calls(&fixture.send(twin.asks()).await.tokens().access).await);
}

/// The exact price, and that a use is noted once a day at most.
#[tokio::test]
async fn what_a_device_costs() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let (app, device, proof) = ("GetItem Apps", "GetItem Devices", "UpdateItem LoginAttempts");
    let (session, noted) = ("UpdateItem Activity", "UpdateItem Devices");
    let cost = async || {
        fixture.wire.since_last();
        assert_eq!(fixture.send(phone.asks()).await.status, 200);
        fixture.wire.since_last()
    };
    assert_eq!(cost().await, [app, device, proof, session, device]);
    assert_eq!(cost().await, [app, device, proof, session, session, device]);
    fixture.clock.forward(DAY);
    assert_eq!(cost().await, [app, device, proof, session, session, session, noted], "the session before has ended");
    assert_eq!(phone.stored().await.used_at, fixture.now());
    fixture.clock.forward(DAY - 1);
    assert!(!cost().await.contains(&noted.to_owned()));
}
