//! The function dies between two writes: whoever is at the browser or app repeats the step, and it comes to its end.

use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::outbox::{Kind, Which};
use gateway_domain::scope::Scope;
use gateway_domain::secret::sha256_hex;
use gateway_domain::source::Source;
use gateway_domain::time::Seconds;
use gateway_mail::Notice;
use gateway_store::{Consent, Entry, QueuedEnding};
use serde_json::json;
use support::{Authenticator, Last, dying};

use crate::browser::{Browser, Form, location};
use crate::fixture::{Fixture, OTHER, PASSWORD, Response};
use crate::passkeys::id_of;

const ADA: &str = "ada@example.com";
const NEW: &str = "new@example.com";

/// Lets the function die after ever more writes, until the step gets through, and returns how many writes it has. After each death
/// comes `after`, which repeats the step.
async fn at_every_write<S>(
    prepare: impl AsyncFn(&Fixture) -> S,
    step: impl AsyncFn(&Fixture, &mut S) -> Response,
    after: impl AsyncFn(&Fixture, S, &str),
) -> usize {
    for most in 0..30 {
        for last in [Last::Unanswered, Last::Answered] {
            let fixture = Box::pin(Fixture::new()).await;
            let mut state = Box::pin(prepare(&fixture)).await;
            fixture.wire.script(dying(most, last));
            let response = Box::pin(step(&fixture, &mut state)).await;
            fixture.wire.calm();
            if response.status < 400 && matches!(last, Last::Answered) {
                return most;
            }
            assert!(response.status < 400 || response.status == 503, "{most} {last:?}: {}", response.text);
            Box::pin(after(&fixture, state, &format!("after {most} writes, the last {last:?}"))).await;
        }
    }
    panic!("the step has no end");
}

impl Fixture {
    /// The code of the mail with this ticket.
    pub(crate) async fn code_of(&self, ticket: &str) -> String {
        let link = format!("?id={}&", ticket.split('.').next().unwrap());
        let code = |notice| {
            let (Notice::VerifyAddress { code, link: own, .. }
            | Notice::ResetPassword { code, link: own, .. }
            | Notice::Unlock { code, link: own, .. }
            | Notice::ChangeAddress { code, link: own, .. }) = notice
            else {
                return None;
            };
            own.contains(&link).then_some(code)
        };
        self.letters().await.into_iter().find_map(|letter| code(letter.notice)).unwrap()
    }

    /// Whether the end of the sessions of the credentials before is written.
    async fn ends_sessions(&self) -> bool {
        let (outbox, now) = (&self.db.store.outbox, self.now());
        let all = outbox.due(Kind::EndSessions, now, 10).await.unwrap();
        let ending = outbox.claim::<QueuedEnding>(&all[0], now, now).await.unwrap().unwrap();
        all.len() == 1 && ending.which == Which::BegunBefore(2)
    }

    /// The path of the only mail that tells of a change of the address.
    async fn way_back(&self) -> String {
        let letters = self.letters().await.into_iter().filter_map(|letter| {
            let Notice::AddressChanged { link, .. } = letter.notice else { return None };
            (letter.to.as_str() == ADA).then_some(link)
        });
        let [link] = letters.collect::<Vec<_>>().try_into().unwrap();
        link.strip_prefix("https://auth.example.com/v1").unwrap().to_owned()
    }

    /// Whether the source of all requests counts alone for this owner.
    async fn is_let_in(&self, email: &str) -> bool {
        let (store, source) = (&self.db.store, Source::of(Some("192.0.2.1")));
        let user = store.users.by_email(email).await.unwrap().unwrap();
        let counted = store.attempts.get(&format!("proof#{}#{source}", sha256_hex(email.as_bytes()))).await.unwrap();
        counted.is_known(&user.credential_version(), self.now())
    }

    async fn logs_in(&self, email: &str, password: &str) -> bool {
        Browser::default().logs_in(self, email, password).await.status == 303
    }
}

#[tokio::test]
async fn a_sign_up_that_dies_is_repeated() {
    let asks = async |fixture: &Fixture, (): &mut ()| {
        fixture.json("POST", "sign-up", &json!({ "email": NEW, "password": PASSWORD })).await
    };
    let after = async |fixture: &Fixture, (): (), when: &str| {
        let ticket = asks(fixture, &mut ()).await.member("verification");
        let proof = json!({ "verification": ticket, "code": fixture.code_of(&ticket).await });
        assert_eq!(fixture.json("POST", "verify", &proof).await.status, 204, "{when}");
        assert!(fixture.logs_in(NEW, PASSWORD).await, "{when}");
    };
    assert_eq!(at_every_write(async |_: &Fixture| (), asks, after).await, 3);
}

/// A code that was used by an attempt whose response was lost is used: the address is proved then.
#[tokio::test]
async fn a_proof_that_dies_is_repeated() {
    let prepare = async |fixture: &Fixture| {
        let asked = fixture.json("POST", "sign-up", &json!({ "email": NEW, "password": PASSWORD })).await;
        let ticket = asked.member("verification");
        json!({ "verification": ticket, "code": fixture.code_of(&ticket).await })
    };
    let proves = async |fixture: &Fixture, proof: &mut _| fixture.json("POST", "verify", proof).await;
    let after = async |fixture: &Fixture, mut proof, when: &str| {
        let again = proves(fixture, &mut proof).await;
        assert!([204, 400].contains(&again.status), "{when}: {}", again.text);
        assert!(fixture.logs_in(NEW, PASSWORD).await, "{when}");
    };
    assert_eq!(at_every_write(prepare, proves, after).await, 2);
}

/// A code that was used by an attempt whose response was lost has set the password.
#[tokio::test]
async fn a_reset_that_dies_is_repeated() {
    let prepare = async |fixture: &Fixture| {
        fixture.owner(ADA, true).await;
        let ticket = fixture.json("POST", "forgotten", &json!({ "email": ADA })).await.member("reset");
        json!({ "reset": ticket, "code": fixture.code_of(&ticket).await, "new_password": OTHER })
    };
    let resets = async |fixture: &Fixture, reset: &mut _| fixture.json("POST", "reset", reset).await;
    let after = async |fixture: &Fixture, mut reset, when: &str| {
        let again = resets(fixture, &mut reset).await;
        assert!([204, 400].contains(&again.status), "{when}: {}", again.text);
        assert!(fixture.logs_in(ADA, OTHER).await && !fixture.logs_in(ADA, PASSWORD).await, "{when}");
        assert!(fixture.ends_sessions().await, "{when}");
    };
    assert_eq!(at_every_write(prepare, resets, after).await, 3);
}

/// A code is used up before the source counts: if it died in between, its owner asks for another mail.
#[tokio::test]
async fn a_proof_that_changes_nothing_and_dies_is_repeated_or_asked_for_again() {
    let asks = async |fixture: &Fixture| {
        let ticket = fixture.json("POST", "unlock", &json!({ "email": ADA })).await.member("unlock");
        json!({ "unlock": ticket, "code": fixture.code_of(&ticket).await })
    };
    let prepare = async |fixture: &Fixture| {
        fixture.owner(ADA, true).await;
        asks(fixture).await
    };
    let confirms = async |fixture: &Fixture, proof: &mut _| fixture.json("POST", "unlock/confirm", proof).await;
    let after = async |fixture: &Fixture, mut proof, when: &str| {
        let again = confirms(fixture, &mut proof).await;
        assert!([204, 400].contains(&again.status), "{when}: {}", again.text);
        if again.status == 400 {
            let anew = confirms(fixture, &mut asks(fixture).await).await;
            assert_eq!(anew.status, 204, "{when}: {}", anew.text);
        }
        assert!(fixture.is_let_in(ADA).await, "{when}");
    };
    assert_eq!(at_every_write(prepare, confirms, after).await, 3);
}

/// A browser with an open form of a page of an owner.
struct Open {
    browser: Browser,
    form: Form,
}

impl Open {
    async fn of(fixture: &Fixture, path: &str) -> Self {
        fixture.owner(ADA, true).await;
        let mut browser = Browser::of(fixture, ADA).await;
        let form = browser.open(fixture, path).await;
        Self { browser, form }
    }
}

/// Behind the new password, the login of this browser ended with the old one: the way on is the login form.
#[tokio::test]
async fn a_change_of_the_password_that_dies_is_repeated_or_done() {
    let prepare = async |fixture: &Fixture| Open::of(fixture, "/account/password").await;
    let changes = async |fixture: &Fixture, open: &mut Open| {
        open.browser.fill(fixture, &open.form, &[("new_password", OTHER)]).await
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let again = changes(fixture, &mut open).await;
        let leads = ["/account/password-set", "/account/log-in?to=%2Faccount%2Fpassword"].contains(&location(&again));
        assert!(again.status == 303 && leads, "{when}: {}", again.text);
        assert!(fixture.logs_in(ADA, OTHER).await && !fixture.logs_in(ADA, PASSWORD).await, "{when}");
        assert!(fixture.ends_sessions().await, "{when}");
    };
    assert_eq!(at_every_write(prepare, changes, after).await, 3);
}

/// Both steps: the mail that is asked for, and the address that it gives, with a way back for the one before.
#[tokio::test]
async fn a_change_of_the_address_that_dies_is_repeated_or_done() {
    let asking = async |fixture: &Fixture| Open::of(fixture, "/account/address").await;
    let asks =
        async |fixture: &Fixture, open: &mut Open| open.browser.fill(fixture, &open.form, &[("email", NEW)]).await;
    let confirming = async |fixture: &Fixture, mut open: Open| {
        let asked = asks(fixture, &mut open).await;
        let form = open.browser.open(fixture, location(&asked)).await;
        let code = fixture.code_of(asked.header("Location").split("id=").nth(1).unwrap()).await;
        (Open { form, ..open }, code)
    };
    let confirms = async |fixture: &Fixture, (open, code): &mut (Open, String)| {
        open.browser.fill(fixture, &open.form, &[("code", code)]).await
    };
    let moved = async |fixture: &Fixture, when: &str| {
        assert!(fixture.logs_in(NEW, PASSWORD).await && !fixture.logs_in(ADA, PASSWORD).await, "{when}");
        let page = Browser::default().get(fixture, &fixture.way_back().await).await;
        assert_eq!(page.status, 200, "{when}");
    };
    let after_asking = async |fixture: &Fixture, open: Open, when: &str| {
        let mut confirming = confirming(fixture, open).await;
        assert_eq!(confirms(fixture, &mut confirming).await.status, 303, "{when}");
        moved(fixture, when).await;
    };
    assert_eq!(at_every_write(asking, asks, after_asking).await, 3);
    let prepare = async |fixture: &Fixture| confirming(fixture, asking(fixture).await).await;
    let after_confirming = async |fixture: &Fixture, mut open, when: &str| {
        let again = confirms(fixture, &mut open).await;
        assert!([303, 400].contains(&again.status), "{when}: {}", again.text);
        moved(fixture, when).await;
    };
    assert_eq!(at_every_write(prepare, confirms, after_confirming).await, 2);
}

/// The address is back with another password, or the link still works.
#[tokio::test]
async fn an_address_that_is_taken_back_by_an_attempt_that_dies_comes_back() {
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::of(fixture, "/account/address").await;
        let asked = open.browser.fill(fixture, &open.form, &[("email", NEW)]).await;
        let code = fixture.code_of(asked.header("Location").split("id=").nth(1).unwrap()).await;
        let moved = open.browser.submit(fixture, location(&asked), &[("code", &code)]).await;
        assert_eq!(moved.status, 303, "{}", moved.text);
        let mut browser = Browser::default();
        let form = browser.open(fixture, &fixture.way_back().await).await;
        Open { browser, form }
    };
    let takes = async |fixture: &Fixture, open: &mut Open| {
        open.browser.fill(fixture, &open.form, &[("new_password", OTHER)]).await
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let again = takes(fixture, &mut open).await;
        assert!([303, 400].contains(&again.status), "{when}: {}", again.text);
        assert!(fixture.logs_in(ADA, OTHER).await && !fixture.logs_in(NEW, PASSWORD).await, "{when}");
        assert!(fixture.ends_sessions().await, "{when}");
    };
    assert_eq!(at_every_write(prepare, takes, after).await, 2);
}

/// If it dies half way, this browser is logged out as well: whoever logs in again comes to the end.
#[tokio::test]
async fn a_logout_everywhere_else_that_dies_is_repeated() {
    let other = std::cell::RefCell::new(Browser::default());
    let prepare = async |fixture: &Fixture| {
        let open = Open::of(fixture, "/account/sessions").await;
        *other.borrow_mut() = Browser::of(fixture, ADA).await;
        open
    };
    let ends = async |fixture: &Fixture, open: &mut Open| {
        open.browser.fill(fixture, &open.form, &[("end_others", "yes")]).await
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        if location(&ends(fixture, &mut open).await) != "/account/sessions" {
            open.browser.logs_in(fixture, ADA, PASSWORD).await;
            assert_eq!(ends(fixture, &mut open).await.status, 303, "{when}");
        }
        assert_eq!(open.browser.get(fixture, "/account").await.status, 200, "{when}");
        let mut other = other.take();
        assert_eq!(other.get(fixture, "/account").await.status, 303, "{when}");
    };
    assert_eq!(at_every_write(prepare, ends, after).await, 4);
}

/// The sessions of the app end, and its consent is gone, whichever was done first.
#[tokio::test]
async fn a_consent_whose_taking_back_dies_is_taken_back_again() {
    let app = ClientId::parse("shop").unwrap();
    let prepare = async |fixture: &Fixture| {
        let open = Open::of(fixture, "/account/apps").await;
        let user_id = fixture.db.store.users.by_email(ADA).await.unwrap().unwrap().user_id;
        let consent = Consent {
            user_id: user_id.clone(),
            client_id: app.clone(),
            scope: Scope::parse("a").unwrap(),
            given_at: fixture.now(),
        };
        assert!(fixture.db.store.consents.give(&consent, &fixture.db.store.users, 1).await.unwrap());
        let (sid, ends) = (SessionId::from_random([9; 16]), fixture.now().saturating_add(Seconds::new(600)));
        let (entry, none) = (Entry { sid, ends }, [].into());
        fixture.db.store.activity.add_entry(&user_id, &app, &entry, &none, 8).await.unwrap();
        (open, user_id)
    };
    let revokes = async |fixture: &Fixture, (open, _): &mut (Open, UserId)| {
        open.browser.fill(fixture, &open.form, &[("revoke", "shop")]).await
    };
    let after = async |fixture: &Fixture, mut state: (Open, UserId), when: &str| {
        assert_eq!(revokes(fixture, &mut state).await.status, 303, "{when}");
        assert_eq!(fixture.db.store.consents.get(&state.1, &app).await, Ok(None), "{when}");
        let due = fixture.db.store.outbox.due(Kind::EndSessions, fixture.now(), 9).await.unwrap();
        assert!(!due.is_empty(), "{when}");
    };
    assert_eq!(at_every_write(prepare, revokes, after).await, 4);
}

/// The consents go one by one, and the account after them: until then its owner can go on.
#[tokio::test]
async fn a_deletion_that_dies_is_repeated_or_done() {
    let prepare = async |fixture: &Fixture| {
        let open = Open::of(fixture, "/account/delete").await;
        let user_id = fixture.db.store.users.by_email(ADA).await.unwrap().unwrap().user_id;
        for app in ["shop", "bank"] {
            let (client_id, scope) = (ClientId::parse(app).unwrap(), Scope::parse("a").unwrap());
            let consent = Consent { user_id: user_id.clone(), client_id, scope, given_at: fixture.now() };
            assert!(fixture.db.store.consents.give(&consent, &fixture.db.store.users, 1).await.unwrap());
        }
        (open, user_id)
    };
    let deletes = async |fixture: &Fixture, (open, _): &mut (Open, _)| {
        open.browser.fill(fixture, &open.form, &[("current_password", PASSWORD)]).await
    };
    let after = async |fixture: &Fixture, mut state: (Open, _), when: &str| {
        let again = deletes(fixture, &mut state).await;
        let leads = ["/account/deleted", "/account/log-in?to=%2Faccount%2Fdelete"].contains(&location(&again));
        assert!(again.status == 303 && leads, "{when}: {}", again.text);
        let store = &fixture.db.store;
        assert_eq!(store.consents.of_user(&state.1).await.unwrap(), [], "{when}");
        assert_eq!(store.users.get(&state.1).await, Ok(None), "{when}");
        assert_eq!(store.users.by_email(ADA).await, Ok(None), "{when}");
        assert!(fixture.ends_sessions().await, "{when}");
    };
    assert_eq!(at_every_write(prepare, deletes, after).await, 6);
}

/// Devices go before the account, by which they are found: until then its owner can go on.
#[tokio::test]
async fn a_deletion_that_dies_leaves_no_device() {
    let prepare = async |fixture: &Fixture| {
        let open = Open::of(fixture, "/account/delete").await;
        let user_id = fixture.db.store.users.by_email(ADA).await.unwrap().unwrap().user_id;
        (open, fixture.linked("one", &user_id).await, user_id)
    };
    let deletes = async |fixture: &Fixture, (open, _, _): &mut (Open, UserId, UserId)| {
        open.browser.fill(fixture, &open.form, &[("current_password", PASSWORD)]).await
    };
    let after = async |fixture: &Fixture, mut state: (Open, UserId, UserId), when: &str| {
        assert_eq!(deletes(fixture, &mut state).await.status, 303, "{when}");
        let (_, device, user_id) = state;
        assert_eq!(fixture.db.store.users.get(&user_id).await, Ok(None), "{when}");
        assert_eq!(fixture.db.store.devices.linked_to(&user_id).await.unwrap(), [], "{when}");
        assert!(!fixture.db.store.devices.lives(&device).await.unwrap(), "{when}");
    };
    assert_eq!(at_every_write(prepare, deletes, after).await, 5);
}

/// The passkey is there when its response is lost, and the same response again is the same passkey: it is told once.
#[tokio::test]
async fn an_enrolment_that_dies_is_repeated() {
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::of(fixture, "/account/passkeys").await;
        let response = open.browser.makes(fixture, &mut Authenticator::new("https://auth.example.com")).await;
        (open, response)
    };
    let adds = async |fixture: &Fixture, (open, response): &mut (Open, String)| {
        open.browser.fill(fixture, &open.form, &[("credential", response)]).await
    };
    let after = async |fixture: &Fixture, mut state: (Open, String), when: &str| {
        let again = adds(fixture, &mut state).await;
        assert_eq!((again.status, location(&again)), (303, "/account/passkeys?saved=yes"), "{when}: {}", again.text);
        let user_id = fixture.db.store.users.by_email(ADA).await.unwrap().unwrap().user_id;
        let [passkey] = fixture.passkeys(&user_id).await.try_into().unwrap();
        assert_eq!((passkey.id, fixture.told().await), (id_of(&state.1), (1, 0)), "{when}");
    };
    assert_eq!(at_every_write(prepare, adds, after).await, 1);
}

/// With the passkey, everything that began under the credentials before ends, this browser with it if it dies before it goes on under the new ones.
#[tokio::test]
async fn a_removal_that_dies_is_repeated_or_done() {
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::of(fixture, "/account/passkeys").await;
        let response = open.browser.makes(fixture, &mut Authenticator::new("https://auth.example.com")).await;
        assert_eq!(open.browser.adds(fixture, &response).await.status, 303);
        (open, id_of(&response).to_string())
    };
    let removes = async |fixture: &Fixture, (open, id): &mut (Open, String)| {
        open.browser.fill(fixture, &open.form, &[("passkey", id), ("remove", "yes")]).await
    };
    let after = async |fixture: &Fixture, mut state: (Open, String), when: &str| {
        let again = removes(fixture, &mut state).await;
        let leads = ["/account/passkeys", "/account/log-in?to=%2Faccount%2Fpasskeys"].contains(&location(&again));
        assert!(again.status == 303 && leads, "{when}: {}", again.text);
        let user_id = fixture.db.store.users.by_email(ADA).await.unwrap().unwrap().user_id;
        assert_eq!((fixture.passkeys(&user_id).await, fixture.told().await), (vec![], (1, 1)), "{when}");
        assert!(fixture.ends_sessions().await, "{when}");
    };
    assert_eq!(at_every_write(prepare, removes, after).await, 3);
}
