//! The authorize function dies between two writes: whoever is at the browser sends the same form again, and it comes to its end.

use std::collections::BTreeSet;

use gateway_domain::ids::SessionId;
use gateway_domain::outbox::{Kind, Which};
use gateway_store::QueuedEnding;
use serde_json::json;
use support::{Last, dying};

use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET};
use crate::hosted::{Browser, NATIVE, asking, form_token, redemption, redirected};
use crate::request::Response;

const THIRD: &str = "https://third.example/cb?keep=1";

/// Lets the function die after ever more writes, until what is sent gets through, and returns how many writes it has. After each death,
/// `after` is to hold, which sends it again.
pub(crate) async fn at_every_write<T>(
    prepare: impl AsyncFn(&Fixture) -> T,
    sends: impl AsyncFn(&mut T) -> Response,
    after: impl AsyncFn(&Fixture, T, &str),
) -> usize {
    for most in 0..30 {
        for last in [Last::Unanswered, Last::Answered] {
            let fixture = Box::pin(Fixture::new()).await;
            let mut open = Box::pin(prepare(&fixture)).await;
            fixture.wire.script(dying(most, last));
            let response = Box::pin(sends(&mut open)).await;
            fixture.wire.calm();
            if response.status != 503 && matches!(last, Last::Answered) {
                return most;
            }
            assert!(response.status < 400 || response.status == 503, "{most} {last:?}: {}", response.text);
            Box::pin(after(&fixture, open, &format!("after {most} writes, the last {last:?}"))).await;
        }
    }
    panic!("it has no end");
}

/// A browser with a form, and the query of its page.
struct Open {
    browser: Browser,
    query: Vec<(String, String)>,
    page: Response,
}

impl Open {
    /// The login form of a request that needs a legacy session.
    async fn login(mut browser: Browser) -> Self {
        let query = asking("native", NATIVE, "vault:read", &[("prompt", "login")]);
        let page = browser.get("/oauth2/authorize", &query).await;
        Self { browser, query, page }
    }

    /// The question whether `third` may have a scope that needs a legacy session.
    async fn consent(fixture: &Fixture) -> Self {
        let mut browser = Browser::new(fixture);
        let login = browser.types(&asking("third", THIRD, "vault:read", &[]), "alice", PASSWORD).await;
        let query: Vec<_> = redirected(&login).into_iter().collect();
        let page = browser.get("/oauth2/consent", &query).await;
        Self { browser, query, page }
    }

    async fn logs_in(&mut self) -> Response {
        self.browser.types_into(&self.page, &self.query, "alice", PASSWORD).await
    }

    async fn decides(&mut self, decision: &str) -> Response {
        let token = form_token(&self.page);
        let fields = [("form_token", token.as_str()), ("decision", decision)];
        self.browser.post("/oauth2/consent", &self.query, &fields).await
    }

    async fn logs_out(&mut self) -> Response {
        let token = form_token(&self.page);
        self.browser.post("/oauth2/logout", &self.query, &[("form_token", &token)]).await
    }
}

impl Fixture {
    /// Once all that lapses has lapsed, the sessions that the legacy system still has.
    pub(crate) async fn left_at_the_legacy_system(&self) -> usize {
        self.clock.forward(600);
        let event = json!({ "log_out_lapsed_logins": {} });
        gateway_renewal::handle(Ok(&self.renewal()), event).await.unwrap();
        let recorded = self.legacy.recorded();
        let logouts = recorded.iter().filter(|request| request.target == "/logout");
        let ended: BTreeSet<_> = logouts.map(|request| request.header("cookie")).collect();
        usize::try_from(self.legacy.logins()).unwrap() - ended.len()
    }

    /// The sessions whose end is written for the outbox function.
    async fn to_end(&self) -> Vec<SessionId> {
        let (outbox, now) = (&self.db.store.outbox, self.now());
        let mut all = Vec::new();
        for id in outbox.due(Kind::EndSessions, now, 10).await.unwrap() {
            let Which::These(sessions) = outbox.claim::<QueuedEnding>(&id, now, now).await.unwrap().unwrap().which
            else {
                panic!("a logout names its sessions")
            };
            all.extend(sessions.into_iter().map(|session| session.sid));
        }
        all
    }
}

#[tokio::test]
async fn a_login_form_that_dies_is_sent_again() {
    let prepare = async |fixture: &Fixture| Open::login(Browser::new(fixture)).await;
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let code = redirected(&open.logs_in().await)["code"].clone();
        let tokens = fixture.send(redemption("native", &code, &[])).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{when}");
        assert_eq!(fixture.left_at_the_legacy_system().await, 1, "{when}");
        assert_eq!(fixture.refresh("native", &tokens.refresh).await.status, 200, "{when}");
    };
    assert_eq!(at_every_write(prepare, Open::logs_in, after).await, 8);
}

/// The login that was in the browser ends with the one that follows it, also if the first attempt at that died.
#[tokio::test]
async fn the_login_before_ends_although_the_form_that_replaces_it_dies() {
    let replaced = std::cell::RefCell::new(Vec::new());
    let prepare = async |fixture: &Fixture| {
        let mut browser = Browser::new(fixture);
        browser.logs_in(&asking("web", "https://web.example/cb", NOTES, &[])).await;
        *replaced.borrow_mut() = fixture.db.store.browser_logins.ids().await.unwrap();
        Open::login(browser).await
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        assert_eq!(open.logs_in().await.status, 303, "{when}");
        let left = fixture.db.store.browser_logins.ids().await.unwrap();
        assert!(replaced.borrow().iter().all(|id| !left.contains(id)), "{when}");
        assert_eq!(
            open.browser.get("/oauth2/logout", &[]).await.text.matches("alice@example.com").count(),
            1,
            "{when}"
        );
    };
    assert_eq!(at_every_write(prepare, Open::logs_in, after).await, 9);
}

/// Nothing is typed: the browser loads the page again.
#[tokio::test]
async fn a_request_of_a_browser_that_is_logged_in_is_repeated() {
    let web = |fields| asking("web", "https://web.example/cb", NOTES, fields);
    let prepare = async |fixture: &Fixture| {
        let mut browser = Browser::new(fixture);
        let page = browser.get("/oauth2/authorize", &web(&[])).await;
        browser.types_into(&page, &web(&[]), "alice", PASSWORD).await;
        Open { browser, query: web(&[("code_challenge", ""), ("code_challenge_method", "")]), page }
    };
    let asks = async |open: &mut Open| open.browser.get("/oauth2/authorize", &open.query).await;
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let code = redirected(&asks(&mut open).await)["code"].clone();
        let fields = [("client_id", ""), ("redirect_uri", "https://web.example/cb"), ("code_verifier", "")];
        let redeemed = fixture.send(redemption("web", &code, &fields).basic("web", SECRET)).await;
        assert!(fixture.calls(&redeemed.tokens().access).await, "{when}");
        // A logout knows the session: it was noted before its code was given.
        open.page = open.browser.get("/oauth2/logout", &[]).await;
        let session = fixture.session(&redeemed.tokens().access).await.sid;
        assert_eq!(Open { query: Vec::new(), ..open }.logs_out().await.status, 200, "{when}");
        assert!(fixture.to_end().await.contains(&session), "{when}");
    };
    assert_eq!(at_every_write(prepare, asks, after).await, 2);
}

#[tokio::test]
async fn a_consent_that_dies_is_given_again() {
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let code = redirected(&open.decides("allow").await)["code"].clone();
        let tokens = fixture.send(redemption("third", &code, &[("redirect_uri", THIRD)])).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{when}");
    };
    assert_eq!(at_every_write(Open::consent, async |open: &mut Open| open.decides("allow").await, after).await, 2);
}

/// Whoever refused has refused: what the login began is over, and nobody is asked once more.
#[tokio::test]
async fn a_refusal_that_dies_leaves_nothing_behind() {
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let again = open.decides("deny").await;
        assert!(again.status == 400 || redirected(&again)["error"] == "access_denied", "{when}: {}", again.text);
        assert_eq!(open.decides("allow").await.status, 400, "{when}");
        assert_eq!(fixture.left_at_the_legacy_system().await, 0, "{when}");
    };
    assert_eq!(at_every_write(Open::consent, async |open: &mut Open| open.decides("deny").await, after).await, 2);
}

/// Both a session that began from the login and a code that is still on its way are over after the second attempt.
#[tokio::test]
async fn a_logout_that_dies_is_sent_again() {
    let begun = std::cell::RefCell::new(None);
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::login(Browser::new(fixture)).await;
        let notes = redirected(&open.browser.types(&asking("native", NATIVE, NOTES, &[]), "alice", PASSWORD).await);
        let tokens = fixture.send(redemption("native", &notes["code"], &[])).await.tokens();
        let code = redirected(&open.logs_in().await)["code"].clone();
        *begun.borrow_mut() = Some((fixture.session(&tokens.access).await.sid, code));
        open.page = open.browser.get("/oauth2/logout", &[]).await;
        Open { query: Vec::new(), ..open }
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let (session, code) = begun.borrow_mut().take().unwrap();
        assert_eq!(open.logs_out().await.status, 200, "{when}");
        assert!(!open.browser.has_login(), "{when}");
        assert!(fixture.to_end().await.contains(&session), "{when}");
        assert_eq!(fixture.send(redemption("native", &code, &[])).await.refusal(), (400, "invalid_grant"), "{when}");
        assert_eq!(fixture.left_at_the_legacy_system().await, 0, "{when}");
    };
    assert_eq!(at_every_write(prepare, Open::logs_out, after).await, 4);
}
