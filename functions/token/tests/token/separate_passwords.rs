//! Legacy systems with passwords of their own, and one whose password is also that of the gateway.

use gateway_domain::ids::UserId;
use gateway_domain::secret::Secret;
use serde_json::json;

use crate::container::hasher;
use crate::fixture::{CHEAP, Fixture, PASSWORD, send};
use crate::hosted::{Browser, CHALLENGE, form_token, native};
use crate::request::{Response, post};

/// The password that alice has at the gateway; at the legacy system it is another one.
const HERE: &str = "wobbly lantern cactus tuesday";

fn rule(config: &str, rule: &str) -> String {
    let connector = "  orders-login:\n    type: http_login\n";
    assert!(config.contains(connector));
    config.replace(connector, &format!("{connector}    password: {rule}\n"))
}

/// The same, with a connector that has the passwords.
fn theirs(config: &str, fields: &str) -> String {
    let config = rule(config, fields);
    assert!(config.contains("plans:"), "{config}");
    config.replacen("plans:", "accounts: { directory: { connector: orders-login } }\nplans:", 1)
}

fn separate(config: &str) -> String {
    rule(config, "separate")
}

/// alice, whose password here is no longer that of the legacy system.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let hash = hasher(CHEAP).hash(&Secret::new(HERE.to_owned()), [7; 16]).unwrap();
    let alice = UserId::parse("u_alice").unwrap();
    assert!(fixture.db.store.users.set_password(&alice, &hash).await.unwrap());
    fixture
}

#[tokio::test]
async fn the_password_grant_takes_the_other_password_as_a_parameter() {
    let fixture = fixture().await;
    let container = fixture.container_with(separate);
    let login = |more: &[(&'static str, &'static str)]| {
        let form = [
            ("grant_type", "password"),
            ("client_id", "pub1"),
            ("scope", "orders:read"),
            ("username", "alice@example.com"),
            ("password", HERE),
        ];
        post("/oauth2/token", &[&form[..], more].concat())
    };
    let refused = send(&container, login(&[])).await;
    assert_eq!(refused.refusal(), (400, "invalid_request"));
    assert!(refused.text.contains("password.orders-login"), "{}", refused.text);
    let wrong = send(&container, login(&[("password.orders-login", HERE)])).await;
    assert_eq!(wrong.refusal(), (400, "invalid_grant"), "the gateway's own is another one");
    assert_eq!(send(&container, login(&[("password.orders-login", PASSWORD)])).await.status, 200);
    // Without the rule the gateway's own password is what the legacy system gets.
    assert_eq!(send(&fixture.app, login(&[("password.orders-login", PASSWORD)])).await.refusal().0, 400);
}

#[tokio::test]
async fn the_login_form_asks_for_the_other_password_and_keeps_it_nowhere() {
    let fixture = fixture().await;
    let mut browser = Browser::at(fixture.authorize_with(separate));
    let query = native("orders:read");
    let page = browser.get("/oauth2/authorize", &query).await;
    assert!(
        page.text.contains("name=\"password.orders-login\"") && page.text.contains("Order System"),
        "{}",
        page.text
    );
    let typed = |token: &str, other: Option<&str>| {
        let own = [("form_token", token), ("username", "alice@example.com"), ("password", HERE)];
        let fields = own.into_iter().chain(other.map(|other| ("password.orders-login", other)));
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    for (other, status) in [(None, 400), (Some(HERE), 400), (Some(PASSWORD), 303)] {
        let page = browser.get("/oauth2/authorize", &query).await;
        let fields = typed(&form_token(&page), other);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let response = browser.post("/oauth2/authorize", &query, &fields).await;
        assert_eq!(response.status, status, "{other:?}: {}", response.text);
        assert!(!response.text.contains(HERE) && !response.text.contains("pässwörd"), "{}", response.text);
        assert_eq!(browser.has_login(), status == 303);
    }
    let other = browser.get("/oauth2/authorize", &native("notes:read")).await;
    assert!(!other.text.contains("password.orders-login"), "a login elsewhere asks for nothing more");
}

#[tokio::test]
async fn a_password_of_another_system_is_reset_there() {
    let fixture = fixture().await;
    let rule = "{ whose: theirs, reset_url: 'https://shop.example.com/reset' }";
    let mut browser = Browser::at(fixture.authorize_with(|config| theirs(config, rule)));
    let page = browser.get("/oauth2/authorize", &native("orders:read")).await;
    assert!(page.text.contains("href=\"https://shop.example.com/reset\""), "{}", page.text);
    assert!(!page.text.contains("/account/forgotten"), "{}", page.text);
}

#[tokio::test]
async fn an_app_is_told_of_the_other_password_by_the_name_of_its_system() {
    let fixture = fixture().await;
    let endpoint = fixture.authorize_with(separate);
    let asks = async |more: &[(&str, &str)]| {
        let form = [
            ("client_id", "first"),
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("scope", "orders:read"),
            ("username", "alice@example.com"),
            ("password", HERE),
        ];
        Response::of(&endpoint.handle(post("/oauth2/challenge", &[&form[..], more].concat()).rest()).await)
    };
    let wanted = asks(&[]).await;
    assert_eq!(wanted.refusal(), (403, "insufficient_authorization"));
    let field = json!({ "name": "password.orders-login", "system": "Order System", "required": true });
    assert_eq!((&wanted.body["fields"][2], wanted.body.get("mistake")), (&field, None));
    let wrong = asks(&[("password.orders-login", HERE)]).await;
    assert_eq!((&wrong.body["mistake"], &wrong.body["system"]), (&json!("refused_by"), &json!("Order System")));
    assert!(asks(&[("password.orders-login", PASSWORD)]).await.body["authorization_code"].is_string());
}
