//! `private_key_jwt` (RFC 7523 §2.2, OpenID Connect Core §9): an application that signs instead of showing a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_store::{App, AppKind};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::fixture::{Fixture, ISSUER, NOTES, PASSWORD, SECRET, send};
use crate::request::{Request, post};

pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application with a key.
pub(crate) struct Keyed {
    pair: EcdsaKeyPair,
    client: &'static str,
}

impl Keyed {
    /// Registers it as `conf1` is, with a key in place of the secret.
    pub(crate) async fn register(fixture: &Fixture, client: &'static str) -> Self {
        let random = SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwks = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "1", "x": x, "y": y }] });
        let id = |name: &str| gateway_domain::ids::ClientId::parse(name).unwrap();
        let like = fixture.db.store.apps.get(&id("conf1")).await.unwrap().unwrap();
        let app = App { client_id: id(client), secret_hash: None, jwks: Some(jwks.to_string()), ..like };
        assert_eq!(app.kind, AppKind::Confidential);
        fixture.db.store.apps.put(&app).await.unwrap();
        Self { pair, client }
    }

    pub(crate) fn claims(&self, fixture: &Fixture, jti: &str) -> Value {
        let exp = fixture.now().as_secs() + 60;
        json!({ "iss": self.client, "sub": self.client, "aud": ISSUER, "jti": jti, "exp": exp })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "1" })), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn assertion(&self, fixture: &Fixture, jti: &str) -> String {
        self.sign(&self.claims(fixture, jti))
    }
}

fn asserted(path: &str, fields: &[(&str, &str)], assertion: &str) -> Request {
    let proof = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
    post(path, &[fields, &proof].concat())
}

fn login(assertion: &str, more: &[(&str, &str)]) -> Request {
    let form =
        [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    asserted("/oauth2/token", &[&form[..], more].concat(), assertion)
}

/// Checklist S-07.
#[tokio::test]
async fn an_assertion_authenticates_at_every_endpoint() {
    let fixture = Fixture::new().await;
    let app = Keyed::register(&fixture, "keyed").await;
    let tokens = fixture.send(login(&app.assertion(&fixture, "1"), &[])).await.tokens();
    let endpoint = format!("{ISSUER}/oauth2/token");
    let (pushed, challenge) = (json!(format!("{ISSUER}/oauth2/par")), json!(format!("{ISSUER}/oauth2/challenge")));
    for (jti, audience) in [("2", json!(endpoint)), ("3", json!([ISSUER])), ("7", pushed), ("8", challenge)] {
        let mut claims = app.claims(&fixture, jti);
        claims["aud"] = audience;
        assert_eq!(fixture.send(login(&app.sign(&claims), &[("client_id", "keyed")])).await.status, 200);
    }
    let token = [("token", tokens.refresh.as_str())];
    let introspected = asserted("/oauth2/introspect", &token, &app.assertion(&fixture, "4"));
    assert_eq!(fixture.send(introspected).await.body["active"], true);
    let revoked = asserted("/oauth2/revoke", &token, &app.assertion(&fixture, "5"));
    assert_eq!(fixture.send(revoked).await.status, 200);
    let introspected = asserted("/oauth2/introspect", &token, &app.assertion(&fixture, "6"));
    assert_eq!(fixture.send(introspected).await.body, json!({ "active": false }));
}

/// Of concurrent uses of one assertion, in whatever container, exactly one is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_used_once() {
    let fixture = Fixture::new().await;
    let (app, other) = (Keyed::register(&fixture, "keyed").await, Keyed::register(&fixture, "other").await);
    let assertion = app.assertion(&fixture, "1");
    let containers = [fixture.container(), fixture.container()];
    let form = [("grant_type", "client_credentials")];
    let uses = (0..8).map(|index| send(&containers[index % 2], asserted("/oauth2/token", &form, &assertion)));
    let outcomes = futures_util::future::join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|response| response.status == 200).count(), 1);
    for refused in outcomes.iter().filter(|response| response.status != 200) {
        assert_eq!(refused.refusal(), (401, "invalid_client"));
    }
    // The same id in another assertion is the same use; with another application it is none of it.
    let mut again = app.claims(&fixture, "1");
    again["exp"] = json!(fixture.now().as_secs() + 90);
    assert_eq!(fixture.send(login(&app.sign(&again), &[])).await.refusal(), (401, "invalid_client"));
    assert_eq!(fixture.send(login(&other.assertion(&fixture, "1"), &[])).await.status, 200);
    // When the assertion is over, its id means nothing any more.
    fixture.clock.forward(60);
    assert_eq!(fixture.send(login(&assertion, &[])).await.refusal(), (401, "invalid_client"), "expired");
    assert_eq!(fixture.send(login(&app.assertion(&fixture, "1"), &[])).await.status, 200);
}

#[tokio::test]
async fn every_other_proof_is_refused_in_the_same_words() {
    let fixture = Fixture::new().await;
    let app = Keyed::register(&fixture, "keyed").await;
    let stranger = Keyed::register(&fixture, "other").await;
    let changed = |name: &str, value: Value| {
        let mut claims = app.claims(&fixture, "never-used");
        claims[name] = value;
        app.sign(&claims)
    };
    let from = |number: usize, request: Request| request.from(&format!("192.0.2.{number}"));
    let grant = [("grant_type", "client_credentials")];
    let mut texts = std::collections::BTreeSet::new();
    let requests = [
        login("a.b.c", &[]),
        login(&stranger.sign(&app.claims(&fixture, "2")), &[]),
        login(&app.assertion(&fixture, "3"), &[("client_id", "other")]),
        login(&app.assertion(&fixture, "4"), &[("client_id", "conf1")]),
        login(&app.assertion(&fixture, "5"), &[("client_id", "pub1")]),
        login(&changed("aud", json!("https://elsewhere.example")), &[]),
        login(&changed("iss", json!("other")), &[]),
        login(&changed("sub", json!("nobody")), &[]),
        login(&changed("sub", json!("")), &[]),
        login(&changed("exp", json!(fixture.now().as_secs() + 3_600)), &[]),
        login(&changed("jti", json!(null)), &[]),
        // It has no secret and needs its assertion.
        post("/oauth2/token", &grant).basic("keyed", SECRET),
        post("/oauth2/token", &[&grant[..], &[("client_id", "keyed"), ("client_secret", SECRET)]].concat()),
        post("/oauth2/token", &[&grant[..], &[("client_id", "keyed")]].concat()),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let response = fixture.send(from(number, request.clone())).await;
        assert_eq!(response.refusal(), (401, "invalid_client"), "{request:?}");
        texts.insert(response.text);
    }
    assert_eq!(texts.len(), 1);
}

#[tokio::test]
async fn two_proofs_or_half_a_proof_are_no_request() {
    let fixture = Fixture::new().await;
    let app = Keyed::register(&fixture, "keyed").await;
    let assertion = app.assertion(&fixture, "1");
    let form = [("grant_type", "client_credentials")];
    for request in [
        asserted("/oauth2/token", &form, &assertion).basic("conf1", SECRET),
        asserted("/oauth2/token", &[&form[..], &[("client_secret", SECRET)]].concat(), &assertion),
        post("/oauth2/token", &[&form[..], &[("client_assertion", &assertion)]].concat()),
        post("/oauth2/token", &[&form[..], &[("client_assertion_type", TYPE)]].concat()),
    ] {
        assert_eq!(fixture.send(request).await.refusal(), (400, "invalid_request"));
    }
    let another = [("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")];
    let another = [&form[..], &another, &[("client_assertion", &assertion)]].concat();
    assert_eq!(fixture.send(post("/oauth2/token", &another)).await.refusal(), (401, "invalid_client"));
    assert_eq!(fixture.send(asserted("/oauth2/token", &form, &assertion)).await.status, 200, "it was not used up");
}

/// Failed authentications are slowed down by source, as wrong secrets are; a right assertion never waits.
#[tokio::test]
async fn wrong_assertions_are_counted_and_keep_no_right_one_out() {
    let fixture = Fixture::new().await;
    let app = Keyed::register(&fixture, "keyed").await;
    let stranger = Keyed::register(&fixture, "other").await;
    let wrong = |number: usize| login(&stranger.sign(&app.claims(&fixture, &format!("w{number}"))), &[]);
    let mut statuses = Vec::new();
    for number in 0..25 {
        statuses.push(fixture.send(wrong(number)).await.status);
    }
    assert_eq!((statuses[0], statuses[24]), (401, 429), "{statuses:?}");
    assert_eq!(fixture.send(login(&app.assertion(&fixture, "right"), &[])).await.status, 200);
}
