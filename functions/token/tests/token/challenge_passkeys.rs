//! The challenge endpoint by a passkey: an app of the company has its system ask for one, without a page.

use serde_json::json;

use crate::challenge::{ALICE, App, PATH, code, redemption, refused};
use crate::fixture::{Fixture, NOTES};
use crate::hosted::VERIFIER;
use crate::passkeys::{endpoint, enrolled};
use crate::request::{Response, post};

fn app(fixture: &Fixture) -> App {
    App(endpoint(fixture))
}

fn mistake(response: &Response) -> &str {
    assert_eq!(refused(response), (403, "insufficient_authorization"));
    response.body["mistake"].as_str().unwrap_or_default()
}

/// Checklist F-01, F-04, F-16: what an authenticator is asked stands beside the fields.
#[tokio::test]
async fn a_passkey_in_place_of_the_fields_gives_a_code() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let app = app(&fixture);
    fixture.wire.since_last();
    let wanted = app.asks(&[]).await;
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"], "a challenge is stored nowhere");
    assert_eq!((refused(&wanted), &wanted.body["step"]), ((403, "insufficient_authorization"), &json!("password")));
    let options = &wanted.body["passkey"];
    assert_eq!(
        (&options["rpId"], &options["allowCredentials"], &options["userVerification"]),
        (&json!("example.com"), &json!([]), &json!("required"))
    );
    let response = alice.get(options).await;
    let given = app.goes_on(&wanted, &[("passkey", &response)]).await;
    let tokens = fixture.send(redemption("first", code(&given), Some(VERIFIER))).await.tokens();
    assert!(fixture.calls(&tokens.access).await);
    assert_eq!(fixture.session(&tokens.access).await.user_id.as_str(), "u_alice");
    // The fields go on as ever.
    code(&app.goes_on(&wanted, &ALICE).await);
}

#[tokio::test]
async fn without_passkeys_in_the_configuration_none_is_asked_for() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let with = app(&fixture).asks(&[]).await;
    let response = alice.get(&with.body["passkey"]).await;
    let without = App::of(&fixture);
    assert_eq!(without.asks(&[]).await.body.get("passkey"), None);
    assert_eq!(mistake(&without.goes_on(&with, &[("passkey", &response)]).await), "wrong_passkey");
}

/// Abuse case M4; checklist F-23: a challenge is of the session that it came with, and what is whole is a request of its own.
#[tokio::test]
async fn a_response_goes_with_the_session_of_its_options_alone() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let app = app(&fixture);
    let (one, other) = (app.asks(&[]).await, app.asks(&[]).await);
    let response = alice.get(&one.body["passkey"]).await;
    let passkey = [("passkey", response.as_str())];
    let again = app.goes_on(&other, &passkey).await;
    assert_eq!(mistake(&again), "wrong_passkey");
    let session = one.body["auth_session"].as_str().unwrap();
    assert_eq!(refused(&app.asks(&passkey).await), (400, "invalid_request"), "no session");
    let whole = [passkey[0], ("auth_session", session)];
    assert_eq!(refused(&app.asks(&whole).await), (400, "invalid_request"), "a request of its own");
    let of_other = [passkey[0], ("auth_session", session), ("client_id", "other-first")];
    assert_eq!(refused(&app.send(post(PATH, &of_other)).await), (400, "invalid_session"));
    code(&app.goes_on(&one, &passkey).await);
    // What was told with the mistake goes on.
    let response = alice.get(&again.body["passkey"]).await;
    code(&app.goes_on(&again, &[("passkey", &response)]).await);
}

/// Abuse case M2.
#[tokio::test]
async fn a_response_is_used_up_in_every_container() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let wanted = app(&fixture).asks(&[]).await;
    let response = alice.get(&wanted.body["passkey"]).await;
    let passkey = [("passkey", response.as_str())];
    code(&app(&fixture).goes_on(&wanted, &passkey).await);
    let again = app(&fixture).goes_on(&wanted, &passkey).await;
    assert_eq!(mistake(&again), "wrong_passkey");
    let response = alice.get(&again.body["passkey"]).await;
    code(&app(&fixture).goes_on(&again, &[("passkey", &response)]).await);
}

/// Abuse case M9: a passkey waits neither for junk nor for the wrong passwords of strangers.
#[tokio::test]
async fn an_owner_whom_strangers_lock_out_has_the_passkey() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let app = app(&fixture);
    let mut attempts = 0;
    let full = loop {
        let response = app.asks(&[("username", "alice@example.com"), ("password", "wrong")]).await;
        if response.body["step"] == "email_code" {
            break response;
        }
        attempts += 1;
        assert!(attempts < 100, "nobody waits");
    };
    let response = alice.get(&full.body["passkey"]).await;
    code(&app.goes_on(&full, &[("passkey", &response)]).await);
    let wanted = app.asks(&[]).await;
    for _ in 0..200 {
        assert_eq!(mistake(&app.goes_on(&wanted, &[("passkey", "{}")]).await), "wrong_passkey");
    }
    let full = app.goes_on(&wanted, &[("passkey", "{}")]).await;
    assert_eq!((mistake(&full), full.header("Retry-After")), ("wrong_passkey", None));
    let response = alice.get(&full.body["passkey"]).await;
    code(&app.goes_on(&full, &[("passkey", &response)]).await);
}

/// Checklist F-36: a page has its own form, and sends its users there.
#[tokio::test]
async fn no_page_sends_a_passkey_here() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let app = app(&fixture);
    let wanted = app.asks(&[("scope", NOTES)]).await;
    let response = alice.get(&wanted.body["passkey"]).await;
    let session = wanted.body["auth_session"].as_str().unwrap();
    let request = || post(PATH, &[("auth_session", session), ("passkey", response.as_str())]);
    let of_pages = [
        ("Origin", "https://app.example.com"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    for (name, value) in of_pages {
        let by_page = app.send(request().header(name, value)).await;
        assert_eq!(refused(&by_page), (400, "invalid_request"), "{name}: {value}");
    }
    code(&app.send(request().header("Sec-Fetch-Site", "none")).await);
}
