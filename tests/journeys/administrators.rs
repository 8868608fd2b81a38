//! Administrators on their pages: the second proof, users, apps, plans and the audit trail.

use gateway_domain::authenticator::Authenticator;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::role::Role;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_runtime::SystemClock;
use gateway_store::User;
use support::{ADA, BOB, DEMO_APP, Gateway, PARTNER_APP, Response};

use crate::accounts::Browser;

/// The pages, but those of one user or app.
const PAGES: [&str; 8] = [
    "/gateway/requests",
    "/gateway/users",
    "/gateway/apps",
    "/gateway/plans",
    "/gateway/usage",
    "/gateway/events",
    "/gateway/audit",
    "/gateway/audit.csv",
];

pub(crate) async fn user(gateway: &Gateway, name: &str) -> User {
    gateway.store().users.by_email(name).await.expect("a read").expect("a user")
}

pub(crate) async fn make_administrator(gateway: &Gateway, name: &str) -> UserId {
    let id = user(gateway, name).await.user_id;
    assert!(gateway.store().users.set_role(&id, Role::Administrator, true).await.expect("a write"));
    id
}

/// A browser in which somebody is logged in, led from this page.
pub(crate) async fn logged_in(gateway: &Gateway, of: support::User, page: &str) -> Browser {
    let mut browser = Browser::default();
    let asked = browser.get(gateway, page).await;
    assert_eq!(asked.status, 303, "{page}");
    let login = asked.header("location").to_owned();
    assert!(login.starts_with("/account/log-in?to="), "{login}");
    let done = browser.submit(gateway, &login, &[("username", of.name), ("password", of.password)]).await;
    assert_eq!((done.status, done.header("location")), (303, page), "{}", done.text());
    browser
}

/// The authenticator app of somebody who reads the key on the page.
fn app_of(page: &str) -> Authenticator {
    let key = page.split("<code>").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
    Authenticator::of(base32(key))
}

/// RFC 4648 §6, of 32 characters.
fn base32(key: &str) -> [u8; 20] {
    let mut bits = String::new();
    for letter in key.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).expect("base32");
        bits.push_str(&format!("{value:05b}"));
    }
    let byte = |at: usize| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).expect("bits");
    std::array::from_fn(byte)
}

/// The code of so many steps from now. One from before now could be too old by the time it arrives.
fn code(app: &Authenticator, steps: i64) -> String {
    app.code(Timestamp::from_secs(SystemClock.now().as_secs() + 30 * steps))
}

/// Sets an app up, and returns it with the browser.
pub(crate) async fn administrator(gateway: &Gateway, of: support::User) -> (Browser, Authenticator) {
    make_administrator(gateway, of.name).await;
    let mut browser = logged_in(gateway, of, "/gateway/users").await;
    let asked = browser.get(gateway, "/gateway/users").await;
    assert_eq!((asked.status, asked.header("location")), (303, "/gateway/second-factor?to=%2Fgateway%2Fusers"));
    let path = asked.header("location").to_owned();
    let page = browser.get(gateway, &path).await.text();
    assert!(page.contains("data:image/svg+xml;base64,"), "{page}");
    let app = app_of(&page);
    let done = set_up(gateway, &mut browser, &page, &path, &code(&app, 0)).await;
    assert_eq!((done.status, done.header("location")), (303, "/gateway/users"), "{}", done.text());
    (browser, app)
}

async fn set_up(gateway: &Gateway, browser: &mut Browser, page: &str, path: &str, code: &str) -> Response {
    let hidden = |name: &str| {
        let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a field");
        rest.split('"').next().expect("a value").to_owned()
    };
    let (token, salt) = (hidden("form_token"), hidden("salt"));
    let form = [("form_token", token.as_str()), ("salt", &salt), ("code", code)];
    browser.send(gateway, "POST", path, Some(&form)).await
}

/// Uses all that the pages do, for the test of the roles.
pub(crate) async fn use_administration(gateway: &Gateway) {
    let (mut browser, app) = administrator(gateway, ADA).await;
    // A use of the browser login is noted when it moves the end by a tenth.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    for page in PAGES {
        assert_eq!(browser.get(gateway, page).await.status, 200, "{page}");
    }
    let users = gateway.store().users.page(None, 100).await.expect("a scan").items;
    let other = users.iter().find(|user| user.email_verified && user.roles.is_empty()).expect("another user");
    let page = format!("/gateway/users/{}", other.user_id);
    assert_eq!(browser.submit(gateway, &page, &[("act", "grant")]).await.status, 303);
    let mut other = logged_in(gateway, ADA, "/gateway/apps").await;
    let done = other.submit(gateway, "/gateway/second-factor?to=/gateway/apps", &[("code", &code(&app, 1))]).await;
    assert_eq!(done.status, 303, "{}", done.text());
}

#[tokio::test]
async fn nobody_but_an_administrator_with_both_proofs_finds_a_page() {
    let gateway = Gateway::start().await;
    let bob = user(&gateway, BOB.name).await.user_id;
    let of_one = [
        format!("/gateway/users/{bob}"),
        format!("/gateway/apps/{DEMO_APP}"),
        format!("/gateway/apps/{DEMO_APP}/usage"),
    ];
    let pages: Vec<&str> = PAGES.into_iter().chain(of_one.iter().map(String::as_str)).collect();

    let mut nobody = Browser::default();
    for page in &pages {
        assert!(nobody.get(&gateway, page).await.header("location").starts_with("/account/log-in?to="), "{page}");
        let sent = nobody.send(&gateway, "POST", page, Some(&[("act", "disable")])).await;
        assert_eq!(sent.status, 400, "a form without a token: {page}");
    }
    // Who is logged in and no administrator learns nothing, not even where a second proof would be asked for.
    let mut person = logged_in(&gateway, BOB, "/gateway/users").await;
    for page in pages.iter().chain(&["/gateway/second-factor", "/gateway/nothing"]) {
        assert_eq!(person.get(&gateway, page).await.status, 404, "{page}");
    }
    // A password alone opens nothing.
    make_administrator(&gateway, ADA.name).await;
    let mut half = logged_in(&gateway, ADA, "/gateway/users").await;
    for page in &pages {
        let asked = half.get(&gateway, page).await;
        assert!(asked.header("location").starts_with("/gateway/second-factor?to="), "{page}: {}", asked.status);
    }
    let token = half.get(&gateway, "/gateway/second-factor").await.text();
    let token = token
        .split("name=\"form_token\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token")
        .to_owned();
    let form = [("form_token", token.as_str()), ("act", "disable")];
    let sent = half.send(&gateway, "POST", &of_one[0], Some(&form)).await;
    assert!(sent.header("location").starts_with("/gateway/second-factor"), "{}", sent.status);
    assert!(user(&gateway, BOB.name).await.enabled);

    let (mut both, _) = administrator(&gateway, ADA).await;
    for page in &pages {
        assert_eq!(both.get(&gateway, page).await.status, 200, "{page}");
    }
    // The role is asked for at each request.
    let ada = user(&gateway, ADA.name).await.user_id;
    gateway.store().users.set_role(&ada, Role::Administrator, false).await.expect("a write");
    assert_eq!(both.get(&gateway, "/gateway/users").await.status, 404);
}

#[tokio::test]
async fn a_code_proves_once_and_guesses_are_counted() {
    let gateway = Gateway::start().await;
    make_administrator(&gateway, ADA.name).await;
    let mut browser = logged_in(&gateway, ADA, "/gateway/users").await;
    let path = "/gateway/second-factor";
    let page = browser.get(&gateway, path).await.text();
    let app = app_of(&page);
    let wrong = set_up(&gateway, &mut browser, &page, path, "000000").await;
    assert_eq!((wrong.status, wrong.text().contains("aria-invalid")), (400, true));
    assert_eq!(app_of(&wrong.text()).key(), app.key(), "the picture that was scanned stays good");
    let used = code(&app, 0);
    assert_eq!(set_up(&gateway, &mut browser, &page, path, &used).await.status, 303);
    assert_eq!(set_up(&gateway, &mut browser, &page, path, &used).await.status, 400, "asked for, as it is set up");

    // The code that set it up is used; so is one before it.
    let mut second = logged_in(&gateway, ADA, "/gateway/users").await;
    assert_eq!(second.submit(&gateway, path, &[("code", &used)]).await.status, 400);
    let next = code(&app, 1);
    assert_eq!(second.submit(&gateway, path, &[("code", &next)]).await.status, 303);
    assert_eq!(second.get(&gateway, "/gateway/users").await.status, 200);
    let mut third = logged_in(&gateway, ADA, "/gateway/users").await;
    assert_eq!(
        third.submit(&gateway, path, &[("code", &next)]).await.status,
        400,
        "a code that was watched is no proof"
    );
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(third.submit(&gateway, path, &[("code", "123456")]).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");

    // Neither a login nor another password makes room for more guesses.
    let mut fourth = logged_in(&gateway, ADA, "/gateway/users").await;
    assert_eq!(fourth.submit(&gateway, path, &[("code", &code(&app, 1))]).await.status, 429);
    let passwords = gateway.store().users;
    let hash = user(&gateway, ADA.name).await.password.expect("a hash");
    let ada = user(&gateway, ADA.name).await.user_id;
    assert!(passwords.set_password(&ada, &hash).await.expect("a write"));
    let mut fifth = logged_in(&gateway, ADA, "/gateway/users").await;
    assert_eq!(fifth.submit(&gateway, path, &[("code", &code(&app, 1))]).await.status, 429);
    let mut second = fifth;

    // After a reset, what was proved before does not count.
    assert!(gateway.store().users.forget_second_factor(&ada).await.expect("a write"));
    let page = second.get(&gateway, path).await.text();
    assert_ne!(app_of(&page).key(), app.key());
    let anew = app_of(&page);
    assert_eq!(
        set_up(&gateway, &mut second, &page, path, &code(&anew, 0)).await.status,
        303,
        "an app of its own count"
    );
}

/// Of two who use one code at once, one has proved something; of two set-ups at once, one counts.
#[tokio::test]
async fn a_code_that_is_used_twice_at_once_proves_once() {
    let gateway = Gateway::start().await;
    make_administrator(&gateway, ADA.name).await;
    let path = "/gateway/second-factor";
    let mut browsers =
        [logged_in(&gateway, ADA, "/gateway/users").await, logged_in(&gateway, ADA, "/gateway/users").await];
    let mut apps = Vec::new();
    for browser in &mut browsers {
        let page = browser.get(&gateway, path).await.text();
        apps.push((app_of(&page), page));
    }
    let [one, other] = &mut browsers;
    let codes = [code(&apps[0].0, 0), code(&apps[1].0, 0)];
    let (first, second) = tokio::join!(
        set_up(&gateway, one, &apps[0].1, path, &codes[0]),
        set_up(&gateway, other, &apps[1].1, path, &codes[1]),
    );
    let done = |response: &Response| response.header("location") == "/gateway/users";
    assert_eq!(
        [&first, &second].into_iter().filter(|response| done(response)).count(),
        1,
        "{} {}",
        first.status,
        second.status
    );
    let app = if done(&first) { &apps[0].0 } else { &apps[1].0 };
    let (mut third, mut fourth) =
        (logged_in(&gateway, ADA, "/gateway/users").await, logged_in(&gateway, ADA, "/gateway/users").await);
    let next = code(app, 1);
    let typed = [("code", next.as_str())];
    let (third, fourth) = tokio::join!(third.submit(&gateway, path, &typed), fourth.submit(&gateway, path, &typed));
    let mut statuses = [third.status, fourth.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400]);
}

/// What gives lasting access asks for the code again after ten minutes.
#[tokio::test]
async fn an_old_proof_gives_no_lasting_access() {
    let gateway = Gateway::start().await;
    let (mut browser, _) = administrator(&gateway, ADA).await;
    let logins = gateway.store().browser_logins;
    let id = logins.ids().await.expect("a scan").pop().expect("a login");
    let login = logins.get(&id).await.expect("a read").expect("a login");
    let past = |at: Timestamp| at.saturating_sub(Seconds::new(601));
    let aged = gateway_store::BrowserLogin { second_factor_at: login.second_factor_at.map(past), ..login };
    logins.create(&aged).await.expect("a write");
    // The app is as old, so that the proof still counts.
    let mut ada = user(&gateway, ADA.name).await;
    let mut factor = ada.second_factor.take().expect("an app");
    factor.since = past(factor.since);
    assert!(gateway.store().users.set_second_factor(&ada, &factor).await.expect("a write"));
    let bob = user(&gateway, BOB.name).await.user_id;
    for (page, act) in [
        (format!("/gateway/users/{bob}"), "grant"),
        (format!("/gateway/users/{bob}"), "revoke"),
        (format!("/gateway/users/{bob}"), "reset-second-factor"),
        (format!("/gateway/apps/{PARTNER_APP}"), "rotate-secret"),
    ] {
        let asked = browser.submit(&gateway, &page, &[("act", act)]).await;
        assert!(asked.header("location").starts_with("/gateway/second-factor?to="), "{act}: {}", asked.status);
    }
    assert!(user(&gateway, BOB.name).await.roles.is_empty());
    assert_eq!(browser.submit(&gateway, &format!("/gateway/users/{bob}"), &[("act", "disable")]).await.status, 303);
}

/// Whoever has not proved an address does not administer, and a link leads to pages of the gateway alone.
#[tokio::test]
async fn an_unproved_address_administers_nothing_and_a_link_leads_nowhere_else() {
    let gateway = Gateway::start().await;
    let (mut browser, app) = administrator(&gateway, ADA).await;
    for to in [
        "//evil.example/",
        "https://evil.example/",
        "/gateway//evil.example",
        "/gateway/../account",
        "/account",
        "/gateway/users\\evil",
    ] {
        let to: String = to.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut other = Browser::default();
        let login = format!("/account/log-in?to={to}");
        let done = other.submit(&gateway, &login, &[("username", ADA.name), ("password", ADA.password)]).await;
        assert_eq!((done.status, done.header("location")), (303, "/account"), "{to}");
    }
    let mut other = logged_in(&gateway, ADA, "/gateway/users").await;
    let path = "/gateway/second-factor?to=%2F%2Fevil.example%2F";
    let done = other.submit(&gateway, path, &[("code", &code(&app, 1))]).await;
    assert_eq!((done.status, done.header("location")), (303, "/gateway/users"));

    let ada = user(&gateway, ADA.name).await.user_id;
    let update = gateway.dynamodb().update_item().table_name("UsersTable");
    let update = update.key("pk", aws_sdk_dynamodb::types::AttributeValue::S(format!("user#{ada}")));
    let update = update.update_expression("SET email_verified = :no");
    update
        .expression_attribute_values(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
        .send()
        .await
        .expect("a write");
    assert_eq!(browser.get(&gateway, "/gateway/users").await.status, 404);
}

/// Whoever finds a browser that has been logged in for a while sets up no app in it.
#[tokio::test]
async fn an_app_is_set_up_soon_after_the_password_alone() {
    let gateway = Gateway::start().await;
    make_administrator(&gateway, ADA.name).await;
    let mut browser = logged_in(&gateway, ADA, "/gateway/users").await;
    let logins = gateway.store().browser_logins;
    let id = logins.ids().await.expect("a scan").pop().expect("a login");
    let mut login = logins.get(&id).await.expect("a read").expect("a login");
    login.auth_time = Timestamp::from_secs(login.auth_time.as_secs()).saturating_sub(Seconds::new(601));
    logins.create(&login).await.expect("a write");
    let asked = browser.get(&gateway, "/gateway/second-factor").await;
    assert!(asked.header("location").starts_with("/account/log-in"), "{}", asked.status);
}

#[tokio::test]
async fn an_administrator_finds_a_user_ends_sessions_and_disables() {
    let gateway = Gateway::start().await;
    let (mut browser, _) = administrator(&gateway, ADA).await;
    let bob = user(&gateway, BOB.name).await.user_id;
    let ada = user(&gateway, ADA.name).await.user_id;
    let tokens = gateway.login(BOB).await;
    let found = browser.get(&gateway, "/gateway/users?q=BOB%40example.com").await.text();
    let listed = |id: &UserId| found.contains(&format!("/gateway/users/{id}\""));
    assert!(listed(&bob) && !listed(&ada), "{found}");
    let page = format!("/gateway/users/{bob}");
    let shown = browser.get(&gateway, &page).await.text();
    let sid = shown
        .split("name=\"end\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a session")
        .to_owned();
    assert_eq!(browser.submit(&gateway, &page, &[("end", &sid)]).await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    assert_eq!(browser.submit(&gateway, &page, &[("end", &sid)]).await.status, 303, "it has ended, as was wanted");

    let tokens = gateway.login(BOB).await;
    assert_eq!(browser.submit(&gateway, &page, &[("act", "disable")]).await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    assert_eq!(gateway.try_login(DEMO_APP, BOB.name, BOB.password).await.status, 400);
    assert_eq!(browser.submit(&gateway, &page, &[("act", "enable")]).await.status, 303);
    let tokens = gateway.login(BOB).await;
    assert_eq!(browser.submit(&gateway, &page, &[("act", "end-sessions")]).await.status, 303);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);

    assert_eq!(browser.submit(&gateway, &page, &[("act", "grant")]).await.status, 303);
    assert!(user(&gateway, BOB.name).await.roles.contains(&Role::Administrator));
    assert_eq!(browser.submit(&gateway, &page, &[("act", "revoke")]).await.status, 303);
    assert!(user(&gateway, BOB.name).await.roles.is_empty());
    // An app that was set up is reset by another administrator, who then sees the reset recorded.
    assert_eq!(browser.submit(&gateway, &page, &[("act", "grant")]).await.status, 303);
    let mut bobs = logged_in(&gateway, BOB, "/gateway/users").await;
    let setting = bobs.get(&gateway, "/gateway/second-factor").await.text();
    let app = app_of(&setting);
    assert_eq!(set_up(&gateway, &mut bobs, &setting, "/gateway/second-factor", &code(&app, 0)).await.status, 303);
    assert_eq!(bobs.get(&gateway, "/gateway/users").await.status, 200);
    assert_eq!(browser.submit(&gateway, &page, &[("act", "reset-second-factor")]).await.status, 303);
    assert_eq!(bobs.get(&gateway, "/gateway/users").await.status, 303, "what was proved with it does not count");
    assert_eq!(browser.submit(&gateway, &page, &[("act", "revoke")]).await.status, 303);
    let own = format!("/gateway/users/{ada}");
    for act in ["disable", "revoke", "reset-second-factor", "nothing"] {
        assert_eq!(browser.submit(&gateway, &own, &[("act", act)]).await.status, 404, "{act}");
    }
    let trail = browser.get(&gateway, "/gateway/audit?who=user").await.text();
    for act in
        ["users set-second-factor", "sessions end", "users disable", "users enable", "users grant", "users revoke"]
    {
        assert!(trail.contains(act), "{act}: {trail}");
    }
    let file = browser.get(&gateway, "/gateway/audit.csv?days=7&act=users%20disable").await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.text().lines().count(), 2, "{}", file.text());
    assert!(
        file.text().contains(&format!("\"user {ada}\",\"users disable\",\"user {bob}\",\"done\"")),
        "{}",
        file.text()
    );
}

#[tokio::test]
async fn an_administrator_changes_an_app_and_sees_a_secret_once() {
    let gateway = Gateway::start().await;
    let (mut browser, _) = administrator(&gateway, ADA).await;
    let page = format!("/gateway/apps/{PARTNER_APP}");
    let stored = async || {
        let id = ClientId::parse(PARTNER_APP).expect("an id");
        gateway.store().apps.get(&id).await.expect("a read").expect("an app")
    };
    let changed =
        browser.submit(&gateway, &page, &[("act", "change"), ("name", "Partner Ltd"), ("plan", "standard")]).await;
    assert_eq!((changed.status, stored().await.name.as_str()), (303, "Partner Ltd"));
    let wrong = browser.submit(&gateway, &page, &[("act", "change"), ("name", "caf\u{e9}"), ("plan", "gold")]).await;
    let text = wrong.text();
    assert_eq!(
        (wrong.status, text.contains("caf\u{e9}"), text.contains("href=\"#name\"")),
        (400, true, true),
        "{text}"
    );
    // What was changed since it was seen is not changed again unseen.
    let stale = [("act", "change"), ("name", "Other"), ("plan", "standard"), ("revision", "0")];
    assert_eq!(browser.submit(&gateway, &page, &stale).await.status, 409);

    for (act, apis) in [("unsubscribe echo", 1), ("close orders", 1)] {
        assert_eq!(browser.submit(&gateway, &page, &[("act", act)]).await.status, 303, "{act}");
        assert_eq!(stored().await.subscriptions.len(), apis, "{act}");
    }
    assert!(stored().await.subscriptions.values().all(|one| !one.enabled));
    assert_eq!(browser.submit(&gateway, &page, &[("act", "open orders")]).await.status, 303);
    assert_eq!(browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "echo")]).await.status, 303);
    assert_eq!(stored().await.subscriptions.len(), 2);

    let shown = browser.submit(&gateway, &page, &[("act", "rotate-secret")]).await.text();
    let secret = shown.split("<code>mgs_").nth(1).and_then(|rest| rest.split('<').next()).expect("a secret");
    let secret = format!("mgs_{secret}");
    assert!(!browser.get(&gateway, &page).await.text().contains("mgs_"));
    for known in [secret.as_str(), gateway.partner_secret()] {
        let request = gateway.request("POST", "/oauth2/token").basic_auth(PARTNER_APP, Some(known));
        assert_eq!(gateway.response(request.form(&[("grant_type", "client_credentials")])).await.status, 200);
    }
    assert_eq!(
        browser.submit(&gateway, &page, &[("act", "rotate-secret")]).await.status,
        400,
        "a third one would end the first"
    );
    assert_eq!(browser.submit(&gateway, &page, &[("act", "end-overlap")]).await.status, 303);
    assert_eq!(browser.submit(&gateway, &page, &[("act", "disable")]).await.status, 303);
    assert!(!stored().await.enabled);
    for act in ["nothing", "open nothing", "trust", "open ../orders"] {
        let status = browser.submit(&gateway, &page, &[("act", act)]).await.status;
        assert!([400, 404].contains(&status), "{act}: {status}");
    }
    // No field of any form does more than its button says.
    let greedy = [
        ("act", "enable"),
        ("trusted", "true"),
        ("plan", "gold"),
        ("scopes", "gateway:users:write"),
        ("kind", "public"),
    ];
    let before = stored().await;
    assert_eq!(browser.submit(&gateway, &page, &greedy).await.status, 303);
    let after = stored().await;
    assert_eq!(gateway_store::App { enabled: false, ..after }, before);
    let plans = browser.get(&gateway, "/gateway/plans").await.text();
    assert!(plans.contains(PARTNER_APP) && plans.contains("60 calls in any 60 s for each user"), "{plans}");
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let gateway = Gateway::start().await;
    let (mut browser, _) = administrator(&gateway, ADA).await;
    let bob = user(&gateway, BOB.name).await.user_id;
    let page = format!("/gateway/users/{bob}");
    let sent = browser.send(&gateway, "POST", &page, Some(&[("act", "disable"), ("form_token", "guessed")])).await;
    assert_eq!((sent.status, user(&gateway, BOB.name).await.enabled), (400, true));
}
