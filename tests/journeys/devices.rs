//! Devices as identities, through the whole gateway: registered by a key, they call without a person, are linked by a login, and revoked.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value as Json, json};
use support::{ADA, BOB, CATALOGUE, DEMO_APP, Phone, UNTRUSTED_APP, User, without_devices};

use super::Gateway;
use crate::accounts::{OTHER, mailed, sign_up};
use crate::openid::METADATA;
use crate::owners::{app_login, logged_in, me, widen};
use crate::wire::last;

const PAGE: &str = "/account/devices";

async fn start_with(change: impl FnOnce(String) -> String) -> Gateway {
    let gateway = Gateway::start_with_config(change).await;
    gateway.give_devices(UNTRUSTED_APP).await;
    gateway
}

async fn start() -> Gateway {
    start_with(|config| config).await
}

/// The access token of a device.
async fn access(phone: &Phone<'_>) -> String {
    phone.asks().await.tokens().access
}

async fn calls(gateway: &Gateway, access: &str) -> u16 {
    gateway.call("GET", CATALOGUE, access).await.status
}

/// Whom the back end was told of, and that it is a device or a person.
fn told(gateway: &Gateway) -> [Vec<String>; 2] {
    let arrived = last(gateway);
    ["x-authenticated-userid", "x-authenticated-subject-type"].map(|name| arrived.header(name))
}

/// Checklist Y-06, Y-05.
#[tokio::test]
async fn a_device_calls_without_a_person_and_the_back_end_can_tell() {
    let gateway = start().await;
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    let endpoint = metadata["gateway_device_registration_endpoint"].as_str();
    assert!(endpoint.is_some_and(|url| url.ends_with("/oauth2/devices")), "{metadata}");
    let phone = Phone::registered(&gateway, DEMO_APP).await;
    let answer = phone.asks().await.json();
    assert_eq!((answer.get("refresh_token"), &answer["scope"]), (None, &json!("orders:read")), "{answer}");
    let device = access(&phone).await;
    let lies = gateway.request("GET", CATALOGUE).bearer_auth(&device);
    let lies = lies.header("X-Authenticated-UserId", "ada").header("X-Authenticated-Subject-Type", "user");
    assert_eq!(gateway.response(lies).await.status, 200);
    assert_eq!(told(&gateway), [vec![phone.id.clone()], vec!["device".to_owned()]]);
    // A person on the same phone is another one.
    let person = phone.log_in(ADA).await.tokens().access;
    assert_eq!(calls(&gateway, &person).await, 200);
    let [id, kind] = told(&gateway);
    assert!(kind == ["user"] && id != [phone.id.clone()], "{id:?} {kind:?}");
    // Linked, it is still itself, and where a login is needed it gets nothing.
    assert_eq!(calls(&gateway, &access(&phone).await).await, 200);
    assert_eq!(told(&gateway), [vec![phone.id.clone()], vec!["device".to_owned()]]);
    let refused = gateway.call("GET", "/orders", &device).await;
    let error = refused.json()["error"].clone();
    assert_eq!((refused.status, error), (401, json!("insufficient_user_authentication")), "{}", refused.text());
    assert_eq!(gateway.call("GET", "/orders", &person).await.status, 200);
}

#[tokio::test]
async fn limits_count_per_device() {
    let gateway = start_with(|config| config.replace("calls: 60", "calls: 2")).await;
    let (one, other) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    for phone in [&one, &other] {
        // Another token of the same device is no second limit.
        let tokens = [access(phone).await, access(phone).await];
        let statuses =
            [calls(&gateway, &tokens[0]).await, calls(&gateway, &tokens[1]).await, calls(&gateway, &tokens[0]).await];
        assert_eq!(statuses, [200, 200, 429]);
    }
    assert_eq!(calls(&gateway, &one.log_in(ADA).await.tokens().access).await, 200, "a person has a limit of their own");
}

/// Abuse cases L1, L4, L7: each with its twin.
#[tokio::test]
async fn a_login_links_a_device_which_its_owner_names_and_revokes() {
    let gateway = start().await;
    let (phone, kept) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    let tokens = [access(&phone).await, access(&kept).await];
    for device in [&phone, &kept] {
        assert_eq!(device.log_in(ADA).await.status, 200);
    }
    let refused = phone.log_in(BOB).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_device")), "{}", refused.text());
    assert_eq!(gateway.try_login(DEMO_APP, BOB.name, BOB.password).await.status, 200, "the twin");
    // The device of one app is none of another's.
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_id", UNTRUSTED_APP),
        ("assertion", &phone.assertion()),
    ];
    assert_eq!(gateway.post_form("/oauth2/token", &form).await.json()["error"], "invalid_grant");
    let theirs = Phone::registered(&gateway, UNTRUSTED_APP).await;
    assert_eq!(calls(&gateway, &access(&theirs).await).await, 200, "the twin");

    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let page = browser.get(&gateway, PAGE).await.text();
    assert!(page.contains(&phone.id) && page.contains(&kept.id) && page.contains("value=\"Kitchen\""), "{page}");
    let named = browser.submit(&gateway, PAGE, &[("device", &phone.id), ("name", "Ada’s <phone>")]).await;
    assert_eq!((named.status, named.header("location")), (303, "/account/devices?saved=yes"), "{}", named.text());
    let page = browser.get(&gateway, PAGE).await.text();
    assert!(page.contains("value=\"Ada’s &#60;phone&#62;\""), "{page}");
    let mut bobs = logged_in(&gateway, BOB.name, BOB.password).await;
    assert!(!bobs.get(&gateway, PAGE).await.text().contains("device:"));

    assert_eq!(browser.submit(&gateway, PAGE, &[("device", &phone.id), ("revoke", "yes")]).await.status, 303);
    assert_eq!(calls(&gateway, &tokens[0]).await, 401, "at the next call");
    assert_eq!(phone.asks().await.json()["error"], "invalid_grant");
    assert_eq!(Phone::register(&gateway, DEMO_APP, &phone.key).await.json()["error"], "invalid_device");
    assert_eq!(phone.log_in(ADA).await.json()["error"], "invalid_device");
    assert_eq!(calls(&gateway, &tokens[1]).await, 200, "the other one goes on");
    // The same app on the same phone begins anew, by another key.
    assert_eq!(Phone::registered(&gateway, DEMO_APP).await.log_in(ADA).await.status, 200);
}

#[tokio::test]
async fn an_app_lists_names_and_revokes_the_devices_of_its_user() {
    let gateway = start().await;
    widen(&gateway).await;
    let phone = Phone::registered(&gateway, DEMO_APP).await;
    let bobs = Phone::registered(&gateway, DEMO_APP).await;
    let device = access(&phone).await;
    assert_eq!((phone.log_in(ADA).await.status, bobs.log_in(BOB).await.status), (200, 200));
    let own = app_login(&gateway, ADA, "account").await.access;
    let listed = async || me(&gateway, &own, "GET", "/devices", None).await.json()["devices"].clone();
    let all = listed().await;
    let told = ["device_id", "client_id", "app", "name"].map(|name| all[0][name].as_str().unwrap_or_default());
    assert_eq!(told, [phone.id.as_str(), DEMO_APP, "Demo App", "Kitchen"], "{all}");
    assert!(all.as_array().is_some_and(|all| all.len() == 1) && all[0]["linked_at"].is_number(), "{all}");
    let path = format!("/devices/{}", phone.id);
    let encoded = path.replace(':', "%3A");
    for (path, name) in [(&path, "Hall"), (&encoded, "Attic")] {
        assert_eq!(me(&gateway, &own, "PATCH", path, Some(&json!({ "name": name }))).await.status, 204, "{path}");
        assert_eq!(listed().await[0]["name"], name);
    }
    let field = |response: &support::Response| (response.status, response.json()["field"].clone());
    for wrong in ["", "x\u{7}".repeat(65).as_str()] {
        let refused = me(&gateway, &own, "PATCH", &path, Some(&json!({ "name": wrong }))).await;
        assert_eq!(field(&refused), (400, json!("name")), "{}", refused.text());
    }
    let not_hers = format!("/devices/{}", bobs.id);
    for method in ["PATCH", "DELETE"] {
        let body = (method == "PATCH").then(|| json!({ "name": "mine" }));
        assert_eq!(me(&gateway, &own, method, &not_hers, body.as_ref()).await.status, 404, "{method}");
    }
    assert_eq!(me(&gateway, &own, "GET", &path, None).await.header("allow"), "PATCH, DELETE");
    assert_eq!(me(&gateway, &own, "GET", "/data", None).await.json()["devices"], listed().await);
    assert_eq!(me(&gateway, &own, "DELETE", &path, None).await.status, 204);
    assert_eq!(me(&gateway, &own, "DELETE", &path, None).await.status, 404);
    assert_eq!((calls(&gateway, &device).await, listed().await), (401, json!([])));
    // A device is nobody who has an account.
    let refused = me(&gateway, &access(&bobs).await, "GET", "/devices", None).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

/// Who signs up in an app logs in after it, on the same phone.
#[tokio::test]
async fn a_sign_up_in_an_app_links_the_device_by_its_first_login() {
    const CARLA: User = User { name: "carla@example.com", password: OTHER };
    let gateway = start().await;
    let phone = Phone::registered(&gateway, DEMO_APP).await;
    let ticket = sign_up(&gateway, CARLA.name, CARLA.password).await;
    let (code, _) = mailed(&gateway, CARLA.name, 1).await;
    let proof = json!({ "verification": ticket, "code": code });
    let verified = gateway.response(gateway.request("POST", "/account/api/v1/verify").json(&proof)).await;
    assert_eq!(verified.status, 204, "{}", verified.text());
    assert_eq!(phone.log_in(CARLA).await.status, 200);
    let carla = gateway.store().users.by_email(CARLA.name).await.expect("a read").expect("a user");
    let linked = gateway.store().devices.linked_to(&carla.user_id).await.expect("a read");
    assert_eq!(json!(linked), json!([phone.id]));
}

/// Off unless it is configured.
#[tokio::test]
async fn without_the_section_there_is_no_such_endpoint() {
    let gateway = Gateway::start_with_config(|config| without_devices(&config)).await;
    let response = gateway.post_form("/oauth2/devices", &[("client_id", DEMO_APP)]).await;
    assert_eq!(response.status, 404, "{}", response.text());
    let metadata: Json = gateway.response(gateway.request("GET", METADATA)).await.json();
    let told = metadata.to_string();
    assert!(!told.contains("jwt-bearer\"") && !told.contains("/oauth2/devices"), "{metadata}");
}

/// Uses all that there is of devices, for the test of the roles.
pub(crate) async fn use_devices(gateway: &Gateway) {
    let (phone, other) = (Phone::registered(gateway, DEMO_APP).await, Phone::registered(gateway, DEMO_APP).await);
    // A use is noted a day after the one before.
    let asks_a_day_later = async || {
        let before = gateway.dynamodb().update_item().table_name("DevicesTable");
        let before = before.key("pk", AttributeValue::S(phone.id.clone()));
        let before = before.key("sk", AttributeValue::S("device".to_owned())).update_expression("SET used_at = :past");
        let past = AttributeValue::N("1".to_owned());
        before.expression_attribute_values(":past", past).send().await.expect("a write");
        assert_eq!(phone.asks().await.status, 200);
    };
    asks_a_day_later().await;
    assert_eq!((phone.log_in(ADA).await.status, other.log_in(ADA).await.status), (200, 200));
    asks_a_day_later().await;
    let mut browser = logged_in(gateway, ADA.name, ADA.password).await;
    for (device, fields) in [(&phone, ("name", "Hall")), (&phone, ("revoke", "yes")), (&other, ("revoke", "yes"))] {
        assert_eq!(browser.submit(gateway, PAGE, &[("device", &device.id), fields]).await.status, 303);
    }
}
