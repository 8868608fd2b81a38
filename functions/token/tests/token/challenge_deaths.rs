//! The authorize function dies between two writes of an app's own login: the app sends the same again, and nothing of the first is left.

use crate::challenge::{ALICE, App, code, redemption};
use crate::fixture::Fixture;
use crate::hosted::VERIFIER;
use crate::hosted_deaths::at_every_write;
use crate::request::Response;

/// A login that needs a legacy session.
async fn logs_in(app: &App) -> Response {
    app.asks(&[&ALICE[..], &[("scope", "vault:read")]].concat()).await
}

#[tokio::test]
async fn a_login_that_dies_is_sent_again_and_leaves_nothing_behind() {
    let prepare = async |fixture: &Fixture| App::of(fixture);
    let sends = async |app: &mut App| logs_in(app).await;
    let after = async |fixture: &Fixture, app: App, when: &str| {
        let response = logs_in(&app).await;
        let tokens = fixture.send(redemption("first", code(&response), Some(VERIFIER))).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{when}");
        assert_eq!(fixture.sessions_of("u_alice", "first").await, 1, "{when}");
        assert_eq!(fixture.left_at_the_legacy_system().await, 1, "{when}: that of the login which was finished");
        assert_eq!(fixture.refresh("first", &tokens.refresh).await.status, 200, "{when}");
    };
    // Three counters reserve the attempt and get it back; the pending session is the last.
    assert_eq!(at_every_write(prepare, sends, after).await, 7);
}
