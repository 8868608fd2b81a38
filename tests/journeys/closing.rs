//! What owners end: their account, and what apps may do with it. It is felt at the next call, and at the legacy system.

use std::collections::BTreeSet;

use serde_json::json;
use support::{ADA, BOB, CATALOGUE, DEMO_APP, Gateway, Phone, Tokens, UNTRUSTED_APP, User, Visitor};

use crate::accounts::{OTHER, mailed};
use crate::owners::{app_login, logged_in, me, widen};

/// Waits until the legacy system has been told of the end of all but these of its sessions.
async fn legacy_system_has(gateway: &Gateway, sessions: u64) {
    let ended = || {
        let recorded = gateway.stack.legacy().recorded();
        let logouts = recorded.iter().filter(|request| request.target == "/logout");
        let cookies: BTreeSet<_> = logouts.map(|request| request.header("cookie")).collect();
        u64::try_from(cookies.len()).expect("a count")
    };
    for _ in 0..200 {
        if gateway.stack.legacy().logins() - ended() == sessions {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} sessions began at the legacy system, {} ended", gateway.stack.legacy().logins(), ended());
}

/// Nothing of a user works: neither the session that there was, nor a new login.
async fn nothing_works(gateway: &Gateway, user: User, tokens: &Tokens) {
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401, "at the next call");
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    assert_eq!(gateway.try_login(DEMO_APP, user.name, user.password).await.status, 400);
    let typed = [("username", user.name), ("password", user.password)];
    for page in ["/account/log-in".to_owned(), Visitor::asking(DEMO_APP, "orders:read", &[])] {
        let refused = Visitor::of(gateway).fill(&page, &typed).await;
        assert!(refused.status == 400 && refused.text().contains("is not right"), "{page}: {}", refused.text());
    }
}

/// Checklist Z-26.
#[tokio::test]
async fn who_disables_or_deletes_an_account_on_its_page_ends_it_everywhere() {
    let gateway = Gateway::start().await;
    for (user, page, next) in
        [(ADA, "/account/disable", "/account/disabled"), (BOB, "/account/delete", "/account/deleted")]
    {
        let phone = gateway.login(user).await;
        let mut browser = logged_in(&gateway, user.name, user.password).await;
        for typed in [vec![], vec![("current_password", OTHER)]] {
            let refused = browser.submit(&gateway, page, &typed).await;
            assert!(refused.status == 400 && refused.text().contains("current_password-mistake"), "{}", refused.text());
        }
        assert_eq!(gateway.call("GET", "/orders", &phone.access).await.status, 200, "{page}: nothing is done yet");
        let done = browser.submit(&gateway, page, &[("current_password", user.password)]).await;
        assert_eq!((done.status, done.header("location")), (303, next), "{}", done.text());
        assert_eq!(browser.get(&gateway, "/account").await.status, 303, "{page}: the browser is logged out");
        nothing_works(&gateway, user, &phone).await;
    }
    legacy_system_has(&gateway, 0).await;
    let left = async |user: User| gateway.store().users.by_email(user.name).await.expect("a read");
    assert!(left(ADA).await.is_some_and(|user| !user.enabled) && left(BOB).await.is_none());
}

#[tokio::test]
async fn who_disables_or_deletes_an_account_by_an_app_ends_it_everywhere() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    for (user, path) in [(ADA, "/disable"), (BOB, "/delete")] {
        let phone = app_login(&gateway, user, "account orders:read").await;
        let wrong = me(&gateway, &phone.access, "POST", path, Some(&json!({ "current_password": OTHER }))).await;
        assert_eq!((wrong.status, wrong.json()["field"].as_str()), (400, Some("current_password")), "{}", wrong.text());
        assert_eq!(gateway.call("GET", "/orders", &phone.access).await.status, 200, "{path}: nothing is done yet");
        let right = json!({ "current_password": user.password });
        assert_eq!(me(&gateway, &phone.access, "POST", path, Some(&right)).await.status, 204, "{path}");
        assert_eq!(me(&gateway, &phone.access, "GET", "", None).await.status, 401, "{path}");
        nothing_works(&gateway, user, &phone).await;
    }
    legacy_system_has(&gateway, 0).await;
    let left = async |user: User| gateway.store().users.by_email(user.name).await.expect("a read");
    assert!(left(ADA).await.is_some_and(|user| !user.enabled) && left(BOB).await.is_none());
}

/// Devices are the person's: with the account they are of no use any more.
#[tokio::test]
async fn who_closes_an_account_has_no_device_any_more() {
    let gateway = Gateway::start().await;
    let nobodys = Phone::registered(&gateway, DEMO_APP).await;
    for (user, page) in [(ADA, "/account/disable"), (BOB, "/account/delete")] {
        let phone = Phone::registered(&gateway, DEMO_APP).await;
        let access = phone.asks().await.tokens().access;
        assert_eq!(phone.log_in(user).await.status, 200);
        assert_eq!(gateway.call("GET", CATALOGUE, &access).await.status, 200, "{page}");
        let mut browser = logged_in(&gateway, user.name, user.password).await;
        assert_eq!(browser.submit(&gateway, page, &[("current_password", user.password)]).await.status, 303, "{page}");
        assert_eq!(gateway.call("GET", CATALOGUE, &access).await.status, 401, "{page}: at the next call");
        assert_eq!(phone.asks().await.json()["error"], "invalid_grant", "{page}");
    }
    assert_eq!(nobodys.asks().await.status, 200, "of nobody who left");
}

/// Checklist Z-39: by the page and by an app; the sessions of other apps go on.
#[tokio::test]
async fn a_consent_that_its_owner_takes_back_ends_the_sessions_of_the_app_and_is_asked_for_again() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let own = app_login(&gateway, ADA, "account orders:read").await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    for by_page in [true, false] {
        let mut visitor = Visitor::of(&gateway);
        let tokens = visitor.tokens(UNTRUSTED_APP, "orders:read", ADA).await;
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
        let apps = me(&gateway, &own.access, "GET", "/apps", None).await.json();
        let told = ["client_id", "app", "scope"].map(|name| apps["apps"][0][name].as_str().unwrap_or_default());
        assert_eq!(told, [UNTRUSTED_APP, "Untrusted App", "orders:read"], "{apps}");
        if by_page {
            assert_eq!(browser.submit(&gateway, "/account/apps", &[("revoke", UNTRUSTED_APP)]).await.status, 303);
        } else {
            let path = format!("/apps/{UNTRUSTED_APP}");
            assert_eq!(me(&gateway, &own.access, "DELETE", &path, None).await.status, 204);
        }
        assert_eq!(me(&gateway, &own.access, "GET", "/apps", None).await.json(), json!({ "apps": [] }));
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401, "at the next call");
        assert_eq!(gateway.try_refresh(UNTRUSTED_APP, &tokens.refresh).await.status, 400);
        let asked = [("username", ADA.name), ("password", ADA.password)];
        let again = visitor.fill(&Visitor::asking(UNTRUSTED_APP, "orders:read", &[]), &asked).await;
        assert!(again.header("location").starts_with("/oauth2/consent?"), "{}", again.header("location"));
        assert_eq!(visitor.fill(again.header("location"), &[("decision", "deny")]).await.status, 303);
        assert_eq!(gateway.call("GET", "/orders", &own.access).await.status, 200, "of another app");
    }
    legacy_system_has(&gateway, 1).await;
}

#[tokio::test]
async fn an_app_changes_the_address_of_its_user_by_the_code_of_the_mail() {
    const NEW: &str = "ada.new@example.com";
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let access = app_login(&gateway, ADA, "account").await.access;
    let ask = |password: &str| json!({ "email": NEW, "current_password": password });
    let wrong = me(&gateway, &access, "POST", "/address", Some(&ask(OTHER))).await;
    assert_eq!((wrong.status, wrong.json()["field"].as_str()), (400, Some("current_password")), "{}", wrong.text());
    let asked = me(&gateway, &access, "POST", "/address", Some(&ask(ADA.password))).await;
    assert_eq!((asked.status, asked.json()["expires_in"].as_u64()), (202, Some(3_600)), "{}", asked.text());
    let (code, _) = mailed(&gateway, NEW, 1).await;
    let confirm = |code: &str| json!({ "change": asked.json()["change"], "code": code });
    let other = if code == "0000 0000" { "11111111" } else { "00000000" };
    assert_eq!(me(&gateway, &access, "POST", "/address/confirm", Some(&confirm(other))).await.status, 400);
    assert_eq!(me(&gateway, &access, "GET", "", None).await.json()["email"], ADA.name, "nothing has changed yet");
    assert_eq!(me(&gateway, &access, "POST", "/address/confirm", Some(&confirm(&code))).await.status, 204);
    let now = me(&gateway, &access, "GET", "", None).await.json();
    assert_eq!((&now["email"], &now["email_verified"]), (&json!(NEW), &json!(true)));
    assert_eq!(me(&gateway, &access, "POST", "/address/confirm", Some(&confirm(&code))).await.status, 400, "used");
}

#[tokio::test]
async fn an_app_reads_all_that_is_known_of_its_user_and_no_secret() {
    let gateway = Gateway::start().await;
    widen(&gateway).await;
    let access = app_login(&gateway, ADA, "account").await.access;
    Visitor::of(&gateway).tokens(UNTRUSTED_APP, "orders:read", ADA).await;
    gateway.login(BOB).await;
    let data = me(&gateway, &access, "GET", "/data", None).await;
    assert_eq!((data.status, data.header("cache-control")), (200, "no-store"));
    let known = data.json();
    assert_eq!((&known["email"], &known["apps"][0]["client_id"]), (&json!(ADA.name), &json!(UNTRUSTED_APP)));
    let sessions = known["sessions"].as_array().expect("sessions").iter();
    let apps: BTreeSet<_> = sessions.filter_map(|own| own["client_id"].as_str()).collect();
    assert_eq!(apps, [DEMO_APP, UNTRUSTED_APP].into(), "{known}");
    for secret in ["argon2", "password", "LEGACYSESSID", "sealed", BOB.name] {
        assert!(!data.text().contains(secret), "{secret}: {}", data.text());
    }
}

/// A password that belongs to a legacy system is changed there: whoever wants to change it here is led there, if it says where.
#[tokio::test]
async fn a_password_of_a_legacy_system_is_changed_there() {
    const CHANGE: &str = "https://shop.example.com/password";
    for link in [Some(CHANGE), None] {
        let rule = link.map(|link| format!(", change_url: {link}")).unwrap_or_default();
        let gateway = Gateway::start_with_config(|demo| {
            let theirs = format!("    password: {{ whose: theirs{rule} }}\n");
            assert!(demo.contains("    password: ours\n"), "{demo}");
            let directory = "directory: { connector: orders-login }";
            demo.replace("sign_up: true", directory).replace("    password: ours\n", &theirs)
        })
        .await;
        widen(&gateway).await;
        let access = app_login(&gateway, ADA, "account").await.access;
        let change = json!({ "current_password": ADA.password, "new_password": OTHER });
        let refused = me(&gateway, &access, "POST", "/password", Some(&change)).await;
        assert_eq!((refused.status, refused.json()["link"].as_str()), (403, link), "{}", refused.text());
        let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
        for (page, status) in [("/account", 200), ("/account/password", 403)] {
            let shown = browser.get(&gateway, page).await;
            assert_eq!((shown.status, shown.text().contains(CHANGE)), (status, link.is_some()), "{}", shown.text());
            assert!(!shown.text().contains("href=\"/account/password\""), "{}", shown.text());
        }
        gateway.login(ADA).await;
    }
}
