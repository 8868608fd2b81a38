//! The keys function by its three callers: CloudFormation, Secrets Manager, an operator in an emergency.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Value as Json, json};
use support::{ADA, BOB, DEMO_APP, Gateway};
use tokio::net::TcpListener;

use crate::events;
use crate::turns::{current, rotate};

const KEYS: &str = "KeysFunction";
const NAMES: [&str; 7] =
    ["SigningKeys", "PublicKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"];

/// The pre-signed address: what was sent there, and how many responses fail first.
#[derive(Clone, Default)]
struct Bucket {
    received: Arc<Mutex<Vec<Json>>>,
    failures: Arc<Mutex<u32>>,
}

impl Bucket {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/signed?X-Amz-Signature=abc%2Fdef", listener.local_addr().expect("an address"));
        let bucket = Self::default();
        let router = Router::new().fallback(put).with_state(bucket.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (bucket, url)
    }

    fn take(&self) -> Vec<Json> {
        std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn put(
    State(bucket): State<Bucket>,
    method: Method,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    // A pre-signed address counts only with the method, query and content type that were signed.
    let is_signed = uri.query() == Some("X-Amz-Signature=abc%2Fdef") && !headers.contains_key("content-type");
    if method != Method::PUT || !is_signed || body.len() > 4_096 {
        return StatusCode::FORBIDDEN;
    }
    let mut failures = bucket.failures.lock().unwrap_or_else(PoisonError::into_inner);
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = serde_json::from_str(&body).expect("JSON");
    bucket.received.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    StatusCode::OK
}

fn request(kind: &str, url: &str) -> Json {
    json!({
        "RequestType": kind, "ResponseURL": url, "StackId": "arn:aws:cloudformation:us-east-1:0:stack/gateway/1",
        "RequestId": format!("{:0>36}", kind.len()), "ResourceType": "Custom::Keys", "LogicalResourceId": "Keys",
        "PhysicalResourceId": "gateway-keys", "ResourceProperties": { "Secrets": NAMES },
    })
}

fn values(gateway: &Gateway) -> Vec<Option<String>> {
    NAMES.iter().map(|name| gateway.stack.secrets().value(name)).collect()
}

#[tokio::test]
async fn a_stack_gets_the_keys_it_lacks_and_keeps_those_it_has() {
    let gateway = Gateway::start().await;
    let (bucket, url) = Bucket::start().await;
    for name in NAMES {
        gateway.stack.secrets().empty(name);
    }
    let mut create = request("Create", &url);
    create.as_object_mut().expect("an object").remove("PhysicalResourceId");
    events::invoke(&gateway, KEYS, &create).await.expect("filled");
    let expected = json!([{
        "Status": "SUCCESS", "Reason": "", "PhysicalResourceId": "gateway-keys", "RequestId": create["RequestId"],
        "StackId": create["StackId"], "LogicalResourceId": "Keys",
    }]);
    assert_eq!(json!(bucket.take()), expected);
    let made = values(&gateway);
    assert!(made.iter().all(Option::is_some), "{made:?}");

    // The same again, as it comes when a response got lost, and every other event, change nothing.
    for kind in ["Create", "Update", "Delete"] {
        events::invoke(&gateway, KEYS, &request(kind, &url)).await.expect("nothing to do");
        assert_eq!(bucket.take()[0]["Status"], "SUCCESS");
        assert_eq!(values(&gateway), made, "{kind}");
    }
    gateway.stack.secrets().empty("RefreshKeys");
    events::invoke(&gateway, KEYS, &request("Update", &url)).await.expect("filled");
    let filled = values(&gateway);
    let changed: Vec<_> =
        NAMES.into_iter().zip(made.iter().zip(&filled)).filter(|(_, (old, new))| old != new).collect();
    assert!(matches!(changed.as_slice(), [("RefreshKeys", (_, Some(_)))]), "{changed:?}");

    // A public set that is missing follows from the private one.
    gateway.stack.secrets().empty("PublicKeys");
    events::invoke(&gateway, KEYS, &request("Update", &url)).await.expect("filled");
    // The keys work: these are other ones than those the users were stored with, so only the app can log in.
    gateway.restart_functions();
    let published = gateway.response(gateway.request("GET", "/.well-known/jwks.json")).await;
    // Two of access tokens, and two of each algorithm of ID tokens.
    assert_eq!(published.json()["keys"].as_array().map(Vec::len), Some(6));
}

#[tokio::test]
async fn lost_signing_keys_are_made_anew_and_published() {
    let gateway = Gateway::start().await;
    let (bucket, url) = Bucket::start().await;
    let tokens = gateway.login(ADA).await;
    gateway.stack.secrets().empty("SigningKeys");
    events::invoke(&gateway, KEYS, &request("Update", &url)).await.expect("filled");
    assert_eq!(bucket.take()[0]["Status"], "SUCCESS");
    gateway.restart_functions();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    let tokens = gateway.refresh(&tokens).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
}

/// Of two at once, the one that came too late changes nothing, and may be repeated.
#[tokio::test]
async fn two_revocations_at_once_do_not_undo_each_other() {
    let gateway = Gateway::start().await;
    let ids = || -> Vec<String> {
        let text = gateway.stack.secrets().value("RefreshKeys").expect("a value");
        let keys: Json = serde_json::from_str(&text).expect("JSON");
        keys["keys"].as_object().expect("keys").keys().cloned().collect()
    };
    let before = ids();
    let revoke = |key: &String| json!({ "action": "revoke", "secret": "refresh", "key": key });
    let events: Vec<Json> = before.iter().map(revoke).collect();
    let invoked = events.iter().map(|event| events::invoke(&gateway, KEYS, event));
    let outcomes = futures_util::future::join_all(invoked).await;
    assert!(outcomes.iter().any(Result::is_ok));
    for (key, outcome) in before.iter().zip(outcomes) {
        assert_eq!(ids().contains(key), outcome.is_err(), "{key}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_failure_is_told_with_its_reason_and_the_telling_is_repeated() {
    let gateway = Gateway::start().await;
    let (bucket, url) = Bucket::start().await;
    gateway.stack.secrets().set("SigningKeys", "{}");
    gateway.stack.secrets().empty("PublicKeys");
    *bucket.failures.lock().expect("a lock") = 2;
    // The stack is told, not Lambda, which would try again.
    events::invoke(&gateway, KEYS, &request("Update", &url)).await.expect("told");
    let told = bucket.take();
    assert_eq!((told.len(), &told[0]["Status"]), (1, &json!("FAILED")));
    assert!(told[0]["Reason"].as_str().is_some_and(|reason| reason.contains("expected")), "{told:?}");
    // Elsewhere than to https or this machine nothing is sent.
    let foreign = request("Update", "http://192.0.2.1/signed");
    let refused = events::invoke(&gateway, KEYS, &foreign).await.unwrap_err();
    assert!(refused.to_string().contains("ResponseURL"), "{refused}");
}

/// The three functions of the API come after this resource, so none of them is given a file that was refused here.
#[tokio::test]
async fn a_gateway_yaml_that_is_wrong_stops_the_deployment_and_can_be_rolled_back() {
    let gateway = Gateway::start().await;
    let (bucket, url) = Bucket::start().await;
    let file = gateway.stack.data_directory().join("gateway.yaml");
    let right = std::fs::read_to_string(&file).expect("what the functions read");
    let before = values(&gateway);
    let unknown = right.replacen("plans:", "planz:", 1);
    let with_user = right.replacen("back_end: http://", "back_end: http://someone:Q7canary@", 1);
    assert!(unknown != right && with_user != right);
    let wrong =
        [(unknown.as_str(), "planz"), (&with_user, "//…@"), ("", "the configuration is empty"), ("a: [", "line 1")];
    for (text, expected) in wrong {
        std::fs::write(&file, text).expect("a file");
        gateway.restart_functions();
        for kind in ["Create", "Update"] {
            // The stack is told, not Lambda, which would try again after the rollback.
            events::invoke(&gateway, KEYS, &request(kind, &url)).await.expect("told");
            let told = bucket.take();
            assert_eq!((told.len(), &told[0]["Status"]), (1, &json!("FAILED")), "{kind} {text}");
            let reason = told[0]["Reason"].as_str().expect("a reason");
            assert!(reason.contains(expected) && reason.contains("gateway.yaml"), "{reason}");
            assert!(!reason.contains("Q7canary") && !reason.contains('\n'), "{reason}");
        }
        events::invoke(&gateway, KEYS, &request("Delete", &url)).await.expect("nothing to do");
        assert_eq!(bucket.take()[0]["Status"], "SUCCESS");
        // The rollback may ask while this function still has the file that is being taken back.
        for (property, name) in [("GatewayConfig", "layer:GatewayConfig"), ("ReadBy", "function:keys")] {
            for (new, old, status) in [(9, 10, "SUCCESS"), (10, 9, "FAILED"), (10, 10, "FAILED")] {
                let arn = |version: u32| format!("arn:aws:lambda:us-east-1:000000000000:{name}:{version}");
                let mut update = request("Update", &url);
                update["ResourceProperties"][property] = json!(arn(new));
                update["OldResourceProperties"] = json!({ property: arn(old) });
                events::invoke(&gateway, KEYS, &update).await.expect("told");
                assert_eq!(bucket.take()[0]["Status"], status, "{property} {new} after {old}");
            }
        }
    }
    assert_eq!(values(&gateway), before);
    std::fs::write(&file, &right).expect("a file");
    gateway.restart_functions();
    events::invoke(&gateway, KEYS, &request("Update", &url)).await.expect("nothing to do");
    assert_eq!(bucket.take()[0]["Status"], "SUCCESS");
}

/// An origin that no page of gateway.yaml has is a mistake that nobody would see until a page cannot read a refusal.
#[tokio::test]
async fn an_origin_that_gateway_yaml_does_not_list_stops_the_deployment() {
    let gateway = Gateway::start().await;
    let (bucket, url) = Bucket::start().await;
    let file = gateway.stack.data_directory().join("gateway.yaml");
    let without = std::fs::read_to_string(&file).expect("what the functions read");
    let (app, other) = ("https://app.example.com", "https://other.example.com");
    let cors = |origins: &str| format!("{without}\ncors:\n  origins: [{origins}]\n");
    let (one, two) = (cors(app), cors(&format!("\"{app}\", \"{other}\"")));
    for (text, origin, told) in [
        (&without, "", None),
        (&without, app, Some("no `cors`")),
        (&without, "*", Some("no `cors`")),
        (&one, "", None),
        (&one, app, None),
        (&one, other, Some("set it to https://app.example.com or")),
        (&one, "*", Some("set it to https://app.example.com or")),
        (&two, "*", None),
        (&two, app, Some("set it to * or")),
    ] {
        std::fs::write(&file, text).expect("a file");
        let mut update = request("Update", &url);
        update["ResourceProperties"]["CorsOrigin"] = json!(origin);
        events::invoke(&gateway, KEYS, &update).await.expect("told");
        let outcome = bucket.take().remove(0);
        assert_eq!(outcome["Status"], told.map_or("SUCCESS", |_| "FAILED"), "{origin}: {outcome}");
        let reason = outcome["Reason"].as_str().expect("a reason");
        assert!(told.is_none_or(|told| reason.contains("CorsOrigin") && reason.contains(told)), "{origin}: {reason}");
    }
}

#[tokio::test]
async fn a_rotation_keeps_to_the_protocol() {
    let gateway = Gateway::start().await;
    let step = async |name: &str, secret: &str, token: &str| {
        let event = json!({ "Step": name, "SecretId": secret, "ClientRequestToken": token });
        events::invoke(&gateway, KEYS, &event).await.map_err(|error| error.to_string())
    };
    let before = values(&gateway);
    let token = "00000000-0000-0000-0000-000000000000";
    for (name, secret, expected) in [
        ("createSecret", "RefreshKeys", "not staged AWSPENDING"),
        ("finishSecret", "RefreshKeys", "not staged AWSPENDING"),
        ("createSecret", "PublicKeys", "not a secret that this function rotates"),
        ("createSecret", "Other", "not a secret that this function rotates"),
        ("dropSecret", "RefreshKeys", "expected an event"),
    ] {
        let refused = step(name, secret, token).await.unwrap_err();
        assert!(refused.contains(expected), "{name} {secret}: {refused}");
    }
    // The keys of a stack that has just started are too young.
    for secret in ["SigningKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"] {
        let refused = gateway.stack.rotate(secret).await.unwrap_err().to_string();
        assert!(refused.contains("createSecret failed") && refused.contains("rotate again in"), "{refused}");
    }
    assert_eq!(values(&gateway), before);
}

#[tokio::test]
async fn a_leaked_key_is_out_of_use_at_once() {
    let gateway = Gateway::start_with(|options| {
        options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "1".to_owned()));
    })
    .await;
    let revoke = async |secret: &str, name: &str| {
        let key = current(&gateway, name);
        let event = json!({ "action": "revoke", "secret": secret, "key": key });
        let response = events::invoke(&gateway, KEYS, &event).await.expect("revoked");
        assert_eq!((&response["revoked"], &response["current"]), (&json!(key), &json!(current(&gateway, name))));
        gateway.restart_functions();
        key
    };
    let unknown = json!({ "action": "revoke", "secret": "refresh", "key": "k99" });
    assert!(events::invoke(&gateway, KEYS, &unknown).await.is_err());

    // What it signed is refused; the session goes on.
    let tokens = gateway.login(ADA).await;
    revoke("signing", "SigningKeys").await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    let tokens = gateway.refresh(&tokens).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);

    // What it sealed does not open: only a login gets another session of the back end.
    revoke("sealing", "SealingKeys").await;
    let over = gateway.call("GET", "/orders", &tokens.access).await;
    assert_eq!((over.status, &over.json()["error"]), (401, &json!("insufficient_user_authentication")));
    let tokens = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);

    // Sessions that began with it are over.
    revoke("refresh", "RefreshKeys").await;
    let ended = gateway.try_refresh(DEMO_APP, &tokens.refresh).await;
    assert_eq!((ended.status, &ended.json()["error"]), (400, &json!("invalid_grant")));
    gateway.login(ADA).await;

    // A pepper is only replaced: every password still works, and is hashed anew at its login.
    let old = revoke("pepper", "Pepper").await;
    let pepper = gateway.stack.secrets().value("Pepper").expect("a value");
    assert!(pepper.contains(&format!("\"{old}\":\"")), "the old pepper is gone");
    gateway.login(ADA).await;
    gateway.login(BOB).await;
}

/// An emergency does not wait for a file to be mended.
#[tokio::test]
async fn a_leaked_key_is_revoked_while_gateway_yaml_is_wrong() {
    let gateway = Gateway::start().await;
    let file = gateway.stack.data_directory().join("gateway.yaml");
    let right = std::fs::read_to_string(&file).expect("what the functions read");
    std::fs::write(&file, "planz: {}").expect("a file");
    gateway.restart_functions();
    for (secret, name) in [
        ("signing", "SigningKeys"),
        ("id-token", "IdTokenKeys"),
        ("sealing", "SealingKeys"),
        ("letters", "LetterKeys"),
        ("refresh", "RefreshKeys"),
        ("pepper", "Pepper"),
    ] {
        let before = current(&gateway, name);
        let event = json!({ "action": "revoke", "secret": secret, "key": before });
        let response = events::invoke(&gateway, KEYS, &event).await.expect("revoked");
        assert_eq!((&response["revoked"], response["current"] != json!(before)), (&json!(before), true), "{response}");
    }
    // How long retired keys of sessions are kept stands in the file, so these do not turn before it is mended.
    let refused = gateway.stack.rotate("RefreshKeys").await.unwrap_err().to_string();
    assert!(refused.contains("gateway.yaml"), "{refused}");
    std::fs::write(&file, right).expect("a file");
    gateway.restart_functions();
    gateway.login(ADA).await;
}

/// Taken out of the public set by hand first, a key that leaked is still named there, so that warm functions let it go.
#[tokio::test]
async fn a_leaked_key_that_is_no_longer_published_is_named_as_revoked() {
    let gateway = Gateway::start_with(|options| {
        options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "1".to_owned()));
    })
    .await;
    let retired = current(&gateway, "SigningKeys");
    rotate(&gateway, "SigningKeys").await;
    let set = || -> Json {
        serde_json::from_str(&gateway.stack.secrets().value("PublicKeys").expect("a value")).expect("JSON")
    };
    let mut by_hand = set();
    by_hand["keys"].as_array_mut().expect("keys").retain(|key| key["kid"] != retired);
    gateway.stack.secrets().set("PublicKeys", &by_hand.to_string());
    let event = json!({ "action": "revoke", "secret": "signing", "key": retired });
    events::invoke(&gateway, KEYS, &event).await.expect("revoked");
    assert_eq!(set()["revoked"], json!([retired]));
}
