//! Registration of devices: a key, a challenge, and a bound.

use futures_util::future::join_all;
use gateway_domain::ids::{ClientId, OutboxId, UserId};
use gateway_domain::outbox::Which;
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use gateway_store::{App, AppKind, GrantType, NewEnding, Store};
use gateway_token::AuthorizationServer;
use serde_json::{Value, json};
use support::{ClientKey, Last, Unsigned, Verdict, dying};

use crate::fixture::{Fixture, ISSUER, SECRET, send};
use crate::phone::{DEVICES, JWT_BEARER, MOBILE, OTHER_MOBILE, Phone, challenge, registration};
use crate::request::{Response, post, request};

const AGAIN: (u64, &str) = (400, "use_dpop_nonce");
const NO_PROOF: (u64, &str) = (400, "invalid_dpop_proof");

fn proof<'k>(fixture: &Fixture, key: &'k ClientKey) -> Unsigned<'k> {
    key.proof("POST", &format!("{ISSUER}{DEVICES}"), fixture.now().as_secs())
}

async fn asked(fixture: &Fixture, proof: &str) -> Response {
    fixture.send(post(DEVICES, &[("client_id", MOBILE)]).header("DPoP", proof)).await
}

impl Fixture {
    /// How many devices there are.
    async fn devices(&self) -> usize {
        let scanned = self.db.client.scan().table_name(&self.db.tables.devices).send().await.unwrap();
        scanned.items().iter().filter(|item| item.contains_key("client_id")).count()
    }
}

/// Checklist Y-06.
#[tokio::test]
async fn a_key_is_registered_by_a_proof_over_the_challenge() {
    let fixture = Fixture::new().await;
    let key = ClientKey::new();
    let nonce = challenge(&fixture, MOBILE).await;
    let response = fixture.send(registration(&fixture, &key, MOBILE, &nonce)).await;
    assert_eq!((response.status, response.header("Cache-Control")), (201, Some("no-store")), "{}", response.text);
    let id = response.body["device_id"].as_str().unwrap();
    let expected = json!({
        "device_id": id, "client_id": MOBILE, "scope": "notes:read notes:write", "device_name": "Kitchen",
        "created_at": fixture.now().as_secs(),
    });
    assert_eq!((&response.body, id.starts_with("device:")), (&expected, true));

    // A response may be lost: the same key is the same device, with the name that it has.
    fixture.clock.forward(1_000);
    let nonce = challenge(&fixture, MOBILE).await;
    let named = [("client_id", MOBILE), ("device_name", "Another")];
    let again = post(DEVICES, &named).header("DPoP", &proof(&fixture, &key).with_nonce(&nonce).signed());
    let again = fixture.send(again).await;
    assert_eq!((again.status, &again.body), (200, &expected));
    // For another application it is another one, and so is another key.
    let elsewhere = Phone::with_key(&fixture, OTHER_MOBILE, key).await;
    let other = Phone::registered(&fixture, MOBILE).await;
    assert!(id != elsewhere.id && id != other.id);
    assert_eq!(fixture.devices().await, 3);
}

/// A proof without a nonce could have been made at any time: it never registers, unlike at the token endpoint.
#[tokio::test]
async fn without_an_answer_to_the_challenge_nothing_is_registered() {
    let fixture = Fixture::new().await;
    let key = ClientKey::new();
    let old = challenge(&fixture, MOBILE).await;
    fixture.clock.forward(300);
    for (case, proof) in [
        ("no nonce", proof(&fixture, &key)),
        ("a nonce that is old", proof(&fixture, &key).with_nonce(&old)),
        ("a nonce of nobody", proof(&fixture, &key).with_nonce("nonsense")),
        ("a nonce that is long", proof(&fixture, &key).with_nonce(&"x".repeat(300))),
    ] {
        let response = asked(&fixture, &proof.signed()).await;
        assert_eq!(response.refusal(), AGAIN, "{case}");
        assert!(response.header("DPoP-Nonce").is_some(), "{case}");
    }
    let nonce = challenge(&fixture, MOBILE).await;
    let right = proof(&fixture, &key).with_nonce(&nonce);
    for (case, proof) in [
        ("another method", right.clone().with("htm", "GET").signed()),
        ("another endpoint", right.clone().with("htu", format!("{ISSUER}/oauth2/token")).signed()),
        ("another server", right.clone().with("htu", format!("https://other.example{DEVICES}")).signed()),
        ("with a hash of a token", right.clone().of_token("a.b.c").signed()),
        ("no id", right.clone().with("jti", "").signed()),
        ("no JWT", "nonsense".to_owned()),
        ("an assertion", key.assertion("device:x", ISSUER, fixture.now().as_secs())),
        ("cut", right.signed()[1..].to_owned()),
    ] {
        assert_eq!(asked(&fixture, &proof).await.refusal(), NO_PROOF, "{case}");
    }
    let two = post(DEVICES, &[("client_id", MOBILE)]).header("DPoP", &right.signed());
    assert_eq!(fixture.send(two.another_header("DPoP", &right.signed())).await.refusal(), NO_PROOF);
    assert_eq!(fixture.devices().await, 0);
    assert_eq!(asked(&fixture, &right.signed()).await.status, 201, "the twin");
}

/// Abuse case L2: whoever copied a proof registers nothing with it, in whatever container.
#[tokio::test]
async fn a_proof_registers_once() {
    let fixture = Fixture::new().await;
    let key = ClientKey::new();
    let nonce = challenge(&fixture, MOBILE).await;
    let request = registration(&fixture, &key, MOBILE, &nonce);
    let containers = [fixture.container(), fixture.container()];
    let uses = (0..8).map(|index| send(&containers[index % 2], request.clone()));
    let outcomes = join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|response| response.status == 201).count(), 1);
    for refused in outcomes.iter().filter(|response| response.status != 201) {
        assert_eq!(refused.refusal(), AGAIN);
    }
    // The twin: the app makes another one with the nonce that came, or with the one that it had.
    assert_eq!(fixture.send(registration(&fixture, &key, MOBILE, &nonce)).await.status, 200);
    assert_eq!(fixture.devices().await, 1);
}

#[tokio::test]
async fn a_key_that_was_revoked_is_registered_never_again_and_another_one_is() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    fixture.revoke(&phone.device_id()).await;
    let nonce = challenge(&fixture, MOBILE).await;
    let refused = fixture.send(registration(&fixture, &phone.key, MOBILE, &nonce)).await;
    assert_eq!(refused.refusal(), (400, "invalid_device"));
    assert!(refused.text.contains("new key"), "{}", refused.text);
    Phone::registered(&fixture, MOBILE).await;
}

/// Abuse case L6.
#[tokio::test]
async fn registrations_are_bounded_per_source_and_per_app_and_nothing_is_written_beyond() {
    let bounded = |more: &'static str| move |config: &str| config.replace("write\" }", &format!("write\", {more} }}"));
    for (bound, shared, others) in [
        ("registrations_per_source: 2", ("192.0.2.1", OTHER_MOBILE), ("192.0.2.2", MOBILE)),
        ("registrations_per_app: 2", ("192.0.2.2", MOBILE), ("192.0.2.1", OTHER_MOBILE)),
    ] {
        let fixture = Fixture::new().await;
        let container = fixture.container_with(bounded(bound));
        let registers = async |source: &str, client: &str| {
            let nonce = challenge(&fixture, client).await;
            send(&container, registration(&fixture, &ClientKey::new(), client, &nonce).from(source)).await
        };
        let nonce = challenge(&fixture, MOBILE).await;
        let known = ClientKey::new();
        let registers_again =
            async || send(&container, registration(&fixture, &known, MOBILE, &nonce).from("192.0.2.1")).await.status;
        assert_eq!(registers_again().await, 201, "{bound}");
        assert_eq!(registers("192.0.2.1", MOBILE).await.status, 201, "{bound}");
        let refused = registers(shared.0, shared.1).await;
        assert_eq!(refused.refusal(), (429, "too_many_requests"), "{bound}");
        assert_eq!(fixture.devices().await, 2, "{bound}");
        assert_eq!(registers_again().await, 200, "{bound}: it is there");
        assert_eq!(registers(others.0, others.1).await.status, 201, "{bound}");
        // No later than in half a day there is room for one of the two.
        let wait: i64 = refused.header("Retry-After").unwrap().parse().unwrap();
        assert!((1..=43_200).contains(&wait), "{bound} {wait}");
        fixture.clock.forward(wait);
        assert_eq!(registers(shared.0, shared.1).await.status, 201, "{bound}");
        assert_eq!(registers(shared.0, shared.1).await.status, 429, "{bound}");
    }
}

#[tokio::test]
async fn who_may_have_no_devices_registers_none() {
    let fixture = Fixture::new().await;
    let stored = async |name: &str| fixture.db.store.apps.get(&ClientId::parse(name).unwrap()).await.unwrap().unwrap();
    let (like, secret_hash) = (stored(MOBILE).await, stored("conf1").await.secret_hash);
    let named = |name: &str| App { client_id: ClientId::parse(name).unwrap(), ..like.clone() };
    let without_scope = App { scope: Scope::parse("orders:read openid").unwrap(), ..named("no-scope") };
    let confidential = App { kind: AppKind::Confidential, secret_hash, ..named("conf-mobile") };
    assert!(confidential.grants.contains(&GrantType::JwtBearer));
    for app in [confidential, without_scope, App { enabled: false, ..named("disabled") }] {
        fixture.db.store.apps.put(&app).await.unwrap();
    }
    let registers = async |client: &str| {
        let nonce = challenge(&fixture, MOBILE).await;
        fixture.send(registration(&fixture, &ClientKey::new(), client, &nonce)).await
    };
    assert_eq!(registers("pub1").await.refusal(), (400, "unauthorized_client"), "it has not the grant");
    assert_eq!(registers("no-scope").await.refusal(), (400, "invalid_scope"));
    for client in ["nobody", "disabled", "", "conf1"] {
        assert_eq!(registers(client).await.refusal(), (401, "invalid_client"), "{client}");
    }
    let nonce = challenge(&fixture, MOBILE).await;
    let with_secret = registration(&fixture, &ClientKey::new(), "conf-mobile", &nonce);
    let with_secret = with_secret.basic("conf-mobile", SECRET);
    assert_eq!(fixture.send(with_secret).await.refusal(), (400, "unauthorized_client"), "it is no app on a device");
    let json = request("POST", DEVICES).header("Content-Type", "application/json").body(r#"{"client_id":"mobile"}"#);
    assert_eq!(fixture.send(json).await.refusal(), (400, "invalid_request"));
    let got = fixture.send(request("GET", DEVICES)).await;
    assert_eq!((got.status, got.header("Allow")), (405, Some("POST")));
    assert_eq!(fixture.devices().await, 0);
    assert_eq!(registers(MOBILE).await.status, 201, "the twin");
}

/// Off unless it is configured.
#[tokio::test]
async fn without_the_section_there_are_no_devices() {
    let fixture = Fixture::new().await;
    let phone = Phone::registered(&fixture, MOBILE).await;
    let off = fixture.container_with(|config| config.replace("devices: { scope: \"notes:read notes:write\" }\n", ""));
    let published = async |container: &AuthorizationServer| {
        let document = send(container, request("GET", "/.well-known/oauth-authorization-server")).await.body;
        let grants: Vec<String> = serde_json::from_value(document["grant_types_supported"].clone()).unwrap();
        (document["gateway_device_registration_endpoint"].clone(), grants.contains(&JWT_BEARER.to_owned()))
    };
    assert_eq!(published(&off).await, (Value::Null, false));
    assert_eq!(published(&fixture.app).await, (json!(format!("{ISSUER}{DEVICES}")), true));
    let nonce = challenge(&fixture, MOBILE).await;
    assert_eq!(send(&off, registration(&fixture, &phone.key, MOBILE, &nonce)).await.status, 404);
    assert_eq!(send(&off, phone.asks()).await.refusal(), (400, "unsupported_grant_type"));
    assert_eq!(send(&off, phone.login("alice")).await.status, 200, "a login without a device");
    assert_eq!(phone.owner().await, None);
    assert_eq!(fixture.send(phone.asks()).await.status, 200, "the twin");
}

/// The app tries again with another proof, wherever the function died.
#[tokio::test]
async fn a_registration_that_dies_is_repeated() {
    for most in 0..8 {
        for last in [Last::Unanswered, Last::Answered] {
            let fixture = Box::pin(Fixture::new()).await;
            let (key, container) = (ClientKey::new(), fixture.container());
            let nonce = challenge(&fixture, MOBILE).await;
            fixture.wire.script(dying(most, last));
            let died = send(&container, registration(&fixture, &key, MOBILE, &nonce)).await;
            fixture.wire.calm();
            if died.status < 300 && matches!(last, Last::Answered) {
                // Two counters, the proof, the device.
                assert_eq!(most, 4);
                return;
            }
            assert!(died.status == 503 || died.status < 300, "{most} {last:?} {}", died.text);
            let again = fixture.send(registration(&fixture, &key, MOBILE, &nonce)).await;
            assert!([200, 201].contains(&again.status), "{most} {last:?} {}", again.text);
            assert_eq!(fixture.devices().await, 1);
        }
    }
    panic!("the registration has no end");
}

/// Bounds are kept before anything is written: without them, nothing is.
#[tokio::test]
async fn what_cannot_be_counted_is_not_registered() {
    let fixture = Fixture::new().await;
    let nonce = challenge(&fixture, MOBILE).await;
    fixture.wire.script(|operation| if operation.table == "LoginAttempts" { Verdict::Fail } else { Verdict::Forward });
    let response = fixture.send(registration(&fixture, &ClientKey::new(), MOBILE, &nonce)).await;
    fixture.wire.calm();
    assert_eq!(response.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(fixture.devices().await, 0);
}

impl Fixture {
    /// Revokes a device.
    pub(crate) async fn revoke(&self, id: &UserId) {
        revoke(&self.db.store, id, self.now()).await;
    }
}

/// Revokes a device. Its sessions are ended by the outbox function.
pub(crate) async fn revoke(store: &Store, id: &UserId, now: Timestamp) {
    let device = store.devices.get(id).await.unwrap().unwrap();
    let outbox_id = OutboxId::from_random(std::array::from_fn(|at| id.as_str().as_bytes()[10 + at]));
    let which = Which::BegunBefore(0);
    let ending = NewEnding { id: outbox_id, user_id: id.clone(), which, due: now, until: now };
    assert!(store.devices.revoke(&device, (&store.outbox, &ending), now).await.unwrap());
}
