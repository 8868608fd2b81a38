//! People whom a system of the company has: the hook `validate_user_pass` checks their passwords at every way in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gateway_store::User;
use serde_json::{Value as Json, json};
use standardwebhooks::Webhook;
use support::{ADA, DEMO_APP, Gateway, Response, Visitor};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::owners::{app_login, logged_in, me, widen};

pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const CHANGE: &str = "https://people.example.com/password";

/// The system of the company. It verifies signatures by the library of the specification, and knows Ada.
#[derive(Clone)]
pub(crate) struct People(Arc<Mutex<Known>>);

struct Known {
    /// What it answers to Ada's password, with this status and after this time.
    answer: (u16, String, Duration),
    /// The names that it was asked about.
    asked: Vec<String>,
}

impl People {
    pub(crate) async fn start() -> (Self, String) {
        let answer = json!({
            "valid": true, "subject": "4711", "links": { "orders-login": ADA.name }, "profile": { "name": "Ada" },
            "what is not known": "is ignored",
        });
        let known = Known { answer: (200, answer.to_string(), Duration::ZERO), asked: Vec::new() };
        let people = Self(Arc::new(Mutex::new(known)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hooks?of=gateway", listener.local_addr().expect("an address"));
        let answering = people.clone();
        let answer = move |headers: HeaderMap, body: Bytes| async move { answering.answer(&headers, &body).await };
        let router = axum::Router::new().route("/hooks", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (people, url)
    }

    async fn answer(&self, headers: &HeaderMap, body: &Bytes) -> (StatusCode, String) {
        if Webhook::new(KEY).expect("a key").verify(body, headers).is_err() {
            return (StatusCode::UNAUTHORIZED, String::new());
        }
        let message: Json = serde_json::from_slice(body).expect("JSON");
        assert_eq!(message["type"], "validate_user_pass");
        let (name, password) = (message["data"]["username"].as_str(), message["data"]["password"].as_str());
        let (status, answer, after) = {
            let mut known = self.0.lock().expect("a lock");
            known.asked.push(name.expect("a name").to_owned());
            known.answer.clone()
        };
        if (name, password) != (Some(ADA.name), Some(ADA.password)) {
            return (StatusCode::OK, json!({ "valid": false }).to_string());
        }
        tokio::time::sleep(after).await;
        (StatusCode::from_u16(status).expect("a status"), answer)
    }

    fn answers(&self, status: u16, answer: &str, after: Duration) {
        self.0.lock().expect("a lock").answer = (status, answer.to_owned(), after);
    }

    fn asked(&self) -> usize {
        self.0.lock().expect("a lock").asked.len()
    }
}

/// The demo with this hook, which signs with this key. Ada has no account here.
pub(crate) async fn start(url: &str, key: &str) -> (Gateway, TempDir) {
    let files = tempfile::tempdir().expect("a directory");
    let (config, secrets) = (files.path().join("gateway.yaml"), files.path().join("secrets"));
    std::fs::create_dir(&secrets).expect("a directory");
    std::fs::write(secrets.join("people-hook"), key).expect("a file");
    let directory = format!(
        "\n  directory:\n    validate_user_pass: {{ url: '{url}', secret: people-hook, timeout: 1s }}\n    \
         domain: example.com\n    label: People\n    change_url: {CHANGE}\n"
    );
    let gateway = Gateway::start_with(|options| {
        let demo = std::fs::read_to_string(&options.config).expect("the demo's configuration");
        let changed = demo.replace("\n  sign_up: true\n", &directory).replace("calls: 60", "calls: 1000");
        assert!(changed.contains(&directory), "{demo}");
        std::fs::write(&config, changed).expect("a file");
        options.config.clone_from(&config);
        options.secrets = Some(secrets);
        options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "1".to_owned()));
    })
    .await;
    let ada = user(&gateway).await.expect("ada of the demo");
    gateway.store().users.delete(&ada).await.expect("a write");
    (gateway, files)
}

pub(crate) async fn user(gateway: &Gateway) -> Option<User> {
    gateway.store().users.by_email(ADA.name).await.expect("a read")
}

async fn login(gateway: &Gateway, name: &str, password: &str) -> Response {
    gateway.try_login(DEMO_APP, name, password).await
}

#[tokio::test]
async fn people_of_the_company_come_in_by_every_way_and_their_account_is_made_at_the_first() {
    let (people, url) = People::start().await;
    let (gateway, _files) = start(&url, KEY).await;
    widen(&gateway).await;
    assert_eq!(login(&gateway, ADA.name, "wrong").await.json()["error"], "invalid_grant");
    assert!(user(&gateway).await.is_none());
    let tokens = app_login(&gateway, ADA, "orders:read account").await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200, "the legacy system knows her as well");
    let ada = user(&gateway).await.expect("an account");
    assert_eq!((ada.password.is_none(), ada.directory_subject.as_deref()), (true, Some("4711")));
    assert_eq!((ada.profile["name"].as_str(), ada.links.len()), ("Ada", 1));

    let mut visitor = Visitor::of(&gateway);
    let short = support::User { name: "Ada", password: ADA.password };
    visitor.tokens(DEMO_APP, "orders:read", short).await;
    let refused = visitor
        .fill(
            &Visitor::asking(DEMO_APP, "orders:read", &[("prompt", "login")]),
            &[("username", "ada"), ("password", "no")],
        )
        .await;
    assert!(refused.status == 400 && !refused.text().contains("People"), "{}", refused.text());

    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let home = browser.get(&gateway, "/account").await.text();
    assert!(
        home.contains(CHANGE) && !home.contains("/account/address") && !home.contains("/account/password"),
        "{home}"
    );
    for (method, path, body) in [
        ("POST", "/address", json!({ "email": "new@example.com", "current_password": ADA.password })),
        ("POST", "/password", json!({ "new_password": "another one that is long", "current_password": ADA.password })),
    ] {
        let refused = me(&gateway, &tokens.access, method, path, Some(&body)).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
    }
    assert_eq!(browser.get(&gateway, "/account/address").await.status, 200);
    let data = me(&gateway, &tokens.access, "GET", "/data", None).await.json();
    assert_eq!(data["directory_subject"], "4711");

    // The end of an account asks for the password, which the directory has.
    let asked = people.asked();
    let wrong = browser.submit(&gateway, "/account/delete", &[("current_password", "wrong")]).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let gone = browser.submit(&gateway, "/account/delete", &[("current_password", ADA.password)]).await;
    assert_eq!(gone.status, 303, "{}", gone.text());
    assert_eq!(people.asked(), asked + 2);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    assert!(user(&gateway).await.is_none());
    app_login(&gateway, ADA, "orders:read").await;
    assert_ne!(user(&gateway).await.expect("another account").user_id, ada.user_id);

    let log = gateway.logged().await.join("\n");
    assert!(!log.contains(ADA.password) && !log.contains(KEY), "a secret is in the log");
}

/// Whatever the hook answers but a verdict is no login, and no part of it is told to anybody. It counts as a guess, since a hook
/// may answer a wrong password by anything.
#[tokio::test]
async fn what_is_no_verdict_is_for_later_and_counts_as_a_guess() {
    let (people, url) = People::start().await;
    let (gateway, _files) = start(&url, KEY).await;
    let good = json!({ "valid": true }).to_string();
    let more = |member: &str, value: Json| json!({ "valid": true, member: value }).to_string();
    let long = "x".repeat(20_000);
    for (status, answer, after) in [
        (500, good.clone(), 0),
        (201, good.clone(), 0),
        (307, good.clone(), 0),
        (200, String::new(), 0),
        (200, "{}".to_owned(), 0),
        (200, json!({ "valid": "true" }).to_string(), 0),
        (200, more("subject", json!("")), 0),
        (200, more("subject", json!("a\u{7}")), 0),
        (200, more("links", json!({ "nobody": "ada" })), 0),
        (200, more("profile", json!({ "nothing": "ada" })), 0),
        (200, more("profile", json!({ "name": "x".repeat(81) })), 0),
        (200, more("more", json!(long)), 0),
        (200, good.clone(), 1_500),
    ] {
        people.answers(status, &answer, Duration::from_millis(after));
        forget_attempts(&gateway).await;
        let later = login(&gateway, ADA.name, ADA.password).await;
        assert_eq!((later.status, later.json()["error"].as_str()), (503, Some("temporarily_unavailable")), "{answer}");
        assert!(user(&gateway).await.is_none());
    }
    let mut visitor = Visitor::of(&gateway);
    let asking = Visitor::asking(DEMO_APP, "orders:read", &[]);
    let later = visitor.fill(&asking, &[("username", ADA.name), ("password", ADA.password)]).await;
    assert!(later.status == 503 && later.text().contains("People"), "{}", later.text());
    // As many as at a password of here, and then none.
    people.answers(401, "wrong", Duration::ZERO);
    let mut later = 0;
    for _ in 0..40 {
        match login(&gateway, ADA.name, ADA.password).await.status {
            503 => later += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!((1..20).contains(&later), "{later}");
    forget_attempts(&gateway).await;
    people.answers(200, &good, Duration::ZERO);
    login(&gateway, ADA.name, ADA.password).await.tokens();
    assert_eq!(user(&gateway).await.expect("an account").directory_subject.as_deref(), Some(ADA.name));
}

/// Empties the counters, as time does.
async fn forget_attempts(gateway: &Gateway) {
    let (client, table) = (gateway.dynamodb(), "LoginAttemptsTable");
    let found = client.scan().table_name(table).send().await.expect("a scan");
    for item in found.items() {
        client.delete_item().table_name(table).key("pk", item["pk"].clone()).send().await.expect("a write");
    }
}

/// Whoever cannot be reached has compared nothing: nobody's attempts are used up by an outage.
#[tokio::test]
async fn a_hook_that_is_not_there_uses_up_no_attempt() {
    let (gateway, _files) = start("http://127.0.0.1:1/hook", KEY).await;
    for _ in 0..24 {
        let later = login(&gateway, ADA.name, ADA.password).await;
        assert_eq!((later.status, later.json()["error"].as_str()), (503, Some("temporarily_unavailable")));
    }
}

/// Who has a password here is not asked about; and a hook whose key is another one, or no key, gives no verdict.
#[tokio::test]
async fn a_password_of_here_goes_nowhere_and_another_key_gives_no_verdict() {
    let (people, url) = People::start().await;
    for key in [OTHER_KEY, "no key"] {
        let (gateway, _files) = start(&url, key).await;
        login(&gateway, support::BOB.name, support::BOB.password).await.tokens();
        assert_eq!(login(&gateway, support::BOB.name, "wrong").await.status, 400);
        assert_eq!(login(&gateway, ADA.name, ADA.password).await.status, 503);
        assert_eq!(login(&gateway, ADA.name, "wrong").await.status, 503);
    }
    assert_eq!(people.asked(), 0);
}

/// The rights of `UserDirectory: on` are those that a directory needs, and no role has them without it.
#[tokio::test]
async fn the_roles_have_exactly_the_rights_that_a_directory_needs() {
    let (_people, url) = People::start().await;
    let without = Gateway::start().await;
    let (gateway, _files) = start(&url, KEY).await;
    crate::iam::weaken_the_hash_of(&gateway, support::BOB).await;
    login(&gateway, support::BOB.name, support::BOB.password).await.tokens();
    app_login(&gateway, ADA, "orders:read").await;
    logged_in(&gateway, ADA.name, ADA.password).await;
    let ada = user(&gateway).await.expect("an account");
    gateway.store().users.delete(&ada).await.expect("a write");
    let made = User { directory_subject: None, ..ada };
    gateway.store().users.create(&made).await.expect("a write");
    app_login(&gateway, ADA, "orders:read").await;
    let used = gateway.stack.access().used();
    let mut more = 0;
    for (role, id) in
        [("TokenRole", "TokenFunction"), ("AccountRole", "AccountFunction"), ("AuthorizeRole", "AuthorizeFunction")]
    {
        let plain = &without.stack.template().roles[role];
        for (right, conditions) in &gateway.stack.template().roles[role].allowed {
            if plain.allowed.get(right) == Some(conditions) {
                continue;
            }
            more += 1;
            let named = used[id].get(right).unwrap_or_else(|| panic!("{role} may do {right:?} and never does"));
            let unused: Vec<_> = conditions.iter().flat_map(|condition| condition.unused(named)).collect();
            assert!(unused.is_empty(), "{right:?} of {role} is for {unused:?}, which is never named");
        }
    }
    assert_eq!(more, 3, "accounts are made and bound, and one function asks another");
}
