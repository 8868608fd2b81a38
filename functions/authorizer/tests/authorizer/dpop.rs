//! Access tokens that are bound to a key (RFC 9449 §7): whose they are, and how often a proof is good.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use gateway_authorizer::Authorizer;
use gateway_domain::call_context::{Admitted, NotAdmitted, Refusal};
use serde_json::{Value, json};
use support::{ClientKey, Unsigned};

use crate::fixture::{Caller, Fixture, ISSUER, behind, http, remaining, rest, unauthorized};

const ORDERS: &str = "https://auth.example.com/orders";

/// A user with a key, and a bound token.
struct Holder<'f> {
    fixture: &'f Fixture,
    caller: Caller,
    key: ClientKey,
    token: String,
}

impl<'f> Holder<'f> {
    async fn of(fixture: &'f Fixture) -> Self {
        Self::with(fixture, fixture.login("alice", "pub1", 1).await)
    }

    fn with(fixture: &'f Fixture, caller: Caller) -> Self {
        let key = ClientKey::new();
        let token = fixture.token(&caller, "orders:read", Some(&key));
        Self { fixture, caller, key, token }
    }

    /// A good proof for `GET /orders`.
    fn proof(&self) -> Unsigned<'_> {
        self.key.proof("GET", ORDERS, self.fixture.now().as_secs()).of_token(&self.token)
    }

    /// `GET /orders` with these proofs.
    fn event(&self, proofs: &[&str]) -> Value {
        let mut event = rest("GET", "/orders", &[&format!("DPoP {}", self.token)]);
        event["multiValueHeaders"]["DPoP"] = json!(proofs);
        event
    }

    /// A call with a proof of its own.
    async fn call(&self, container: &Authorizer) -> Result<Admitted, NotAdmitted> {
        outcome(container, self.event(&[&self.proof().signed()])).await
    }

    /// The sets of proofs in the activity item, by name.
    async fn sets(&self) -> Vec<String> {
        let key = |value: &str| AttributeValue::S(value.to_owned());
        let read = self.fixture.database.get_item().table_name("activity").consistent_read(true);
        let read = read.key("user_id", key(self.caller.user.as_str())).key("client_id", key(self.caller.app.as_str()));
        let item = read.send().await.unwrap().item.unwrap();
        item.into_keys().filter(|name| name.starts_with('j')).collect()
    }
}

async fn outcome(container: &Authorizer, event: Value) -> Result<Admitted, NotAdmitted> {
    behind(&event, &container.authorize(event.clone()).await.unwrap())
}

fn is_unproved(outcome: &Result<Admitted, NotAdmitted>) -> bool {
    matches!(outcome, Err(NotAdmitted::Refused(Refusal::InvalidProof { .. })))
}

/// Checklist D-11, S-04: the harmless twin of what follows, behind both kinds of API.
#[tokio::test]
async fn the_holder_of_the_key_is_admitted() {
    assert_eq!(ORDERS, format!("{ISSUER}/orders"), "as the phone sees it");
    let fixture = Fixture::new().await;
    let (alice, container) = (Holder::of(&fixture).await, fixture.container());
    assert_eq!(alice.call(&container).await.unwrap().user, alice.caller.user);
    let mut event = http("GET", "/orders", &format!("dpop {}", alice.token));
    event["headers"]["dpop"] = json!(alice.proof().with("htu", "HTTPS://AUTH.example.com:443/orders?a=b").signed());
    assert_eq!(outcome(&container, event).await.unwrap().user, alice.caller.user);
}

/// Abuse cases D13, D14; checklist D-01, D-08, D-10, D-11: none of it costs an operation.
#[tokio::test]
async fn whoever_has_not_the_key_or_another_proof_is_refused_before_the_store_is_asked() {
    let fixture = Fixture::new().await;
    let (alice, container) = (Holder::of(&fixture).await, fixture.container());
    let now = fixture.now().as_secs();
    let good = alice.proof().signed();
    let other = fixture.token(&alice.caller, "orders:read", Some(&alice.key));
    let thief = ClientKey::new();
    let proofs = [
        alice.proof().with("htm", "POST").signed(),
        alice.proof().with("htu", "https://auth.example.com/orders/7").signed(),
        alice.proof().with("htu", "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/live/orders").signed(),
        alice.proof().with("htu", "https://evil.example/orders").signed(),
        alice.proof().of_token(&other).signed(),
        alice.key.proof("GET", ORDERS, now).signed(),
        thief.proof("GET", ORDERS, now).of_token(&alice.token).signed(),
        alice.proof().with("iat", now - 60).signed(),
        alice.proof().with("iat", now + 31).signed(),
        format!("{good}A"),
        "x".to_owned(),
        String::new(),
    ];
    for proof in &proofs {
        let refused = outcome(&container, alice.event(&[proof])).await;
        assert!(is_unproved(&refused), "{proof}: {refused:?}");
    }
    assert!(is_unproved(&outcome(&container, alice.event(&[])).await), "none");
    assert!(is_unproved(&outcome(&container, alice.event(&[&good, &alice.proof().signed()])).await), "two");
    let mut event = http("GET", "/orders", &format!("DPoP {}", alice.token));
    event["headers"]["dpop"] = json!(proofs[0]);
    assert!(is_unproved(&outcome(&container, event).await));
    // As a bearer token it is as good as any bad token, and so is one that is bound to nothing with a proof.
    let bearer = format!("Bearer {}", alice.token);
    let mut with_proof = rest("GET", "/orders", &[&bearer]);
    with_proof["multiValueHeaders"]["DPoP"] = json!([good]);
    for event in [rest("GET", "/orders", &[&bearer]), with_proof] {
        assert!(unauthorized(&container.authorize(event).await));
    }
    let unbound = fixture.token(&alice.caller, "orders:read", None);
    let mut event = rest("GET", "/orders", &[&format!("DPoP {unbound}")]);
    event["multiValueHeaders"]["DPoP"] = json!([alice.key.proof("GET", ORDERS, now).of_token(&unbound).signed()]);
    assert!(unauthorized(&container.authorize(event).await));
    assert_eq!(fixture.operations.since_last(), 0);
    assert!(outcome(&container, alice.event(&[&good])).await.is_ok(), "the twin");
}

/// Abuse case D15; checklist D-16: containers share nothing but the table.
#[tokio::test]
async fn a_proof_is_good_once_whichever_container_gets_it() {
    let fixture = Fixture::new().await;
    let alice = Holder::of(&fixture).await;
    let (one, other) = (fixture.container(), fixture.container());
    let event = alice.event(&[&alice.proof().signed()]);
    assert_eq!(remaining(outcome(&one, event.clone()).await), 11);
    for container in [&other, &one, &fixture.container()] {
        let refused = outcome(container, event.clone()).await;
        let Err(NotAdmitted::Refused(Refusal::InvalidProof { detail })) = &refused else { panic!("{refused:?}") };
        assert!(detail.contains("used before") && detail.contains("Date"), "it says what to do: {detail}");
    }
    fixture.clock.forward(59);
    assert!(is_unproved(&outcome(&other, event.clone()).await), "until it is over");
    fixture.clock.forward(7);
    assert!(is_unproved(&outcome(&other, event).await), "and then for its time");
    // The twin: another proof for the same call. What was replayed counts for nothing.
    assert_eq!(remaining(alice.call(&other).await), 11, "the first has slid out of the window, and none is counted");
}

/// Abuse case D15.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_calls_at_once_with_one_proof_one_is_admitted() {
    let fixture = Fixture::new().await;
    let alice = Holder::of(&fixture).await;
    let containers: Vec<_> = (0..5).map(|_| fixture.container()).collect();
    let event = alice.event(&[&alice.proof().signed()]);
    let outcomes = join_all((0..25).map(|at| outcome(&containers[at % 5], event.clone()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_unproved(outcome)).count(), 24);
}

#[tokio::test]
async fn a_proof_of_one_session_is_none_of_another() {
    let fixture = Fixture::new().await;
    let container = fixture.container();
    let alice = Holder::of(&fixture).await;
    let again = Holder::with(&fixture, fixture.login("alice", "pub1", 2).await);
    // Ids may be short: each key has its own.
    for holder in [&alice, &again] {
        let event = holder.event(&[&holder.proof().with("jti", "1").signed()]);
        assert!(outcome(&container, event).await.is_ok());
    }
    fixture.store.activity.remove_entry(&again.caller.user, &again.caller.app, &again.caller.session).await.unwrap();
    let event = again.event(&[&again.proof().signed()]);
    assert!(unauthorized(&container.authorize(event).await), "an ended session is what it was");
}

/// What is stated in security.md: more proofs than fit are not noted.
#[tokio::test]
async fn where_a_plan_has_more_calls_than_can_be_noted_a_proof_is_good_for_its_minute() {
    let plans = |calls: u32| {
        format!(
            "plans: {{ standard: {{ calls: {calls}, window: 1m }} }}\napis:\n  orders:\n    back_end: http://127.0.0.1:3001\n    \
             routes: [{{ path: /orders, methods: {{ GET: [orders:read] }} }}]\n"
        )
    };
    for (calls, once) in [(30, true), (31, false)] {
        let fixture = Fixture::new().await.with(&plans(calls));
        let (alice, container) = (Holder::of(&fixture).await, fixture.container());
        let event = alice.event(&[&alice.proof().signed()]);
        assert!(outcome(&container, event.clone()).await.is_ok());
        fixture.clock.forward(59);
        assert_eq!(is_unproved(&outcome(&container, event.clone()).await), once, "{calls}");
        fixture.clock.forward(1);
        assert!(is_unproved(&outcome(&container, event).await), "{calls}");
        assert_eq!(alice.sets().await.is_empty(), !once, "{calls}");
    }
}

/// One write decides, with a proof as without; and without one nothing of it is in the item.
#[tokio::test]
async fn a_call_with_a_proof_costs_what_a_call_costs() {
    let fixture = Fixture::new().await;
    let (alice, container) = (Holder::of(&fixture).await, fixture.container());
    assert!(fixture.call(&container, &alice.caller).await.is_ok());
    assert!(alice.sets().await.is_empty(), "an unbound token is counted as ever");
    fixture.operations.since_last();
    for _ in 0..5 {
        assert!(alice.call(&container).await.is_ok());
        assert_eq!(fixture.operations.since_last(), 1);
    }
    let event = alice.event(&[&alice.proof().signed()]);
    assert!(outcome(&container, event.clone()).await.is_ok());
    fixture.operations.since_last();
    assert!(is_unproved(&outcome(&container, event).await));
    assert_eq!(fixture.operations.since_last(), 1, "a replay is refused by that one write");
}

/// A steady caller over ten minutes, with as many sessions as usual: what is over is removed on the way.
#[tokio::test]
async fn a_steady_caller_with_proofs_stays_within_one_write_unit() {
    let plan = "plans: { standard: { calls: 30, window: 1m } }\napis:\n  orders:\n    back_end: http://127.0.0.1:3001\n    \
                routes: [{ path: /orders, methods: { GET: [orders:read] } }]\n";
    let fixture = Fixture::new().await.with(plan);
    let container = fixture.container();
    let alice = fixture.login("alice", "pub1", 1).await;
    for session in 2..=4 {
        fixture.login("alice", "pub1", session).await;
    }
    let mut operations = 0;
    for _ in 0..200 {
        fixture.clock.forward(3);
        let holder = Holder::with(&fixture, alice.clone());
        fixture.operations.since_last();
        assert!(holder.call(&container).await.is_ok());
        operations += fixture.operations.since_last();
        let (units, attributes) = fixture.cost(&alice).await;
        assert!(units <= 1.0, "{units} units with {attributes} attributes");
        assert!(holder.sets().await.len() <= 8, "{:?}", holder.sets().await);
    }
    // One write each, a read of the application every thirty seconds, and now and then a cleaning write.
    assert!((220..=235).contains(&operations), "{operations} operations for 200 calls");
}

/// The time of a proof is compared with the corrected clock.
#[tokio::test]
async fn a_container_whose_clock_is_minutes_wrong_takes_a_proof_of_now() {
    let fixture = Fixture::new().await;
    fixture.is_now();
    let alice = Holder::of(&fixture).await;
    for error_ms in [-250_000, 0, 250_000] {
        let container = fixture.container_off_by(error_ms).await;
        assert!(alice.call(&container).await.is_ok(), "{error_ms}");
        let late = alice.proof().with("iat", fixture.now().as_secs() - 120).signed();
        assert!(is_unproved(&outcome(&container, alice.event(&[&late])).await), "{error_ms}");
    }
}
