//! Devices of people, seen and revoked by who administers: on the page of a user, and by the admin API.

use gateway_domain::admin_scope;
use gateway_domain::role::Role;
use serde_json::{Value as Json, json};
use support::{ADA, BOB, CATALOGUE, DEMO_APP, Gateway, PARTNER_APP, Phone};

use crate::admin_api::{ask, operator};
use crate::administrators::{administrator, user};

/// The access token of a device.
async fn access(phone: &Phone<'_>) -> String {
    phone.asks().await.tokens().access
}

async fn calls(gateway: &Gateway, access: &str) -> u16 {
    gateway.call("GET", CATALOGUE, access).await.status
}

/// Abuse case L7: each with its twin.
#[tokio::test]
async fn an_administrator_sees_the_devices_of_a_user_and_revokes_them() {
    let gateway = Gateway::start().await;
    let (mut browser, _) = administrator(&gateway, ADA).await;
    let bob = user(&gateway, BOB.name).await.user_id;
    let page = format!("/gateway/users/{bob}");
    let none = browser.get(&gateway, &page).await.text();
    assert!(none.contains(">Devices</h2>") && !none.contains("revoke-device"), "{none}");

    let (one, other) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    let (hers, nobodys) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    for (phone, user) in [(&one, BOB), (&other, BOB), (&hers, ADA)] {
        assert_eq!(phone.log_in(user).await.status, 200);
    }
    let tokens = [access(&one).await, access(&other).await, access(&hers).await];
    let shown = browser.get(&gateway, &page).await.text();
    assert!(shown.contains(&one.id) && shown.contains(&other.id) && shown.contains("Kitchen"), "{shown}");
    assert!(!shown.contains(&hers.id) && !shown.contains(&nobodys.id), "{shown}");
    // A log names a device: whose it is, is found by its id.
    for (phone, is_found) in [(&one, true), (&hers, false), (&nobodys, false)] {
        let query = phone.id.replace(':', "%3A");
        let found = browser.get(&gateway, &format!("/gateway/users?q={query}")).await.text();
        assert_eq!(found.contains(&format!("{page}\"")), is_found, "{found}");
    }

    // Once more is as good as revoked; and of this user it is not, whatever a form says.
    for phone in [&one, &one, &hers] {
        assert_eq!(browser.submit(&gateway, &page, &[("revoke-device", &phone.id)]).await.status, 303);
    }
    assert_eq!([calls(&gateway, &tokens[0]).await, one.asks().await.status], [401, 400]);
    assert_eq!([calls(&gateway, &tokens[1]).await, calls(&gateway, &tokens[2]).await], [200, 200]);
    assert_eq!(browser.submit(&gateway, &page, &[("act", "revoke-devices")]).await.status, 303);
    assert_eq!([calls(&gateway, &tokens[1]).await, other.asks().await.status], [401, 400]);
    assert_eq!(calls(&gateway, &tokens[2]).await, 200);
    let none = browser.get(&gateway, &page).await.text();
    assert!(!none.contains(&one.id) && !none.contains("revoke-devices"), "{none}");

    let file = browser.get(&gateway, "/gateway/audit.csv?days=7&act=devices").await.text();
    let subjects = [format!("device {} of user {bob}", one.id), format!("devices of user {bob}")];
    let has = |subject: &String| file.contains(&format!("\"{subject}\",\"done\""));
    assert!(file.lines().count() == 3 && subjects.iter().all(has), "{file}");
}

#[tokio::test]
async fn a_form_of_another_site_and_who_is_no_administrator_revoke_nothing() {
    let gateway = Gateway::start().await;
    let phone = Phone::registered(&gateway, DEMO_APP).await;
    assert_eq!(phone.log_in(BOB).await.status, 200);
    let page = format!("/gateway/users/{}", user(&gateway, BOB.name).await.user_id);
    let (mut browser, _) = administrator(&gateway, ADA).await;
    let forged = [("revoke-device", phone.id.as_str()), ("form_token", "guessed")];
    assert_eq!(browser.send(&gateway, "POST", &page, Some(&forged)).await.status, 400);
    let ada = user(&gateway, ADA.name).await.user_id;
    assert!(gateway.store().users.set_role(&ada, Role::Administrator, false).await.expect("a write"));
    assert_eq!(browser.get(&gateway, &page).await.status, 404);
    assert_eq!(phone.asks().await.status, 200);
}

/// Abuse case L7.
#[tokio::test]
async fn devices_are_looked_up_and_revoked_by_the_admin_api() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let does = async |method: &str, path: &str| ask(&gateway, &token, method, path, None).await;
    let (one, other) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    let (bobs, nobodys) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    let ada = user(&gateway, ADA.name).await.user_id;
    let devices = format!("/users/{ada}/devices");
    assert_eq!(does("GET", &devices).await.json(), json!({ "items": [], "next": null }));
    for (phone, user) in [(&one, ADA), (&other, ADA), (&bobs, BOB)] {
        assert_eq!(phone.log_in(user).await.status, 200);
    }
    let tokens = [access(&one).await, access(&other).await, access(&bobs).await, access(&nobodys).await];
    let listed = does("GET", &devices).await.json();
    let item = |phone: &Phone<'_>| {
        let mut items = listed["items"].as_array().into_iter().flatten();
        items.find(|item| item["device_id"] == phone.id.as_str()).cloned()
    };
    assert!(item(&one).is_some() && item(&other).is_some() && item(&bobs).is_none(), "{listed}");
    let path = |phone: &Phone<'_>| format!("/devices/{}", phone.id);
    for path in [path(&one), path(&one).replace(':', "%3A")] {
        let shown = does("GET", &path).await;
        assert_eq!((shown.status, Some(shown.json())), (200, item(&one)), "{path}");
    }
    let shown = does("GET", &path(&nobodys)).await.json();
    let told = ["client_id", "name", "user_id", "linked_at", "revoked_at"].map(|name| shown[name].clone());
    assert_eq!(told, [json!(DEMO_APP), json!("Kitchen"), Json::Null, Json::Null, Json::Null], "{shown}");
    assert!(shown.get("key").is_none() && shown["used_at"].is_string(), "{shown}");

    // One of the user: it is found no more, but by its id.
    let of_user = |phone: &Phone<'_>| format!("{devices}/{}", phone.id);
    for (path, status) in [(of_user(&bobs), 404), (of_user(&one), 204), (of_user(&one), 404)] {
        assert_eq!(does("DELETE", &path).await.status, status, "{path}");
    }
    assert_eq!([calls(&gateway, &tokens[0]).await, one.asks().await.status], [401, 400]);
    let shown = does("GET", &path(&one)).await.json();
    assert!(shown["revoked_at"].is_string() && shown["user_id"].is_null() && shown["name"].is_null(), "{shown}");
    // One that is nobody's. Once more is done again, for what broke off.
    for _ in 0..2 {
        assert_eq!(does("DELETE", &path(&nobodys)).await.status, 204);
    }
    assert_eq!(calls(&gateway, &tokens[3]).await, 401);
    assert_eq!((calls(&gateway, &tokens[1]).await, does("DELETE", &devices).await.status), (200, 204));
    assert_eq!(calls(&gateway, &tokens[1]).await, 401);
    assert_eq!(does("GET", &devices).await.json()["items"], json!([]));
    assert_eq!(calls(&gateway, &tokens[2]).await, 200, "another person's goes on");
    let no_device = format!("/devices/{ada}");
    for unknown in ["/devices/device:unknown", "/devices/x%20y", "/users/u_nobody/devices", &no_device] {
        assert_eq!(does("GET", unknown).await.status, 404, "{unknown}");
    }

    let rows = does("GET", "/audit?act=devices").await.json();
    let rows = rows["items"].as_array().expect("rows");
    let subjects: Vec<_> = rows.iter().map(|row| row["subject"].as_str().unwrap_or_default()).collect();
    let of_nobody = format!("device {}", nobodys.id);
    let of_one = format!("device {} of user {ada}", one.id);
    assert_eq!(subjects, [format!("devices of user {ada}"), of_nobody.clone(), of_nobody, of_one], "the latest first");
    assert!(rows.iter().all(|row| row["who"] == format!("app {PARTNER_APP}") && row["outcome"] == "done"), "{rows:?}");
}
