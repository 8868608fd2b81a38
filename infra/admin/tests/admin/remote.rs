//! `--url`: the commands by the admin API, as an app without AWS rights.

use gateway_domain::clock::Clock as _;
use gateway_domain::domain_event::{DomainEvent, EventType, Queue, Subject};
use gateway_domain::ids::{ApiName, ClientId, DestinationName, PlanName, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use gateway_domain::{admin_scope, secret};
use gateway_runtime::SystemClock;
use gateway_store::{App, AppWrite, Delivery, DeliveryOutcome, GrantType, Requested, WaitingEvent, WriteApp};
use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, Gateway, PARTNER_APP, Phone};

use crate::operator::{Operator, Printed, run};

const SECRET: &str = "mgs_of-the-pipeline";

/// A pipeline that has an app of the admin API with these scopes.
struct Pipeline {
    url: String,
}

impl Pipeline {
    async fn of(gateway: &Gateway, scopes: &str) -> Self {
        let partner = ClientId::parse(PARTNER_APP).unwrap();
        let like = gateway.store().apps.get(&partner).await.unwrap().unwrap();
        let app = App {
            client_id: ClientId::parse("pipeline").unwrap(),
            secret_hash: Some(secret::sha256_hex(SECRET.as_bytes())),
            trusted: false,
            grants: [GrantType::ClientCredentials].into(),
            scope: Scope::parse(scopes).unwrap(),
            redirect_uris: std::collections::BTreeSet::new(),
            ..like
        };
        gateway.store().apps.put(&app).await.unwrap();
        Self { url: gateway.stack.base_url().to_owned() }
    }

    async fn does(&self, arguments: &[&str]) -> Printed {
        self.with(arguments, SECRET).await
    }

    async fn with(&self, arguments: &[&str], secret: &str) -> Printed {
        let all = [&["--url", self.url.as_str()], arguments].concat();
        let variables = [("GATEWAY_CLIENT_ID", "pipeline"), ("GATEWAY_CLIENT_SECRET", secret)];
        run(&all, "", |command| command.envs(variables)).await
    }

    async fn json(&self, arguments: &[&str]) -> Json {
        self.does(&[arguments, &["-o", "json"]].concat()).await.json()
    }
}

/// What the commands print is what they print with AWS rights.
#[tokio::test]
async fn apps_and_subscriptions_are_operated_by_the_admin_api() {
    let gateway = Gateway::start().await;
    let (pipeline, olga) = (Pipeline::of(&gateway, &admin_scope::ALL.join(" ")).await, Operator::of(&gateway));
    let create = [
        "apps",
        "create",
        "field",
        "--name",
        "Field",
        "--kind",
        "confidential",
        "--plan",
        "standard",
        "--grants",
        "authorization_code,refresh_token",
        "--scopes",
        "openid orders:read",
        "--redirect-uri",
        "https://field.example/cb",
        "--subscribe",
        "orders",
        "--id-token-alg",
        "ES256",
        "--dpop",
        "required",
        "--refresh-retry-window",
        "1m",
    ];
    let mut created = pipeline.json(&create).await;
    let secret = created.as_object_mut().unwrap().remove("client_secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("mgs_"));
    assert_eq!(created, olga.json(&["apps", "show", "field"]).await);
    assert_eq!(pipeline.json(&["apps", "show", "field"]).await, created);
    assert_eq!(pipeline.json(&["apps", "list"]).await, olga.json(&["apps", "list"]).await);
    assert_eq!(pipeline.does(&["apps", "list"]).await.text(), olga.does(&["apps", "list"]).await.text());
    let changed =
        pipeline.json(&["apps", "change", "field", "--name", "Field 2", "--refresh-retry-window", "default"]).await;
    assert_eq!((&changed["name"], &changed["refresh_retry_window"]), (&json!("Field 2"), &Json::Null));
    assert_eq!(pipeline.json(&["apps", "disable", "field"]).await["enabled"], false);
    assert_eq!(pipeline.json(&["apps", "enable", "field"]).await["enabled"], true);
    let rotated = pipeline.json(&["apps", "rotate-secret", "field", "--overlap", "1h"]).await;
    assert!(rotated["client_secret"] != secret && rotated["previous_secret_until"].is_string(), "{rotated}");
    pipeline.does(&["apps", "end-overlap", "field"]).await.text();

    pipeline.does(&["subscriptions", "add", "field", "echo", "--id", "contract 17"]).await.text();
    pipeline.does(&["subscriptions", "change", "field", "echo", "--plan", "standard"]).await.text();
    pipeline.does(&["subscriptions", "disable", "field", "orders"]).await.text();
    let listed = pipeline.json(&["subscriptions", "list", "field"]).await;
    assert_eq!(listed, olga.json(&["subscriptions", "list", "field"]).await);
    assert_eq!((&listed["items"][0]["plan"], &listed["items"][1]["enabled"]), (&json!("standard"), &json!(false)));
    pipeline.does(&["subscriptions", "enable", "field", "orders"]).await.text();
    pipeline.does(&["subscriptions", "remove", "field", "echo"]).await.text();

    assert!(pipeline.does(&["apps", "delete", "field"]).await.problem().contains("--yes"));
    pipeline.does(&["apps", "delete", "field", "--yes"]).await.text();
    let acts = pipeline.json(&["audit", "list", "--subject", "field", "--act", "apps"]).await;
    assert_eq!(acts["items"], olga.json(&["audit", "list", "--subject", "field", "--act", "apps"]).await["items"]);
    assert_eq!(acts["items"][0]["who"], "app pipeline");
}

/// A decision is on the revision that was seen, with AWS rights and without.
#[tokio::test]
async fn requests_are_decided_by_the_admin_api_as_with_aws_rights() {
    let gateway = Gateway::start().await;
    let (pipeline, olga) = (Pipeline::of(&gateway, &admin_scope::ALL.join(" ")).await, Operator::of(&gateway));
    let demo = ClientId::parse(DEMO_APP).unwrap();
    let ask = async |plan: Option<&str>| {
        let (before, from) = gateway.store().apps.get_to_change(&demo).await.unwrap().unwrap();
        let by = UserId::parse("somebody").unwrap();
        let mut requested = Requested::new(by, Timestamp::from_secs(1_800_000_000));
        let plan = plan.map(|plan| PlanName::parse(plan).unwrap());
        requested.subscriptions.insert(ApiName::parse("public").unwrap(), plan);
        let after = App { requested: Some(requested), ..before.clone() };
        let change = AppWrite::Change { before: &before, from, after: &after };
        let written = gateway.store().developers.write_app(change, None, &[]).await.unwrap();
        let WriteApp::Written(revision) = written else { panic!("{written:?}") };
        revision.to_string()
    };
    let seen = ask(None).await;
    let listed = pipeline.json(&["requests", "list"]).await;
    assert_eq!(listed, olga.json(&["requests", "list"]).await);
    assert_eq!(listed["items"][0]["requested"]["subscriptions"], json!([{ "api": "public", "plan": null }]));
    assert_eq!(pipeline.does(&["requests", "list"]).await.text(), olga.does(&["requests", "list"]).await.text());
    assert_eq!(pipeline.json(&["requests", "show", DEMO_APP]).await, olga.json(&["requests", "show", DEMO_APP]).await);

    // Something else is wanted by now.
    let newer = ask(Some("partner")).await;
    for decision in
        [&["approve", DEMO_APP, "--revision", &seen][..], &["refuse", DEMO_APP, "--revision", &seen, "--reason", "no"]]
    {
        let command = [&["requests"], decision].concat();
        assert!(!pipeline.does(&command).await.good && !olga.does(&command).await.good, "{command:?}");
    }
    assert!(!olga.does(&["requests", "refuse", DEMO_APP, "--revision", &newer, "--reason", " "]).await.good);
    pipeline.does(&["requests", "refuse", DEMO_APP, "--revision", &newer, "--reason", "too many calls"]).await.text();
    let app = gateway.store().apps.get(&demo).await.unwrap().unwrap();
    assert_eq!((app.subscriptions.len(), app.requested), (3, None));
    let again = ask(Some("partner")).await;
    let approved = olga.json(&["requests", "approve", DEMO_APP, "--revision", &again]).await;
    assert_eq!(approved["subscriptions"]["public"]["plan"], "partner");
    assert_eq!(pipeline.json(&["requests", "list"]).await["items"], json!([]));
    assert!(
        pipeline.does(&["requests", "approve", DEMO_APP, "--revision", &again]).await.problem().contains("changed")
    );
}

#[tokio::test]
async fn users_and_sessions_are_operated_by_the_admin_api() {
    let gateway = Gateway::start().await;
    let pipeline = Pipeline::of(&gateway, &admin_scope::ALL.join(" ")).await;
    let tokens = gateway.login(ADA).await;
    let shown = pipeline.json(&["users", "show", ADA.name]).await;
    let id = shown["user_id"].as_str().unwrap();
    assert_eq!(pipeline.json(&["users", "show", id]).await, shown);
    assert!(pipeline.does(&["users", "list"]).await.text().contains(ADA.name));
    let sessions = pipeline.json(&["sessions", "list", ADA.name, "--app", DEMO_APP]).await;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    assert_eq!(pipeline.json(&["sessions", "list", ADA.name, "--app", PARTNER_APP]).await["items"], json!([]));
    pipeline.does(&["sessions", "end", "--user", ADA.name]).await.text();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    pipeline.does(&["users", "disable", id]).await.text();
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, ADA.password).await.status, 400);
    pipeline.does(&["users", "enable", ADA.name]).await.text();
    gateway.login(ADA).await;
}

/// What is printed of devices is what is printed with AWS rights.
#[tokio::test]
async fn devices_are_operated_by_the_admin_api() {
    let gateway = Gateway::start().await;
    let scopes = [admin_scope::USERS_READ, admin_scope::SESSIONS_READ, admin_scope::SESSIONS_WRITE].join(" ");
    let (pipeline, olga) = (Pipeline::of(&gateway, &scopes).await, Operator::of(&gateway));
    let (one, other) = (Phone::registered(&gateway, DEMO_APP).await, Phone::registered(&gateway, DEMO_APP).await);
    let nobodys = Phone::registered(&gateway, DEMO_APP).await;
    for phone in [&one, &other] {
        assert_eq!(phone.log_in(ADA).await.status, 200);
    }
    let list = async |of: &str| {
        let arguments = ["devices", "list", of];
        let listed = pipeline.json(&arguments).await;
        assert_eq!(olga.json(&arguments).await, listed, "{of}");
        assert_eq!(olga.does(&arguments).await.text(), pipeline.does(&arguments).await.text(), "{of}");
        listed["items"].as_array().unwrap().clone()
    };
    assert_eq!((list(ADA.name).await.len(), list(&nobodys.id).await[0]["user_id"].clone()), (2, Json::Null));
    assert!(list(&one.id).await[0]["linked_at"].is_string());

    assert!(pipeline.does(&["devices", "revoke", &one.id]).await.text().contains("is revoked"));
    assert!(list(&one.id).await[0]["revoked_at"].is_string());
    assert_eq!((one.asks().await.status, other.asks().await.status), (400, 200));
    assert!(pipeline.does(&["devices", "revoke", "--user", ADA.name]).await.text().contains("all devices of"));
    assert_eq!(list(ADA.name).await, Vec::<Json>::new());
    assert_eq!((other.asks().await.status, nobodys.asks().await.status), (400, 200));
    for command in ["list", "revoke"] {
        let refused = pipeline.does(&["devices", command, "device:unknown"]).await;
        assert!(refused.code == Some(3) && refused.problem().contains("no such device"), "{refused:?}");
    }
    assert_eq!(pipeline.does(&["devices", "list", "nobody@example.com"]).await.code, Some(3));
}

/// Scripts tell refusals apart by the exit code, as they do with AWS rights.
#[tokio::test]
async fn what_the_admin_api_refuses_is_told_with_the_same_exit_codes() {
    let gateway = Gateway::start().await;
    let pipeline = Pipeline::of(&gateway, "gateway:apps:read gateway:apps:write gateway:subscriptions:write").await;
    let public = |id| {
        [
            "apps",
            "create",
            id,
            "--name",
            "N",
            "--kind",
            "public",
            "--plan",
            "gold",
            "--grants",
            "refresh_token",
            "--scopes",
            "nothing",
        ]
    };
    for (arguments, code, words) in [
        (&public("odd")[..], 2, "scopes: the gateway has no scope nothing"),
        (&["apps", "show", "nobody"], 3, "There is no such app."),
        (&["users", "list"], 5, "gateway:users:read"),
        (&["subscriptions", "add", DEMO_APP, "orders"], 4, "is taken"),
        (&["subscriptions", "change", DEMO_APP, "nothing", "--id", "x"], 5, "gateway:subscriptions:read"),
        (&["keys", "status"], 2, "--stack"),
        (&["users", "set-password", ADA.name], 2, "--stack"),
        (&["sessions", "end", "--all"], 2, "--stack"),
    ] {
        let refused = pipeline.does(arguments).await;
        assert_eq!(refused.code, Some(code), "{arguments:?}: {refused:?}");
        assert!(refused.problem().contains(words), "{arguments:?}: {refused:?}");
    }
    assert_eq!(pipeline.with(&["apps", "list"], "wrong").await.code, Some(5));
    let nobody = run(&["--url", &pipeline.url, "apps", "list"], "", |command| command).await;
    assert!(nobody.code == Some(2) && nobody.problem().contains("GATEWAY_CLIENT_SECRET"), "{nobody:?}");
    let variables = [("GATEWAY_CLIENT_ID", "pipeline"), ("GATEWAY_CLIENT_SECRET", SECRET)];
    for (url, code) in [("http://gateway.example.com", 2), ("https://127.0.0.1:9", 6), ("not a url", 2)] {
        let refused = run(&["--url", url, "apps", "list"], "", |command| command.envs(variables)).await;
        assert_eq!(refused.code, Some(code), "{url}: {refused:?}");
    }
    let both = run(&["--url", &pipeline.url, "--local", "apps", "list"], "", |command| command.envs(variables)).await;
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[tokio::test]
async fn usage_is_the_same_with_aws_rights_and_without() {
    let gateway = Gateway::start().await;
    let (pipeline, olga) = (Pipeline::of(&gateway, admin_scope::USAGE_READ).await, Operator::of(&gateway));
    let token = gateway.login(ADA).await.access;
    assert_eq!(gateway.call("GET", "/orders", &token).await.status, 200);
    let show = ["usage", "show", DEMO_APP, "--by", "hour"];
    let mut shown = Json::Null;
    for _ in 0..100 {
        shown = pipeline.json(&show).await;
        if shown["items"][0]["succeeded"] == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(shown["items"][0]["api"], "orders", "{shown}");
    assert_eq!(olga.json(&show).await, shown);
    assert_eq!(olga.json(&["usage", "day"]).await, pipeline.json(&["usage", "day"]).await);
    assert_eq!(pipeline.json(&["usage", "day", "--after", DEMO_APP]).await["items"], json!([]));
    for who in [olga.does(&["usage", "day", "yesterday"]).await, pipeline.does(&["usage", "day", "yesterday"]).await] {
        assert!(who.problem().contains("as 2026-03-01"), "{}", who.problem());
    }
}

#[tokio::test]
async fn events_are_the_same_with_aws_rights_and_without() {
    let told = "events:\n  company: { url: 'http://127.0.0.1:1/', secret: company, types: [user.deleted] }\nplans:\n";
    let gateway = Gateway::start_with_config(|demo| demo.replacen("plans:\n", told, 1)).await;
    let scopes = format!("{} {}", admin_scope::EVENTS_READ, admin_scope::EVENTS_WRITE);
    let (pipeline, olga) = (Pipeline::of(&gateway, &scopes).await, Operator::of(&gateway));
    let destination = DestinationName::parse("company").unwrap();
    let mut deliveries = Vec::new();
    for number in 1..=3 {
        let subject = Subject::new("user", &format!("u_{number}")).unwrap();
        let queue = Queue { destination: destination.clone(), subject: subject.clone() };
        let event = DomainEvent {
            id: format!("evt_{number}"),
            kind: EventType::UserDeleted,
            timestamp: SystemClock.now(),
            subject,
            data: serde_json::Map::new(),
        };
        let waiting = WaitingEvent { order: number.to_string(), event, count: None };
        let outcome = if number == 1 { DeliveryOutcome::GivenUp } else { DeliveryOutcome::Delivered };
        // A second apart, and of one day.
        let at = 1_700_000_000_000 + number * 1_000;
        let delivery = Delivery::of(&queue, waiting, (outcome, 1), at);
        gateway.store().deliveries.end(&queue, ("none", None), Some(&delivery), SystemClock.now()).await.unwrap();
        deliveries.push(delivery);
    }
    let day = deliveries[0].day.as_str();
    for arguments in [
        &["events", "list", "--day", day][..],
        &["events", "list", "--day", day, "--limit", "2"],
        &["events", "list", "--day", day, "--after", &deliveries[2].at],
        &["events", "list", "--day", day, "--destination", "company", "--outcome", "given_up"],
        &["events", "list"],
        &["events", "waiting", "--destination", "other"],
    ] {
        let listed = pipeline.json(arguments).await;
        assert_eq!(olga.json(arguments).await, listed, "{arguments:?}");
        assert_eq!(olga.does(arguments).await.text(), pipeline.does(arguments).await.text(), "{arguments:?}");
    }
    let listed = olga.json(&["events", "list", "--day", day]).await;
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["event"]["id"].clone()).collect();
    assert_eq!(ids, [json!("evt_3"), json!("evt_2"), json!("evt_1")]);

    let replay = |to: &'static str| {
        ["events", "replay", "--destination", "company", "--from", "2020-01-01T00:00:00Z", "--to", to]
    };
    let second = ["2023-11-14T22:13:22Z", "2023-11-14T22:13:23Z"];
    let within = ["events", "replay", "--destination", "company", "--from", second[0], "--to", second[1]];
    for who in [olga.does(&replay("2020-01-02T00:00:01Z")).await, pipeline.does(&replay("2020-01-02T00:00:01Z")).await]
    {
        assert!(who.code == Some(2) && who.problem().contains("a day before"), "{who:?}");
    }
    for sent in [olga.json(&within).await, pipeline.json(&within).await] {
        assert_eq!(sent, json!({ "destination": "company", "sent": 2 }));
    }
    let waiting = olga.json(&["events", "waiting"]).await;
    let subjects: Vec<_> = waiting["items"].as_array().unwrap().iter().map(|item| item["subject"].clone()).collect();
    assert_eq!(subjects, [json!("user:u_2"), json!("user:u_3")]);
    let gone = ["events", "replay", "--destination", "gone", "--from", second[0], "--to", second[1]];
    for who in [olga.does(&gone).await, pipeline.does(&gone).await] {
        assert!(who.code == Some(2) && who.problem().contains("no destination gone"), "{who:?}");
    }
}
