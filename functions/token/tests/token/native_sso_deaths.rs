//! The function dies between two writes of an exchange, or of an end: the same is sent again, and nothing is left half made.

use gateway_token::AuthorizationServer;
use support::Verdict;

use crate::family::{Apps, FIRST, SECOND, SHARED, SignedOn, THIRD, asking, container, exchange, families, revocation};
use crate::fixture::{Fixture, login, send};
use crate::hosted::{Browser, asking as page_asking, redemption};
use crate::hosted_deaths::at_every_write;
use crate::request::{Request, Response};
use crate::step_up::delegated;

const CB: &str = "com.example.oidc:/cb";

/// A container, what is on the device, and what is sent.
struct Open {
    function: AuthorizationServer,
    first: SignedOn,
    request: Request,
}

impl Open {
    /// A login of the first app, and this request of another one by it.
    async fn of(fixture: &Fixture, request: impl FnOnce(&SignedOn) -> Request) -> Self {
        let function = container(fixture).await;
        let first = SignedOn::of(&send(&function, login("alice", FIRST, SHARED)).await);
        let request = request(&first);
        Self { function, first, request }
    }

    async fn sends(&mut self) -> Response {
        send(&self.function, self.request.clone()).await
    }

    /// What is left once the same was sent again: one session of each app, that of the second is good for everything.
    async fn ends_whole(mut self, fixture: &Fixture, when: &str) {
        let second = SignedOn::of(&self.sends().await);
        let apps = Apps { fixture, function: self.function };
        assert!(fixture.calls(&second.tokens.access).await, "{when}");
        assert_eq!(apps.live([FIRST, SECOND]).await, [1, 1], "{when}");
        assert_eq!(apps.refresh(SECOND, &second.tokens.refresh).await.status, 200, "{when}");
        assert_eq!(apps.refresh(FIRST, &self.first.tokens.refresh).await.status, 200, "{when}");
    }
}

fn keyed(first: &SignedOn, key: &str) -> Request {
    exchange(SECOND, first).header("Idempotency-Key", key)
}

/// Abuse case O5.
#[tokio::test]
async fn an_exchange_that_dies_is_sent_again() {
    let prepare = async |fixture: &Fixture| Open::of(fixture, |first| keyed(first, "one")).await;
    let after = async |fixture: &Fixture, open: Open, when: &str| open.ends_whole(fixture, when).await;
    // The place, the session and its entry.
    assert_eq!(at_every_write(prepare, Open::sends, after).await, 3);
}

/// Also without an id of the attempt.
#[tokio::test]
async fn an_exchange_without_a_key_that_dies_is_sent_again() {
    let prepare = async |fixture: &Fixture| Open::of(fixture, |first| exchange(SECOND, first)).await;
    let after = async |fixture: &Fixture, open: Open, when: &str| open.ends_whole(fixture, when).await;
    assert_eq!(at_every_write(prepare, Open::sends, after).await, 3);
}

/// What a legacy system began for an exchange that was not written ends there, and the same attempt begins it anew.
#[tokio::test]
async fn an_exchange_that_is_not_written_leaves_nothing_at_a_legacy_system() {
    let fixture = Fixture::new().await;
    let function = fixture.container_with(|config| delegated(&families(config)));
    let apps = Apps { function, ..Apps::of(&fixture).await };
    let first = apps.login(FIRST).await;
    let scope = [("scope", "openid vault:read")];
    let asks = || asking(SECOND, &scope, &first).header("Idempotency-Key", "one");
    for (write, ended) in [("UpdateItem", 1), ("PutItem", 2)] {
        fixture.wire.script(
            move |operation| {
                if operation.is(write, "Sessions") { Verdict::Fail } else { Verdict::Forward }
            },
        );
        assert_eq!(apps.send(asks()).await.refusal(), (503, "temporarily_unavailable"), "{write}");
        fixture.wire.calm();
        assert_eq!(fixture.vault.ends(), ended, "{write}");
    }
    let tokens = apps.send(asks()).await.tokens();
    assert_eq!((fixture.versions(&tokens.access).await, fixture.vault.ends()), (vec![1], 2));
}

/// A write whose answer was lost has happened: the exchange goes on with the session that it finds, which has its internal tokens.
#[tokio::test]
async fn an_exchange_whose_write_is_not_answered_keeps_what_it_has_at_a_legacy_system() {
    let fixture = Fixture::new().await;
    let function = fixture.container_with(|config| delegated(&families(config)));
    let apps = Apps { function, ..Apps::of(&fixture).await };
    let first = apps.login(FIRST).await;
    let ended = fixture.vault.ends();
    fixture.wire.script(
        |operation| {
            if operation.is("PutItem", "Sessions") { Verdict::LoseResponse } else { Verdict::Forward }
        },
    );
    let tokens = apps.send(asking(SECOND, &[("scope", "openid vault:read")], &first)).await.tokens();
    fixture.wire.calm();
    assert_eq!((fixture.versions(&tokens.access).await, fixture.vault.ends()), (vec![1], ended));
}

/// Abuse case O9: the session before has ended before another one can begin.
#[tokio::test]
async fn an_exchange_that_takes_the_place_of_another_session_dies_and_leaves_one() {
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::of(fixture, |first| keyed(first, "before")).await;
        assert_eq!(open.sends().await.status, 200);
        open.request = keyed(&open.first, "now");
        open
    };
    let after = async |fixture: &Fixture, open: Open, when: &str| open.ends_whole(fixture, when).await;
    // The end of the one before, its entry, and three more.
    assert_eq!(at_every_write(prepare, Open::sends, after).await, 5);
}

/// Abuse case O4: what is left of the sessions ends by the next attempt, and no more of them begin meanwhile.
#[tokio::test]
async fn an_end_together_that_dies_is_sent_again() {
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::of(fixture, |first| exchange(SECOND, first)).await;
        assert_eq!(open.sends().await.status, 200);
        open.request = revocation(SECOND, &open.first.secret);
        open
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        assert_eq!(open.sends().await.status, 200, "{when}");
        let (first, apps) = (open.first, Apps { fixture, function: open.function });
        assert_eq!(apps.live([FIRST, SECOND, THIRD]).await, [0, 0, 0], "{when}");
        assert_eq!(apps.exchange(THIRD, &first).await.status, 400, "{when}");
    };
    // The secret, then each session and its entry.
    assert_eq!(at_every_write(prepare, Open::sends, after).await, 5);
}

/// The redemption of a code, which begins the sign-on: the session that an app has tokens of has one.
#[tokio::test]
async fn a_redemption_that_begins_a_sign_on_dies_and_is_sent_again() {
    let prepare = async |fixture: &Fixture| {
        let mut open = Open::of(fixture, |first| exchange(SECOND, first)).await;
        let code = Browser::new(fixture).logs_in(&page_asking(FIRST, CB, SHARED, &[])).await["code"].clone();
        open.request = redemption(FIRST, &code, &[("redirect_uri", CB)]).header("Idempotency-Key", "one");
        open
    };
    let after = async |fixture: &Fixture, mut open: Open, when: &str| {
        let begun = SignedOn::of(&open.sends().await);
        let apps = Apps { fixture, function: open.function };
        assert_eq!(apps.live([FIRST]).await, [2], "{when}");
        assert_eq!(apps.exchange(SECOND, &begun).await.status, 200, "{when}");
    };
    // The code, the session, its entry in two attempts beside another session, the sign-on.
    assert_eq!(at_every_write(prepare, Open::sends, after).await, 5);
}
