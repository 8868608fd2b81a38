//! The function dies between two writes of a trade-in: the app sends the same again, and gets its session.

use gateway_token::AuthorizationServer;
use support::{Last, OldIssuer, dying};

use crate::fixture::{Fixture, send};
use crate::hosted_deaths::at_every_write;
use crate::old_issuer::{trade, with_issuer};

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
