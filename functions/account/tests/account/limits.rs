//! The mails that one source asks for, for whichever addresses, are bounded; and a source is told.

use gateway_domain::login_attempts::MAILS_FROM_SOURCE;
use serde_json::json;

use crate::browser::Browser;
use crate::fixture::{Fixture, PASSWORD};

impl Fixture {
    /// Asks for as many mails, each to another address, as one source may ask for at once: the free ones, and the first of those that
    /// have a pace.
    async fn asks_for_all_mails(&self) {
        for number in 0..=MAILS_FROM_SOURCE.free {
            let asked = self.json("POST", "forgotten", &json!({ "email": format!("{number}@example.com") })).await;
            assert_eq!(asked.status, 202, "{number}: {}", asked.text);
        }
    }
}

#[tokio::test]
async fn an_app_is_told_when_its_source_has_asked_for_too_many_mails() {
    let fixture = Fixture::new().await;
    fixture.asks_for_all_mails().await;
    let forgotten = json!({ "email": "another@example.com" });
    let sign_up = json!({ "email": "another@example.com", "password": PASSWORD });
    for (path, body) in [("forgotten", &forgotten), ("sign-up", &sign_up)] {
        let refused = fixture.json("POST", path, body).await;
        assert_eq!((refused.status, refused.header("Content-Type")), (429, "application/problem+json"), "{path}");
        let wait: u64 = refused.header("Retry-After").parse().unwrap();
        assert!((1..=MAILS_FROM_SOURCE.pace.as_u64()).contains(&wait), "{path}: {wait}");
    }
    assert!(fixture.letters().await.iter().all(|letter| letter.to.as_str() != "another@example.com"));
    fixture.clock.set(10_000);
    assert_eq!(fixture.json("POST", "forgotten", &forgotten).await.status, 202, "once it has waited");
}

#[tokio::test]
async fn a_page_tells_it_and_keeps_what_was_typed() {
    let fixture = Fixture::new().await;
    fixture.asks_for_all_mails().await;
    let email = ("email", "another@example.com");
    for (path, typed) in
        [("/account/forgotten", vec![email]), ("/account/sign-up", vec![email, ("password", PASSWORD)])]
    {
        let refused = Browser::default().submit(&fixture, path, &typed).await;
        assert!(refused.status == 429 && refused.text.contains("That was too often."), "{path}: {}", refused.text);
        assert!(refused.text.contains("value=\"another@example.com\""), "{path}: {}", refused.text);
        assert!(refused.header("Retry-After").parse::<u64>().is_ok(), "{path}: {refused:?}");
    }
}
