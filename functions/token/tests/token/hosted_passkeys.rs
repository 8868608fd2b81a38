//! The login form by a passkey: whom it logs in, whom it does not, and what it tells.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use gateway_domain::ids::UserId;
use gateway_store::{ChangeUser, User};
use serde_json::json;

use crate::challenge::{App, code};
use crate::directory::directory;
use crate::fixture::{Fixture, NOTES, PASSWORD, password_login};
use crate::hosted::{Browser, asking, form_token, native, redemption, redirected};
use crate::passkeys::{
    Open, alike, asked, authenticator, changed, endpoint, enrol, enrolled, enrolment, in_options, login_challenge,
    logs_in, with_passkeys,
};
use crate::request::{Response, decoded};

const WRONG: &str = "The passkey was not accepted.";

/// Checklist G-20: without a username and a password, and with none anywhere.
#[tokio::test]
async fn a_passkey_on_the_page_gives_a_code_and_the_code_gives_tokens() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let mut open = Open::new(&fixture, NOTES).await;
    let policy = open.page.header("Content-Security-Policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(open.page.text.contains("autocomplete=\"username webauthn\""), "{}", open.page.text);
    let response = open.signs(&mut alice).await;
    assert!(response.header("Location").unwrap().starts_with("com.example.app:/cb?code=mgc_"), "{response:?}");
    assert!(open.browser.has_login());
    let tokens = fixture.send(redemption("native", &redirected(&response)["code"], &[])).await.tokens();
    assert!(fixture.calls(&tokens.access).await);
    let session = fixture.session(&tokens.access).await;
    assert_eq!((session.user_id.as_str(), session.auth_time), ("u_alice", Some(fixture.now())));
    assert_eq!(fixture.refresh("native", &tokens.refresh).await.status, 200);
    assert_eq!(fixture.legacy.logins(), 0, "no legacy system is asked");
    let stored = fixture.db.store.users.passkeys(&session.user_id).await.unwrap();
    assert_eq!(stored[0].used_at, Some(fixture.now()));
}

/// An ID token tells by what its user logged in, also after a refresh, and where the browser was logged in already.
#[tokio::test]
async fn an_id_token_tells_of_the_passkey() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let query = asking("oidc-native", "com.example.oidc:/cb", "openid notes:read", &[]);
    let mut open = Open::of(Browser::at(endpoint(&fixture)), query.clone()).await;
    let code = redirected(&open.signs(&mut alice).await)["code"].clone();
    let uri = [("redirect_uri", "com.example.oidc:/cb")];
    let told = |response: &Response| {
        let claims = decoded(response.body["id_token"].as_str().unwrap()).1;
        (claims["acr"].clone(), claims["amr"].clone())
    };
    let by_passkey = (json!("phr"), json!(["pop", "user"]));
    let redeemed = fixture.send(redemption("oidc-native", &code, &uri)).await;
    assert_eq!(told(&redeemed), by_passkey);
    let refreshed = fixture.refresh("oidc-native", &redeemed.tokens().refresh).await;
    assert_eq!(told(&refreshed), by_passkey);
    // A private-use scheme is asked about where nothing was typed.
    let consent = open.browser.get("/oauth2/authorize", &query).await;
    let asked: Vec<_> = redirected(&consent).into_iter().collect();
    let page = open.browser.get("/oauth2/consent", &asked).await;
    let token = form_token(&page);
    let given = open.browser.post("/oauth2/consent", &asked, &[("form_token", &token), ("decision", "allow")]).await;
    let code = redirected(&given)["code"].clone();
    assert_eq!(told(&fixture.send(redemption("oidc-native", &code, &uri)).await), by_passkey);
    let mut by_password = Browser::at(endpoint(&fixture));
    let code = by_password.logs_in(&query).await["code"].clone();
    let typed = told(&fixture.send(redemption("oidc-native", &code, &uri)).await);
    assert_eq!(typed.1, json!(["pwd"]), "the harmless twin");
}

/// Whoever has no passkey finds the form as it was.
#[tokio::test]
async fn without_passkeys_in_the_configuration_nothing_asks_for_one_or_takes_one() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let with = Open::new(&fixture, NOTES).await;
    let response = alice.get(&with.options()).await;
    let mut without = Open::of(Browser::at(fixture.authorize()), native(NOTES)).await;
    assert_eq!(asked(&without.page), None);
    assert!(!without.page.header("Content-Security-Policy").unwrap().contains("script-src"));
    let page = without.sends(&response).await;
    assert!(page.status == 400 && page.text.contains(WRONG) && !without.browser.has_login(), "{}", page.text);
    let token = form_token(&with.page);
    let typed = [("form_token", token.as_str()), ("username", "alice@example.com"), ("password", PASSWORD)];
    let Open { mut browser, query, .. } = with;
    assert_eq!(browser.post("/oauth2/authorize", &query, &typed).await.status, 303, "the password works as ever");
}

/// Abuse case M1: it logs in whose it is, whatever the response says beside the signature.
#[tokio::test]
async fn the_passkey_of_another_person_logs_in_that_person_alone() {
    let fixture = Fixture::new().await;
    let mut bob = enrolled(&fixture, "bob").await;
    let alices = enrol(&fixture, "alice", &mut authenticator()).await;
    let handle = URL_SAFE_NO_PAD.encode("u_alice");
    for other in [false, true] {
        let mut open = Open::new(&fixture, NOTES).await;
        let response = changed(&bob.get(&open.options()).await, "/response/userHandle", |_| handle.clone());
        let response = if other { changed(&response, "/rawId", |_| alices.id.to_string()) } else { response };
        let page = open.sends(&response).await;
        assert!(page.status == 400 && page.text.contains(WRONG) && !open.browser.has_login(), "{}", page.text);
    }
    let mut open = Open::new(&fixture, NOTES).await;
    let code = redirected(&open.signs(&mut bob).await)["code"].clone();
    let tokens = fixture.send(redemption("native", &code, &[])).await.tokens();
    assert_eq!(fixture.session(&tokens.access).await.user_id.as_str(), "u_bob", "the harmless twin");
}

/// Abuse case M2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_logs_in_once_whichever_container_gets_it() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let open = Open::new(&fixture, NOTES).await;
    let response = alice.get(&open.options()).await;
    let sent = (0..3).map(|_| {
        let (browser, query, page) =
            (open.browser.elsewhere(endpoint(&fixture)), open.query.clone(), open.page.clone());
        let (mut again, response) = (Open { browser, query, page }, response.clone());
        async move { again.sends(&response).await.status }
    });
    let mut statuses = join_all(sent).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400]);
    let mut again = open;
    assert_eq!(again.sends(&response).await.status, 400);
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303, "another signature");
}

/// Abuse case M3.
#[tokio::test]
async fn a_response_for_another_site_logs_nobody_in() {
    let fixture = Fixture::new().await;
    let alice = enrolled(&fixture, "alice").await;
    for (origin, domain) in [
        ("https://evil.example", "evil.example"),
        ("https://auth.example.com.evil.example", "evil.example"),
        ("https://shop.example.com", "example.com"),
        ("https://auth.example.com:8443", "example.com"),
        ("https://auth.example.com", "auth.example.com"),
    ] {
        let mut open = Open::new(&fixture, NOTES).await;
        let response = alice.at(origin).get_with(&open.options(), &json!({ "rpId": domain })).await;
        assert_eq!(open.sends(&response).await.status, 400, "{origin} {domain}");
        assert!(!open.browser.has_login());
    }
    assert_eq!(logs_in(&fixture, NOTES, &mut alice.clone()).await, 303, "the harmless twin");
}

fn with_apps(config: &str) -> String {
    let all =
        "relying_party: example.com, apple_apps: [ABCDE12345.com.example.app], origins: ['https://shop.example.com']";
    with_passkeys(config).replacen("relying_party: example.com", all, 1)
}

/// Abuse case M3: an app on an Apple system signs for the domain itself, and so does every page at it; the form takes its own page alone.
#[tokio::test]
async fn what_an_app_may_sign_for_the_form_does_not_take() {
    let fixture = Fixture::new().await;
    let alice = enrolled(&fixture, "alice").await;
    for origin in ["https://example.com", "https://shop.example.com"] {
        let mut open = Open::of(Browser::at(fixture.authorize_with(with_apps)), native(NOTES)).await;
        let response = alice.at(origin).get(&open.options()).await;
        let page = open.sends(&response).await;
        assert!(page.status == 400 && page.text.contains(WRONG) && !open.browser.has_login(), "{origin}");
        assert_eq!(open.signs(&mut alice.clone()).await.status, 303, "the harmless twin");
        let app = App(fixture.authorize_with(with_apps));
        let wanted = app.asks(&[]).await;
        let response = alice.at(origin).get(&wanted.body["passkey"]).await;
        code(&app.goes_on(&wanted, &[("passkey", &response)]).await);
    }
}

/// Abuse case M4: neither the challenge of an enrolment, nor one of another browser, nor one that has lapsed.
#[tokio::test]
async fn a_challenge_is_good_for_what_it_was_given_out_for() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let of_enrolment = enrolment(&fixture, &UserId::parse("u_alice").unwrap());
    let of_another = Open::new(&fixture, NOTES).await.options();
    let of_nobody = login_challenge(&fixture, "");
    for challenge in [in_options(&of_enrolment), of_another, in_options(&of_nobody)] {
        let mut open = Open::new(&fixture, NOTES).await;
        let challenge = json!({ "challenge": challenge["challenge"] });
        let response = alice.get_with(&open.options(), &challenge).await;
        assert_eq!(open.sends(&response).await.status, 400, "{challenge}");
        assert_eq!(open.signs(&mut alice).await.status, 303, "the harmless twin");
    }
    let mut late = Open::new(&fixture, NOTES).await;
    let response = alice.get(&late.options()).await;
    fixture.clock.forward(300);
    fixture.wire.since_last();
    let page = late.sends(&response).await;
    assert!(page.status == 400 && page.text.contains(WRONG), "{}", page.text);
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"], "a page that lay open is no guess");
    let response = alice.get(&asked(&page).unwrap()).await;
    assert_eq!(late.sends(&response).await.status, 303, "the page that tells it has another challenge");
}

/// Abuse case M5: a copy is found out when the second of the two signs.
#[tokio::test]
async fn a_counter_that_goes_back_logs_nobody_in() {
    let fixture = Fixture::new().await;
    let mut alice = authenticator().counting();
    enrol(&fixture, "alice", &mut alice).await;
    let mut copy = alice.clone();
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303);
    assert_eq!(logs_in(&fixture, NOTES, &mut copy).await, 400, "it counts as the other one did");
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303);
    let stored = fixture.db.store.users.passkeys(&UserId::parse("u_alice").unwrap()).await.unwrap();
    assert!(stored[0].sign_count > 0, "{stored:?}");
}

/// Abuse case M6: who is unknown, without that passkey, disabled, or did not sign is told the same and costs the same.
#[tokio::test]
async fn nothing_tells_who_has_a_passkey() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let mut bob = enrolled(&fixture, "bob").await;
    fixture.db.store.users.change_credentials(&UserId::parse("u_bob").unwrap(), None, false).await.unwrap();
    let unknown = URL_SAFE_NO_PAD.encode("u_nobody");
    let mut seen = BTreeSet::new();
    let mut options = BTreeSet::new();
    for case in ["unknown user", "unknown passkey", "disabled", "wrong signature"] {
        let mut open = Open::new(&fixture, NOTES).await;
        let asked = open.options();
        options.insert(json!({ "rpId": asked["rpId"], "allowCredentials": asked["allowCredentials"] }).to_string());
        let signed = if case == "disabled" { bob.get(&asked).await } else { alice.get(&asked).await };
        let response = match case {
            "unknown user" => changed(&signed, "/response/userHandle", |_| unknown.clone()),
            "unknown passkey" => changed(&signed, "/rawId", |_| "AAAA".to_owned()),
            "wrong signature" => changed(&signed, "/response/authenticatorData", |data| {
                let mut bytes = URL_SAFE_NO_PAD.decode(data).unwrap();
                // A flag that nothing looks at.
                bytes[32] ^= 0x02;
                URL_SAFE_NO_PAD.encode(bytes)
            }),
            _ => signed,
        };
        fixture.wire.since_last();
        let page = open.sends(&response).await;
        assert!(page.text.contains(WRONG) && !open.browser.has_login(), "{case}: {}", page.text);
        seen.insert((page.status, alike(&page), fixture.wire.since_last()));
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(options.len(), 1, "{options:?}");
    let (status, _, operations) = seen.pop_first().unwrap();
    let expected =
        ["GetItem Apps", "GetItem Users", "GetItem Users", "GetItem LoginAttempts", "UpdateItem LoginAttempts"];
    assert_eq!((status, operations), (400, expected.map(str::to_owned).into()));
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303, "the harmless twin");
}

/// Abuse case M7: neither the passkey nor what began with it goes on.
#[tokio::test]
async fn a_passkey_that_was_removed_logs_nobody_in() {
    let fixture = Fixture::new().await;
    let (mut lost, mut kept) = (authenticator(), authenticator());
    let passkey = enrol(&fixture, "alice", &mut lost).await;
    enrol(&fixture, "alice", &mut kept).await;
    let begun = redirected(&Open::new(&fixture, NOTES).await.signs(&mut lost).await)["code"].clone();
    let pending = redirected(&Open::new(&fixture, NOTES).await.signs(&mut lost).await)["code"].clone();
    let tokens = fixture.send(redemption("native", &begun, &[])).await.tokens();
    let alice = UserId::parse("u_alice").unwrap();
    let removed = fixture.db.store.users.remove_passkey((&alice, 1), &passkey.id).await;
    assert_eq!(removed, Ok(ChangeUser::Done));
    assert_eq!(logs_in(&fixture, NOTES, &mut lost).await, 400);
    assert_eq!(fixture.send(redemption("native", &pending, &[])).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.refresh("native", &tokens.refresh).await.refusal(), (400, "invalid_grant"));
    assert_eq!(logs_in(&fixture, NOTES, &mut kept).await, 303, "the other one");
}

/// Abuse case M8: whoever holds the phone of somebody is not that person.
#[tokio::test]
async fn without_user_verification_nobody_logs_in() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let mut open = Open::new(&fixture, NOTES).await;
    let response = alice.get_with(&open.options(), &json!({ "userVerification": "discouraged" })).await;
    assert_eq!(open.sends(&response).await.status, 400);
    assert_eq!(open.signs(&mut alice).await.status, 303, "the harmless twin");
}

/// Abuse case M9: junk is counted, and nobody waits for it: neither its source nor the owner, by passkey or password.
#[tokio::test]
async fn junk_is_counted_and_locks_nobody_out() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let mut open = Open::new(&fixture, NOTES).await;
    fixture.wire.since_last();
    open.sends("{}").await;
    let asked = fixture.wire.since_last();
    assert!(asked.iter().any(|one| one == "UpdateItem LoginAttempts"), "{asked:?}");
    for attempt in 2..=201 {
        let page = open.sends("{}").await;
        assert_eq!((page.status, page.header("Retry-After")), (400, None), "{attempt}: {}", page.text);
        assert!(page.text.contains(WRONG) && !page.text.contains("/account/unlock"), "{}", page.text);
    }
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303, "from the same source");
    assert_eq!(fixture.send(password_login("alice", "pub1", PASSWORD)).await.status, 200);
}

/// A right passkey empties no counter of passwords: otherwise a stranger with an account could guess without end.
#[tokio::test]
async fn a_passkey_takes_no_wrong_password_back() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let mut attempts = 0;
    while fixture.send(password_login("alice", "pub1", "wrong")).await.status != 429 {
        attempts += 1;
        assert!(attempts < 100, "nobody waits");
    }
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303, "nor does it wait for them");
    assert_eq!(fixture.send(password_login("alice", "pub1", "wrong")).await.status, 429);
}

/// The form belongs to the browser that it was made for, as with a password.
#[tokio::test]
async fn a_form_of_another_browser_takes_no_passkey() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let mut open = Open::new(&fixture, NOTES).await;
    let response = alice.get(&open.options()).await;
    let foreign = form_token(&Open::new(&fixture, NOTES).await.page);
    for token in ["", &foreign] {
        let fields = [("form_token", token), ("passkey", response.as_str())];
        let page = open.browser.post("/oauth2/authorize", &open.query, &fields).await;
        assert!(page.status == 400 && !open.browser.has_login(), "{}", page.text);
    }
    assert_eq!(open.sends(&response).await.status, 303, "it was not spent");
}

#[tokio::test]
async fn what_a_password_does_not_skip_a_passkey_does_not_either() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    // The consent.
    let third = asking("third", "https://third.example/cb?keep=1", NOTES, &[]);
    let mut open = Open::of(Browser::at(endpoint(&fixture)), third).await;
    let consent = open.signs(&mut alice).await;
    assert!(consent.header("Location").unwrap().starts_with("/oauth2/consent?login="), "{consent:?}");
    // A legacy system that checks a password is not logged in to, which `step_up.rs` goes on with.
    assert_eq!(logs_in(&fixture, "vault:read", &mut alice).await, 303);
    assert_eq!(fixture.legacy.logins(), 0);
}

/// An account that was made anew under the id of another one begins without passkeys.
#[tokio::test]
async fn with_an_account_its_passkeys_go() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let id = UserId::parse("u_alice").unwrap();
    let stored = fixture.db.store.users.get(&id).await.unwrap().unwrap();
    fixture.db.store.users.delete(&stored).await.unwrap();
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 400);
    fixture.db.store.users.create(&stored).await.unwrap();
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 400);
    enrol(&fixture, "alice", &mut alice).await;
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303, "the harmless twin");
}

/// Whose password is in a directory, the directory decides about: it is not asked about a passkey.
#[tokio::test]
async fn people_of_a_directory_log_in_by_its_password_alone() {
    let fixture = Fixture::new().await;
    let mut alice = enrolled(&fixture, "alice").await;
    let id = UserId::parse("u_alice").unwrap();
    let stored = fixture.db.store.users.get(&id).await.unwrap().unwrap();
    fixture.db.store.users.delete(&stored).await.unwrap();
    let elsewhere = User { password: None, ..stored };
    fixture.db.store.users.create(&elsewhere).await.unwrap();
    enrol(&fixture, "alice", &mut alice).await;
    let with_directory = |config: &str| directory(&with_passkeys(config));
    let mut open = Open::of(Browser::at(fixture.authorize_with(with_directory)), native(NOTES)).await;
    assert_eq!(open.signs(&mut alice).await.status, 400);
    assert_eq!(logs_in(&fixture, NOTES, &mut alice).await, 303, "the harmless twin: there is no directory");
}
