//! Passkeys of an owner: added after a fresh proof alone, named, removed with all that began by them, and never by mistake the last way in.

use gateway_domain::ids::UserId;
use gateway_domain::outbox::{Kind, Which};
use gateway_domain::passkey::{Algorithm, CredentialId, MAX_PASSKEYS, Passkey, PublicKey, uuid};
use gateway_mail::{Notice, PasskeysThen};
use gateway_store::{AddPasskey, ChangeUser, CreateUser, QueuedEnding, User};
use serde_json::{Value, json};
use support::Authenticator;

use crate::browser::{Browser, location};
use crate::fixture::{Fixture, GATEWAY, OTHER, PASSWORD, Response};

const ADA: &str = "ada@example.com";
const PAGE: &str = "/account/passkeys";
const SAVED: &str = "/account/passkeys?saved=yes";
const LOG_IN: &str = "/account/log-in?to=%2Faccount%2Fpasskeys";
const ORIGIN: &str = "https://auth.example.com";

/// The options on a page, as its script reads them.
pub(crate) fn options_of(page: &str) -> Value {
    let text = page.split("data-options=\"").nth(1).and_then(|rest| rest.split('"').next());
    let text = text.unwrap_or_else(|| panic!("no options: {page}")).replace("&#34;", "\"").replace("&#38;", "&");
    serde_json::from_str(&text).unwrap()
}

impl Browser {
    /// The response of this authenticator to the options of the page.
    pub(crate) async fn makes(&mut self, fixture: &Fixture, authenticator: &mut Authenticator) -> String {
        let page = self.get(fixture, PAGE).await;
        assert_eq!(page.status, 200, "{}", page.text);
        authenticator.create(&options_of(&page.text)).await
    }

    pub(crate) async fn adds(&mut self, fixture: &Fixture, response: &str) -> Response {
        self.submit(fixture, PAGE, &[("credential", response)]).await
    }

    /// Logs in by the passkey of this authenticator.
    async fn logs_in_by(&mut self, fixture: &Fixture, authenticator: &mut Authenticator) -> Response {
        let page = self.get(fixture, LOG_IN).await;
        let signed = authenticator.get(&options_of(&page.text)).await;
        self.submit(fixture, LOG_IN, &[("passkey", &signed)]).await
    }

    /// Adds a passkey of a new authenticator, and returns both.
    async fn enrols(&mut self, fixture: &Fixture) -> (Authenticator, CredentialId) {
        let mut authenticator = Authenticator::new(ORIGIN);
        let response = self.makes(fixture, &mut authenticator).await;
        let added = self.adds(fixture, &response).await;
        assert_eq!((added.status, location(&added)), (303, SAVED), "{}", added.text);
        (authenticator, id_of(&response))
    }
}

/// The id of the passkey in the response of an authenticator.
pub(crate) fn id_of(response: &str) -> CredentialId {
    let response: Value = serde_json::from_str(response).unwrap();
    CredentialId::parse(response["id"].as_str().unwrap()).unwrap()
}

impl Fixture {
    pub(crate) async fn passkeys(&self, user: &UserId) -> Vec<Passkey> {
        self.db.store.users.passkeys(user).await.unwrap()
    }

    /// How many mails wait that tell of added and of removed passkeys.
    pub(crate) async fn told(&self) -> (usize, usize) {
        let letters = self.letters().await;
        let count = |of: fn(&Notice) -> bool| letters.iter().filter(|letter| of(&letter.notice)).count();
        (
            count(|notice| matches!(notice, Notice::PasskeyAdded { .. })),
            count(|notice| matches!(notice, Notice::PasskeyRemoved { .. })),
        )
    }

    async fn epoch(&self, user: &UserId) -> u64 {
        self.db.store.users.get(user).await.unwrap().unwrap().credential_epoch
    }

    /// Takes a user's password away without ending anything, as if there had never been one. Passkeys go with it.
    async fn forget_password(&self, user: &User) {
        let users = &self.db.store.users;
        assert_eq!(users.delete(user).await, Ok(ChangeUser::Done));
        assert_eq!(users.create(&User { password: None, ..user.clone() }).await, Ok(CreateUser::Created));
    }
}

/// A passkey that is in the table without an authenticator.
fn fabricated(number: u8) -> Passkey {
    Passkey {
        id: CredentialId::of_bytes(vec![number; 16]).unwrap(),
        public_key: PublicKey::new(Algorithm::Es256, vec![number]).unwrap(),
        sign_count: 0,
        name: format!("Key {number}"),
        since: gateway_domain::time::Timestamp::from_secs(1_700_000_000 + i64::from(number)),
        used_at: None,
        backed_up: false,
        aaguid: uuid([0; 16]),
    }
}

#[tokio::test]
async fn an_owner_adds_names_and_removes_passkeys() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let (mut browser, mut other) = (Browser::of(&fixture, ADA).await, Browser::of(&fixture, ADA).await);
    let page = browser.get(&fixture, PAGE).await;
    assert!(page.text.contains("You have no passkey yet."), "{}", page.text);
    let policy = page.header("Content-Security-Policy");
    assert!(policy.contains("; script-src 'sha256-") && policy.starts_with("default-src 'none'"), "{policy}");
    assert!(browser.get(&fixture, "/account").await.text.contains(PAGE));
    browser.headers.push(("user-agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X)"));
    let (_, id) = browser.enrols(&fixture).await;
    let [passkey] = fixture.passkeys(&owner).await.try_into().unwrap();
    assert_eq!((&passkey.id, passkey.name.as_str(), passkey.used_at), (&id, "iPhone", None));
    assert_eq!((fixture.told().await, fixture.epoch(&owner).await), ((1, 0), 1), "nothing ends");
    let options = options_of(&browser.get(&fixture, PAGE).await.text);
    assert_eq!(options["excludeCredentials"][0]["id"], id.to_string());
    assert_eq!((&options["rp"]["id"], &options["user"]["name"]), (&json!("auth.example.com"), &json!(ADA)));

    let form = browser.open(&fixture, PAGE).await;
    let (id, (_, kept)) = (id.to_string(), browser.enrols(&fixture).await);
    let named = browser.fill(&fixture, &form, &[("passkey", &id), ("name", " Ada’s <key> ")]).await;
    assert_eq!((named.status, location(&named)), (303, SAVED), "{}", named.text);
    let page = browser.get(&fixture, location(&named)).await.text;
    assert!(page.contains("Saved.") && page.contains("value=\"Ada’s &#60;key&#62;\""), "{page}");
    for (typed, told) in [("", "Please fill this in."), (&"x".repeat(65), "At most 64 characters.")] {
        let refused = browser.fill(&fixture, &form, &[("passkey", &id), ("name", typed)]).await;
        assert!(refused.status == 400 && refused.text.contains(told), "{typed:?} {}", refused.text);
    }
    let file = browser.get(&fixture, "/account/data").await.text;
    assert!(file.contains(&format!("\"id\":\"{id}\"")) && !file.contains("public_key"), "{file}");

    let removed = browser.fill(&fixture, &form, &[("passkey", &id), ("name", "x"), ("remove", "yes")]).await;
    assert_eq!((removed.status, location(&removed)), (303, PAGE), "{}", removed.text);
    let left: Vec<_> = fixture.passkeys(&owner).await.into_iter().map(|passkey| passkey.id).collect();
    assert_eq!((left, fixture.told().await, fixture.epoch(&owner).await), (vec![kept], (2, 1), 2));
    assert_eq!(browser.get(&fixture, PAGE).await.status, 200, "this browser goes on");
    assert_eq!(other.get(&fixture, PAGE).await.status, 303, "another does not");
    let (outbox, now) = (&fixture.db.store.outbox, fixture.now());
    let due = outbox.due(Kind::EndSessions, now, 10).await.unwrap();
    let ending = outbox.claim::<QueuedEnding>(&due[0], now, now).await.unwrap().unwrap();
    assert_eq!((due.len(), ending.user_id, ending.which), (1, owner, Which::BegunBefore(2)));
    // Once more, from a page that was open: there is no such passkey, and nothing happens.
    let again = browser.submit(&fixture, PAGE, &[("passkey", &id), ("remove", "yes")]).await;
    assert_eq!((again.status, fixture.told().await), (303, (2, 1)));
}

/// Abuse case M10: a browser that was left open, or a stolen cookie, is no way to a key that stays.
#[tokio::test]
async fn whoever_found_a_browser_open_adds_and_removes_nothing_without_the_password() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let (_, id) = browser.enrols(&fixture).await;
    let before = fixture.passkeys(&owner).await;
    fixture.clock.set(601_000);
    let page = browser.get(&fixture, PAGE).await;
    for hidden in ["data-options", "name=\"remove\"", "<script"] {
        assert!(!page.text.contains(hidden), "{hidden}: {}", page.text);
    }
    assert!(!page.header("Content-Security-Policy").contains("script-src"), "{page:?}");
    let id = id.to_string();
    let ignored = browser.submit(&fixture, PAGE, &[("passkey", &id), ("remove", "yes")]).await;
    assert_eq!((ignored.status, location(&ignored)), (303, PAGE), "{}", ignored.text);
    for (typed, told) in [("", "Please fill this in."), (OTHER, "This is not the password of the account.")] {
        let refused = browser.submit(&fixture, PAGE, &[("prove", "yes"), ("current_password", typed)]).await;
        let at_field = format!("id=\"current_password-mistake\">{told}");
        assert!(refused.status == 400 && refused.text.contains(&at_field), "{}", refused.text);
    }
    assert_eq!((fixture.passkeys(&owner).await, fixture.told().await), (before, (1, 0)));
    let named = browser.submit(&fixture, PAGE, &[("passkey", &id), ("name", "Key")]).await;
    assert_eq!(location(&named), SAVED, "a name is nothing that needs a proof");
    let proved = browser.submit(&fixture, PAGE, &[("prove", "yes"), ("current_password", PASSWORD)]).await;
    assert_eq!((proved.status, location(&proved)), (303, PAGE), "{}", proved.text);
    browser.enrols(&fixture).await;
    let removed = browser.submit(&fixture, PAGE, &[("passkey", &id), ("remove", "yes")]).await;
    assert_eq!((removed.status, fixture.passkeys(&owner).await.len(), fixture.told().await), (303, 1, (2, 1)));
}

/// Abuse cases M3, M4: what an authenticator made for somebody else, elsewhere, or long ago is no passkey of this account.
#[tokio::test]
async fn what_answers_another_challenge_or_origin_is_refused() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    fixture.owner_named("bob", "bob@example.com").await;
    let (mut browser, mut bobs) = (Browser::of(&fixture, ADA).await, Browser::of(&fixture, "bob@example.com").await);
    let of_bob = bobs.makes(&fixture, &mut Authenticator::new(ORIGIN)).await;
    let options = options_of(&browser.get(&fixture, PAGE).await.text);
    let mut phished = options.clone();
    phished["rp"]["id"] = json!("evil.example");
    let elsewhere = Authenticator::new("https://evil.example").create(&phished).await;
    let below = Authenticator::new("https://shop.auth.example.com").create(&options).await;
    let unmade = Authenticator::new(ORIGIN).create(&options).await.replace("\"public-key\"", "\"password\"");
    for response in [&of_bob, &elsewhere, &below, &unmade, "{}", "no JSON", &"x".repeat(12_000)] {
        let refused = browser.adds(&fixture, response).await;
        let told = refused.text.contains("We could not use this passkey");
        assert!(refused.status == 400 && told && refused.text.contains("data-options"), "{response}: {}", refused.text);
    }
    let good = Authenticator::new(ORIGIN).create(&options).await;
    fixture.clock.set(301_000);
    assert_eq!(browser.adds(&fixture, &good).await.status, 400, "after five minutes");
    assert_eq!((fixture.passkeys(&owner).await, fixture.told().await), (vec![], (0, 0)));
    // The error of a clock that goes on: what was made before this has seconds left, also on a slow machine.
    fixture.clock.set(240_000);
    assert_eq!(location(&browser.adds(&fixture, &good).await), SAVED, "the harmless twin");
    assert_eq!(bobs.adds(&fixture, &of_bob).await.status, 303);
}

/// Abuse case M3: what an app or another page of the company may sign for, the forms of these pages do not take.
#[tokio::test]
async fn the_forms_take_what_was_signed_on_their_own_page_alone() {
    let other = "relying_party: auth.example.com, origins: ['https://shop.auth.example.com']";
    let fixture = Fixture::of(&GATEWAY.replace("relying_party: auth.example.com", other)).await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let made = browser.makes(&fixture, &mut Authenticator::new("https://shop.auth.example.com")).await;
    assert_eq!((browser.adds(&fixture, &made).await.status, fixture.passkeys(&owner).await), (400, vec![]));
    let (mut authenticator, _) = browser.enrols(&fixture).await;
    let mut elsewhere = authenticator.at("https://shop.auth.example.com");
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut elsewhere).await.status, 400);
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut authenticator).await.status, 303, "the harmless twin");
}

#[tokio::test]
async fn a_challenge_ends_with_the_credentials_that_the_owner_had() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let response = browser.makes(&fixture, &mut Authenticator::new(ORIGIN)).await;
    let changed = browser.submit(&fixture, "/account/password", &[("new_password", OTHER)]).await;
    assert_eq!(changed.status, 303, "{}", changed.text);
    assert_eq!(browser.adds(&fixture, &response).await.status, 400);
    assert_eq!(fixture.passkeys(&owner).await, []);
    browser.enrols(&fixture).await;
}

/// Abuse case M13: whoever enrolled a passkey in a stolen account is out of it when its owner gets it back by a mail.
#[tokio::test]
async fn a_reset_by_mail_removes_all_passkeys_and_a_change_by_the_owner_none() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let (mut authenticator, _) = browser.enrols(&fixture).await;
    let form = browser.get(&fixture, "/account/password").await.text;
    assert!(form.contains("does not end your passkeys") && form.contains("/account/passkeys\""), "{form}");
    let changed = browser.submit(&fixture, "/account/password", &[("new_password", OTHER)]).await;
    assert_eq!((changed.status, fixture.passkeys(&owner).await.len()), (303, 1), "{}", changed.text);
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut authenticator).await.status, 303, "it stays");
    let ticket = fixture.json("POST", "forgotten", &json!({ "email": ADA })).await.member("reset");
    let reset = json!({ "reset": ticket, "code": fixture.code_of(&ticket).await, "new_password": PASSWORD });
    let done = fixture.json("POST", "reset", &reset).await;
    assert_eq!((done.status, fixture.passkeys(&owner).await), (204, vec![]), "{}", done.text);
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut authenticator).await.status, 400);
    let then = fixture.letters().await.into_iter().filter_map(|letter| {
        let Notice::PasswordChanged { passkeys, .. } = letter.notice else { return None };
        Some(passkeys)
    });
    let mut then: Vec<_> = then.collect();
    then.sort_by_key(|passkeys| *passkeys == Some(PasskeysThen::Gone));
    let page = "https://auth.example.com/v1/account/passkeys".to_owned();
    assert_eq!(then, [Some(PasskeysThen::Stay(page)), Some(PasskeysThen::Gone)]);
}

#[tokio::test]
async fn the_same_response_again_is_the_same_passkey_and_tells_nobody_again() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let form = browser.open(&fixture, PAGE).await;
    let response = browser.makes(&fixture, &mut Authenticator::new(ORIGIN)).await;
    let mut twin = Browser::of(&fixture, ADA).await;
    let at_the_other = twin.open(&fixture, PAGE).await;
    let sent = [("credential", response.as_str())];
    let (one, other) = tokio::join!(browser.fill(&fixture, &form, &sent), twin.fill(&fixture, &at_the_other, &sent));
    assert_eq!((location(&one), location(&other)), (SAVED, SAVED), "{} {}", one.text, other.text);
    assert_eq!(location(&browser.fill(&fixture, &form, &sent).await), SAVED);
    assert_eq!((fixture.passkeys(&owner).await.len(), fixture.told().await), (1, (1, 0)));
}

#[tokio::test]
async fn there_are_at_most_twenty() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let mut browser = Browser::of(&fixture, ADA).await;
    let response = browser.makes(&fixture, &mut Authenticator::new(ORIGIN)).await;
    for number in 1..=u8::try_from(MAX_PASSKEYS).unwrap() {
        let added = fixture.db.store.users.add_passkey((&owner, 1), &fabricated(number)).await;
        assert_eq!(added, Ok(AddPasskey::Done), "{number}");
    }
    let page = browser.get(&fixture, PAGE).await.text;
    assert!(page.contains("You have 20 passkeys") && !page.contains("data-options"), "{page}");
    let refused = browser.adds(&fixture, &response).await;
    assert!(refused.status == 409 && refused.text.contains("There can be 20 passkeys."), "{}", refused.text);
    let id = fabricated(1).id.to_string();
    assert_eq!(browser.submit(&fixture, PAGE, &[("passkey", &id), ("remove", "yes")]).await.status, 303);
    browser.enrols(&fixture).await;
    assert_eq!((fixture.passkeys(&owner).await.len(), fixture.told().await), (MAX_PASSKEYS, (1, 1)));
}

#[tokio::test]
async fn nobody_names_or_removes_a_passkey_of_somebody_else() {
    let fixture = Fixture::new().await;
    fixture.owner(ADA, true).await;
    let bob = fixture.owner_named("bob", "bob@example.com").await.user_id;
    let (mut browser, mut bobs) = (Browser::of(&fixture, ADA).await, Browser::of(&fixture, "bob@example.com").await);
    let (_, his) = bobs.enrols(&fixture).await;
    let (before, his) = (fixture.passkeys(&bob).await, his.to_string());
    for fields in [("name", "mine"), ("remove", "yes")] {
        for passkey in [his.as_str(), "AAAA", "no id!", ""] {
            let sent = browser.submit(&fixture, PAGE, &[fields, ("passkey", passkey)]).await;
            assert_eq!((sent.status, location(&sent)), (303, PAGE), "{passkey} {}", sent.text);
        }
    }
    assert_eq!((fixture.passkeys(&bob).await, fixture.epoch(&bob).await), (before, 1));
    assert_eq!(bobs.submit(&fixture, PAGE, &[("passkey", &his), ("remove", "yes")]).await.status, 303);
    assert_eq!(fixture.passkeys(&bob).await, [], "the twin");
}

#[tokio::test]
async fn the_last_way_in_goes_only_when_that_is_confirmed() {
    let fixture = Fixture::new().await;
    let user = fixture.owner(ADA, true).await;
    let mut browser = Browser::of(&fixture, ADA).await;
    fixture.forget_password(&user).await;
    let (owner, (_, one), (_, last)) = (user.user_id, browser.enrols(&fixture).await, browser.enrols(&fixture).await);
    // Not of two, and with a password not at all.
    let (one, last) = (one.to_string(), last.to_string());
    let asks = format!("/account/passkeys/remove?id={last}");
    assert_eq!(location(&browser.get(&fixture, &asks).await), PAGE, "there is another one");
    assert_eq!(location(&browser.submit(&fixture, PAGE, &[("passkey", &one), ("remove", "yes")]).await), PAGE);
    let asked = browser.submit(&fixture, PAGE, &[("passkey", &last), ("remove", "yes")]).await;
    assert_eq!((asked.status, location(&asked)), (303, asks.as_str()), "{}", asked.text);
    assert_eq!(fixture.passkeys(&owner).await.len(), 1, "nothing is done yet");
    let page = browser.get(&fixture, &asks).await.text;
    assert!(page.contains("Remove the last passkey?") && page.contains("Passkey</bdi>"), "{page}");
    let removed = browser.submit(&fixture, &asks, &[]).await;
    assert_eq!((removed.status, location(&removed)), (303, PAGE), "{}", removed.text);
    assert_eq!((fixture.passkeys(&owner).await, fixture.told().await), (vec![], (2, 2)));
}

/// Without a password to ask for, the page leads to a login, which takes a passkey.
#[tokio::test]
async fn who_has_no_password_logs_in_again() {
    let fixture = Fixture::new().await;
    let user = fixture.owner(ADA, true).await;
    let mut browser = Browser::of(&fixture, ADA).await;
    fixture.forget_password(&user).await;
    let (mut authenticator, _) = browser.enrols(&fixture).await;
    fixture.clock.set(601_000);
    let page = browser.get(&fixture, PAGE).await.text;
    assert!(page.contains(LOG_IN), "{page}");
    assert!(!page.contains("type=\"password\"") && !page.contains("data-options"), "{page}");
    let done = browser.logs_in_by(&fixture, &mut authenticator).await;
    assert_eq!((done.status, location(&done)), (303, PAGE), "{}", done.text);
    assert!(browser.get(&fixture, PAGE).await.text.contains("data-options"), "it is fresh again");
}

/// Abuse cases M2, M4, M7.
#[tokio::test]
async fn a_passkey_logs_in_on_the_account_pages_once_and_in_the_browser_that_was_asked() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner(ADA, true).await.user_id;
    let (mut authenticator, id) = Browser::of(&fixture, ADA).await.enrols(&fixture).await;
    let mut browser = Browser::default();
    let page = browser.get(&fixture, LOG_IN).await;
    let policy = page.header("Content-Security-Policy");
    assert!(policy.contains("; script-src 'sha256-"), "{policy}");
    let signed = authenticator.get(&options_of(&page.text)).await;
    let elsewhere = Browser::default().submit(&fixture, LOG_IN, &[("passkey", &signed)]).await;
    let wrong = |response: &Response| response.status == 400 && response.text.contains("The passkey was not accepted.");
    assert!(wrong(&elsewhere), "in another browser: {}", elsewhere.text);
    let done = browser.submit(&fixture, LOG_IN, &[("passkey", &signed)]).await;
    assert_eq!((done.status, location(&done)), (303, PAGE), "{}", done.text);
    assert!(browser.get(&fixture, PAGE).await.text.contains(&id.to_string()));
    assert!(fixture.passkeys(&owner).await[0].used_at.is_some());
    assert!(wrong(&browser.submit(&fixture, LOG_IN, &[("passkey", &signed)]).await), "twice");
    let late = authenticator.get(&options_of(&browser.get(&fixture, LOG_IN).await.text)).await;
    fixture.clock.set(301_000);
    fixture.wire.since_last();
    assert!(wrong(&browser.submit(&fixture, LOG_IN, &[("passkey", &late)]).await), "after five minutes");
    assert_eq!(fixture.wire.since_last(), [""; 0], "a page that lay open is no guess");
    fixture.clock.set(0);
    // An enrolment's challenge is none of a login.
    let mut owners = Browser::of(&fixture, ADA).await;
    let options = options_of(&owners.get(&fixture, PAGE).await.text);
    let asked = options_of(&owners.get(&fixture, LOG_IN).await.text);
    let enrolment = authenticator.get_with(&asked, &json!({ "challenge": options["challenge"] })).await;
    assert!(wrong(&owners.submit(&fixture, LOG_IN, &[("passkey", &enrolment)]).await));
    // Whoever was removed, or is disabled, is nobody.
    assert_eq!(owners.submit(&fixture, PAGE, &[("passkey", &id.to_string()), ("remove", "yes")]).await.status, 303);
    assert!(wrong(&Browser::default().logs_in_by(&fixture, &mut authenticator).await));
}

/// Abuse case M9: neither the passkey nor the password waits for junk, nor does the page say so.
#[tokio::test]
async fn junk_keeps_nobody_from_the_account_pages() {
    let fixture = Fixture::new().await;
    fixture.owner(ADA, true).await;
    let (mut authenticator, _) = Browser::of(&fixture, ADA).await.enrols(&fixture).await;
    let mut stranger = Browser::default();
    let form = stranger.open(&fixture, LOG_IN).await;
    for attempt in 0..=200 {
        let page = stranger.fill(&fixture, &form, &[("passkey", "{}")]).await;
        assert!(page.status == 400 && page.text.contains("The passkey was not accepted."), "{attempt}: {}", page.text);
        assert_eq!(page.header("Retry-After"), "", "{attempt}");
    }
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut authenticator).await.status, 303);
    Browser::of(&fixture, ADA).await;
}

#[tokio::test]
async fn who_is_disabled_logs_in_by_no_passkey() {
    let fixture = Fixture::new().await;
    fixture.owner(ADA, true).await;
    let mut browser = Browser::of(&fixture, ADA).await;
    let (mut authenticator, _) = browser.enrols(&fixture).await;
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut authenticator).await.status, 303, "the twin");
    let closed = browser.submit(&fixture, "/account/disable", &[("current_password", PASSWORD)]).await;
    assert_eq!(closed.status, 303, "{}", closed.text);
    assert_eq!(Browser::default().logs_in_by(&fixture, &mut authenticator).await.status, 400);
}

/// Of two that go at once one stays: the second meets other credentials.
#[tokio::test]
async fn two_removals_at_once_leave_the_last_way_in() {
    let fixture = Fixture::new().await;
    let user = fixture.owner(ADA, true).await;
    let (mut browser, mut twin) = (Browser::of(&fixture, ADA).await, Browser::of(&fixture, ADA).await);
    fixture.forget_password(&user).await;
    let (owner, (_, one), (_, other)) = (user.user_id, browser.enrols(&fixture).await, browser.enrols(&fixture).await);
    let (form, at_the_other) = (browser.open(&fixture, PAGE).await, twin.open(&fixture, PAGE).await);
    let (one, other) = (one.to_string(), other.to_string());
    let [first, second] = [[("passkey", one.as_str()), ("remove", "yes")], [("passkey", &other), ("remove", "yes")]];
    let (one, other) = tokio::join!(browser.fill(&fixture, &form, &first), twin.fill(&fixture, &at_the_other, &second));
    for sent in [&one, &other] {
        assert!([303, 503].contains(&sent.status), "{}", sent.text);
    }
    assert_eq!((fixture.passkeys(&owner).await.len(), fixture.told().await.1), (1, 1));
}

/// The directory decides at each login who is still there, and is not asked about a passkey; and nobody has one where there are none.
#[tokio::test]
async fn there_is_no_page_where_there_can_be_no_passkey() {
    let none = GATEWAY.replace("passkeys: { relying_party: auth.example.com }\n", "");
    let directory =
        "directory: { validate_user_pass: { url: 'https://people.example.com/check', secret: people }, label: People }";
    let elsewhere = GATEWAY.replace("sign_up: true", directory);
    for (config, forget) in [(none, false), (elsewhere, true)] {
        let fixture = Fixture::of(&config).await;
        let owner = fixture.owner(ADA, true).await;
        let mut browser = Browser::of(&fixture, ADA).await;
        if forget {
            fixture.forget_password(&owner).await;
        }
        assert_eq!(browser.get(&fixture, PAGE).await.status, 404, "{config}");
        for path in ["/account", "/account/password"] {
            assert!(!browser.get(&fixture, path).await.text.contains(PAGE), "{path} {config}");
        }
    }
}

/// Whoever made an account in the name of somebody else leaves no key in it.
#[tokio::test]
async fn an_address_that_nobody_has_proved_has_no_passkey() {
    let fixture =
        Fixture::of(&GATEWAY.replace("sign_up: true", "sign_up: true, login_before_verification: true")).await;
    let owner = fixture.owner(ADA, true).await;
    let unproved = User { email_verified: false, ..owner };
    assert_eq!(fixture.db.store.users.delete(&unproved).await, Ok(ChangeUser::Done));
    assert_eq!(fixture.db.store.users.create(&unproved).await, Ok(CreateUser::Created));
    let mut browser = Browser::of(&fixture, ADA).await;
    for now in [0, 601_000] {
        fixture.clock.set(now);
        let page = browser.get(&fixture, PAGE).await;
        assert!(page.status == 200 && !page.text.contains("data-options"), "{}", page.text);
        assert!(page.text.contains("Confirm your e-mail address first"), "{}", page.text);
        assert!(!page.text.contains("type=\"password\""), "a proof that nothing follows: {}", page.text);
    }
}

/// Authenticators keep 64 bytes of a user (WebAuthn §4, User Handle).
#[tokio::test]
async fn an_account_with_a_long_id_is_told_that_it_has_none() {
    let fixture = Fixture::new().await;
    fixture.owner_named(&"x".repeat(65), ADA).await;
    fixture.owner_named(&"y".repeat(64), "bob@example.com").await;
    let (mut browser, mut twin) = (Browser::of(&fixture, ADA).await, Browser::of(&fixture, "bob@example.com").await);
    assert!(twin.get(&fixture, PAGE).await.text.contains("data-options"), "the twin");
    fixture.clock.set(601_000);
    let page = browser.get(&fixture, PAGE).await;
    assert!(page.status == 200 && page.text.contains("This account cannot have passkeys"), "{}", page.text);
    assert!(!page.text.contains("type=\"password\""), "{}", page.text);
    assert!(twin.get(&fixture, PAGE).await.text.contains("type=\"password\""), "the twin shows first who it is");
}
