//! Webhooks of applications: developers name an address that is told of what happens to the app, by security event tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::admin_scope::{APPS_READ, APPS_WRITE, EVENTS_READ};
use gateway_domain::domain_event::{Queue, Subject};
use gateway_domain::ids::{ClientId, DestinationName};
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::time::Timestamp;
use gateway_store::AppWebhook;
use serde_json::{Value as Json, json};
use support::{ADA, BOB, Gateway, Response};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::accounts::Browser;
use crate::admin_api::{ask, operator};
use crate::administrators::administrator;
use crate::developers::{NATIVE, form_token, organization, register, revision};
use crate::openid::{is_verified, published};

const TYPE: &str = "urn:mobile-api-gateway:event:";

/// The server of an application.
#[derive(Clone)]
pub(crate) struct AppServer(Arc<Mutex<State>>);

struct State {
    answer: u16,
    /// The tokens that it has taken, and how often it was asked.
    had: Vec<String>,
    asked: usize,
}

impl AppServer {
    pub(crate) async fn start() -> (Self, String) {
        let server = Self(Arc::new(Mutex::new(State { answer: 202, had: Vec::new(), asked: 0 })));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/told", listener.local_addr().expect("an address"));
        let state = Arc::clone(&server.0);
        let answer = move |headers: HeaderMap, body: String| async move {
            let mut state = state.lock().expect("a lock");
            let media = (&headers["content-type"], &headers["accept"]);
            assert_eq!(
                media,
                (&HeaderValue::from_static("application/secevent+jwt"), &HeaderValue::from_static("application/json"))
            );
            state.asked += 1;
            if state.answer == 202 {
                state.had.push(body);
            }
            // A redirect leads back here, and is not followed.
            (StatusCode::from_u16(state.answer).expect("a status"), [("location", "/told")])
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/told", post(answer))).await });
        (server, url)
    }

    fn answers(&self, status: u16) {
        self.0.lock().expect("a lock").answer = status;
    }

    async fn until_asked(&self, count: usize) {
        for _ in 0..150 {
            if self.0.lock().expect("a lock").asked >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("asked {} times", self.0.lock().expect("a lock").asked);
    }

    /// The tokens that it has had, once there are so many.
    async fn had(&self, count: usize) -> Vec<String> {
        for _ in 0..150 {
            let had = self.0.lock().expect("a lock").had.clone();
            if had.len() >= count {
                return had;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?}", self.types());
    }

    /// The types of what it has had so far.
    fn types(&self) -> Vec<String> {
        self.0.lock().expect("a lock").had.iter().map(|token| kind(token).0).collect()
    }

    /// The types of what it has had, once the last one is this.
    async fn until(&self, last: &str) -> Vec<String> {
        for _ in 0..150 {
            let types = self.types();
            if types.last().is_some_and(|kind| kind == last) {
                return types;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{last}: {:?}", self.types());
    }
}

fn part(token: &str, index: usize) -> Json {
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// The type of the event in a token, and what is told of it.
fn kind(token: &str) -> (String, Json) {
    let claims = part(token, 1);
    let events = claims["events"].as_object().expect("an object");
    assert_eq!(events.len(), 1, "{claims}");
    let (name, data) = events.iter().next().expect("an event");
    (name.strip_prefix(TYPE).expect("a type").to_owned(), data.clone())
}

/// Lets applications have webhooks.
fn permit(text: &str) -> String {
    text.replacen("portal: { ", "portal: { webhooks: true, ", 1)
}

async fn start() -> (Gateway, TempDir) {
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        support::configure(options, files.path(), |text| permit(&text));
        options.schedule_period = Some(Duration::from_millis(500));
    })
    .await;
    (gateway, files)
}

fn with<'a>(fields: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [fields, more].concat()
}

/// The settings of a native app with this name and webhook.
fn changed<'a>(name: &'a str, url: &'a str) -> Vec<(&'a str, &'a str)> {
    let others: Vec<_> = NATIVE.into_iter().filter(|(name, _)| !["kind", "name"].contains(name)).collect();
    with(&others, &[("name", name), ("act", "change"), ("webhook_uri", url)])
}

fn id_of(page: &str) -> ClientId {
    ClientId::parse(page.rsplit('/').next().expect("an id")).expect("a client id")
}

async fn does(gateway: &Gateway, browser: &mut Browser, page: &str, sent: &[(&str, &str)]) {
    let done = browser.submit(gateway, page, sent).await;
    assert_eq!(done.status, 303, "{sent:?}: {}", done.text());
}

async fn approve(gateway: &Gateway, administrator: &mut Browser, id: &ClientId) {
    let request = format!("/gateway/requests/{id}");
    let revision = revision(&administrator.get(gateway, &request).await.text());
    does(gateway, administrator, &request, &[("act", "approve"), ("revision", &revision)]).await;
}

/// The page of an application, once it has this.
async fn page_with(gateway: &Gateway, browser: &mut Browser, page: &str, text: &str) -> String {
    let mut last = String::new();
    for _ in 0..100 {
        last = browser.get(gateway, page).await.text();
        if last.contains(text) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{text}: {last}");
}

/// What the first button of what an application was told sends.
fn again(page: &str) -> String {
    let rest = page.split("value=\"again ").nth(1).expect("a button");
    format!("again {}", rest.split('"').next().expect("a value"))
}

/// Lets what waits for an application be due now.
async fn hurry(gateway: &Gateway, id: &ClientId) {
    let queue = Queue { destination: DestinationName::of_apps(), subject: Subject::of_app(id) };
    let deliveries = gateway.store().deliveries;
    deliveries.put_off(&queue, (Timestamp::from_secs(0), 1), None).await.expect("a write");
}

/// Uses all that webhooks need, for the test of the roles.
pub(crate) async fn use_webhooks(gateway: &Gateway) {
    let (server, url) = AppServer::start().await;
    let (mut ada, home) = organization(gateway, ADA).await;
    let page = register(gateway, &mut ada, &home, &with(&NATIVE, &[("webhook_uri", &url)])).await;
    server.had(1).await;
    let shown = page_with(gateway, &mut ada, &page, "value=\"again ").await;
    does(gateway, &mut ada, &page, &[("act", &again(&shown))]).await;
    server.had(2).await;
    let id = id_of(&page);
    does(gateway, &mut ada, &page, &[("act", "delete"), ("confirm", id.as_str())]).await;
    does(gateway, &mut ada, &home, &[("act", "delete")]).await;
}

#[tokio::test]
async fn an_app_is_told_of_what_happens_to_it_by_tokens_that_its_server_verifies() {
    let (gateway, _files) = start().await;
    let (server, url) = AppServer::start().await;
    let (mut bob, home) = organization(&gateway, BOB).await;
    let fields = [
        ("name", "Server"),
        ("kind", "confidential"),
        ("acts_for_itself", "yes"),
        ("scope.orders:read", "yes"),
        ("webhook_uri", &url),
    ];
    let page = register(&gateway, &mut bob, &home, &fields).await;
    let id = id_of(&page);
    let token = server.had(1).await.remove(0);
    let keys = published(&gateway).await;
    assert!(is_verified(&token, &keys), "{token}");
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("secevent+jwt"), &json!("RS256")));
    let metadata = gateway.response(gateway.request("GET", "/.well-known/oauth-authorization-server")).await.json();
    let organization = home.rsplit('/').next().expect("an id");
    let expected = json!({
        "iss": metadata["issuer"], "aud": id, "jti": claims["jti"], "iat": claims["iat"], "toe": claims["toe"],
        "sub_id": { "format": "opaque", "id": format!("application:{id}") },
        "events": { format!("{TYPE}application.created"): { "client_id": id, "organization": organization } },
    });
    assert_eq!(claims, expected, "and neither sub nor exp, so that it is no ID token");
    assert!(claims["jti"].as_str().is_some_and(|id| id.starts_with("evt_")), "{claims}");

    // What waits, what is approved, a new secret, and a change.
    does(&gateway, &mut bob, &page, &[("act", "subscribe"), ("api", "orders"), ("plan", "")]).await;
    server.until("subscription.requested").await;
    let (mut ada, _) = administrator(&gateway, ADA).await;
    approve(&gateway, &mut ada, &id).await;
    server.until("subscription.approved").await;
    let rotated = bob.submit(&gateway, &page, &[("act", "rotate-secret"), ("overlap", "0")]).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    let types = server.until("application.secret_rotated").await;
    let all = ["application.created", "subscription.requested", "subscription.approved", "application.secret_rotated"];
    assert_eq!(types, all);
    let approved = kind(&server.had(3).await[2]).1;
    let data = json!({ "client_id": id, "organization": organization, "api": "orders", "plan": null });
    assert_eq!(approved, data);

    // Its developers see what it was told, and send it again.
    let shown = page_with(&gateway, &mut bob, &page, "application.secret_rotated").await;
    assert_eq!(shown.matches("value=\"again ").count(), 4, "{shown}");
    does(&gateway, &mut bob, &page, &[("act", &again(&shown))]).await;
    let had = server.had(5).await;
    assert_eq!(part(&had[4], 1)["jti"], part(&had[3], 1)["jti"]);
    let history = bob.get(&gateway, &page).await.text();
    assert!(history.contains("apps create") && history.contains("events replay"), "{history}");

    // An administrator who disables it is told of, too, and sees the deliveries of all.
    let apps = operator(&gateway, &[APPS_READ, APPS_WRITE]).await;
    let changed = ask(&gateway, &apps, "PATCH", &format!("/apps/{id}"), Some(&json!({ "enabled": false }))).await;
    assert_eq!((changed.status, &changed.json()["webhook_uri"]), (200, &json!(url)), "{}", changed.text());
    server.until("application.changed").await;
    let disabled = server.had(6).await.pop().expect("a token");
    assert_eq!(kind(&disabled).1["changed"], json!(["enabled"]));
    let events = ada.get(&gateway, "/gateway/events?destination=apps").await.text();
    assert!(events.contains(&format!("application:{id}")), "{events}");
}

/// A receiver that fails is tried again, in the order of its app, and holds up no other.
#[tokio::test]
async fn a_server_that_fails_holds_up_its_own_app_alone() {
    let (gateway, _files) = start().await;
    let ((down, down_url), (up, up_url)) = (AppServer::start().await, AppServer::start().await);
    let (mut bob, home) = organization(&gateway, BOB).await;
    down.answers(500);
    let fails = register(&gateway, &mut bob, &home, &with(&NATIVE, &[("webhook_uri", &down_url)])).await;
    down.until_asked(1).await;
    for text in ["Events wait.", "it answered with the status 500"] {
        page_with(&gateway, &mut bob, &fails, text).await;
    }
    let works = register(&gateway, &mut bob, &home, &with(&NATIVE, &[("webhook_uri", &up_url)])).await;
    up.until("application.created").await;
    // The second event waits behind the first.
    does(&gateway, &mut bob, &fails, &changed("Other shop", &down_url)).await;
    down.answers(302);
    hurry(&gateway, &id_of(&fails)).await;
    down.until_asked(2).await;
    page_with(&gateway, &mut bob, &fails, "it answered with the status 302").await;
    assert_eq!(down.types(), [""; 0]);
    down.answers(202);
    hurry(&gateway, &id_of(&fails)).await;
    assert_eq!(down.until("application.changed").await, ["application.created", "application.changed"]);
    let shown = page_with(&gateway, &mut bob, &fails, "application.changed").await;
    assert!(!shown.contains("Events wait."), "{shown}");

    // What another app was told nobody sends again here, and nobody else at all.
    let other = again(&page_with(&gateway, &mut bob, &works, "value=\"again ").await);
    let missing = |response: &Response| assert_eq!(response.status, 404, "{}", response.text());
    missing(&bob.submit(&gateway, &fails, &[("act", &other)]).await);
    for place in ["again ", "again x", "again 2026-01-01T09:00:00.000Z#apps#evt_none"] {
        missing(&bob.submit(&gateway, &works, &[("act", place)]).await);
    }
    let (mut ada, home) = organization(&gateway, ADA).await;
    let token = form_token(&ada.get(&gateway, &home).await.text());
    let form = [("form_token", token.as_str()), ("act", other.as_str())];
    missing(&ada.send(&gateway, "POST", &works, Some(&form)).await);

    // What waits for an app that is gone is forgotten.
    down.answers(500);
    does(&gateway, &mut bob, &fails, &changed("Shop", &down_url)).await;
    page_with(&gateway, &mut bob, &fails, "it answered with the status 500").await;
    let id = id_of(&fails);
    does(&gateway, &mut bob, &fails, &[("act", "delete"), ("confirm", id.as_str())]).await;
    hurry(&gateway, &id).await;
    let queue = Queue { destination: DestinationName::of_apps(), subject: Subject::of_app(&id) };
    for _ in 0..100 {
        if gateway.store().deliveries.queue(&queue).await.expect("a read").is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it waits for nobody");
}

/// Another address of an app that is subscribed waits for an approval, as what it does to its users does.
#[tokio::test]
async fn another_address_of_a_subscribed_app_waits_for_an_approval() {
    let (gateway, _files) = start().await;
    let ((one, url), (other, other_url)) = (AppServer::start().await, AppServer::start().await);
    let (mut bob, home) = organization(&gateway, BOB).await;
    let page = register(&gateway, &mut bob, &home, &with(&NATIVE, &[("webhook_uri", &url)])).await;
    does(&gateway, &mut bob, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await;
    one.until("subscription.added").await;
    does(&gateway, &mut bob, &page, &changed("Shop", &other_url)).await;
    let waits = bob.get(&gateway, &page).await.text();
    assert!(waits.contains("Waits for an approval") && waits.contains(&other_url), "{waits}");
    let (mut ada, _) = administrator(&gateway, ADA).await;
    approve(&gateway, &mut ada, &id_of(&page)).await;
    assert_eq!(
        kind(&other.had(1).await[0]),
        (
            "application.changed".to_owned(),
            json!({ "client_id": id_of(&page), "organization": home.rsplit('/').next(), "changed": ["webhook"] }),
        )
    );
    assert_eq!(one.types(), ["application.created", "subscription.added"]);
    // Without an address it is told of nothing more, at once.
    does(&gateway, &mut bob, &page, &changed("Shop", "")).await;
    does(&gateway, &mut bob, &page, &[("act", "unsubscribe echo")]).await;
    let token = operator(&gateway, &[EVENTS_READ]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(other.types(), ["application.changed"]);
    let waiting = ask(&gateway, &token, "GET", "/deliveries/waiting?destination=apps", None).await.json();
    assert_eq!(waiting, json!({ "items": [], "more": false }));
}

#[tokio::test]
async fn an_address_that_is_none_of_the_internet_is_refused_or_never_called() {
    let (gateway, _files) = start().await;
    let (mut bob, home) = organization(&gateway, BOB).await;
    let path = format!("{home}/register");
    for uri in ["http://shop.example/told", "shop.example", "https://u@shop.example/", "com.example.shop:/told"] {
        let refused = bob.submit(&gateway, &path, &with(&NATIVE, &[("webhook_uri", uri)])).await;
        let text = refused.text();
        assert!(refused.status == 400 && text.contains("href=\"#webhook_uri") && text.contains(uri), "{uri}: {text}");
    }
    // A name or a number may lead anywhere by the time it is called.
    for uri in ["https://10.0.0.1/told", "https://169.254.169.254/latest/meta-data"] {
        let page = register(&gateway, &mut bob, &home, &with(&NATIVE, &[("webhook_uri", uri)])).await;
        page_with(&gateway, &mut bob, &page, "its address is none of the public Internet").await;
    }
}

#[tokio::test]
async fn where_webhooks_are_not_permitted_nobody_has_one() {
    let gateway = Gateway::start().await;
    let (mut bob, home) = organization(&gateway, BOB).await;
    let path = format!("{home}/register");
    assert!(!bob.get(&gateway, &path).await.text().contains("webhook"), "no field");
    let sent = with(&NATIVE, &[("webhook_uri", "https://shop.example/told")]);
    let refused = bob.submit(&gateway, &path, &sent).await;
    assert!(refused.status == 400 && refused.text().contains("portal.webhooks"), "{}", refused.text());
    let token = operator(&gateway, &[APPS_WRITE]).await;
    let body = json!({ "webhook_uri": "https://shop.example/told" });
    let refused = ask(&gateway, &token, "PATCH", "/apps/demo-app", Some(&body)).await;
    let (status, text) = (refused.status, refused.text());
    assert!(status == 400 && text.contains("webhook_uri") && text.contains("portal.webhooks"), "{status} {text}");
}

/// Whoever switches webhooks off and on again finds them as they were.
#[tokio::test]
async fn what_apps_have_is_kept_while_webhooks_are_not_permitted() {
    let gateway = Gateway::start().await;
    let (mut bob, home) = organization(&gateway, BOB).await;
    let page = register(&gateway, &mut bob, &home, &NATIVE).await;
    let id = id_of(&page);
    let uri = NotificationUri::parse("https://shop.example/told").expect("a URI");
    let webhook = Some(AppWebhook { uri: uri.clone(), issuer: "https://auth.example.com".to_owned() });
    let mut app = gateway.store().apps.get(&id).await.expect("a read").expect("an app");
    app.webhook.clone_from(&webhook);
    gateway.store().apps.put(&app).await.expect("a write");
    does(&gateway, &mut bob, &page, &changed("Other shop", "")).await;
    let app = gateway.store().apps.get(&id).await.expect("a read").expect("an app");
    assert_eq!((app.name.as_str(), &app.webhook), ("Other shop", &webhook));
    let shown = bob.get(&gateway, &page).await.text();
    assert!(!shown.contains("What the app was told"), "{shown}");
    // The same again is no change; another one is refused.
    let token = operator(&gateway, &[APPS_WRITE]).await;
    for (uri, status) in [(uri.as_str(), 200), ("https://other.example/told", 400)] {
        let body = json!({ "webhook_uri": uri });
        let response = ask(&gateway, &token, "PATCH", &format!("/apps/{id}"), Some(&body)).await;
        assert_eq!(response.status, status, "{}", response.text());
    }
}
