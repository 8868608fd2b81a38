//! The pages for users in a real browser, which scripts beside this file drive.

mod samples;

use std::collections::BTreeSet;
use std::path::Path;

use gateway_domain::clock::Clock as _;
use gateway_domain::domain_event::{DomainEvent, EventType, Queue, Subject};
use gateway_domain::ids::DestinationName;
use gateway_domain::role::Role;
use gateway_local::binaries::WORKSPACE;
use gateway_local::stack::Options;
use gateway_runtime::SystemClock;
use gateway_store::{Delivery, DeliveryOutcome, WaitingEvent};
use serde_json::json;
use support::{ADA, BOB, DEMO_APP, Gateway, Phone, UNTRUSTED_APP, browse, configure};

/// The names of the files in a directory that end so.
fn names(directory: &Path, ending: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file").file_name());
    let files = files.map(|name| name.into_string().expect("text"));
    files.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

/// No serious finding of axe, nothing that the page's own policy blocks, no scrolling sideways on a small phone, targets that a
/// thumb meets, and a focus that shows.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn everybody_can_use_every_page() {
    let directory = tempfile::tempdir().expect("a directory");
    samples::write(directory.path()).expect("every page");
    let outcome = browse("pages", [directory.path()]).await;
    assert_eq!(outcome["told"], json!([]), "{outcome:#}");
    assert_eq!(outcome["checked"], 4 * names(&directory.path().join("en"), ".html").len());
}

#[test]
fn every_page_has_a_picture_and_every_picture_is_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    samples::write(directory.path()).expect("every page");
    let screens = Path::new(WORKSPACE).join("docs/screens");
    let pictures = names(&screens, ".png");
    let without: Vec<_> = names(&directory.path().join("en"), ".html").difference(&pictures).cloned().collect();
    assert_eq!(without, [""; 0], "run tests/browser/screens");
    let shown = std::fs::read_to_string(screens.join("README.md")).expect("the page that shows them");
    let hidden: Vec<_> = pictures.iter().filter(|name| !shown.contains(&format!("({name}.png)"))).collect();
    assert_eq!(hidden, [""; 0], "docs/screens/README.md");
}

/// The query of the authorization request comes along, and the browser tells that the form is ours, as `same_origin` expects.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn a_form_goes_to_the_page_that_it_is_on_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    samples::write(directory.path()).expect("every page");
    let sent = browse("form", [directory.path()]).await;
    let expected = json!({
        "url": "https://auth.example.com/login?client_id=demo-app&state=x%26y",
        "body": "form_token=ZmFrZQ&username=ada%40example.com&password=correct+horse",
        "origin": "https://auth.example.com",
        "type": "application/x-www-form-urlencoded",
        "told": [],
    });
    assert_eq!(sent, expected);
}

/// Checklist G-25: a wrong password, the back button, the consent, a second tab and a browser that knows its user, as a native
/// app has it done.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn users_log_in_on_hosted_pages_in_two_tabs() {
    let gateway = Gateway::start().await;
    let issuer = gateway.stack.base_url();
    let outcome = browse("login", [issuer, UNTRUSTED_APP, ADA.name, ADA.password]).await;
    let expected = json!({
        "wrong": {
            "alert": "The address or the password is not right.",
            "title": "Error: Log in – Demo Shop",
            "username": ADA.name,
            "password": "",
        },
        "consent": "Allow access?",
        "states": ["first", "second"],
        "issuers": [issuer],
        "different": 2,
        "redeemed": { "status": 200, "scope": "orders:read" },
        "third": ADA.name,
        "cookies": [["gateway-browser", true, "Lax", "/"], ["gateway-login", true, "Lax", "/"]],
        "told": [],
    });
    assert_eq!(outcome, expected, "{outcome:#}");
}

/// A web app keeps its hold on the window in which it has its user log in, and Chromium follows the redirect to an address in
/// brackets, which no source of a policy can name (RFC 8252 §7.3).
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn a_login_in_a_popup_window_comes_back_to_the_app_on_an_ipv6_loopback_address() {
    let demo = Options::default();
    let read = |path: &Path| std::fs::read_to_string(path).expect("a file of the demo");
    let seed = read(&demo.seed).replace("http://127.0.0.1/signed-in", "http://[::1]/signed-in");
    let gateway = Gateway::start_from(&read(&demo.config), &seed, |_| {}).await;
    let issuer = gateway.stack.base_url();
    let outcome = browse("popup", [issuer, UNTRUSTED_APP, ADA.name, ADA.password]).await;
    assert_eq!(outcome, json!({ "names": ["code", "iss", "state"], "iss": issuer, "told": [] }), "{outcome:#}");
}

/// Checklist G-25: with mails that are read on the outbox page, forms that have lapsed, and the back button.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn people_make_accounts_and_set_forgotten_passwords_on_hosted_pages() {
    let gateway = Gateway::start().await;
    let outcome = browse("accounts", [gateway.stack.base_url(), gateway.stack.outbox_url(), UNTRUSTED_APP]).await;
    let (kept, lapsed) = (
        ["grace@example.com", "Somebody"],
        "The form was open for too long or cookies are blocked. Please send it again.",
    );
    let expected = json!({
        "short": {
            "alert": "Please check what you typed\n\nPassword: This is too short: write at least 15 characters.",
            "kept": kept,
        },
        "lapsed": { "alert": lapsed, "kept": kept },
        "proof": ["Confirm your address", "Address confirmed", "This took too long"],
        "link": {
            "asks": 1,
            "steps": ["Please check what you typed\n\nPassword: This is not the password of the account.", "Address confirmed"],
        },
        "reset": ["Choose a new password", "Password changed"],
        "login": {
            "lapsed": lapsed,
            "kept": "grace@example.com",
            "old": "The address or the password is not right.",
            "next": "Allow access?",
            "refused": ["The address or the password is not right.", "grace@example.com"],
            "back": "Log in",
            "backFromApp": "This took too long",
        },
        "told": [],
    });
    assert_eq!(outcome, expected, "{outcome:#}");
}

/// Every page of an account, a logout from afar that is felt at the next call, and another password.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn owners_see_their_account_and_log_an_app_out_from_afar() {
    let gateway = Gateway::start().await;
    let form = [
        ("grant_type", "password"),
        ("client_id", DEMO_APP),
        ("username", ADA.name),
        ("password", ADA.password),
        ("device_name", "Ada’s phone"),
    ];
    let tokens = gateway.post_form("/oauth2/token", &form).await.tokens();
    let issuer = gateway.stack.base_url();
    let mut outcome = browse("owners", [issuer, ADA.name, ADA.password, &tokens.access]).await;
    let row = outcome["row"].take();
    assert!(row.as_str().is_some_and(|row| row.contains("Ada’s phone") && row.contains("UTC")), "{row}");
    let expected = json!({
        "steps": [
            "Log in", "Where you are logged in", "My account", "Where you are logged in", "Password changed", "My account",
        ],
        "row": null,
        "pages": [
            "Profile", "Change the address", "Change the password", "Your passkeys", "Where you are logged in",
            "Your devices", "Apps with access", "Disable the account", "Delete the account",
        ],
        "file": "my-data.json",
        "felt": [200, 401],
        "short": "Please check what you typed\n\nNew password: This is too short: write at least 15 characters.",
        "told": [],
    });
    assert_eq!(outcome, expected, "{outcome:#}");
}

/// A passkey is added on the account page, logs in on the form of an app without a password, and is removed. Passkeys want a name: the pages of
/// this stack are at `localhost`.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn a_passkey_is_added_logs_in_and_is_removed_in_a_browser() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let issuer = format!("http://localhost:{}", free.port());
    let files = tempfile::tempdir().expect("a directory");
    let _gateway = Gateway::start_with(|options| {
        options.listen = free;
        configure(options, files.path(), |text| format!("issuer: {issuer}\n{text}"));
    })
    .await;
    let outcome = browse("passkeys", [issuer.as_str(), DEMO_APP, ADA.name, ADA.password]).await;
    let expected = json!({
        "steps": ["Your passkeys", "You are logged out", "Your passkeys", "Log in"],
        "none": true,
        "late": 0,
        "saved": "Saved.",
        "kept": 1,
        "again": "There is a passkey of your account on this device already.",
        "cancelled": "No passkey was used. Try again, or log in with your password.",
        "used": true,
        "felt": [200, 401],
        "arrived": 1,
        "told": [],
    });
    assert_eq!(outcome, expected, "{outcome:#}");
}

/// An administrator sets up an authenticator app, looks at every page, and disables and enables a user. With `SCREENS`, a directory,
/// pictures are left there.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn administrators_show_a_second_proof_and_use_their_pages() {
    // Its secret is missing, so that events wait.
    let events = "events: { company: { url: 'http://127.0.0.1:9/events', secret: company } }\nplans:\n";
    let gateway = Gateway::start_with_config(|text| text.replacen("plans:\n", events, 1)).await;
    note_a_delivery(&gateway).await;
    assert_eq!(Phone::registered(&gateway, DEMO_APP).await.log_in(BOB).await.status, 200, "a device on his page");
    let users = gateway.store().users;
    let ada = users.by_email(ADA.name).await.expect("a read").expect("a user").user_id;
    assert!(users.set_role(&ada, Role::Administrator, true).await.expect("a write"));
    let issuer = gateway.stack.base_url().to_owned();
    let mut outcome = browse("administrators", [&issuer, ADA.name, ADA.password, BOB.name]).await;
    let row = outcome["row"].take();
    assert!(row.as_str().is_some_and(|row| row.contains("users disable") && row.contains("done")), "{row}");
    let wrong = "The code is not right, or was used already. Type the one that the app shows now.";
    let expected = json!({
        "steps": [
            "Log in", "Set up your authenticator app", "Users", "Partner App", "Show that it is you", "Show that it is you",
            "Plans",
        ],
        "wrong": wrong,
        "pages": ["Requests", "Users", "Apps", "Plans", "Usage", "Events", "Audit trail", "Organizations", "APIs"],
        "refused": "not a valid name: expected 1 to 128 printable ASCII characters without space at either end",
        "states": ["enabled", "disabled", "enabled"],
        "row": null,
        "file": "audit.csv",
        "told": [],
    });
    assert_eq!(outcome, expected, "{outcome:#}");
}

/// Notes that an event was delivered.
async fn note_a_delivery(gateway: &Gateway) {
    let (destination, subject) = (DestinationName::parse("company"), Subject::new("user", "u_1").expect("a subject"));
    let queue = Queue { destination: destination.expect("a name"), subject: subject.clone() };
    let (now, id) = (SystemClock.now(), "evt_5d41402abc4b2a76b9719d911017c592".to_owned());
    let event =
        DomainEvent { id, kind: EventType::UserCreated, timestamp: now, subject, data: serde_json::Map::default() };
    let waiting = WaitingEvent { order: "1".to_owned(), event, count: None };
    let delivery = Delivery::of(&queue, waiting, (DeliveryOutcome::Delivered, 1), SystemClock.now_millis());
    gateway.store().deliveries.end(&queue, ("1", None), Some(&delivery), now).await.expect("a write");
}

/// A developer signs up, registers an app and subscribes it; an administrator approves; a user of the app logs in, and it calls.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn developers_sign_up_register_are_approved_and_call() {
    let gateway = Gateway::start_with_config(|text| text.replacen("portal: { ", "portal: { webhooks: true, ", 1)).await;
    let users = gateway.store().users;
    let ada = users.by_email(ADA.name).await.expect("a read").expect("a user").user_id;
    assert!(users.set_role(&ada, Role::Administrator, true).await.expect("a write"));
    let urls = (gateway.stack.base_url(), gateway.stack.outbox_url());
    let mut outcome = browse("developers", [urls.0, ADA.name, ADA.password, urls.1]).await;
    let tried = outcome["tried"].take();
    let tried = tried.as_str().expect("a response");
    assert!(
        tried.starts_with("200 OK\n") && tried.contains("ratelimit") && tried.contains("dora@example.com"),
        "{tried}"
    );
    let history = outcome["history"].take();
    for text in ["apps create", "subscriptions ask", "requests approve", "dora@example.com"] {
        assert!(history.as_str().is_some_and(|history| history.contains(text)), "{text}: {history}");
    }
    let steps = [
        "Organizations",
        "Dora & Co.",
        "orders",
        "Orders watch",
        "Waits for an approval",
        "Request for Orders watch",
        "It is decided.",
    ];
    let expected = json!({
        "steps": steps,
        "refused": "an http redirect URI is http://127.0.0.1 or http://[::1] with any port (RFC 8252 §7.3); localhost may be another machine",
        "subscription": "orders\tpartner\topen\t\nUnsubscribe\nfrom orders",
        "history": null,
        "scope": "orders:read",
        "call": 200,
        "usage": {
            "counted": "orders\tpartner\t2\t2\t0\t0\t0",
            "chart": "2 calls in a time, by hour and outcome. The numbers are in the tables below",
            "drawn": true,
            "who": "APP\t2\t2\t0\t0\t0",
        },
        "tried": null,
        "webhook": {
            "had": ["application.created", "subscription.requested", "subscription.approved"],
            "seen": ["subscription.approved delivered 1", "subscription.requested delivered 1", "application.created delivered 1"],
        },
        "told": [],
    });
    assert_eq!(outcome, expected, "{outcome:#}");
}
