//! Ten minutes after the login, a change of password or address takes the current password again.

use gateway_domain::login_attempts::PAIR;

use crate::browser::{Browser, location};
use crate::fixture::{Fixture, OTHER, PASSWORD};

const ADA: &str = "ada@example.com";
/// The pages, the change on each, and where that leads.
const CHANGES: [(&str, (&str, &str), &str); 2] = [
    ("/account/password", ("new_password", OTHER), "/account/password-set"),
    ("/account/address", ("email", "new@example.com"), "/account/address/confirm"),
];

/// An owner who logged in this many seconds ago.
async fn logged_in(seconds: i64) -> (Fixture, Browser) {
    let fixture = Fixture::new().await;
    fixture.owner(ADA, true).await;
    let browser = Browser::of(&fixture, ADA).await;
    fixture.clock.set(seconds * 1_000);
    (fixture, browser)
}

#[tokio::test]
async fn a_fresh_login_changes_password_and_address_without_the_password() {
    for (path, change, next) in CHANGES {
        let (fixture, mut browser) = logged_in(590).await;
        assert!(!browser.get(&fixture, path).await.text.contains("current_password"), "{path}");
        let changed = browser.submit(&fixture, path, &[change]).await;
        assert!(changed.status == 303 && location(&changed).starts_with(next), "{path}: {}", changed.text);
    }
}

/// Checklist Z-29.
#[tokio::test]
async fn an_older_login_changes_them_with_the_right_password_alone() {
    for (path, change, next) in CHANGES {
        let (fixture, mut browser) = logged_in(601).await;
        assert!(browser.get(&fixture, path).await.text.contains("name=\"current_password\""), "{path}");
        for (typed, told) in [
            (vec![change], "Please fill this in."),
            (vec![change, ("current_password", "")], "Please fill this in."),
            (vec![change, ("current_password", OTHER)], "This is not the password of the account."),
        ] {
            let refused = browser.submit(&fixture, path, &typed).await;
            let at_field = format!("id=\"current_password-mistake\">{told}");
            assert!(refused.status == 400 && refused.text.contains(&at_field), "{path}: {}", refused.text);
        }
        assert_eq!(fixture.letters().await.len(), 0, "{path}: nothing has begun");
        let changed = browser.submit(&fixture, path, &[change, ("current_password", PASSWORD)]).await;
        assert!(changed.status == 303 && location(&changed).starts_with(next), "{path}: {}", changed.text);
    }
}

/// Whoever found the browser open guesses no more often than somebody at the login form.
#[tokio::test]
async fn a_wrong_current_password_counts_as_a_wrong_login() {
    for (path, change, _) in CHANGES {
        let (fixture, mut browser) = logged_in(601).await;
        let typed = [change, ("current_password", "a wrong password")];
        for _ in 0..=PAIR.free {
            assert_eq!(browser.submit(&fixture, path, &typed).await.status, 400, "{path}");
        }
        let right = browser.submit(&fixture, path, &[change, ("current_password", PASSWORD)]).await;
        assert_eq!(right.status, 429, "{path}: {}", right.text);
        assert!(right.header("Retry-After").parse::<u64>().is_ok(), "{path}: {right:?}");
        assert_eq!(Browser::default().logs_in(&fixture, ADA, PASSWORD).await.status, 429, "{path}");
    }
}
