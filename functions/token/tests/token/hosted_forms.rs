//! What the login form shows and tells: a hint, an address that waits for its proof, a legacy system that does not answer.

use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_store::{CreateUser, User};
use tokio::net::TcpListener;

use crate::fixture::{Fixture, NOTES, PASSWORD};
use crate::hosted::{Browser, NATIVE, asking, native};

/// OpenID Connect Core §3.1.2.1. What an app sends is text on the page, and what somebody has typed there counts more.
#[tokio::test]
async fn a_login_hint_fills_in_the_user_name() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    for (hint, value) in [
        ("alice@example.com", "alice@example.com"),
        ("\"><script>alert(1)</script>", "&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"),
    ] {
        let query = asking("native", NATIVE, NOTES, &[("login_hint", hint)]);
        let page = browser.get("/oauth2/authorize", &query).await;
        assert!(page.text.contains(&format!(" value=\"{value}\"")), "{}", page.text);
        assert!(!page.text.contains("<script"), "{}", page.text);
        let again = browser.types(&query, "bob", "wrong").await;
        assert!(again.text.contains(" value=\"bob@example.com\"") && !again.text.contains(value), "{}", again.text);
    }
}

/// Whoever guesses at an account learns nothing of it.
#[tokio::test]
async fn that_an_address_waits_for_its_proof_is_told_to_who_knows_the_password() {
    let fixture = Fixture::new().await;
    let alice = fixture.db.store.users.by_email("alice@example.com").await.unwrap().unwrap();
    let (user_id, email) = (UserId::parse("u_nora").unwrap(), Address::parse("nora@example.com").unwrap());
    let nora = User { user_id, email, email_verified: false, ..alice };
    assert_eq!(fixture.db.store.users.create(&nora).await, Ok(CreateUser::Created));
    for (password, told) in
        [("wrong", "The address or the password is not right."), (PASSWORD, "Confirm your e-mail address first")]
    {
        let mut browser = Browser::new(&fixture);
        let page = browser.types(&native("vault:read"), "nora", password).await;
        assert!(page.status == 400 && page.text.contains(told), "{}", page.text);
        assert!(!browser.has_login() && fixture.legacy.logins() == 0, "{password}");
    }
}

#[tokio::test]
async fn a_legacy_system_that_does_not_answer_is_named_and_the_user_name_stays() {
    let fixture = Fixture::new().await;
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = fixture.authorize_with(|config| {
        let (_, rest) = config.split_once("login: { url: \"").unwrap();
        let answering = rest.split("/login\"").next().unwrap();
        let config = config.replace(answering, &format!("http://{}", silent.local_addr().unwrap()));
        config.replace("    login: { url", "    timeout: 1s\n    login: { url")
    });
    let mut browser = Browser::at(endpoint);
    let page = browser.types(&native("orders:read"), "alice", PASSWORD).await;
    assert!(page.status == 503 && page.text.contains("“Order System” cannot be reached"), "{}", page.text);
    assert!(page.text.contains(" value=\"alice@example.com\"") && !page.text.contains("pässwörd"), "{}", page.text);
    assert!(!browser.has_login());
    let scanned = fixture.db.client.scan().table_name(&fixture.db.tables.pending_sessions).send().await.unwrap();
    assert_eq!(scanned.items().len(), 0, "nothing waits");
}
