//! The authorize function dies between two writes of a login by a passkey: the next signature logs in, and the one before is of no use.

use support::Authenticator;

use crate::challenge::{App, code, redemption};
use crate::fixture::{Fixture, NOTES};
use crate::hosted::{VERIFIER, redemption as redeems, redirected};
use crate::hosted_deaths::at_every_write;
use crate::passkeys::{Open, authenticator, endpoint, enrol};
use crate::request::Response;

/// A form, and a signature that goes with it.
struct Signed {
    open: Open,
    alice: Authenticator,
    response: String,
}

#[tokio::test]
async fn a_login_on_the_page_that_dies_is_done_again() {
    let prepare = async |fixture: &Fixture| {
        let mut alice = authenticator().counting();
        enrol(fixture, "alice", &mut alice).await;
        let open = Open::new(fixture, NOTES).await;
        let response = alice.get(&open.options()).await;
        Signed { open, alice, response }
    };
    let sends = async |signed: &mut Signed| signed.open.sends(&signed.response).await;
    let after = async |fixture: &Fixture, mut signed: Signed, when: &str| {
        let page = signed.open.browser.get("/oauth2/authorize", &signed.open.query).await;
        let mut open = Open { page, ..signed.open };
        let code = redirected(&open.signs(&mut signed.alice).await)["code"].clone();
        let tokens = fixture.send(redeems("native", &code, &[])).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{when}");
        assert_eq!(fixture.sessions_of("u_alice", "native").await, 1, "{when}");
    };
    // The challenge, the use of the passkey, the pending session, and the login of the browser.
    assert_eq!(at_every_write(prepare, sends, after).await, 4);
}

#[tokio::test]
async fn a_login_of_an_app_that_dies_is_done_again() {
    struct Ready {
        app: App,
        alice: Authenticator,
        wanted: Response,
        response: String,
    }
    let prepare = async |fixture: &Fixture| {
        let mut alice = authenticator().counting();
        enrol(fixture, "alice", &mut alice).await;
        let app = App(endpoint(fixture));
        let wanted = app.asks(&[]).await;
        let response = alice.get(&wanted.body["passkey"]).await;
        Ready { app, alice, wanted, response }
    };
    let sends = async |ready: &mut Ready| ready.app.goes_on(&ready.wanted, &[("passkey", &ready.response)]).await;
    let after = async |fixture: &Fixture, mut ready: Ready, when: &str| {
        let wanted = ready.app.asks(&[]).await;
        let response = ready.alice.get(&wanted.body["passkey"]).await;
        let given = ready.app.goes_on(&wanted, &[("passkey", &response)]).await;
        let tokens = fixture.send(redemption("first", code(&given), Some(VERIFIER))).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{when}");
        assert_eq!(fixture.sessions_of("u_alice", "first").await, 1, "{when}");
    };
    assert_eq!(at_every_write(prepare, sends, after).await, 3);
}
