//! The consent: asked once, remembered, and of no use to anybody but who was asked.

use gateway_domain::ids::{ClientId, UserId};

use crate::fixture::{Fixture, NOTES, PASSWORD};
use crate::hosted::{Browser, asking, form_token, redemption, redirected};
use crate::request::Response;

const URI: &str = "https://third.example/cb?keep=1";

fn third(scope: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    asking("third", URI, scope, changes)
}

/// Logs alice in at `third` and returns the query of the consent page that follows.
async fn asked(browser: &mut Browser, scope: &str) -> Vec<(String, String)> {
    let query = third(scope, &[]);
    let page = browser.get("/oauth2/authorize", &query).await;
    // A browser that is logged in comes to the question without the form.
    let response = if page.status == 303 { page } else { browser.types_into(&page, &query, "alice", PASSWORD).await };
    question(&response)
}

/// The query of the consent page to which a response leads.
fn question(response: &Response) -> Vec<(String, String)> {
    let location = response.header("Location").unwrap();
    assert!(location.starts_with("/oauth2/consent?"), "{location}");
    redirected(response).into_iter().collect()
}

async fn answers(browser: &mut Browser, query: &[(String, String)], decision: &str) -> Response {
    let page = browser.get("/oauth2/consent", query).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let token = form_token(&page);
    browser.post("/oauth2/consent", query, &[("form_token", &token), ("decision", decision)]).await
}

async fn redeems(fixture: &Fixture, code: &str) -> u64 {
    fixture.send(redemption("third", code, &[("redirect_uri", URI)])).await.status
}

/// Checklist Z-39.
#[tokio::test]
async fn a_consent_is_asked_for_once_and_again_for_more() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = asked(&mut browser, "notes:read").await;
    let page = browser.get("/oauth2/consent", &query).await;
    assert!(page.text.contains("The third app") && page.text.contains("alice@example.com"), "{}", page.text);
    assert!(page.text.contains("third.example"), "where the user returns to");
    let code = redirected(&answers(&mut browser, &query, "allow").await)["code"].clone();
    assert_eq!(redeems(&fixture, &code).await, 200);

    let again = browser.get("/oauth2/authorize", &third("notes:read", &[])).await;
    assert!(redirected(&again).contains_key("code"), "remembered");
    let more = browser.get("/oauth2/authorize", &third(NOTES, &[])).await;
    assert!(more.header("Location").unwrap().starts_with("/oauth2/consent?"), "{more:?}");
    let asked_again = browser.get("/oauth2/authorize", &third("notes:read", &[("prompt", "consent")])).await;
    assert!(asked_again.header("Location").unwrap().starts_with("/oauth2/consent?"));
    let silently = browser.get("/oauth2/authorize", &third(NOTES, &[("prompt", "none")])).await;
    assert_eq!(redirected(&silently)["error"], "consent_required");
}

/// A refusal leaves nothing: no code, no consent, no session at a legacy system.
#[tokio::test]
async fn a_refused_consent_logs_out_of_the_legacy_systems() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = asked(&mut browser, "vault:read").await;
    let refused = answers(&mut browser, &query, "deny").await;
    assert!(refused.header("Location").unwrap().starts_with("https://third.example/cb?keep=1&error="));
    assert_eq!(redirected(&refused)["error"], "access_denied");
    assert_eq!(redirected(&refused)["state"], "s&t");
    assert_eq!(fixture.vault.ends(), 1);
    assert_eq!(browser.get("/oauth2/consent", &query).await.status, 400, "it was answered");
    let (alice, client) = (UserId::parse("u_alice").unwrap(), ClientId::parse("third").unwrap());
    assert_eq!(fixture.db.store.consents.get(&alice, &client).await.unwrap(), None);
}

/// The link of a consent page is worth nothing in another browser, and nothing twice.
#[tokio::test]
async fn a_consent_is_given_by_the_browser_that_logged_in_and_once() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = asked(&mut browser, "notes:read").await;
    let mut other = Browser::new(&fixture);
    assert_eq!(other.get("/oauth2/consent", &query).await.status, 400);
    other.types(&third("notes:read", &[]), "bob", PASSWORD).await;
    assert_eq!(other.get("/oauth2/consent", &query).await.status, 400, "nor in that of another user");
    let stray = browser.post("/oauth2/consent", &query, &[("form_token", "x"), ("decision", "allow")]).await;
    assert_eq!(stray.status, 200, "asked again");
    let page = browser.get("/oauth2/consent", &query).await;
    let token = form_token(&page);
    let fields = [("form_token", token.as_str()), ("decision", "allow")];
    let first = browser.post("/oauth2/consent", &query, &fields).await;
    assert!(redirected(&first).contains_key("code"));
    let again = redirected(&browser.post("/oauth2/consent", &query, &fields).await)["code"].clone();
    assert_eq!(redeems(&fixture, &redirected(&first)["code"]).await, 400, "a double click replaces the code");
    assert_eq!(redeems(&fixture, &again).await, 200);
    assert_eq!(browser.post("/oauth2/consent", &query, &fields).await.status, 400, "it was redeemed");
    assert_eq!(browser.get("/oauth2/consent", &[]).await.status, 400);
}

/// Two tabs do not disturb each other.
#[tokio::test]
async fn two_tabs_log_in_and_both_get_their_codes() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let (first, second) = (third("notes:read", &[]), third("notes:write", &[]));
    let pages = (browser.get("/oauth2/authorize", &first).await, browser.get("/oauth2/authorize", &second).await);
    let first = question(&browser.types_into(&pages.0, &first, "alice", PASSWORD).await);
    let second = question(&browser.types_into(&pages.1, &second, "alice", PASSWORD).await);
    for query in [first, second] {
        let code = redirected(&answers(&mut browser, &query, "allow").await)["code"].clone();
        assert_eq!(redeems(&fixture, &code).await, 200);
    }
}

/// Checklist Z-39: what may have changed between the question and the answer, and between the answer and the redemption, is read
/// again.
#[tokio::test]
async fn a_consent_that_was_taken_back_or_outlived_gives_nothing() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = asked(&mut browser, "notes:read").await;
    let code = redirected(&answers(&mut browser, &query, "allow").await)["code"].clone();
    let (alice, client) = (UserId::parse("u_alice").unwrap(), ClientId::parse("third").unwrap());
    fixture.db.store.consents.revoke(&alice, &client).await.unwrap();
    assert_eq!(redeems(&fixture, &code).await, 400);

    let query = asked(&mut browser, "notes:read").await;
    fixture.clock.forward(600);
    assert_eq!(browser.get("/oauth2/consent", &query).await.status, 400);
    let query = asked(&mut browser, "notes:read").await;
    fixture.db.store.users.change_credentials(&alice, None, true).await.unwrap();
    assert_eq!(browser.get("/oauth2/consent", &query).await.status, 400);
}

/// A question that was left open is none to whoever sits down at the browser next.
#[tokio::test]
async fn a_question_does_not_outlive_the_logout_of_its_user() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = asked(&mut browser, "notes:read").await;
    let token = form_token(&browser.get("/oauth2/logout", &[]).await);
    browser.post("/oauth2/logout", &[], &[("form_token", &token)]).await;
    assert_eq!(browser.get("/oauth2/consent", &query).await.status, 400);
    browser.types(&third("notes:read", &[]), "bob", PASSWORD).await;
    assert_eq!(browser.get("/oauth2/consent", &query).await.status, 400, "nor for who logs in then");
}

/// A trusted application is the company's own: its users are not asked.
#[tokio::test]
async fn a_trusted_application_is_not_asked_about() {
    let fixture = Fixture::new().await;
    let query = asking("web", "https://web.example/cb", NOTES, &[("prompt", "consent")]);
    assert!(Browser::new(&fixture).logs_in(&query).await.contains_key("code"));
}
