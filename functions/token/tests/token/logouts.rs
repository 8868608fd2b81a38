//! Back-end logout of ended sessions by the renewal function: repeated until the legacy systems know, and of no other session.

use gateway_domain::ids::SessionId;
use gateway_domain::renewal::LogoutRequest;
use serde_json::Value;

use crate::fixture::{Fixture, send};
use crate::renewing::Mood;
use crate::request::post;
use support::{Last, dying};

/// Hands the event of a logout to the renewal function, as Lambda does.
async fn log_out(fixture: &Fixture, session: &SessionId) -> Result<Value, String> {
    let event = LogoutRequest { session: session.clone() }.to_event();
    gateway_renewal::handle(Ok(&fixture.renewal()), event).await.map_err(|failure| failure.to_string())
}

/// How many internal tokens a session holds still.
async fn left(fixture: &Fixture, session: &SessionId) -> usize {
    fixture.db.store.sessions.get(session).await.unwrap().unwrap().tokens.len()
}

/// Logouts that reached the back end.
fn heard(fixture: &Fixture) -> usize {
    fixture.legacy.recorded().iter().filter(|request| request.target == "/logout").count()
}

/// Checklist V-05; Z-28: what a command line ended, which holds no keys, is logged out, and once that is done nothing more.
#[tokio::test]
async fn an_ended_session_is_logged_out_and_a_repeated_event_costs_one_read() {
    let fixture = Fixture::new().await;
    let session = fixture.session(&fixture.login("pub1", "orders:read vault:read").await.access).await.sid;
    fixture.db.store.sessions.end(&session).await.unwrap();
    assert_eq!(left(&fixture, &session).await, 2);
    assert_eq!(log_out(&fixture, &session).await, Ok("logged_out".into()));
    assert_eq!((left(&fixture, &session).await, heard(&fixture)), (0, 2));
    fixture.wire.since_last();
    assert_eq!(log_out(&fixture, &session).await, Ok("logged_out".into()));
    assert_eq!(fixture.wire.since_last(), ["GetItem Sessions"]);
    assert_eq!(heard(&fixture), 2);
    let unknown = SessionId::from_random([9; 16]);
    assert_eq!(log_out(&fixture, &unknown).await, Ok("logged_out".into()), "its item is gone, and its tokens with it");
}

/// Who may invoke the function must not be able to end sessions with it.
#[tokio::test]
async fn a_live_session_is_not_logged_out() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "vault:read").await;
    let session = fixture.session(&tokens.access).await.sid;
    let refused = log_out(&fixture, &session).await.unwrap_err();
    assert!(refused.contains("has not ended"), "{refused}");
    assert_eq!((left(&fixture, &session).await, heard(&fixture)), (1, 0));
    assert!(fixture.calls(&tokens.access).await);
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200);
}

/// The invocation fails, so that Lambda repeats it; whoever was told already need not hear it again.
#[tokio::test]
async fn a_back_end_that_is_down_is_told_by_the_next_attempt() {
    let fixture = Fixture::new().await;
    let session = fixture.session(&fixture.login("pub1", "orders:read vault:read").await.access).await.sid;
    fixture.db.store.sessions.end(&session).await.unwrap();
    fixture.vault.is(Mood::IsDown);
    let failed = log_out(&fixture, &session).await.unwrap_err();
    assert!(failed.contains("1 legacy sessions could not be ended"), "{failed}");
    assert_eq!((left(&fixture, &session).await, heard(&fixture)), (1, 1));
    fixture.vault.is(Mood::Renews);
    assert_eq!(log_out(&fixture, &session).await, Ok("logged_out".into()));
    assert_eq!((left(&fixture, &session).await, heard(&fixture), fixture.vault.ends()), (0, 2, 1));
}

#[tokio::test]
async fn a_function_that_cannot_work_fails_instead_of_losing_the_event() {
    let fixture = Fixture::new().await;
    let event = LogoutRequest { session: SessionId::from_random([9; 16]) }.to_event();
    assert!(gateway_renewal::handle(Ok(&fixture.renewal_without_store()), event.clone()).await.is_err());
    let missing = gateway_runtime::StartError::Missing { name: "SESSIONS_TABLE", expected: "the name of a table" };
    assert!(gateway_renewal::handle(Err(missing), event).await.is_err());
}

/// A revocation that a down back end does not hear, or that dies before it is told, leaves the tokens for a later logout.
#[tokio::test]
async fn what_the_token_function_could_not_log_out_is_left_for_a_later_logout() {
    let fixture = Fixture::new().await;
    let revoke = |token: &str| post("/oauth2/revoke", &[("client_id", "pub1"), ("token", token)]);
    let tokens = fixture.login("pub1", "vault:read").await;
    let deaf = fixture.session(&tokens.access).await.sid;
    fixture.vault.is(Mood::IsDown);
    assert_eq!(fixture.send(revoke(&tokens.refresh)).await.status, 200);
    fixture.vault.is(Mood::Renews);

    let tokens = fixture.login("pub1", "vault:read").await;
    let died = fixture.session(&tokens.access).await.sid;
    fixture.wire.script(dying(1, Last::Answered));
    assert_eq!(send(&fixture.container(), revoke(&tokens.refresh)).await.status, 503);
    fixture.wire.calm();

    for session in [deaf, died] {
        assert!(fixture.db.store.sessions.ended_with_tokens().await.unwrap().contains(&session));
        assert_eq!(log_out(&fixture, &session).await, Ok("logged_out".into()));
    }
    assert_eq!(fixture.db.store.sessions.ended_with_tokens().await, Ok(Vec::new()));
    assert_eq!(heard(&fixture), 2);
}
