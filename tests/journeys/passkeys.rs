//! Passkeys through the whole gateway: enrolled on the page or by an app, they log in on the form and at the challenge endpoint, until they are
//! removed.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value as Json, json};
use support::{ADA, Authenticator, BOB, CATALOGUE, DEMO_APP, Response, Tokens, Visitor, parameter};

use super::Gateway;
use crate::accounts::{Browser, OTHER};
use crate::challenge::{asks, redeem};
use crate::deliveries::session_of;
use crate::mail::sent;
use crate::owners::{app_login, logged_in, me, widen};

const PAGE: &str = "/account/passkeys";
const DEMO: &str = "passkeys: { relying_party: localhost }\n";
/// The files of the domain that passkeys belong to.
const FILES: [&str; 3] =
    ["/.well-known/apple-app-site-association", "/.well-known/assetlinks.json", "/.well-known/passkey-endpoints"];

/// An authenticator at the gateway's pages. This machine has a name that passkeys know, and an address that they do not.
fn authenticator(gateway: &Gateway) -> Authenticator {
    Authenticator::new(&gateway.stack.base_url().replace("127.0.0.1", "localhost"))
}

/// The options on a page, as its script reads them.
fn options(page: &Response) -> Json {
    let text = page.text();
    let options = text.split("data-options=\"").nth(1).and_then(|rest| rest.split('"').next());
    let options = options.unwrap_or_else(|| panic!("no options: {text}")).replace("&#34;", "\"").replace("&#38;", "&");
    serde_json::from_str(&options).expect("JSON")
}

fn id_of(response: &str) -> String {
    let response: Json = serde_json::from_str(response).expect("JSON");
    response["id"].as_str().expect("an id").to_owned()
}

/// Adds a passkey on the page, and returns its authenticator and its id.
pub(crate) async fn enrol(gateway: &Gateway, browser: &mut Browser) -> (Authenticator, String) {
    let mut authenticator = authenticator(gateway);
    let made = authenticator.create(&options(&browser.get(gateway, PAGE).await)).await;
    let added = browser.submit(gateway, PAGE, &[("credential", &made)]).await;
    assert_eq!((added.status, added.header("location")), (303, "/account/passkeys?saved=yes"), "{}", added.text());
    (authenticator, id_of(&made))
}

pub(crate) async fn remove(gateway: &Gateway, browser: &mut Browser, id: &str) {
    let removed = browser.submit(gateway, PAGE, &[("passkey", id), ("remove", "yes")]).await;
    assert_eq!((removed.status, removed.header("location")), (303, PAGE), "{}", removed.text());
}

/// The response of the login form to a passkey.
async fn on_the_form(visitor: &mut Visitor<'_>, authenticator: &mut Authenticator) -> Response {
    let path = Visitor::asking(DEMO_APP, "orders:read", &[]);
    let page = visitor.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let signed = authenticator.get(&options(&page)).await;
    let response = visitor.fill(&path, &[("passkey", &signed)]).await;
    if response.header("location").starts_with('/') {
        let consent = response.header("location").to_owned();
        return visitor.fill(&consent, &[("decision", "allow")]).await;
    }
    response
}

/// The response of the challenge endpoint to a passkey.
async fn by_challenge(gateway: &Gateway, authenticator: &mut Authenticator) -> Response {
    gateway.shows_passkey(&asks(gateway, DEMO_APP, &[]).await, authenticator).await
}

async fn calls(gateway: &Gateway, tokens: &Tokens) -> u16 {
    gateway.call("GET", CATALOGUE, &tokens.access).await.status
}

/// Abuse case M7.
#[tokio::test]
async fn a_passkey_is_added_logs_in_and_is_removed() {
    let gateway = Gateway::start().await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let (mut authenticator, id) = enrol(&gateway, &mut browser).await;
    let mail = sent(&gateway, ADA.name, 1).await.remove(0);
    assert!(mail.subject.contains("passkey was added") && mail.text.contains("/account/passkeys"), "{}", mail.text);

    let mut visitor = Visitor::of(&gateway);
    let code = parameter(&on_the_form(&mut visitor, &mut authenticator).await, "code");
    let by_form = visitor.redeem(DEMO_APP, &code).await.tokens();
    let by_app = redeem(&gateway, &by_challenge(&gateway, &mut authenticator).await).await.tokens();
    assert_eq!((calls(&gateway, &by_form).await, calls(&gateway, &by_app).await), (200, 200));
    let page = browser.get(&gateway, PAGE).await.text();
    assert!(page.contains(&id) && page.contains("Last used: <time"), "{page}");
    // Whoever has just logged in by a passkey has shown who it is.
    let page = visitor.get(PAGE).await;
    assert!(page.status == 200 && page.text().contains("data-options"), "{}", page.text());

    remove(&gateway, &mut browser, &id).await;
    assert_eq!((calls(&gateway, &by_form).await, calls(&gateway, &by_app).await), (401, 401), "at the next call");
    assert_eq!(gateway.try_refresh(DEMO_APP, &by_app.refresh).await.status, 400);
    assert_eq!(browser.get(&gateway, PAGE).await.status, 200, "the browser in which it was removed goes on");
    assert_eq!(visitor.get(PAGE).await.status, 303, "the other one does not");
    let mails = sent(&gateway, ADA.name, 2).await;
    assert!(mails.iter().any(|mail| mail.subject.contains("passkey was removed")), "{mails:?}");
    let refused = on_the_form(&mut Visitor::of(&gateway), &mut authenticator).await;
    assert!(refused.status == 400 && refused.text().contains("The passkey was not accepted."), "{}", refused.text());
    let refused = by_challenge(&gateway, &mut authenticator).await;
    assert_eq!((refused.status, &refused.json()["mistake"]), (403, &json!("wrong_passkey")), "{}", refused.text());
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, ADA.password).await.status, 200, "the password works as ever");
}

/// With the account, its passkeys go, or are of no use.
#[tokio::test]
async fn a_closed_account_is_closed_to_its_passkeys() {
    let gateway = Gateway::start().await;
    for (user, page) in [(ADA, "/account/disable"), (BOB, "/account/delete")] {
        let mut browser = logged_in(&gateway, user.name, user.password).await;
        let (mut authenticator, _) = enrol(&gateway, &mut browser).await;
        let by_app = redeem(&gateway, &by_challenge(&gateway, &mut authenticator).await).await.tokens();
        assert_eq!(calls(&gateway, &by_app).await, 200, "{page}");
        let closed = browser.submit(&gateway, page, &[("current_password", user.password)]).await;
        assert_eq!(closed.status, 303, "{}", closed.text());
        assert_eq!(calls(&gateway, &by_app).await, 401, "{page}");
        let refused = by_challenge(&gateway, &mut authenticator).await;
        assert_eq!((refused.status, &refused.json()["mistake"]), (403, &json!("wrong_passkey")), "{page}");
    }
}

/// Lets the login of the session of this token be long ago.
async fn age(gateway: &Gateway, access: &str) {
    let update = gateway.dynamodb().update_item().table_name("SessionsTable");
    let update = update.key("sid", AttributeValue::S(session_of(access))).update_expression("SET auth_time = :past");
    let past = AttributeValue::N("1".to_owned());
    update.expression_attribute_values(":past", past).send().await.expect("a write");
}

/// Abuse case M10: an app, too, shows a fresh login or the password.
#[tokio::test]
async fn an_app_adds_names_and_removes_the_passkeys_of_its_user() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let own = app_login(&gateway, ADA, "account").await.access;
    let ask = async |method: &str, path: &str, body: Option<&Json>| {
        me(&gateway, &own, method, &format!("/passkeys{path}"), body).await
    };
    let asked = ask("POST", "/options", None).await;
    assert_eq!((asked.status, asked.header("cache-control")), (200, "no-store"), "{}", asked.text());
    let mut authenticator = authenticator(&gateway);
    let made = authenticator.create(&asked.json()).await;
    let credential: Json = serde_json::from_str(&made).expect("JSON");
    let new = json!({ "credential": credential, "name": "Ada’s <phone>" });
    let added = ask("POST", "", Some(&new)).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let added = added.json();
    assert_eq!((&added["id"], &added["name"], &added["used_at"]), (&credential["id"], &new["name"], &Json::Null));
    // A lost response: the same again is the same.
    assert_eq!(ask("POST", "", Some(&new)).await.json(), added);
    assert_eq!(ask("GET", "", None).await.json(), json!({ "passkeys": [added] }));
    let tokens = redeem(&gateway, &by_challenge(&gateway, &mut authenticator).await).await.tokens();
    assert_eq!(calls(&gateway, &tokens).await, 200);

    let one = format!("/{}", id_of(&made));
    assert_eq!(ask("PATCH", &one, Some(&json!({ "name": "Phone" }))).await.status, 204);
    for (method, path, body) in [
        ("PATCH", one.as_str(), json!({ "name": "x".repeat(65) })),
        ("PATCH", &one, json!({ "name": "x", "id": "y" })),
        ("POST", "", json!({ "credential": {} })),
        ("POST", "", json!({ "credential": { "id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {} } })),
        ("POST", "/options", json!({ "password": "x" })),
    ] {
        let refused = ask(method, path, Some(&body)).await;
        assert_eq!((refused.status, refused.header("content-type")), (400, "application/problem+json"), "{body}");
    }
    assert_eq!(ask("PATCH", "/AAAA", Some(&json!({ "name": "x" }))).await.status, 404);
    assert_eq!(ask("DELETE", "/AAAA", None).await.status, 404);
    for (path, methods) in [("", "GET, POST"), ("/options", "POST"), (one.as_str(), "PATCH, DELETE")] {
        let refused = ask("OPTIONS", path, None).await;
        assert_eq!((refused.status, refused.header("allow")), (405, methods), "{path}");
    }
    let bobs = app_login(&gateway, BOB, "account").await.access;
    assert_eq!(me(&gateway, &bobs, "DELETE", &format!("/passkeys{one}"), None).await.status, 404, "not his");

    // Ten minutes after the login the password is asked for.
    age(&gateway, &own).await;
    for (method, path) in [("POST", "/options"), ("DELETE", one.as_str())] {
        for body in [None, Some(json!({ "current_password": OTHER }))] {
            let refused = ask(method, path, body.as_ref()).await;
            assert_eq!(
                (refused.status, &refused.json()["field"]),
                (400, &json!("current_password")),
                "{method} {path}"
            );
        }
    }
    let right = json!({ "current_password": ADA.password });
    assert_eq!(ask("POST", "/options", Some(&right)).await.status, 200);
    assert_eq!(ask("DELETE", &one, Some(&right)).await.status, 204);
    assert_eq!(ask("GET", "", None).await.status, 401, "the session of the call has ended as well");
    assert_eq!(calls(&gateway, &tokens).await, 401);
    let anew = app_login(&gateway, ADA, "account").await.access;
    assert_eq!(me(&gateway, &anew, "GET", "/passkeys", None).await.json(), json!({ "passkeys": [] }));
    let data = me(&gateway, &anew, "GET", "/data", None).await.json();
    assert_eq!(data["passkeys"], json!([]));
}

/// There is nothing that an app could ask for: it says to log in again, and then all goes on.
#[tokio::test]
async fn an_account_without_a_password_is_told_to_log_in_again() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let mut ada = gateway.enrolled(ADA.name).await;
    let users = gateway.store().users;
    let user = users.by_email(ADA.name).await.expect("a read").expect("a user");
    assert_eq!(users.forget_password(&user.user_id).await, Ok(true));
    let mut logs_in = async || {
        let wanted = gateway.asks_to_log_in("account", &[]).await;
        gateway.redeems(&gateway.shows_passkey(&wanted, &mut ada).await).await.tokens().access
    };
    let own = logs_in().await;
    let one = users.passkeys(&user.user_id).await.expect("a read")[0].id.to_string();
    age(&gateway, &own).await;
    for (method, path) in [("POST", "/passkeys/options"), ("DELETE", &format!("/passkeys/{one}"))] {
        for body in [None, Some(json!({ "current_password": ADA.password }))] {
            let refused = me(&gateway, &own, method, path, body.as_ref()).await;
            let told = refused.json();
            assert_eq!((refused.status, &told["field"]), (400, &json!("current_password")), "{told}");
            assert!(told["reason"].as_str().is_some_and(|reason| reason.contains("log in again")), "{told}");
        }
    }
    let again = logs_in().await;
    assert_eq!(me(&gateway, &again, "POST", "/passkeys/options", None).await.status, 200);
}

#[tokio::test]
async fn the_files_of_the_domain_say_what_the_configuration_does() {
    let fingerprint = ["AB"; 32].join(":");
    let apps = format!(
        "passkeys:\n  relying_party: localhost\n  apple_apps: [ABCDE12345.com.example.demo]\n  android_apps:\n    \
         - {{ package: com.example.demo, sha256: ['{fingerprint}'] }}\n"
    );
    let gateway = Gateway::start_with_config(|config| config.replacen(DEMO, &apps, 1)).await;
    let page = gateway.url(PAGE);
    let statement = json!({
        "relation": ["delegate_permission/common.get_login_creds"],
        "target": {
            "namespace": "android_app",
            "package_name": "com.example.demo",
            "sha256_cert_fingerprints": [fingerprint],
        },
    });
    let expected = [
        json!({ "webcredentials": { "apps": ["ABCDE12345.com.example.demo"] } }),
        json!([statement]),
        json!({ "enroll": page, "manage": page }),
    ];
    for (path, expected) in FILES.into_iter().zip(expected) {
        let file = gateway.response(gateway.request("GET", path)).await;
        let fields = (file.status, file.header("content-type"), file.header("cache-control"));
        assert_eq!(fields, (200, "application/json", "public, max-age=300"), "{path}");
        assert_eq!(file.json(), expected, "{path}");
        let head = gateway.response(gateway.request("HEAD", path)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let post = gateway.response(gateway.request("POST", path)).await;
        assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"), "{path}");
    }
}

/// Off unless it is configured: nothing is served for apps that nobody named, and nothing at all without passkeys.
#[tokio::test]
async fn a_file_with_nothing_to_say_is_not_there() {
    let statuses = async |gateway: &Gateway| {
        let mut all = Vec::new();
        for path in FILES {
            all.push(gateway.response(gateway.request("GET", path)).await.status);
        }
        all
    };
    assert_eq!(statuses(&Gateway::start().await).await, [404, 404, 200], "the demo names no apps");
    let without = Gateway::start_with_config(|config| {
        assert!(config.contains(DEMO), "{config}");
        config.replacen(DEMO, "", 1)
    })
    .await;
    assert_eq!(statuses(&without).await, [404; 3]);
    let mut browser = logged_in(&without, ADA.name, ADA.password).await;
    assert_eq!(browser.get(&without, PAGE).await.status, 404);
    assert!(!browser.get(&without, "/account").await.text().contains(PAGE));
    widen(&without).await;
    let own = app_login(&without, ADA, "account").await.access;
    assert_eq!(me(&without, &own, "GET", "/passkeys", None).await.json(), json!({ "passkeys": [] }));
    let refused = me(&without, &own, "POST", "/passkeys/options", None).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

/// Uses all that there is of passkeys, for the test of the roles.
pub(crate) async fn use_passkeys(gateway: &Gateway) {
    let mut browser = logged_in(gateway, BOB.name, BOB.password).await;
    let (mut first, id) = enrol(gateway, &mut browser).await;
    let (_, other) = enrol(gateway, &mut browser).await;
    let named = browser.submit(gateway, PAGE, &[("passkey", &id), ("name", "Key")]).await;
    assert_eq!(named.status, 303, "{}", named.text());
    let mut visitor = Visitor::of(gateway);
    let code = parameter(&on_the_form(&mut visitor, &mut first).await, "code");
    visitor.redeem(DEMO_APP, &code).await.tokens();
    let response = by_challenge(gateway, &mut first).await;
    assert_eq!(response.status, 200, "{}", response.text());
    // In the browser that was logged in by one of them.
    for id in [id, other] {
        let removed = visitor.fill(PAGE, &[("passkey", &id), ("remove", "yes")]).await;
        assert_eq!((removed.status, removed.header("location")), (303, PAGE), "{}", removed.text());
    }
}
