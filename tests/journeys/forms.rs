//! What pages say: in the language that was asked for, with all that is wrong, and with what was typed.

use serde_json::json;
use support::{ADA, DEMO_APP, Gateway, REDIRECT_URI, UNTRUSTED_APP, Visitor};

use crate::accounts::{Browser, OTHER};
use crate::mail::sent;
use crate::owners::logged_in;

/// The URL of a link with this beginning.
fn link(page: &str, begin: &str) -> String {
    let (_, rest) = page.split_once(&format!("href=\"{begin}")).unwrap_or_else(|| panic!("no {begin}: {page}"));
    format!("{begin}{}", rest.split('"').next().unwrap_or_default().replace("&#38;", "&"))
}

/// The language of a request is that of every page on its way, and of the mail, whatever the browser speaks.
#[tokio::test]
async fn a_language_that_an_app_asks_for_is_kept_on_the_whole_way() {
    let gateway = Gateway::start().await;
    let mut browser = Browser::default();
    let asking = Visitor::asking(UNTRUSTED_APP, "orders:read", &[("ui_locales", "fr de-AT en")]);
    let login = browser.get(&gateway, &asking).await.text();
    assert!(login.contains("<html lang=\"de\"") && login.contains("Anmelden"), "{login}");
    let sign_up = link(&login, "/account/sign-up");
    let typed = [("email", "dana@example.com"), ("password", OTHER), ("profile_name", "Dana")];
    let asked = browser.submit(&gateway, &sign_up, &typed).await;
    let verify = browser.get(&gateway, asked.header("location")).await.text();
    assert!(verify.contains("<html lang=\"de\""), "{verify}");
    let mail = sent(&gateway, "dana@example.com", 1).await.remove(0);
    assert!(mail.subject.contains("bestätigen") || mail.text.contains("Ihre"), "{}", mail.text);
    assert!(mail.text.contains("ui_locales=de"), "the page of its link speaks the same: {}", mail.text);
    let back = link(&browser.get(&gateway, &sign_up).await.text(), "/oauth2/authorize");
    let consent = browser.submit(&gateway, &back, &[("username", ADA.name), ("password", ADA.password)]).await;
    let consent = browser.get(&gateway, consent.header("location")).await.text();
    assert!(consent.contains("<html lang=\"de\"") && consent.contains("Ihre Bestellungen sehen"), "{consent}");
}

#[tokio::test]
async fn a_pushed_request_says_the_language_too() {
    let gateway = Gateway::start().await;
    let form = [
        ("client_id", DEMO_APP),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("scope", "orders:read"),
        ("ui_locales", "de"),
    ];
    let pushed = gateway.post_form("/oauth2/par", &form).await.json();
    let uri = pushed["request_uri"].as_str().expect("a request_uri");
    let mut visitor = Visitor::of(&gateway);
    let path = format!("/oauth2/authorize?client_id={DEMO_APP}&request_uri={uri}");
    let login = visitor.get(&path).await.text();
    assert!(login.contains("<html lang=\"de\""), "{login}");
    let wrong = visitor.fill(&path, &[("username", ADA.name), ("password", "x")]).await;
    assert!(wrong.status == 400 && wrong.text().contains("Passwort stimmt nicht"), "{}", wrong.text());
    let forgotten = visitor.get(&link(&login, "/account/forgotten")).await.text();
    assert!(forgotten.contains("<html lang=\"de\""), "{forgotten}");
}

#[tokio::test]
async fn a_consent_says_what_each_scope_allows() {
    let gateway = Gateway::start().await;
    for (language, texts) in [
        ("en", ["Recognise you when you come back", "See your profile", "See your e-mail address", "See your orders"]),
        ("de", ["Sie wiedererkennen", "Ihr Profil sehen", "Ihre E-Mail-Adresse sehen", "Ihre Bestellungen sehen"]),
    ] {
        let mut visitor = Visitor::of(&gateway);
        let asking = Visitor::asking("profile-app", "openid profile email orders:read", &[("ui_locales", language)]);
        let asked = visitor.fill(&asking, &[("username", ADA.name), ("password", ADA.password)]).await;
        let page = visitor.get(asked.header("location")).await.text();
        assert!(texts.iter().all(|text| page.contains(&format!("<li>{text}</li>"))), "{page}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_what_was_typed_stays() {
    let gateway = Gateway::start().await;
    let mut browser = Browser::default();
    let typed = [("email", "carla"), ("password", "short"), ("profile_birthday", "yesterday")];
    let refused = browser.submit(&gateway, "/account/sign-up", &typed).await;
    let page = refused.text();
    for field in ["email", "password", "profile_name", "profile_birthday"] {
        assert!(page.contains(&format!("id=\"{field}-mistake\"")), "{field}: {page}");
    }
    assert!(
        refused.status == 400 && page.contains("value=\"carla\"") && page.contains("value=\"yesterday\""),
        "{page}"
    );
    let body = json!({ "email": "carla", "password": "short", "profile": { "birthday": "yesterday" } });
    let told = gateway.response(gateway.request("POST", "/account/api/v1/sign-up").json(&body)).await.json();
    let fields: Vec<_> =
        told["errors"].as_array().expect("a list").iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(fields, ["email", "password", "name", "birthday"], "{told}");
    assert_eq!(told["field"], "email", "{told}");
}

#[tokio::test]
async fn a_form_with_a_repeated_or_endless_field_says_so_and_keeps_the_rest() {
    let gateway = Gateway::start().await;
    let long = "x".repeat(20_000);
    for (more, status) in [(("email", "other@example.com"), 400), (("profile_birthday", long.as_str()), 413)] {
        let typed = [("email", "carla@example.com"), ("password", OTHER), ("profile_name", "Carla"), more];
        let refused = Browser::default().submit(&gateway, "/account/sign-up", &typed).await;
        let page = refused.text();
        assert_eq!(refused.status, status, "{page}");
        assert!(page.contains("We could not read this"), "{page}");
        assert!(page.contains("value=\"carla@example.com\"") && page.contains("value=\"Carla\""), "{page}");
    }
    let twice = "{\"email\":\"carla@example.com\",\"password\":\"x\",\"profile\":{\"name\":\"a\",\"name\":\"b\"}}";
    let request = gateway.request("POST", "/account/api/v1/sign-up").header("content-type", "application/json");
    let refused = gateway.response(request.body(twice)).await;
    assert!(refused.status == 400 && refused.text().contains("duplicate field `name`"), "{}", refused.text());
}

/// Also where the login is that of an app.
#[tokio::test]
async fn a_login_form_that_cannot_be_read_keeps_the_user_name() {
    let gateway = Gateway::start().await;
    let path = Visitor::asking(DEMO_APP, "orders:read", &[]);
    let long = "x".repeat(20_000);
    for (password, more, status) in [(long.as_str(), None, 413), ("x", Some(("username", "other")), 400)] {
        let typed: Vec<_> = [("username", ADA.name), ("password", password)].into_iter().chain(more).collect();
        let refused = Visitor::of(&gateway).fill(&path, &typed).await;
        let page = refused.text();
        assert_eq!(refused.status, status, "{page}");
        assert!(page.contains("We could not read this") && page.contains(&format!("value=\"{}\"", ADA.name)), "{page}");
    }
}

#[tokio::test]
async fn a_list_whose_form_has_lapsed_says_that_nothing_was_done() {
    let gateway = Gateway::start().await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    for page in ["/account/sessions", "/account/apps"] {
        let form = [("form_token", "of another page"), ("end_others", "yes")];
        let refused = browser.send(&gateway, "POST", page, Some(&form)).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains("role=\"alert\""), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_change_of_password_says_which_systems_keep_theirs() {
    let gateway = Gateway::start_with_config(|demo| {
        assert!(demo.contains("password: ours"), "{demo}");
        demo.replace("password: ours", "password: separate\n    label: Old Orders")
    })
    .await;
    let mut browser = logged_in(&gateway, ADA.name, ADA.password).await;
    let page = browser.get(&gateway, "/account/password").await.text();
    assert!(page.contains("<strong>Old Orders</strong>"), "{page}");
}
