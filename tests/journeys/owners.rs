//! What owners do with their accounts: they see and end sessions, change password and address, take consents back, and leave.

use serde_json::{Value as Json, json};
use support::{ADA, BOB, DEMO_APP, Gateway, Response, UNTRUSTED_APP, User, Visitor};

use crate::accounts::{Browser, OTHER, mailed, path};
use crate::openid::registered;

const NEW: &str = "ada.new@example.com";

/// Lets an app ask for the scope `account`.
pub(crate) async fn widen(gateway: &Gateway) {
    let mut app = registered(gateway, DEMO_APP).await;
    app.scope = gateway_domain::scope::Scope::parse(&format!("{} account", app.scope)).expect("a scope");
    gateway.store().apps.put(&app).await.expect("a write");
}

/// A browser in which this user is logged in on the account pages.
pub(crate) async fn logged_in(gateway: &Gateway, name: &str, password: &str) -> Browser {
    let mut browser = Browser::default();
    let asked = browser.get(gateway, "/account/sessions").await;
    assert_eq!((asked.status, asked.header("location")), (303, "/account/log-in?to=%2Faccount%2Fsessions"));
    let typed = [("username", name), ("password", password)];
    let done = browser.submit(gateway, asked.header("location"), &typed).await;
    assert_eq!((done.status, done.header("location")), (303, "/account/sessions"), "{}", done.text());
    browser
}

/// A login of an app that names its device.
pub(crate) async fn app_login(gateway: &Gateway, user: User, scope: &str) -> support::Tokens {
    let form = [
        ("grant_type", "password"),
        ("client_id", DEMO_APP),
        ("scope", scope),
        ("username", user.name),
        ("password", user.password),
        ("device_name", "Ada’s <phone>"),
    ];
    gateway.post_form("/oauth2/token", &form).await.tokens()
}

pub(crate) async fn me(gateway: &Gateway, token: &str, method: &str, path: &str, body: Option<&Json>) -> Response {
    let request = gateway.request(method, &format!("/account/api/v1/me{path}")).bearer_auth(token);
    gateway.response(if let Some(body) = body { request.json(body) } else { request }).await
}

/// Uses all that owners can do, for the test of the roles.
pub(crate) async fn use_own_account(gateway: &Gateway) {
    widen(gateway).await;
    let access = app_login(gateway, BOB, "account").await.access;
    assert_eq!(me(gateway, &access, "GET", "", None).await.status, 200);
    let mut browser = logged_in(gateway, BOB.name, BOB.password).await;
    for page in [
        "",
        "/sessions",
        "/devices",
        "/passkeys",
        "/apps",
        "/password",
        "/address",
        "/profile",
        "/disable",
        "/delete",
        "/data",
    ] {
        assert_eq!(browser.get(gateway, &format!("/account{page}")).await.status, 200, "{page}");
    }
    let told = browser.submit(gateway, "/account/profile", &[("profile_name", "Bob")]).await;
    assert_eq!(told.status, 303, "{}", told.text());
    // A use of the browser login is noted when it moves the end by a tenth.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    browser.get(gateway, "/account").await;
    let session = app_login(gateway, BOB, "orders:read").await;
    assert_eq!(browser.submit(gateway, "/account/sessions", &[("end_others", "yes")]).await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &session.access).await.status, 401);
    let kept = [("prompt", "consent")];
    let mut visitor = Visitor::of(gateway);
    let asked = Visitor::asking(UNTRUSTED_APP, "orders:read", &kept);
    let response = visitor.fill(&asked, &[("username", BOB.name), ("password", BOB.password)]).await;
    assert_eq!(visitor.fill(response.header("Location"), &[("decision", "allow")]).await.status, 303);
    assert_eq!(browser.submit(gateway, "/account/apps", &[("revoke", UNTRUSTED_APP)]).await.status, 303);
    app_login(gateway, BOB, "orders:read").await;
    let before = gateway.stack.outbox().mails().iter().filter(|mail| mail.to == "bob.new@example.com").count();
    let asked = browser.submit(gateway, "/account/address", &[("email", "bob.new@example.com")]).await;
    let (code, _) = mailed(gateway, "bob.new@example.com", before + 1).await;
    assert_eq!(browser.submit(gateway, asked.header("location"), &[("code", &code)]).await.status, 303);
    // In the browser from which a session of an app began.
    assert_eq!(visitor.fill("/account/password", &[("new_password", OTHER)]).await.status, 303);
    assert_eq!(visitor.fill("/account/delete", &[("current_password", OTHER)]).await.status, 303);
}

#[tokio::test]
async fn owners_see_their_sessions_and_end_them() {
    let gateway = Gateway::start().await;
    let (phone, tablet) = (app_login(&gateway, ADA, "orders:read").await, gateway.login(ADA).await);
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let mut other = logged_in(&gateway, ADA.name, ADA.password).await;
    let page = browser.get(&gateway, "/account/sessions").await.text();
    assert!(page.contains("Ada’s &#60;phone&#62;") && page.contains("UTC"), "{page}");
    let ids: Vec<_> = page.split("name=\"end\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), 2, "{page}");
    // The form of another browser ends nothing, and neither does an id of somebody else.
    let bobs = gateway.login(BOB).await;
    assert_eq!(browser.submit(&gateway, "/account/sessions", &[("end", "AAECAwQFBgcICQoLDA0ODw")]).await.status, 303);
    for tokens in [&phone, &tablet, &bobs] {
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    }
    assert_eq!(browser.submit(&gateway, "/account/sessions", &[("end_others", "yes")]).await.status, 303);
    for tokens in [&phone, &tablet] {
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401, "at the next call");
        assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    }
    assert_eq!(gateway.call("GET", "/orders", &bobs.access).await.status, 200);
    assert_eq!(browser.get(&gateway, "/account").await.status, 200, "this browser goes on");
    assert_eq!(other.get(&gateway, "/account").await.status, 303, "another does not");
    for _ in 0..100 {
        if gateway.store().sessions.ended_with_tokens().await.expect("a scan").is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the legacy system was not told of both");
}

/// A login in another browser that is under way is over as well: its code gives nothing.
#[tokio::test]
async fn a_code_that_waits_in_another_browser_ends_with_a_logout_everywhere_else() {
    let gateway = Gateway::start().await;
    let mut thief = Visitor::of(&gateway);
    let code = thief.logs_in(&Visitor::asking(DEMO_APP, "orders:read", &[]), ADA).await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    assert_eq!(browser.submit(&gateway, "/account/sessions", &[("end_others", "yes")]).await.status, 303);
    let refused = thief.redeem(DEMO_APP, &code).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")), "{}", refused.text());
    let next = browser.get(&gateway, "/account/sessions").await.text();
    assert!(!next.contains("name=\"end\""), "no session has begun: {next}");
}

#[tokio::test]
async fn an_app_logs_its_user_out_everywhere_else() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let (phone, tablet) = (app_login(&gateway, ADA, "account orders:read").await, gateway.login(ADA).await);
    let bobs = gateway.login(BOB).await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let mut bobs_browser = logged_in(&gateway, BOB.name, BOB.password).await;
    assert_eq!(me(&gateway, &phone.access, "DELETE", "/sessions", None).await.status, 204);
    for (access, expected) in [(&phone.access, 200), (&tablet.access, 401), (&bobs.access, 200)] {
        assert_eq!(gateway.call("GET", "/orders", access).await.status, expected);
    }
    assert_eq!(browser.get(&gateway, "/account").await.status, 303);
    assert_eq!(bobs_browser.get(&gateway, "/account").await.status, 200);
}

/// Checklist Z-04.
#[tokio::test]
async fn another_password_ends_the_other_sessions_and_the_browser_goes_on() {
    let gateway = Gateway::start().await;
    let phone = gateway.login(ADA).await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let mut other = logged_in(&gateway, ADA.name, ADA.password).await;
    for (typed, told) in [
        ("short", "too short"),
        (ADA.password, "your current password"),
        ("ada@example.com ada", "which others can know"),
    ] {
        let refused = browser.submit(&gateway, "/account/password", &[("new_password", typed)]).await;
        assert!(refused.status == 400 && refused.text().contains(told), "{typed}: {}", refused.text());
    }
    let set = browser.submit(&gateway, "/account/password", &[("new_password", OTHER)]).await;
    assert_eq!((set.status, set.header("location")), (303, "/account/password-set"), "{}", set.text());
    assert_eq!(browser.get(&gateway, "/account").await.status, 200, "this browser goes on");
    assert_eq!(other.get(&gateway, "/account").await.status, 303, "another does not");
    assert_eq!(gateway.call("GET", "/orders", &phone.access).await.status, 401, "at the next call");
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, ADA.password).await.status, 400);
    assert_eq!(mailed_subject(&gateway, ADA.name, 1).await, "Demo Shop: your password was changed");
}

async fn mailed_subject(gateway: &Gateway, to: &str, count: usize) -> String {
    crate::mail::sent(gateway, to, count).await.pop().expect("a mail").subject
}

/// Whoever took an account over and gave it another address is thrown out by the owner of the one before.
#[tokio::test]
async fn an_address_is_changed_by_proof_and_taken_back_by_who_had_it() {
    let gateway = Gateway::start().await;
    let mut thief = logged_in(&gateway, ADA.name, ADA.password).await;
    let same = thief.submit(&gateway, "/account/address", &[("email", ADA.name)]).await;
    assert!(same.status == 400 && same.text().contains("This is your address already"), "{}", same.text());
    // The owner of an address that is taken gets a word, and nobody else learns of it.
    let taken = thief.submit(&gateway, "/account/address", &[("email", BOB.name)]).await;
    assert_eq!(taken.status, 303);
    assert_eq!(mailed_subject(&gateway, BOB.name, 1).await, "Demo Shop: you already have an account");
    let asked = thief.submit(&gateway, "/account/address", &[("email", NEW)]).await;
    let (code, link) = mailed(&gateway, NEW, 1).await;
    let stranger = logged_in(&gateway, BOB.name, BOB.password).await.get(&gateway, path(&gateway, &link)).await;
    assert_eq!(stranger.status, 400, "a code of somebody else does nothing");
    let wrong = thief.submit(&gateway, asked.header("location"), &[("code", "0000 0001")]).await;
    assert_eq!(wrong.status, 400);
    assert!(gateway.try_login(DEMO_APP, NEW, ADA.password).await.status == 400, "nothing has changed yet");
    let changed = thief.submit(&gateway, asked.header("location"), &[("code", &code)]).await;
    assert_eq!((changed.status, changed.header("location")), (303, "/account/address-changed"));
    let stolen = gateway.try_login(DEMO_APP, NEW, ADA.password).await.tokens();
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, ADA.password).await.status, 400);

    let mail = crate::mail::sent(&gateway, ADA.name, 1).await.pop().expect("a mail");
    assert!(mail.subject.contains("your address was changed") && mail.text.contains(NEW), "{}", mail.text);
    let link = mail.text.lines().find(|line| line.starts_with("http")).expect("a link").trim();
    let (link, mut owner) = (path(&gateway, link), Browser::default());
    assert!(owner.get(&gateway, link).await.text().contains(ADA.name));
    assert_eq!(thief.get(&gateway, "/account").await.status, 200, "opening does nothing");
    let back = owner.submit(&gateway, link, &[("new_password", OTHER)]).await;
    assert_eq!((back.status, back.header("location")), (303, "/account/address-kept"), "{}", back.text());
    assert_eq!(thief.get(&gateway, "/account").await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &stolen.access).await.status, 401);
    assert_eq!(gateway.try_login(DEMO_APP, NEW, ADA.password).await.status, 400);
    gateway.try_login(DEMO_APP, ADA.name, OTHER).await.tokens();
    assert_eq!(owner.get(&gateway, link).await.status, 400, "a link is used once");
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_its_sessions_and_its_address_is_free() {
    let gateway = Gateway::start().await;
    let phone = gateway.login(ADA).await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let data = browser.get(&gateway, "/account/data").await;
    assert_eq!(data.header("content-disposition"), "attachment; filename=\"my-data.json\"");
    assert_eq!(data.json()["email"], ADA.name);
    assert_eq!(data.json()["sessions"].as_array().map(Vec::len), Some(1), "{}", data.text());
    assert!(!data.text().contains("argon2") && !data.text().contains("password"), "{}", data.text());
    let wrong = browser.submit(&gateway, "/account/delete", &[("current_password", OTHER)]).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let gone = browser.submit(&gateway, "/account/delete", &[("current_password", ADA.password)]).await;
    assert_eq!((gone.status, gone.header("location")), (303, "/account/deleted"), "{}", gone.text());
    assert_eq!(browser.get(&gateway, "/account").await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &phone.access).await.status, 401, "at the next call");
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, ADA.password).await.status, 400);
    assert!(gateway.store().users.by_email(ADA.name).await.expect("a read").is_none());
    assert_eq!(mailed_subject(&gateway, ADA.name, 1).await, "Demo Shop: your account was deleted");
}

/// Checklist Z-29.
#[tokio::test]
async fn an_app_shows_the_same_with_the_scope_account() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let without = app_login(&gateway, ADA, "orders:read").await;
    let refused = me(&gateway, &without.access, "GET", "", None).await;
    assert_eq!((refused.status, refused.header("content-type")), (403, "application/problem+json"));
    assert!(refused.header("x-amzn-remapped-www-authenticate").contains("scope=\"account\""));
    assert_eq!(me(&gateway, "nonsense", "GET", "", None).await.status, 401);
    let access = app_login(&gateway, ADA, "account").await.access;
    assert_eq!(me(&gateway, &access, "GET", "", None).await.json()["email"], ADA.name);
    let profile = json!({ "profile": { "name": "Ada L.", "birthday": "1815-12-10" } });
    assert_eq!(me(&gateway, &access, "PATCH", "", Some(&profile)).await.json()["profile"]["name"], "Ada L.");
    let unknown = me(&gateway, &access, "PATCH", "", Some(&json!({ "profile": { "admin": "yes" } }))).await;
    assert!(unknown.status == 400 && unknown.text().contains("`admin`"), "{}", unknown.text());
    let method = me(&gateway, &access, "DELETE", "", None).await;
    assert_eq!((method.status, method.header("allow")), (405, "GET, PATCH"));
    let sessions = me(&gateway, &access, "GET", "/sessions", None).await.json();
    let sessions = sessions["sessions"].as_array().expect("sessions").clone();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["device"], "Ada’s <phone>");
    let other = sessions.iter().find(|own| {
        gateway_domain::ids::SessionId::parse(own["session"].as_str().unwrap_or_default()).is_ok()
            && own["session"] != session_of(&access)
    });
    let path = format!("/sessions/{}", other.expect("another")["session"].as_str().unwrap_or_default());
    assert_eq!(me(&gateway, &access, "DELETE", &path, None).await.status, 204);
    assert_eq!(gateway.call("GET", "/orders", &without.access).await.status, 401);
    assert_eq!(me(&gateway, &access, "DELETE", &path, None).await.status, 404);
    let wrong = json!({ "current_password": OTHER, "new_password": "seven purple anvils whistled" });
    let wrong = me(&gateway, &access, "POST", "/password", Some(&wrong)).await;
    assert_eq!((wrong.status, wrong.json()["field"].as_str()), (400, Some("current_password")), "{}", wrong.text());
    let right = json!({ "current_password": ADA.password, "new_password": OTHER });
    assert_eq!(me(&gateway, &access, "POST", "/password", Some(&right)).await.status, 204);
    assert_eq!(me(&gateway, &access, "GET", "", None).await.status, 401, "its session has ended, too");
}

/// The session id of an access token.
fn session_of(access: &str) -> Json {
    use base64::Engine as _;
    let payload = access.split('.').nth(1).expect("a payload");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice::<Json>(&payload).expect("JSON")["sid"].clone()
}

/// The link of the newest mail to an address with this in its subject.
async fn link_to(gateway: &Gateway, to: &str, subject: &str) -> String {
    for _ in 0..100 {
        let mails = gateway.stack.outbox().mails();
        let newest = mails.iter().rev().find(|mail| mail.to == to && mail.subject.contains(subject));
        if let Some(line) = newest.and_then(|mail| mail.text.lines().find(|line| line.starts_with("http"))) {
            return path(gateway, line.trim()).to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no mail to {to} says {subject}");
}

/// Gives the account of a browser another address, with the code that comes there.
async fn moves(gateway: &Gateway, browser: &mut Browser, to: &str) {
    let asked = browser.submit(gateway, "/account/address", &[("email", to)]).await;
    assert_eq!(asked.status, 303, "{}", asked.text());
    let link = link_to(gateway, to, "confirm your new address").await;
    let changed = browser.submit(gateway, &link, &[]).await;
    assert_eq!((changed.status, changed.header("location")), (303, "/account/address-changed"), "{}", changed.text());
}

/// The thief has a way back of their own, and asks for another password at the address that they hold, before the owner acts.
#[tokio::test]
async fn whoever_moved_an_account_twice_has_no_word_after_its_owner() {
    let gateway = Gateway::start().await;
    let mut thief = logged_in(&gateway, ADA.name, ADA.password).await;
    moves(&gateway, &mut thief, "b@example.com").await;
    moves(&gateway, &mut thief, "c@example.com").await;
    let (mut owner, mut other) = (Browser::default(), Browser::default());
    let thiefs = link_to(&gateway, "b@example.com", "your address was changed").await;
    let asked = other.submit(&gateway, "/account/forgotten", &[("email", "c@example.com")]).await;
    assert_eq!(asked.status, 303);
    let reset = link_to(&gateway, "c@example.com", "set another password").await;
    let third = thief.submit(&gateway, "/account/address", &[("email", "d@example.com")]).await;
    assert_eq!(third.status, 303);
    let pending = link_to(&gateway, "d@example.com", "confirm your new address").await;

    let owners = link_to(&gateway, ADA.name, "your address was changed").await;
    assert_eq!(owner.submit(&gateway, &owners, &[("new_password", OTHER)]).await.status, 303);
    link_to_nobody(&gateway, "c@example.com", "your account has another address again").await;
    assert_eq!(other.get(&gateway, &thiefs).await.status, 400, "the thief's way back is closed");
    let set = other.submit(&gateway, &reset, &[("new_password", "a thief chooses this one")]).await;
    assert_eq!(set.status, 400, "a code of the address before sets no password");
    assert_eq!(owner.get(&gateway, &pending).await.status, 303, "nobody is logged in there");
    let mut owner = logged_in(&gateway, ADA.name, OTHER).await;
    assert_eq!(owner.get(&gateway, &pending).await.status, 400, "a change that was asked for before is over");
    gateway.try_login(DEMO_APP, ADA.name, OTHER).await.tokens();
}

async fn link_to_nobody(gateway: &Gateway, to: &str, subject: &str) {
    for _ in 0..100 {
        if gateway.stack.outbox().mails().iter().any(|mail| mail.to == to && mail.subject.contains(subject)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no mail to {to} says {subject}");
}

/// A code that no mail brings opens nothing, so that guesses are bounded by the mails.
#[tokio::test]
async fn a_code_that_no_mail_brings_is_for_nobody() {
    let gateway = Gateway::start().await;
    for _ in 0..9 {
        let asked = gateway.request("POST", "/account/api/v1/forgotten").json(&json!({ "email": ADA.name }));
        assert_eq!(gateway.response(asked).await.status, 202);
    }
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("Ada").user_id;
    let codes = gateway.dynamodb().scan().table_name("CodesTable").send().await.expect("a scan");
    let of_ada = |item: &std::collections::HashMap<_, aws_sdk_dynamodb::types::AttributeValue>| {
        item.get("user_id").and_then(|id| id.as_s().ok()).is_some_and(|id| *id == ada.as_str())
    };
    let of_ada = codes.items().iter().filter(|item| of_ada(item)).count();
    assert!(codes.items().len() == 9 && (1..=6).contains(&of_ada), "{of_ada} of {}", codes.items().len());
}

/// Nobody uses up the mails with which an owner sets another password.
#[tokio::test]
async fn mails_of_other_purposes_leave_the_reset_its_own() {
    let gateway = Gateway::start().await;
    let (mut browser, typed) = (Browser::default(), [("password", OTHER), ("profile_name", "Mallory")]);
    let form = [&[("email", "mallory@example.com")][..], &typed].concat();
    let verify = browser.submit(&gateway, "/account/sign-up", &form).await.header("location").to_owned();
    // The address in the cookie is the browser's own word.
    browser.replace_address_of_the_sign_up(ADA.name);
    for _ in 0..10 {
        assert_eq!(browser.submit(&gateway, &verify, &[("resend", "yes")]).await.status, 400);
    }
    for _ in 0..10 {
        let body = json!({ "email": ADA.name, "password": OTHER, "profile": { "name": "Mallory" } });
        let asked = gateway.request("POST", "/account/api/v1/sign-up").json(&body);
        assert_eq!(gateway.response(asked).await.status, 202);
    }
    let asked = gateway.request("POST", "/account/api/v1/forgotten").json(&json!({ "email": ADA.name }));
    assert_eq!(gateway.response(asked).await.status, 202);
    link_to(&gateway, ADA.name, "set another password").await;
}

/// A stranger whose address was typed by mistake gets no way into the account.
#[tokio::test]
async fn an_address_that_nobody_proved_is_not_taken_back() {
    let gateway = Gateway::start_with_config(|demo| {
        demo.replace("    connector: orders-login\n", "")
            .replace("  sign_up: true", "  sign_up: true\n  login_before_verification: true")
    })
    .await;
    let body = json!({ "email": "stranger@example.com", "password": OTHER, "profile": { "name": "Carla" } });
    let asked = gateway.request("POST", "/account/api/v1/sign-up").json(&body);
    assert_eq!(gateway.response(asked).await.status, 202);
    let mut carla = logged_in(&gateway, "stranger@example.com", OTHER).await;
    moves(&gateway, &mut carla, "carla@example.com").await;
    gateway.try_login(DEMO_APP, "carla@example.com", OTHER).await.tokens();
    // A mail that is asked for later has come: none is on its way any more.
    let asked = gateway.request("POST", "/account/api/v1/forgotten").json(&json!({ "email": BOB.name }));
    assert_eq!(gateway.response(asked).await.status, 202);
    link_to(&gateway, BOB.name, "set another password").await;
    let mails = gateway.stack.outbox().mails();
    assert!(!mails.iter().any(|mail| mail.to == "stranger@example.com" && mail.subject.contains("changed")));
}

/// A page of another site sends its form without the cookie: what this browser has open must go on.
#[tokio::test]
async fn a_form_of_another_site_leaves_the_browser_its_cookie() {
    let gateway = Gateway::start().await;
    let foreign = gateway.request("POST", "/account/log-in").header("origin", "https://evil.example");
    let response = gateway.response(foreign.form(&[("username", ADA.name)])).await;
    assert_eq!(response.status, 400);
    assert!(response.headers.get("set-cookie").is_none(), "{:?}", response.headers);
}

/// What began in this browser is marked, and stays when one logs out everywhere else.
#[tokio::test]
async fn logging_out_everywhere_else_keeps_what_began_in_this_browser() {
    let gateway = Gateway::start().await;
    let mut visitor = Visitor::of(&gateway);
    let here = visitor.tokens(DEMO_APP, "orders:read", ADA).await;
    let there = app_login(&gateway, ADA, "orders:read").await;
    let page = visitor.get("/account/sessions").await.text();
    let marked: Vec<_> = page.split("<li>").skip(1).map(|row| row.contains("this browser")).collect();
    assert_eq!(marked.iter().filter(|marked| **marked).count(), 1, "{page}");
    assert_eq!(marked.len(), 2, "{page}");
    assert_eq!(visitor.fill("/account/sessions", &[("end_others", "yes")]).await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &here.access).await.status, 200);
    assert_eq!(gateway.call("GET", "/orders", &there.access).await.status, 401);
}
