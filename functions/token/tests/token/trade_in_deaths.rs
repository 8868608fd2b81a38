//! The function dies between two writes of a trade-in: the app sends the same again, and gets its session.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_token::AuthorizationServer;
use support::{Last, OldIssuer, Verdict, dying};
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, send};
use crate::hosted_deaths::at_every_write;
use crate::old_issuer::{old_issuer, trade, with_issuer};
use crate::request::{Request, post};
use crate::step_up::delegated;

/// A container that asks an issuer, and a token of that issuer.
struct Phone {
    issuer: OldIssuer,
    app: AuthorizationServer,
    old: String,
}

impl Phone {
    async fn of(fixture: &Fixture) -> Self {
        let issuer = OldIssuer::start(fixture.now().as_secs()).await;
        let app = fixture.container_with(|config| with_issuer(&issuer, config, "subject", ""));
        let old = issuer.issue("u_alice");
        Self { issuer, app, old }
    }
}

/// With an issuer that forgives a repetition, as those that rotate tokens should.
#[tokio::test]
async fn a_trade_in_that_dies_is_sent_again() {
    let prepare = async |fixture: &Fixture| {
        let phone = Phone::of(fixture).await;
        phone.issuer.keeps_tokens();
        phone
    };
    let sends = async |phone: &mut Phone| send(&phone.app, trade("pub1", &phone.old)).await;
    let after = async |fixture: &Fixture, phone: Phone, when: &str| {
        let waits = send(&phone.app, trade("pub1", &phone.old)).await;
        assert!([200, 503].contains(&waits.status), "{when}: {}", waits.text);
        fixture.clock.forward(31);
        let again = send(&phone.app, trade("pub1", &phone.old)).await.tokens();
        assert!(fixture.calls(&again.access).await, "{when}");
        assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 1, "{when}");
        assert!(phone.issuer.asked().len() <= 2, "{when}");
        assert_eq!(send(&phone.app, trade("pub1", &phone.old)).await.tokens().refresh, again.refresh, "{when}");
        assert_eq!(fixture.refresh("pub1", &again.refresh).await.status, 200, "{when}");
    };
    // The counter, which gets the question back; the lease, the answer and the session that it becomes; that session, and its entry.
    assert_eq!(at_every_write(prepare, sends, after).await, 7);
}

/// The gap, as it is declared: the issuer has spent the token, and the function died before it kept the answer. One write later nothing is
/// lost.
#[tokio::test]
async fn only_between_the_answer_and_its_write_a_token_is_lost() {
    for (writes, last, status) in [(2, Last::Answered, 400), (3, Last::Unanswered, 200), (3, Last::Answered, 200)] {
        let fixture = Fixture::new().await;
        let phone = Phone::of(&fixture).await;
        fixture.wire.script(dying(writes, last));
        assert_eq!(send(&phone.app, trade("pub1", &phone.old)).await.status, 503);
        fixture.wire.calm();
        fixture.clock.forward(31);
        let again = send(&phone.app, trade("pub1", &phone.old)).await;
        assert_eq!(again.status, status, "after {writes} writes, the last {last:?}: {}", again.text);
    }
}

/// The refresh of `pub1` with a token of the issuer, for a scope of a legacy system that needs no password.
fn to_vault(token: &str) -> Request {
    let form = [("grant_type", "refresh_token"), ("client_id", "pub1"), ("refresh_token", token)];
    post("/oauth2/token", &[&form[..], &[("scope", "vault:read")]].concat())
}

/// What a legacy system began for a session stays as long as somebody may find the session, and ends where nobody has it.
#[tokio::test]
async fn a_trade_in_keeps_at_a_legacy_system_what_its_session_has() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let app = fixture.container_with(delegated);

    // The write has happened, and nobody has told so.
    fixture.wire.script(
        |operation| {
            if operation.is("PutItem", "Sessions") { Verdict::LoseResponse } else { Verdict::Forward }
        },
    );
    let tokens = send(&app, to_vault(&issuer.issue("u_alice"))).await.tokens();
    fixture.wire.calm();
    assert_eq!((fixture.versions(&tokens.access).await, fixture.vault.ends()), (vec![1], 0));

    // Nor can be read whether it has.
    let (old, mut is_written) = (issuer.issue("u_alice"), false);
    fixture.wire.script(move |operation| {
        is_written |= operation.is("PutItem", "Sessions");
        if is_written { Verdict::LoseResponse } else { Verdict::Forward }
    });
    assert_eq!(send(&app, to_vault(&old)).await.status, 503);
    fixture.wire.calm();
    let tokens = send(&app, to_vault(&old)).await.tokens();
    assert_eq!((fixture.versions(&tokens.access).await, fixture.vault.ends()), (vec![1], 0));

    // The twin: it has not happened.
    let old = issuer.issue("u_bob");
    fixture.wire.script(|operation| if operation.is("PutItem", "Sessions") { Verdict::Fail } else { Verdict::Forward });
    assert_eq!(send(&app, to_vault(&old)).await.status, 503);
    fixture.wire.calm();
    assert_eq!(fixture.vault.ends(), 1);
    let tokens = send(&app, to_vault(&old)).await.tokens();
    assert_eq!((fixture.versions(&tokens.access).await, fixture.vault.ends()), (vec![1], 1));
}

/// A repetition begins the session while the write of the first request waits, which then fails: what the first had ends, and it is served.
#[tokio::test]
async fn a_trade_in_that_is_overtaken_ends_what_it_had_at_a_legacy_system() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let containers = [fixture.container_with(delegated), fixture.container_with(delegated)];
    let old = issuer.issue("u_alice");
    let (gate, written, mut is_there) = (Arc::new(Semaphore::new(0)), AtomicUsize::new(0), false);
    let held = Arc::clone(&gate);
    fixture.wire.before_each(move |operation| {
        let waits = operation.is("PutItem", "Sessions") && written.fetch_add(1, Ordering::SeqCst) == 0;
        let held = Arc::clone(&held);
        Box::pin(async move {
            if waits {
                held.acquire().await.unwrap().forget();
            }
        })
    });
    fixture.wire.script(move |operation| {
        let writes = operation.is("PutItem", "Sessions");
        if writes && std::mem::replace(&mut is_there, true) { Verdict::Fail } else { Verdict::Forward }
    });
    fixture.wire.since_last();
    let overtakes = async {
        while !fixture.wire.seen("PutItem", "Sessions") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = send(&containers[1], to_vault(&old)).await;
        gate.add_permits(1);
        second
    };
    let (first, second) = tokio::join!(send(&containers[0], to_vault(&old)), overtakes);
    fixture.wire.calm();
    let (first, second) = (first.tokens(), second.tokens());
    assert_eq!((&first.refresh, fixture.vault.ends()), (&second.refresh, 1));
    assert_eq!(fixture.versions(&second.access).await, [1]);
    assert_eq!((fixture.sessions_of("u_alice", "pub1").await, issuer.asked().len()), (1, 1));
}
