//! `devices …`: whose they are, and that a revoked one is refused at its next call.

use support::{ADA, BOB, CATALOGUE, DEMO_APP, Gateway, Phone};

use crate::operator::Operator;

/// The access token of a device.
async fn access(phone: &Phone<'_>) -> String {
    phone.asks().await.tokens().access
}

async fn calls(gateway: &Gateway, access: &str) -> bool {
    match gateway.call("GET", CATALOGUE, access).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn devices_are_listed_and_revoked_one_by_one_or_those_of_a_user() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let one = Phone::registered(&gateway, DEMO_APP).await;
    let two = Phone::registered(&gateway, DEMO_APP).await;
    let (bobs, nobodys) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    for (phone, user) in [(&one, ADA), (&two, ADA), (&bobs, BOB)] {
        assert_eq!(phone.log_in(user).await.status, 200);
    }
    let list = async |of: &str| olga.json(&["devices", "list", of]).await["items"].clone();
    let listed = list(ADA.name).await;
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(
        listed.iter().all(|device| device["client_id"] == DEMO_APP && device["linked_at"].is_string()),
        "{listed:?}"
    );
    let shown = list(&nobodys.id).await;
    assert_eq!((&shown[0]["device_id"], shown[0]["user_id"].is_null()), (&nobodys.id.as_str().into(), true), "{shown}");

    let tokens = [access(&one).await, access(&two).await, access(&bobs).await, access(&nobodys).await];
    let done = olga.json(&["devices", "revoke", &nobodys.id]).await;
    assert_eq!((&done["devices_revoked"], &done["sessions_ended"]), (&1.into(), &1.into()), "{done}");
    assert!(!calls(&gateway, &tokens[3]).await && nobodys.asks().await.status == 400);
    let shown = list(&nobodys.id).await;
    assert!(shown[0]["revoked_at"].is_string(), "{shown}");
    let done = olga.json(&["devices", "revoke", "--user", ADA.name]).await;
    assert_eq!((&done["devices_revoked"], &done["sessions_ended"]), (&2.into(), &2.into()), "{done}");
    assert!(!calls(&gateway, &tokens[0]).await && !calls(&gateway, &tokens[1]).await);
    assert!(calls(&gateway, &tokens[2]).await, "another person's goes on");
    assert_eq!(list(ADA.name).await, serde_json::json!([]));
    // The key stays refused. Once more is nothing more.
    assert_eq!(Phone::register(&gateway, DEMO_APP, &one.key).await.json()["error"], "invalid_device");
    assert_eq!(olga.json(&["devices", "revoke", &one.id]).await["sessions_ended"], 0);
    let rows = olga.json(&["audit", "list"]).await;
    assert_eq!(
        (&rows["items"][0]["act"], &rows["items"][0]["outcome"]),
        (&"devices revoke".into(), &"done".into()),
        "{rows}"
    );

    assert_eq!(olga.does(&["devices", "revoke", "device:unknown"]).await.code, Some(3));
    assert!(!olga.does(&["devices", "revoke"]).await.good);
    assert!(!olga.does(&["devices", "revoke", &one.id, "--user", ADA.name]).await.good);
}

#[tokio::test]
async fn who_is_deleted_has_no_device_and_who_is_disabled_keeps_them() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let (adas, bobs) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    for (phone, user) in [(&adas, ADA), (&bobs, BOB)] {
        assert_eq!(phone.log_in(user).await.status, 200);
    }
    let tokens = [access(&adas).await, access(&bobs).await];
    olga.json(&["users", "disable", BOB.name]).await;
    assert!(calls(&gateway, &tokens[1]).await && bobs.asks().await.status == 200);
    olga.json(&["users", "delete", ADA.name, "--yes"]).await;
    assert!(!calls(&gateway, &tokens[0]).await && adas.asks().await.status == 400);
}
