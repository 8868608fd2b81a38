//! Sessions: each has its own internal token, one successor at a time, and one end.

use std::collections::{BTreeMap, BTreeSet};

use support::{ADA, BOB, DEMO_APP};
use tokio::task::JoinSet;

use super::Gateway;
use crate::wire::seen;

/// Abuse case I3; checklist Y-03: two users, three apps and two back ends with a login each make twelve internal tokens,
/// and each call carries its own.
#[tokio::test]
async fn every_call_carries_its_own_session_on_one_warm_container() {
    const CALLS: usize = 200;
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        (options.most_processes, options.record) = (1, true);
        support::configure(options, files.path(), |config| two_logins(&config));
        options.seed = files.path().join("seed.yaml");
        std::fs::write(&options.seed, three_apps()).expect("a file");
    })
    .await;
    let mut calls = JoinSet::new();
    for app in ["app-1", "app-2", "app-3"] {
        for user in [ADA, BOB] {
            let access = gateway.try_login(app, user.name, user.password).await.tokens().access;
            let paths = (0..CALLS).map(|call| if call % 2 == 0 { "/orders" } else { "/echo" });
            let requests: Vec<_> = paths.map(|path| gateway.request("GET", path).bearer_auth(&access)).collect();
            calls.spawn(async move {
                for request in requests {
                    let response = request.send().await.expect("a response");
                    assert_eq!(response.status().as_u16(), 200);
                    let body: serde_json::Value = response.json().await.expect("JSON");
                    assert!(body["user"].is_null() || body["user"] == user.name, "{body}");
                }
            });
        }
    }
    calls.join_all().await;

    // Per user, app and back end: the internal tokens that arrived, and how many calls.
    let mut arrived = BTreeMap::<_, (BTreeSet<_>, usize)>::new();
    for request in gateway.stack.legacy().recorded() {
        let [user, app, cookie] =
            ["x-authenticated-userid", "x-credential-identifier", "cookie"].map(|name| request.header(name).concat());
        if !user.is_empty() {
            let (cookies, calls) = arrived.entry((user, app, request.target)).or_default();
            cookies.insert(cookie);
            *calls += 1;
        }
    }
    assert_eq!(arrived.len(), 12, "{arrived:?}");
    assert!(arrived.values().all(|(cookies, calls)| (cookies.len(), *calls) == (1, CALLS / 2)), "{arrived:?}");
    let distinct: BTreeSet<_> = arrived.values().flat_map(|(cookies, _)| cookies).collect();
    assert_eq!((distinct.len(), gateway.stack.legacy().logins()), (12, 12), "two sessions share an internal token");
}

/// The demo with a login of its own for `/echo`, and room for many calls.
fn two_logins(demo: &str) -> String {
    let connector =
        demo.split("connectors:\n").nth(1).and_then(|rest| rest.split("\napis:").next()).expect("a connector");
    let second = connector.replacen("orders-login", "echo-login", 1);
    let (before, echo) = demo.split_once("\n  echo:").expect("an API");
    let echo = echo.replacen("connector: orders-login", "connector: echo-login", 1);
    format!("{before}\n  echo:{echo}")
        .replace("\napis:", &format!("{second}\napis:"))
        .replace("calls: 60", "calls: 100000")
}

fn three_apps() -> String {
    let mut seed = "apps:\n".to_owned();
    for app in ["app-1", "app-2", "app-3"] {
        seed.push_str(&format!(
            "  {app}:\n    name: {app}\n    kind: public\n    trusted: true\n    grants: [password, refresh_token]\n    \
             scopes: [orders:read]\n    plan: standard\n    subscriptions: [orders, echo]\n"
        ));
    }
    seed.push_str("users:\n");
    for user in [ADA, BOB] {
        seed.push_str(&format!("  - {{ email: {}, password: {} }}\n", user.name, user.password));
    }
    seed
}

/// Abuse case F7; checklist V-01, V-02, V-05, Z-25.
#[tokio::test]
async fn an_ended_session_is_over_at_its_next_call() {
    let gateway = Gateway::start().await;
    let (ended, kept) = (gateway.login(ADA).await, gateway.login(ADA).await);
    assert_eq!(gateway.call("GET", "/orders", &ended.access).await.status, 200);
    for _ in 0..2 {
        let form = [("client_id", DEMO_APP), ("token", ended.refresh.as_str())];
        assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    }
    let before = seen(&gateway);
    assert_eq!(gateway.call("GET", "/orders", &ended.access).await.status, 401);
    let refused = gateway.try_refresh(DEMO_APP, &ended.refresh).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &"invalid_grant".into()));
    assert_eq!(seen(&gateway), before);
    // The harmless twin: another session of the same user and app.
    assert_eq!(gateway.call("GET", "/orders", &kept.access).await.status, 200);
    assert!(!gateway.refresh(&kept).await.access.is_empty());
}

/// Abuse case F1.
#[tokio::test]
async fn fifty_refreshes_at_once_make_one_successor() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let mut refreshes = JoinSet::new();
    for _ in 0..50 {
        let form = [("grant_type", "refresh_token"), ("client_id", DEMO_APP), ("refresh_token", &tokens.refresh)];
        let request = gateway.request("POST", "/oauth2/token").form(&form);
        refreshes.spawn(async move {
            let response = request.send().await.expect("a response");
            let status = response.status().as_u16();
            (status, response.json::<serde_json::Value>().await.expect("JSON"))
        });
    }
    let responses = refreshes.join_all().await;
    assert!(responses.iter().all(|(status, _)| matches!(status, 200 | 503)), "{responses:?}");
    let served = responses.iter().filter(|(status, _)| *status == 200);
    let successors: BTreeSet<_> = served.map(|(_, body)| body["refresh_token"].as_str()).collect();
    assert_eq!(successors.len(), 1, "{responses:?}");
    let successor = successors.into_iter().next().flatten().expect("a successor");
    assert_ne!(successor, tokens.refresh);
    // The family lives.
    let next = gateway.try_refresh(DEMO_APP, successor).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &next.access).await.status, 200);
}
