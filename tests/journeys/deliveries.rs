//! Events: what happens reaches the systems of the company, at least once, in the order of each subject, whatever fails on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gateway_domain::address::Address;
use gateway_domain::domain_event::{DomainEvent, EventType, Queue, Subject};
use gateway_domain::ids::{ConnectorName, DestinationName, UserId};
use gateway_domain::time::Timestamp;
use gateway_local::stack::Options;
use serde_json::{Value as Json, json};
use standardwebhooks::Webhook;
use support::{ADA, BOB, DEMO_APP, Gateway, Phone, Switch, Wire, faulty};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::accounts::{OTHER, mailed, sign_up};
use crate::administrators::administrator;
use crate::developers::{NATIVE, organization, register, revision};
use crate::directory::KEY;
use crate::events::{invoke, sample};
use crate::mail::OUTBOX;
use crate::owners::logged_in;
use crate::passkeys::{enrol, remove};

/// A system of the company. It verifies signatures by the library of the specification.
#[derive(Clone)]
pub(crate) struct Receiver(Arc<Mutex<State>>);

struct State {
    /// What it answers, and after which time.
    answer: (u16, String, Duration),
    /// What it was sent and has not refused, with its `webhook-id`.
    had: Vec<(String, Json)>,
    /// How often it was asked.
    asked: usize,
    /// Of so many answers one is 500.
    fails: Option<usize>,
}

impl Receiver {
    pub(crate) async fn start() -> (Self, String) {
        let state = State { answer: (200, "{}".to_owned(), Duration::ZERO), had: Vec::new(), asked: 0, fails: None };
        let receiver = Self(Arc::new(Mutex::new(state)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        let answering = receiver.clone();
        let answer = move |headers: HeaderMap, body: Bytes| async move { answering.answer(&headers, &body).await };
        let router = axum::Router::new().route("/events", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    async fn answer(&self, headers: &HeaderMap, body: &Bytes) -> (StatusCode, String) {
        assert!(Webhook::new(KEY).expect("a key").verify(body, headers).is_ok(), "{headers:?}");
        let message: Json = serde_json::from_slice(body).expect("JSON");
        let (status, answer, after) = {
            let mut state = self.0.lock().expect("a lock");
            state.asked += 1;
            match state.fails {
                Some(one_of) if state.asked.is_multiple_of(one_of) => (500, String::new(), Duration::ZERO),
                _ => state.answer.clone(),
            }
        };
        tokio::time::sleep(after).await;
        if status == 200 {
            let id = headers["webhook-id"].to_str().expect("a text").to_owned();
            self.0.lock().expect("a lock").had.push((id, message));
        }
        (StatusCode::from_u16(status).expect("a status"), answer)
    }

    pub(crate) fn answers(&self, status: u16, answer: &Json, after: Duration) {
        self.0.lock().expect("a lock").answer = (status, answer.to_string(), after);
    }

    fn fails_once_in(&self, count: usize) {
        self.0.lock().expect("a lock").fails = Some(count);
    }

    fn asked(&self) -> usize {
        self.0.lock().expect("a lock").asked
    }

    /// Waits until it was asked so often.
    async fn until_asked(&self, count: usize) {
        for _ in 0..150 {
            if self.asked() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("asked {} times", self.asked());
    }

    pub(crate) fn had(&self) -> Vec<(String, Json)> {
        self.0.lock().expect("a lock").had.clone()
    }

    /// The types of what it was sent about a subject, in their order, once there are so many.
    async fn types_of(&self, subject: &str, count: usize) -> Vec<String> {
        for _ in 0..150 {
            let all = self.had();
            let of = all.iter().filter(|(_, event)| event["subject"] == subject);
            let types: Vec<_> = of.map(|(_, event)| event["type"].as_str().expect("a type").to_owned()).collect();
            if types.len() >= count {
                return types;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{subject}: {:?}", self.had());
    }
}

/// A gateway that tells this receiver, with further lines of the configuration.
pub(crate) async fn start(url: &str, lines: &str) -> (Gateway, TempDir) {
    start_with(url, lines, |_| {}).await
}

async fn start_with(url: &str, lines: &str, change: impl FnOnce(&mut Options)) -> (Gateway, TempDir) {
    let files = tempfile::tempdir().expect("a directory");
    let (config, secrets) = (files.path().join("gateway.yaml"), files.path().join("secrets"));
    std::fs::create_dir(&secrets).expect("a directory");
    std::fs::write(secrets.join("company"), KEY).expect("a file");
    let told = format!("{}\nplans:\n", lines.replace("TO", &format!("url: '{url}', secret: company")));
    let gateway = Gateway::start_with(|options| {
        let demo = std::fs::read_to_string(&options.config).expect("the demo's configuration");
        std::fs::write(&config, demo.replacen("plans:\n", &told, 1)).expect("a file");
        options.config.clone_from(&config);
        options.secrets = Some(secrets);
        options.schedule_period = Some(Duration::from_millis(500));
        change(options);
    })
    .await;
    (gateway, files)
}

pub(crate) fn session_of(gateway_token: &str) -> String {
    use base64::Engine as _;
    let payload = gateway_token.split('.').nth(1).expect("a payload");
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice::<Json>(&claims).expect("JSON")["sid"].as_str().expect("a text").to_owned()
}

async fn revoke(gateway: &Gateway, refresh: &str) {
    let form = [("token", refresh), ("client_id", DEMO_APP)];
    assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
}

#[tokio::test]
async fn what_happens_to_users_sessions_and_applications_is_told() {
    let (receiver, url) = Receiver::start().await;
    let (gateway, _files) = start(&url, "events:\n  company: { TO }").await;
    // A person makes an account, which is one when the address is proved, and sets another password.
    let verification = sign_up(&gateway, "carla@example.com", OTHER).await;
    let (code, _) = mailed(&gateway, "carla@example.com", 1).await;
    assert!(receiver.had().is_empty(), "not before the address is proved");
    let proof = json!({ "verification": verification, "code": code });
    let proved = gateway.response(gateway.request("POST", "/account/api/v1/verify").json(&proof)).await;
    assert_eq!(proved.status, 204, "{}", proved.text());
    let carla = gateway.store().users.by_email("carla@example.com").await.expect("a read").expect("a user");
    let subject = format!("user:{}", carla.user_id);
    assert_eq!(receiver.types_of(&subject, 1).await, ["user.created"]);
    gateway.store().users.change_credentials(&carla.user_id, None, false).await.expect("a write");
    gateway.store().users.change_credentials(&carla.user_id, None, true).await.expect("a write");
    assert_eq!(receiver.types_of(&subject, 3).await, ["user.created", "user.disabled", "user.enabled"]);
    // A passkey comes and goes: how many are left is told, and none of them.
    let mut browser = logged_in(&gateway, "carla@example.com", OTHER).await;
    let (_, passkey) = enrol(&gateway, &mut browser).await;
    remove(&gateway, &mut browser, &passkey).await;
    assert_eq!(receiver.types_of(&subject, 5).await[3..], ["passkey.added", "passkey.removed"]);
    let of_passkeys = receiver.had().into_iter().filter(|(_, event)| event["data"].get("passkeys").is_some());
    let told: Vec<_> = of_passkeys.map(|(_, event)| event["data"].clone()).collect();
    assert_eq!(told, [1, 0].map(|left| json!({ "user_id": carla.user_id, "passkeys": left })));
    assert!(receiver.had().iter().all(|(_, event)| !event.to_string().contains(&passkey)));
    // Of an event there is nothing personal.
    for (id, event) in receiver.had() {
        assert_eq!(event["id"], json!(id));
        assert!(!event.to_string().contains("carla@") && !event.to_string().contains(OTHER), "{event}");
    }

    let tokens = gateway.login(ADA).await;
    let session = session_of(&tokens.access);
    gateway.refresh(&tokens).await;
    revoke(&gateway, &tokens.refresh).await;
    assert_eq!(receiver.types_of(&format!("session:{session}"), 2).await, ["session.began", "session.ended"]);

    // Whose a device is, is told once, with both ids, so that data can be handed over.
    let phone = Phone::registered(&gateway, DEMO_APP).await;
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user").user_id;
    for _ in 0..2 {
        assert_eq!(phone.log_in(ADA).await.status, 200);
    }
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let revoked = browser.submit(&gateway, "/account/devices", &[("device", &phone.id), ("revoke", "yes")]).await;
    assert_eq!(revoked.status, 303, "{}", revoked.text());
    assert_eq!(receiver.types_of(&phone.id, 2).await, ["device.linked", "device.revoked"]);
    let of_device = receiver.had().into_iter().filter(|(_, event)| event["subject"] == phone.id.as_str());
    for (_, event) in of_device {
        assert_eq!(event["data"], json!({ "device_id": phone.id, "client_id": DEMO_APP, "user_id": ada }));
    }

    // Developers ask for an API, and an administrator approves.
    let (mut bob, home) = organization(&gateway, BOB).await;
    let own = register(&gateway, &mut bob, &home, &NATIVE).await;
    let client_id = own.rsplit('/').next().expect("an id").to_owned();
    let asked = bob.submit(&gateway, &own, &[("act", "subscribe"), ("api", "orders"), ("plan", "")]).await;
    assert!(asked.status < 400, "{}", asked.text());
    let subject = format!("application:{client_id}");
    assert_eq!(receiver.types_of(&subject, 2).await, ["application.created", "subscription.requested"]);
    let (mut ada, _) = administrator(&gateway, ADA).await;
    let request = format!("/gateway/requests/{client_id}");
    let revision = revision(&ada.get(&gateway, &request).await.text());
    let approved = ada.submit(&gateway, &request, &[("act", "approve"), ("revision", &revision)]).await;
    assert!(approved.status < 400, "{}", approved.text());
    let types = receiver.types_of(&subject, 3).await;
    assert_eq!(types, ["application.created", "subscription.requested", "subscription.approved"]);
}

/// Lines of a configuration that tells this receiver of everything, and asks it about new users.
pub(crate) fn told(url: &str) -> String {
    let to = format!("{{ url: '{url}', secret: company }}");
    format!("hooks:\n  registered: {to}\nevents:\n  company: {to}\nplans:\n")
}

/// Makes what waits due.
async fn hurry(gateway: &Gateway, destination: &DestinationName) -> usize {
    let deliveries = gateway.store().deliveries;
    let waiting = deliveries.queues(destination, 100).await.expect("a read").items;
    for queue in &waiting {
        let queue = Queue { destination: destination.clone(), subject: queue.subject.clone() };
        deliveries.put_off(&queue, (Timestamp::from_secs(0), 0), None).await.expect("a write");
    }
    waiting.len()
}

/// Uses all that events need, for the test of the roles: a user whom the hook links, a delivery that fails first, a failed login.
pub(crate) async fn use_events(gateway: &Gateway, receiver: &Receiver) {
    receiver.answers(500, &json!({}), Duration::ZERO);
    gateway.try_login(DEMO_APP, "nobody@example.com", "wrong").await;
    count_in_the_past(gateway, &[("a", 1)]).await;
    let asked = receiver.asked();
    let noted = invoke(gateway, "EventsFunction", &sample("events-user.json")).await;
    assert_eq!(noted, Ok(json!({ "events": 1 })));
    let user = new_user(gateway, "frieda").await;
    receiver.until_asked(asked + 2).await;
    receiver.answers(200, &json!({ "links": { "orders-login": "frieda" } }), Duration::ZERO);
    for _ in 0..100 {
        for name in ["company", "registered"] {
            hurry(gateway, &DestinationName::parse(name).expect("a name")).await;
        }
        invoke(gateway, OUTBOX, &sample("outbox-due-events.json")).await.expect("events are delivered");
        let found = gateway.store().users.get(&user).await.expect("a read").expect("a user");
        let told = receiver.had().iter().any(|(_, event)| event["subject"] == format!("user:{user}"));
        if !found.links.is_empty() && told {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", receiver.had());
}

/// Counts failed logins of an hour that is over.
async fn count_in_the_past(gateway: &Gateway, counts: &[(&str, i64)]) {
    let event = DomainEvent {
        id: "evt_past".to_owned(),
        kind: EventType::LoginFailed,
        timestamp: Timestamp::from_secs(1_800_000_000 - 86_400 * 300),
        subject: Subject::new("logins", "u_past").expect("a subject"),
        data: serde_json::Map::new(),
    };
    let (deliveries, company) = (gateway.store().deliveries, DestinationName::parse("company").expect("a name"));
    for (token, by) in counts {
        deliveries.count(&company, ("1", &event), *by, token).await.expect("a write");
    }
}

/// A user whom an operator makes, with no links.
pub(crate) async fn new_user(gateway: &Gateway, name: &str) -> UserId {
    let mut user = gateway.store().users.page(None, 10).await.expect("a read").items.remove(0);
    user.user_id = UserId::parse(&format!("u_{name}")).expect("an id");
    user.email = Address::parse(&format!("{name}@example.com")).expect("an address");
    user.links.clear();
    gateway.store().users.create(&user).await.expect("a write");
    user.user_id
}

/// A receiver that is down, slow or answers 500: nothing is lost, and each subject keeps its order.
#[tokio::test]
async fn nothing_is_lost_while_a_receiver_is_down() {
    let ((receiver, url), (other, other_url)) = (Receiver::start().await, Receiver::start().await);
    let lines = format!(
        "events:\n  down: {{ TO, timeout: 1s, types: [session.began, session.ended] }}\n  up: {{ url: '{other_url}', secret: company }}"
    );
    let (gateway, _files) = start(&url, &lines).await;
    let mut sessions = Vec::new();
    for (status, after) in [(500, 0), (200, 3_000), (302, 0), (410, 0)] {
        receiver.answers(status, &json!({}), Duration::from_millis(after));
        let tokens = gateway.login(ADA).await;
        revoke(&gateway, &tokens.refresh).await;
        let subject = format!("session:{}", session_of(&tokens.access));
        // Another receiver waits for nothing of that.
        assert_eq!(other.types_of(&subject, 2).await, ["session.began", "session.ended"]);
        receiver.until_asked(sessions.len() + 1).await;
        sessions.push(subject);
    }
    // The slow one has had its event, though nobody waited for its answer.
    tokio::time::sleep(Duration::from_secs(3)).await;
    receiver.answers(200, &json!({}), Duration::ZERO);
    let down = DestinationName::parse("down").expect("a name");
    let waiting = gateway.store().deliveries.queues(&down, 100).await.expect("a read").items;
    assert_eq!(waiting.len(), 4, "{waiting:?}");
    assert!(waiting.iter().all(|queue| queue.attempts >= 1 && queue.reason.is_some()), "{waiting:?}");
    // Who waits would be tried again after a minute and more.
    hurry(&gateway, &down).await;
    for subject in &sessions {
        receiver.types_of(subject, 2).await;
    }
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, event) in receiver.had() {
        let of = ids.entry(event["subject"].as_str().expect("a text").to_owned()).or_default();
        let named = format!("{} {id}", event["type"].as_str().expect("a text"));
        // Once more is the same event again.
        if !of.contains(&named) {
            of.push(named);
        }
    }
    for (subject, events) in &ids {
        let kinds: Vec<_> = events.iter().map(|event| event.split(' ').next().expect("a type")).collect();
        assert_eq!(kinds, ["session.began", "session.ended"], "{subject}");
    }
    assert_eq!(ids.len(), 4);
}

/// While DynamoDB throttles, fails, loses responses and breaks connections, and the receiver fails now and then, no session is missing, and
/// none ends before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_faults_every_session_is_told_of_in_its_order() {
    let (receiver, url) = Receiver::start().await;
    let (line, types) = (Switch::start().await, "types: [session.began, session.ended]");
    let wire = Wire::signed_to(&line.url).await;
    let lines = format!("events:\n  company: {{ TO, timeout: 1s, {types} }}");
    let environment = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), wire.endpoint.clone());
    let (gateway, _files) = start_with(&url, &lines, |options| options.environment.push(environment)).await;
    line.lead_to(gateway.stack.dynamodb_url());
    receiver.fails_once_in(3);
    wire.script(faulty());
    let mut sessions = BTreeSet::new();
    while sessions.len() < 25 {
        let login = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
        if login.status != 200 {
            continue;
        }
        let tokens = login.tokens();
        let form = [("token", tokens.refresh.as_str()), ("client_id", DEMO_APP)];
        while gateway.post_form("/oauth2/revoke", &form).await.status != 200 {}
        sessions.insert(format!("session:{}", session_of(&tokens.access)));
    }
    wire.calm();
    let company = DestinationName::parse("company").expect("a name");
    let mut quiet = 0;
    for _ in 0..200 {
        // Nothing waits, and nothing more comes. What failed in a stream is tried again after a while, so ends are waited for.
        quiet = if hurry(&gateway, &company).await == 0 { quiet + 1 } else { 0 };
        let had = receiver.had().into_iter().filter(|(_, event)| event["type"] == "session.ended");
        let ended: BTreeSet<_> = had.map(|(_, event)| event["subject"].to_string()).collect();
        if quiet >= 5 && ended.len() >= sessions.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, event) in receiver.had() {
        let text = |name: &str| event[name].as_str().expect("a text").to_owned();
        let of = told.entry(text("subject")).or_default();
        let named = format!("{} {id}", text("type"));
        if !of.contains(&named) {
            of.push(named);
        }
    }
    for session in &sessions {
        let kinds: Vec<_> = told[session].iter().map(|event| event.split(' ').next().expect("a type")).collect();
        assert_eq!(kinds, ["session.began", "session.ended"], "{session}");
    }
    let twice = receiver.had().len() - told.values().map(Vec::len).sum::<usize>();
    println!("{} sessions, {} messages, {twice} of them again", sessions.len(), receiver.had().len());
}

/// Strangers' failures are one event for an hour, when it is over; who logs in is not among them.
#[tokio::test]
async fn failed_logins_are_counted_for_one_event() {
    let (receiver, url) = Receiver::start().await;
    let (gateway, _files) = start(&url, "events:\n  company: { TO, types: [login.failed] }").await;
    for password in ["wrong", "wrong too", ADA.password] {
        gateway.try_login(DEMO_APP, ADA.name, password).await;
    }
    gateway.try_login(DEMO_APP, "nobody@example.com", "wrong").await;
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user");
    let destination = DestinationName::parse("company").expect("a name");
    for (id, count) in [(ada.user_id.as_str(), 2), ("unknown", 1)] {
        let subject = Subject::new("logins", id).expect("a subject");
        let queue = Queue { destination: destination.clone(), subject };
        let mut counts = Vec::new();
        for _ in 0..100 {
            let waiting = gateway.store().deliveries.waiting(&queue, 10).await.expect("a read");
            counts = waiting.iter().map(|one| (one.event.kind, one.count)).collect();
            let sum: i64 = counts.iter().filter_map(|(_, count)| *count).sum();
            if sum == count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Two, if the hour changes just now.
        assert!((1..=2).contains(&counts.len()), "{counts:?}");
        assert!(counts.iter().all(|(kind, _)| *kind == EventType::LoginFailed));
        assert_eq!(counts.iter().filter_map(|(_, count)| *count).sum::<i64>(), count, "{id}");
    }
    assert!(receiver.had().is_empty(), "the hour is not over");
    // As if it were: the event is as it is then told.
    count_in_the_past(&gateway, &[("a", 1), ("b", 1), ("a", 1), ("c", -1)]).await;
    assert_eq!(receiver.types_of("logins:u_past", 1).await, ["login.failed"]);
    assert_eq!(receiver.had()[0].1["data"]["count"], 1);
}

/// The hook `registered` is asked until it answers, and its names do not undo an operator's.
#[tokio::test]
async fn the_hook_of_new_users_names_them_at_legacy_systems() {
    let (receiver, url) = Receiver::start().await;
    receiver.answers(500, &json!({}), Duration::ZERO);
    let (gateway, _files) = start(&url, "hooks:\n  registered: { TO, timeout: 1s }").await;
    let connector = ConnectorName::parse("orders-login").expect("a name");
    let users = [new_user(&gateway, "dora").await, new_user(&gateway, "emil").await];
    receiver.until_asked(2).await;
    let linked = gateway.store().users.set_link(&users[1], &connector, Some("emil-by-operator")).await;
    assert_eq!(linked, Ok(true));
    receiver.answers(200, &json!({ "links": { "orders-login": "by-hook" } }), Duration::ZERO);
    let registered = DestinationName::of_registered();
    for _ in 0..100 {
        if hurry(&gateway, &registered).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    for (user, name) in users.iter().zip(["by-hook", "emil-by-operator"]) {
        let found = gateway.store().users.get(user).await.expect("a read").expect("a user");
        assert_eq!(found.links.get(&connector).map(String::as_str), Some(name));
    }
    let (_, message) = receiver.had().into_iter().next().expect("a message");
    assert_eq!(message["type"], "registered");
    assert!(message["data"]["email"].as_str().expect("a text").ends_with("@example.com"), "{message}");
}
