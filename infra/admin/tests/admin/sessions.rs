//! `sessions …`: who is logged in, and ending it is felt by the next call.

use support::{ADA, BOB, DEMO_APP, Gateway, UNTRUSTED_APP};

use crate::operator::Operator;

async fn calls(gateway: &Gateway, access: &str) -> bool {
    match gateway.call("GET", "/orders", access).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// Checklist Z-28.
#[tokio::test]
async fn one_session_all_of_a_user_and_all_of_an_app_can_be_ended() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let (one, two, bob) = (gateway.login(ADA).await, gateway.login(ADA).await, gateway.login(BOB).await);
    let listed = olga.json(&["sessions", "list", ADA.name]).await;
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|session| session["client_id"] == DEMO_APP && session["last_refresh"].is_string()));
    assert_eq!(
        olga.json(&["sessions", "list", ADA.name, "--app", UNTRUSTED_APP]).await["items"],
        serde_json::json!([])
    );

    let sid = listed[0]["session_id"].as_str().unwrap();
    assert_eq!(olga.json(&["sessions", "end", sid]).await["sessions_ended"], 1);
    let alive = [calls(&gateway, &one.access).await, calls(&gateway, &two.access).await];
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
    assert!(olga.does(&["sessions", "end", sid]).await.problem().contains("it is over"));

    assert_eq!(olga.json(&["sessions", "end", "--user", ADA.name, "--app", UNTRUSTED_APP]).await["sessions_ended"], 0);
    assert_eq!(olga.json(&["sessions", "end", "--user", ADA.name]).await["sessions_ended"], 1);
    assert!(!calls(&gateway, &one.access).await && !calls(&gateway, &two.access).await);
    assert_eq!(gateway.try_refresh(DEMO_APP, &two.refresh).await.status, 400);
    assert!(calls(&gateway, &bob.access).await);

    let again = gateway.login(ADA).await;
    assert_eq!(olga.json(&["sessions", "end", "--app", UNTRUSTED_APP]).await["sessions_ended"], 0);
    assert_eq!(olga.json(&["sessions", "end", "--app", DEMO_APP]).await["sessions_ended"], 2);
    assert!(!calls(&gateway, &again.access).await && !calls(&gateway, &bob.access).await);
}

#[tokio::test]
async fn everybody_is_logged_out_only_when_it_is_meant() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    assert!(!olga.does(&["sessions", "end"]).await.good);
    assert!(!olga.does(&["sessions", "end", "--all", "--user", ADA.name]).await.good);
    assert!(olga.does(&["sessions", "end", "--all"]).await.problem().contains("--yes"));
    assert!(calls(&gateway, &ada.access).await && calls(&gateway, &bob.access).await);
    assert_eq!(olga.json(&["sessions", "end", "--all", "--yes"]).await["sessions_ended"], 2);
    assert!(!calls(&gateway, &ada.access).await && !calls(&gateway, &bob.access).await);
    gateway.login(ADA).await;
}
