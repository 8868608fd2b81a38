//! The login of the account pages: where it leads to, and whom it does not let in.

use crate::browser::{Browser, location};
use crate::fixture::{Fixture, OTHER, PASSWORD};

const ADA: &str = "ada@example.com";
const NEW: &str = "new@example.com";

/// The page that a login leads to is one of the gateway's own, whatever a link says.
#[tokio::test]
async fn a_login_leads_to_no_page_but_those_of_owners() {
    let fixture = Fixture::new().await;
    fixture.owner(ADA, true).await;
    for (to, leads) in [
        ("/account/sessions", "/account/sessions"),
        ("/account/devices", "/account/devices"),
        ("/account/address/confirm?id=a-b_c&token=d", "/account/address/confirm?id=a-b_c&token=d"),
        ("//evil.example", "/account"),
        ("https://evil.example", "/account"),
        ("https:evil.example", "/account"),
        ("/\\evil.example", "/account"),
        ("/account//evil.example", "/account"),
        ("/account/../evil", "/account"),
        ("/account@evil.example", "/account"),
        ("/account/sessions?x=…", "/account"),
        ("/account/sessions?x=//evil.example", "/account"),
        ("/account/sessions?x=%2F%2Fevil.example", "/account"),
        ("/account/sessions#x", "/account"),
        ("/account/sessions\r\nx: y", "/account"),
        ("%2F%2Fevil.example", "/account"),
        ("/%2Fevil.example", "/account"),
        ("/account/log-in", "/account"),
        ("/oauth2/logout", "/account"),
        ("", "/account"),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
        let typed = [("username", ADA), ("password", PASSWORD)];
        let done = Browser::default().submit(&fixture, &format!("/account/log-in?{query}"), &typed).await;
        assert_eq!((done.status, location(&done)), (303, leads), "{to}");
    }
    let twice = "/account/log-in?to=%2Faccount%2Fsessions&to=%2Faccount%2Fapps";
    let done = Browser::default().submit(&fixture, twice, &[("username", ADA), ("password", PASSWORD)]).await;
    assert_eq!(location(&done), "/account");
}

/// Whoever guesses at an account learns nothing of it.
#[tokio::test]
async fn that_an_address_waits_for_its_proof_is_told_to_who_knows_the_password() {
    let fixture = Fixture::new().await;
    let signed_up =
        Browser::default().submit(&fixture, "/account/sign-up", &[("email", NEW), ("password", PASSWORD)]).await;
    assert_eq!(signed_up.status, 303, "{}", signed_up.text);
    for (password, told) in
        [(OTHER, "The address or the password is not right."), (PASSWORD, "Confirm your e-mail address first")]
    {
        let mut browser = Browser::default();
        let refused = browser.logs_in(&fixture, NEW, password).await;
        assert!(refused.status == 400 && refused.text.contains(told), "{}", refused.text);
        assert_eq!(location(&browser.get(&fixture, "/account").await), "/account/log-in?to=%2Faccount");
    }
}

/// Abuse case C5; checklist M-02: neither links nor redirects nor the comparison of origins follow what a client says of the host.
#[tokio::test]
async fn pages_and_mails_do_not_follow_the_host_of_a_request() {
    let fixture = Fixture::new().await;
    fixture.owner(ADA, true).await;
    let lies = vec![
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example"),
    ];
    let mut browser = Browser::default();
    browser.headers = lies;
    let mut all = vec![browser.get(&fixture, "/account/sessions").await];
    all.push(browser.submit(&fixture, "/account/forgotten", &[("email", ADA)]).await);
    all.push(browser.submit(&fixture, "/account/sign-up", &[("email", NEW), ("password", PASSWORD)]).await);
    for path in ["/account/verified", "/account/log-in", "/account/sign-up"] {
        all.push(browser.get(&fixture, path).await);
    }
    for response in &all {
        assert!([200, 303].contains(&response.status) && !format!("{response:?}").contains("evil"), "{response:?}");
        assert!(response.status == 200 || response.header("Location").starts_with("/v1/account/"), "{response:?}");
        assert!(response.cookies.iter().all(|cookie| !cookie.contains("Domain") && cookie.contains("; Secure")));
    }
    let letters = fixture.letters().await;
    assert_eq!(letters.len(), 2);
    for letter in letters {
        let text = serde_json::to_string(&letter).unwrap();
        assert!(text.contains("https://auth.example.com/v1/account/") && !text.contains("evil"), "{text}");
    }
    // A form of the site that the client calls itself is one of another site.
    browser.headers.push(("origin", "https://evil.example"));
    assert_eq!(browser.submit(&fixture, "/account/forgotten", &[("email", ADA)]).await.status, 400);
    browser.headers.retain(|(name, _)| *name != "origin");
    browser.headers.push(("origin", "https://auth.example.com"));
    assert_eq!(browser.submit(&fixture, "/account/forgotten", &[("email", ADA)]).await.status, 303);
}
