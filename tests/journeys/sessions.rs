//! Sessions: each has its own internal token, one successor at a time, and one end.

use std::collections::BTreeSet;

use support::{ADA, BOB, DEMO_APP, Gateway, Tokens, User};
use tokio::task::JoinSet;

use crate::wire::{last, seen};

/// Abuse case I3; checklist Y-03.
#[tokio::test]
async fn every_call_carries_its_own_session_on_one_warm_container() {
    const CALLS: usize = 200;
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        options.most_processes = 1;
        let config = std::fs::read_to_string(&options.config).expect("the configuration");
        options.config = files.path().join("gateway.yaml");
        std::fs::write(&options.config, config.replace("calls: 60", "calls: 100000")).expect("a file");
        options.seed = files.path().join("seed.yaml");
        std::fs::write(&options.seed, three_apps()).expect("a file");
    })
    .await;
    let mut sessions = Vec::new();
    for app in ["app-1", "app-2", "app-3"] {
        for user in [ADA, BOB] {
            sessions.push(Known::log_in(&gateway, app, user).await);
        }
    }
    let cookies: BTreeSet<_> = sessions.iter().map(|session| &session.cookie).collect();
    assert_eq!(cookies.len(), 6, "two sessions share an internal token");

    let mut calls = JoinSet::new();
    for session in sessions {
        let requests: Vec<_> = (0..CALLS)
            .map(|call| gateway.request("GET", &format!("/echo?call={call}")).bearer_auth(&session.tokens.access))
            .collect();
        calls.spawn(async move {
            for request in requests {
                let echo = request.send().await.expect("an answer").text().await.expect("a body");
                session.is_in(&echo);
            }
        });
    }
    calls.join_all().await;
}

/// A session and what every call of it must carry.
struct Known {
    app: &'static str,
    user_id: String,
    cookie: String,
    tokens: Tokens,
}

impl Known {
    async fn log_in(gateway: &Gateway, app: &'static str, user: User) -> Self {
        let tokens = gateway.try_login(app, user.name, user.password).await.tokens();
        let orders = gateway.call("GET", "/orders", &tokens.access).await.json();
        assert_eq!(orders["user"], user.name);
        let arrived = last(gateway);
        let one = |name: &str| arrived.header(name).pop().unwrap_or_default();
        Self { app, user_id: one("x-authenticated-userid"), cookie: one("cookie"), tokens }
    }

    fn is_in(&self, echo: &str) {
        let echo: serde_json::Value = serde_json::from_str(echo).unwrap_or_else(|_| panic!("no echo: {echo}"));
        let value = |name: &str| {
            let headers = echo["headers"].as_array().expect("headers").iter();
            headers.filter(|header| header[0] == name).map(|header| header[1].clone()).collect::<Vec<_>>()
        };
        assert_eq!(value("cookie"), [self.cookie.as_str()]);
        assert_eq!(value("x-authenticated-userid"), [self.user_id.as_str()]);
        assert_eq!(value("x-credential-identifier"), [self.app]);
    }
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
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            (status, answer.json::<serde_json::Value>().await.expect("JSON"))
        });
    }
    let answers = refreshes.join_all().await;
    assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 503)), "{answers:?}");
    let served = answers.iter().filter(|(status, _)| *status == 200);
    let successors: BTreeSet<_> = served.map(|(_, body)| body["refresh_token"].as_str()).collect();
    assert_eq!(successors.len(), 1, "{answers:?}");
    let successor = successors.into_iter().next().flatten().expect("a successor");
    assert_ne!(successor, tokens.refresh);
    // The family lives.
    let next = gateway.try_refresh(DEMO_APP, successor).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &next.access).await.status, 200);
}
