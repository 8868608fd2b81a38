//! The client credentials grant: an application acts for itself.

use futures_util::future::join_all;

use crate::fixture::{Fixture, NOTES, SECRET, send};
use crate::request::{Request, Response, decoded, post};

fn itself(client: &str) -> Request {
    post("/oauth2/token", &[("grant_type", "client_credentials"), ("scope", NOTES)]).basic(client, SECRET)
}

fn sid(response: &Response) -> String {
    decoded(&response.tokens().access).1["sid"].as_str().unwrap().to_owned()
}

/// Checklist G-09, G-02.
#[tokio::test]
async fn an_application_gets_an_access_token_and_no_refresh_token() {
    let fixture = Fixture::new().await;
    let response = fixture.send(itself("conf1")).await;
    assert!(response.body.get("refresh_token").is_none());
    assert!(fixture.calls(&response.tokens().access).await);
}

/// Checklist G-08.
#[tokio::test]
async fn a_public_application_never_acts_for_itself() {
    let fixture = Fixture::new().await;
    let form = [("grant_type", "client_credentials"), ("client_id", "pub1")];
    assert_eq!(fixture.send(post("/oauth2/token", &form)).await.refusal(), (400, "unauthorized_client"));
}

#[tokio::test]
async fn an_application_has_one_standing_session_which_lives_on_while_it_is_used() {
    let fixture = Fixture::new().await;
    let first = fixture.send(itself("conf1")).await;
    fixture.clock.forward(500);
    let second = fixture.send(itself("conf1")).await;
    assert_eq!(sid(&first), sid(&second));
    fixture.clock.forward(300);
    assert!(!fixture.calls(&first.tokens().access).await, "expired");
    assert!(fixture.calls(&second.tokens().access).await);
    fixture.clock.forward(301);
    assert_ne!(sid(&fixture.send(itself("conf1")).await), sid(&first));
}

#[tokio::test]
async fn fifty_requests_at_once_share_one_session_that_works() {
    let fixture = Fixture::new().await;
    let responses = join_all((0..50).map(|_| fixture.send(itself("conf1")))).await;
    let first = sid(&responses[0]);
    for response in &responses {
        assert_eq!(sid(response), first);
    }
    assert!(fixture.calls(&responses[49].tokens().access).await);
    assert_ne!(sid(&send(&fixture.container(), itself("conf2")).await), first);
}

/// Checklist V-02: and the next one is a new session.
#[tokio::test]
async fn revoking_ends_the_standing_session() {
    let fixture = Fixture::new().await;
    let tokens = fixture.send(itself("conf1")).await.tokens();
    let revoking = post("/oauth2/revoke", &[("token", &tokens.access)]).basic("conf1", SECRET);
    assert_eq!(fixture.send(revoking).await.status, 200);
    assert!(!fixture.calls(&tokens.access).await);
    assert!(fixture.calls(&fixture.send(itself("conf1")).await.tokens().access).await);
}
