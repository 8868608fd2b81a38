//! The challenge endpoint when an account has no attempts left: the app is led to a mail, which lets the owner in.

use gateway_authorize::AuthorizationEndpoint;
use gateway_credentials::AccountAttempts;
use gateway_domain::source::Source;
use serde_json::json;

use crate::challenge::{ALICE, App, PATH, asking, code, refused};
use crate::fixture::{Fixture, PASSWORD};
use crate::request::post;

const PHONE: &str = "192.0.2.77";

/// Uses up the attempts that these accounts have from strange sources.
async fn use_up(app: &App, names: &[&str]) {
    for number in 0..40 {
        for name in names {
            let username = format!("{name}@example.com");
            let guess = asking(&[("username", &username), ("password", "x")]);
            app.send(guess.from(&format!("203.0.113.{number}"))).await;
        }
    }
}

/// Abuse case G14; checklist G-04, Z-15.
#[tokio::test]
async fn an_app_is_led_to_the_mail_and_nobody_learns_who_exists() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let names = ["nobody", "alice", "dora"];
    use_up(&app, &names).await;
    let mut seen = Vec::new();
    for name in names {
        fixture.wire.since_last();
        let username = format!("{name}@example.com");
        let guess = asking(&[("username", &username), ("password", PASSWORD)]);
        let mut response = app.send(guess.from(PHONE)).await;
        assert!(response.body["auth_session"].take().as_str().is_some_and(|session| session.starts_with("mga_")));
        let wait: u64 = response.header("Retry-After").unwrap().parse().unwrap();
        seen.push((response.status, response.body, wait, fixture.wire.since_last()));
    }
    let (status, body, wait, operations) = &seen[0];
    assert_eq!((*status, &body["error"]), (403, &json!("insufficient_authorization")));
    assert_eq!(body["step"], "email_code");
    assert_eq!(body["email_code_endpoint"], "https://auth.example.com/account/api/v1/unlock");
    assert!(
        (1..=60).contains(wait) && operations.iter().all(|operation| operation.starts_with("GetItem ")),
        "{seen:?}"
    );
    assert!(seen[1] == seen[0] && seen[2] == seen[0], "{seen:?}");
    // Where no mails are sent, only time helps.
    let quiet = App(AuthorizationEndpoint { mails: false, ..fixture.authorize() });
    let response = quiet.send(asking(&ALICE).from(PHONE)).await;
    assert_eq!((refused(&response), response.body.get("step")), ((429, "too_many_requests"), None));
    assert!(response.header("Retry-After").is_some());
}

#[tokio::test]
async fn after_the_proof_the_app_goes_on_with_what_it_had() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    use_up(&app, &["alice"]).await;
    let told = app.send(asking(&ALICE).from(PHONE)).await;
    assert_eq!(told.body["step"], "email_code");
    let session = told.body["auth_session"].as_str().unwrap();
    let goes_on = |password| {
        let typed = [("auth_session", session), ("client_id", "first"), ALICE[0], ("password", password)];
        post(PATH, &typed).from(PHONE)
    };
    assert_eq!(app.send(goes_on(PASSWORD)).await.body["step"], "email_code", "without the proof");

    let alice = fixture.db.store.users.by_email("alice@example.com").await.unwrap().unwrap();
    let attempts = AccountAttempts::new(fixture.db.store.attempts.clone(), false);
    attempts.proved(&alice, &Source::of(Some(PHONE)), fixture.now()).await.unwrap();
    let stranger = app.send(goes_on(PASSWORD).from("192.0.2.78")).await;
    assert_eq!(stranger.body["step"], "email_code", "nobody else gets in");
    assert_eq!(app.send(goes_on("x")).await.body["mistake"], "wrong_login", "a proof is no password");
    code(&app.send(goes_on(PASSWORD)).await);
}
