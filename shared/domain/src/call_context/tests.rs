use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::rate_limit::Left;

fn request(method: &str, path: &str) -> ApiRequest {
    ApiRequest::from_value(json!({ "httpMethod": method, "path": path, "requestContext": {} })).unwrap()
}

fn quota() -> Quota {
    let left = Some(Left { remaining: 12, reset: Seconds::new(5) });
    Quota { policy: "default".to_owned(), limit: 60, window: Seconds::new(60), left }
}

fn call() -> Admitted {
    let token = TokenRef {
        version: 3,
        sealed: Some(SealedToken::parse("k1.c2VhbGVk")),
        ends: Some(Timestamp::from_secs(1_800_000_000)),
    };
    Admitted {
        user: UserId::parse("alice").unwrap(),
        app: ClientId::parse("pub1").unwrap(),
        app_name: "Public \"One\" ü".to_owned(),
        subscription: "sub-1".to_owned(),
        scope: Scope::parse("orders:read").unwrap(),
        session: SessionId::from_random([7; 16]),
        api: ApiName::parse("orders").unwrap(),
        route: "/orders/{id}".to_owned(),
        tokens: BTreeMap::from([(ConnectorName::parse("orders-login").unwrap(), token)]),
        quotas: vec![quota()],
    }
}

fn context(call: Admitted) -> Map<String, Value> {
    carried(&CallContext::new(&request("GET", "/orders/7"), Outcome::Admitted(Box::new(call))))
}

fn carried(context: &CallContext) -> Map<String, Value> {
    context.to_map().unwrap().into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

fn behind(method: &str, path: &str, authorizer: Option<Map<String, Value>>) -> ApiRequest {
    ApiRequest { authorizer, ..request(method, path) }
}

/// The valid counterpart of abuse case A7.
#[test]
fn an_admitted_call_arrives_as_it_was_sent() {
    let mut values = context(call());
    values.insert("principalId".to_owned(), json!("alice"));
    values.insert("integrationLatency".to_owned(), json!(12));
    assert_eq!(Admitted::from_event(&behind("GET", "/orders/7", Some(values))), Ok(call()));
}

/// Usage counts both by the same names. An older proxy, or one that knows no caller, reads the rest.
#[test]
fn an_admitted_call_and_a_limited_one_tell_the_log_whose_they_are() {
    let caller = Caller {
        app: ClientId::parse("pub1").unwrap(),
        api: ApiName::parse("orders").unwrap(),
        plan: crate::ids::PlanName::parse("demo").unwrap(),
    };
    let limited = Refusal::RateLimited {
        quotas: vec![quota()],
        violated: vec!["default".to_owned()],
        retry_after: Seconds::new(9),
    };
    for outcome in [Outcome::Admitted(Box::new(call())), Outcome::Refused(limited.clone())] {
        let request = request("GET", "/orders/7");
        let values = carried(&CallContext::new(&request, outcome.clone()).of(Some(caller.clone())));
        let told = ["app", "api", "plan"].map(|name| values[name].as_str().unwrap());
        assert_eq!(told, ["pub1", "orders", "demo"]);
        let arrived = CallContext::from_event(&behind("GET", "/orders/7", Some(values))).unwrap();
        assert_eq!(arrived.outcome(), &outcome);
    }
}

#[test]
fn every_refusal_arrives_as_it_was_sent() {
    let refusals = [
        Refusal::BadRequest,
        Refusal::PathTooLong,
        Refusal::InvalidToken,
        Refusal::InvalidProof { detail: "the DPoP proof was used before".to_owned() },
        Refusal::InsufficientScope { required: Scope::parse("a b").unwrap() },
        Refusal::NotFound,
        Refusal::RateLimited {
            quotas: vec![quota()],
            violated: vec!["default".to_owned()],
            retry_after: Seconds::new(9),
        },
    ];
    for refusal in refusals {
        let sent = CallContext::new(&request("GET", "/x"), Outcome::Refused(refusal.clone()));
        let arrived = Admitted::from_event(&behind("GET", "/x", Some(carried(&sent))));
        assert_eq!(arrived, Err(NotAdmitted::Refused(refusal)));
    }
}

/// Abuse case A7; checklist Y-05.
#[test]
fn no_context_is_no_identity() {
    for nothing in [None, Some(Map::new())] {
        let arrived = Admitted::from_event(&behind("GET", "/orders/7", nothing));
        assert_eq!(arrived, Err(NotAdmitted::Broken(ContextError::Absent)));
    }
    let null = json!({ "httpMethod": "GET", "path": "/orders/7", "requestContext": { "authorizer": null } });
    let arrived = Admitted::from_event(&ApiRequest::from_value(null).unwrap());
    assert_eq!(arrived, Err(NotAdmitted::Broken(ContextError::Absent)));
}

/// Abuse case A7; checklist Y-05.
#[test]
fn a_context_with_any_value_missing_empty_null_or_foreign_is_no_identity() {
    let whole = context(call());
    for name in whole.keys() {
        for damaged in [None, Some(Value::Null), Some(json!("")), Some(json!({})), Some(json!(7))] {
            // A route may require no scope, so the empty scope is valid.
            if name == "scope" && damaged == Some(json!("")) {
                continue;
            }
            let mut values = whole.clone();
            match damaged.clone() {
                Some(value) => values.insert(name.clone(), value),
                None => values.remove(name),
            };
            let arrived = Admitted::from_event(&behind("GET", "/orders/7", Some(values)));
            assert!(matches!(arrived, Err(NotAdmitted::Broken(_))), "{name} {damaged:?}: {arrived:?}");
        }
    }
}

/// Abuse case A5.
#[test]
fn a_decision_for_one_request_is_none_for_another() {
    let values = context(call());
    for (method, path) in [("DELETE", "/orders/7"), ("GET", "/orders/8"), ("GET", "/orders/7/"), ("get", "/orders/7")] {
        let arrived = Admitted::from_event(&behind(method, path, Some(values.clone())));
        assert_eq!(arrived, Err(NotAdmitted::Broken(ContextError::OtherRequest)), "{method} {path}");
    }
}

#[test]
fn sealed_tokens_that_do_not_fit_become_references() {
    let mut large = call();
    for token in large.tokens.values_mut() {
        token.sealed = Some(SealedToken::parse(&"x".repeat(MAX_BYTES)));
    }
    let arrived = Admitted::from_event(&behind("GET", "/orders/7", Some(context(large)))).unwrap();
    let token = arrived.tokens.values().next().unwrap();
    assert_eq!((token.version, &token.sealed), (3, &None));
}

#[test]
fn a_context_that_can_not_be_made_to_fit_is_an_error() {
    let large = Admitted { app_name: "x".repeat(MAX_BYTES), ..call() };
    let context = CallContext::new(&request("GET", "/"), Outcome::Admitted(Box::new(large)));
    assert_eq!(context.to_map(), Err(ContextError::TooLarge));
}

proptest! {
    #[test]
    fn method_and_path_together_make_the_digest(a in "[A-Z]{1,6}", b in "/[ -~]{0,12}", c in "[A-Z]{1,6}", d in "/[ -~]{0,12}") {
        prop_assert_eq!((&a, &b) == (&c, &d), path_digest(&a, &b) == path_digest(&c, &d));
    }

    #[test]
    fn no_context_makes_the_reader_panic(values in prop::collection::btree_map("[a-z_]{1,8}", ".{0,12}", 0..8), which in 0..7_usize) {
        let decision = [
            "admitted", "bad_request", "invalid_token", "invalid_dpop_proof", "insufficient_scope", "not_found", "rate_limited",
        ][which];
        let mut values: Map<String, Value> = values.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        values.insert("decision".to_owned(), Value::from(decision));
        prop_assert!(Admitted::from_event(&behind("GET", "/", Some(values))).is_err());
    }
}
