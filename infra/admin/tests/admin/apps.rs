//! `apps …` and `subscriptions …`: each command, what names may be, and two operators at once.

use support::{DEMO_APP, Gateway};

use crate::fixture::fixture;
use crate::operator::Operator;

const PUBLIC: [&str; 13] = [
    "apps",
    "create",
    "mobile",
    "--name",
    "Mobile (iOS)",
    "--kind",
    "public",
    "--trusted",
    "--grants",
    "password,refresh_token",
    "--scopes",
    "orders:read",
    "--plan=standard",
];

#[tokio::test]
async fn an_app_lives_from_creation_to_deletion() {
    let (gateway, olga) = fixture().await;
    let created = olga.json(&[&PUBLIC[..], &["--subscribe", "notes"]].concat()).await;
    assert_eq!((&created["has_secret"], &created["client_secret"]), (&false.into(), &serde_json::Value::Null));
    let user = support::ADA;
    let tokens = gateway.try_login("mobile", user.name, user.password).await.tokens();
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 200);

    let changed = olga.json(&["apps", "change", "mobile", "--name", "Mobile", "--refresh-retry-window", "0s"]).await;
    assert_eq!(
        (&changed["name"], &changed["refresh_retry_window"], &changed["revision"]),
        (&"Mobile".into(), &0.into(), &2.into())
    );
    assert_eq!(changed["scopes"], created["scopes"], "what is not named stays");
    assert_eq!(olga.json(&["apps", "show", "mobile"]).await, changed);
    let ids: Vec<_> = olga.json(&["apps", "list"]).await["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| app["client_id"].to_string())
        .collect();
    assert_eq!(ids.len(), 7, "{ids:?}");

    olga.does(&["apps", "disable", "mobile"]).await.text();
    assert_eq!(gateway.try_login("mobile", user.name, user.password).await.status, 401);
    gateway.restart_functions();
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 401);
    olga.does(&["apps", "enable", "mobile"]).await.text();
    gateway.restart_functions();
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 200);

    assert!(olga.does(&["apps", "delete", "mobile"]).await.problem().contains("--yes"));
    assert_eq!(olga.json(&["apps", "delete", "mobile", "--yes"]).await["sessions_ended"], 1);
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 401);
    assert!(olga.does(&["apps", "show", "mobile"]).await.problem().contains("there is no app mobile"));
}

/// Checklist G-26, and what would make every call or every token request fail later.
#[tokio::test]
async fn an_app_that_could_not_work_is_not_created() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let with = |place: usize, text: &'static str| {
        let mut arguments = PUBLIC;
        arguments[place] = text;
        arguments
    };
    for (arguments, reason) in [
        (with(4, "Café"), "printable ASCII"),
        (with(4, "a\nb"), "printable ASCII"),
        (with(4, " a"), "printable ASCII"),
        (with(2, "a b"), "A-Z a-z 0-9"),
        (with(7, "--yes"), "--trusted"),
        (with(9, "client_credentials"), "no secret"),
        (with(11, "orders:delete"), "has no scope orders:delete"),
        (with(12, "--plan=gold"), "has no plan gold"),
    ] {
        let refused = olga.does(&arguments).await;
        assert!(!refused.good && refused.err.contains(reason), "{reason}: {refused:?}");
    }
    let refused = olga.does(&[&PUBLIC[..], &["--subscribe", "nothing"]].concat()).await;
    assert!(refused.problem().contains("orders") && refused.err.contains("no API nothing"), "{refused:?}");
    assert!(olga.does(&["apps", "show", "mobile"]).await.problem().contains("there is no app"));
    assert!(olga.does(&["apps", "rotate-secret", DEMO_APP]).await.problem().contains("public and has no secret"));
    assert!(!olga.does(&["apps", "change", DEMO_APP]).await.good, "nothing to change");
}

/// No route needs `account`: `gateway.yaml` declares it for apps that act for the owners of accounts.
#[tokio::test]
async fn an_app_for_owners_is_registered_with_the_scope_account() {
    let (_gateway, olga) = fixture().await;
    let mut arguments = PUBLIC;
    arguments[11] = "account orders:read";
    assert_eq!(olga.json(&arguments).await["scopes"], serde_json::json!(["account", "orders:read"]));
}

#[tokio::test]
async fn a_subscription_opens_and_closes_an_api() {
    let (gateway, olga) = fixture().await;
    let tokens = gateway.login(support::ADA).await;
    let call = || async {
        gateway.restart_functions();
        gateway.call("GET", "/notes", &tokens.access).await.status
    };
    assert_eq!(call().await, 200);
    olga.does(&["subscriptions", "disable", DEMO_APP, "notes"]).await.text();
    assert_eq!(call().await, 403);
    olga.does(&["subscriptions", "enable", DEMO_APP, "notes"]).await.text();
    assert_eq!(call().await, 200);
    olga.does(&["subscriptions", "change", DEMO_APP, "notes", "--id", "contract 17", "--plan", "standard"])
        .await
        .text();
    let listed = async || {
        let mut items = olga.json(&["subscriptions", "list", DEMO_APP]).await["items"].take();
        items.as_array_mut().unwrap().retain(|item| item["api"] == "notes");
        items
    };
    let row = |plan| serde_json::json!([{ "api": "notes", "id": "contract 17", "plan": plan, "enabled": true }]);
    assert_eq!(listed().await, row(Some("standard")));
    gateway.restart_functions();
    let told = gateway.call("GET", "/notes", &tokens.access).await;
    assert_eq!(told.header("ratelimit-policy"), r#""default";q=60;w=60, "notes.default";q=60;w=60"#);
    olga.does(&["subscriptions", "change", DEMO_APP, "notes", "--no-plan"]).await.text();
    assert_eq!(listed().await, row(None));
    olga.does(&["subscriptions", "remove", DEMO_APP, "notes"]).await.text();
    assert_eq!(call().await, 403);
    for (arguments, reason) in [
        (&["subscriptions", "remove", DEMO_APP, "notes"][..], "has no subscription to notes"),
        (&["subscriptions", "add", DEMO_APP, "nothing"], "no API nothing"),
        (&["subscriptions", "change", DEMO_APP, "notes", "--plan", "golden"], "no plan golden"),
        (&["subscriptions", "add", "nobody", "notes"], "there is no app nobody"),
    ] {
        assert!(olga.does(arguments).await.problem().contains(reason), "{arguments:?}");
    }
    let odd = olga.does(&["subscriptions", "add", DEMO_APP, "notes", "--id", "é"]).await;
    assert!(!odd.good && odd.err.contains("printable ASCII"), "{odd:?}");
}

/// Of operators who change one app at once, each change is there in the end or its operator was told.
#[tokio::test]
async fn two_operators_never_undo_each_other() {
    let gateway = Gateway::start().await;
    let olga = std::sync::Arc::new(Operator::of(&gateway));
    let before = olga.json(&["apps", "show", DEMO_APP]).await["revision"].as_u64().unwrap();
    let apis = ["orders", "echo"];
    let changes = (0..8).map(|number| {
        let olga = olga.clone();
        async move {
            let id = format!("contract {number}");
            (number, olga.does(&["subscriptions", "change", DEMO_APP, apis[number % 2], "--id", &id]).await)
        }
    });
    let done = futures_util::future::join_all(changes).await;
    let good = done.iter().filter(|(_, printed)| printed.good).count();
    for (_, printed) in done.iter().filter(|(_, printed)| !printed.good) {
        assert!(printed.problem().contains("changed or removed by somebody else"), "{printed:?}");
    }
    let after = olga.json(&["apps", "show", DEMO_APP]).await;
    assert!(good >= 1);
    assert_eq!(after["revision"].as_u64().unwrap() - before, u64::try_from(good).unwrap(), "one revision a change");
    let rows = olga.json(&["audit", "list", "--act", "subscriptions change"]).await;
    let outcomes: Vec<_> =
        rows["items"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!((outcomes.len(), outcomes.iter().filter(|outcome| *outcome == "done").count()), (8, good));
}
