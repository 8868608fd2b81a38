//! What other functions of the gateway ask: what an ID token says, and the logout token of an ended session.

use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::provider_event::{HintRequest, LogoutTokenRequest};
use gateway_runtime::StartError;
use gateway_token::{NotAnswered, handle};
use serde_json::{Value, json};

use crate::fixture::{Fixture, ISSUER, NOTES, login};
use crate::id_tokens::{OPENID, id_token, verified};
use crate::request::decoded;

/// Lets an application be told of logouts.
async fn told(fixture: &Fixture, client: &str) {
    let id = ClientId::parse(client).unwrap();
    let mut app = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    app.logout.backchannel_logout_uri = Some(NotificationUri::parse("https://app.example/out").unwrap());
    fixture.db.store.apps.put(&app).await.unwrap();
}

/// The session of alice's new login.
async fn session(fixture: &Fixture, client: &str, scope: &str) -> SessionId {
    let access = fixture.login(client, scope).await.access;
    SessionId::parse(decoded(&access).1["sid"].as_str().unwrap()).unwrap()
}

async fn asked(fixture: &Fixture, session: &SessionId) -> Result<Value, NotAnswered> {
    handle(Ok(&fixture.app), LogoutTokenRequest { session: session.clone() }.to_event()).await
}

#[tokio::test]
async fn the_logout_token_of_an_ended_session_is_signed_as_its_id_tokens_are() {
    let fixture = Fixture::new().await;
    for (client, algorithm) in [("oidc", "RS256"), ("oidc-es256", "ES256")] {
        told(&fixture, client).await;
        let sid = session(&fixture, client, OPENID).await;
        assert!(
            matches!(asked(&fixture, &sid).await, Err(NotAnswered::Live)),
            "nobody is told of a session that lives"
        );
        fixture.db.store.sessions.end(&sid).await.unwrap();
        let (first, second) = (asked(&fixture, &sid).await.unwrap(), asked(&fixture, &sid).await.unwrap());
        assert_eq!(first["uri"], "https://app.example/out");
        let (header, mut claims) = verified(&fixture, first["logout_token"].as_str().unwrap()).await;
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("logout+jwt")));
        let jti = claims["jti"].take();
        let now = fixture.now().as_secs();
        let expected = json!({
            "iss": ISSUER, "sub": "u_alice", "aud": client, "iat": now, "exp": now + 120, "jti": null, "sid": sid,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        assert_eq!(claims, expected, "and no nonce");
        let again = decoded(second["logout_token"].as_str().unwrap()).1["jti"].clone();
        assert!(jti.as_str().is_some_and(|jti| jti.len() == 32) && again != jti, "each delivery has one of its own");
    }
}

#[tokio::test]
async fn who_got_no_id_token_or_has_nowhere_to_be_told_is_not_told() {
    let fixture = Fixture::new().await;
    told(&fixture, "oidc").await;
    let without_openid = session(&fixture, "oidc", NOTES).await;
    let without_uri = session(&fixture, "oidc-es256", OPENID).await;
    for sid in [&without_openid, &without_uri] {
        fixture.db.store.sessions.end(sid).await.unwrap();
        assert_eq!(asked(&fixture, sid).await.unwrap(), Value::Null);
    }
    assert_eq!(asked(&fixture, &SessionId::from_random([9; 16])).await.unwrap(), Value::Null);
}

/// The issuer is that by which the application knows the session, however often it was refreshed since.
#[tokio::test]
async fn a_refreshed_session_keeps_its_issuer() {
    let fixture = Fixture::new().await;
    told(&fixture, "oidc").await;
    let tokens = fixture.login("oidc", OPENID).await;
    let tokens = fixture.refresh("oidc", &tokens.refresh).await.tokens();
    let sid = SessionId::parse(decoded(&tokens.access).1["sid"].as_str().unwrap()).unwrap();
    fixture.db.store.sessions.end(&sid).await.unwrap();
    let notice = asked(&fixture, &sid).await.unwrap();
    assert_eq!(decoded(notice["logout_token"].as_str().unwrap()).1["iss"], ISSUER);
}

#[tokio::test]
async fn an_id_token_is_read_however_old_and_nothing_else_is() {
    let fixture = Fixture::new().await;
    let response = fixture.send(login("alice", "oidc", OPENID)).await;
    let (token, access) = (id_token(&response).to_owned(), response.tokens().access);
    fixture.clock.forward(86_400);
    let read = async |id_token: &str, issuer: &str| {
        let asked = HintRequest { id_token: id_token.to_owned(), issuer: issuer.to_owned() };
        handle(Ok(&fixture.app), asked.to_event()).await.unwrap()
    };
    let sid = decoded(&access).1["sid"].clone();
    assert_eq!(read(&token, ISSUER).await, json!({ "client_id": "oidc", "user_id": "u_alice", "sid": sid }));
    for (token, issuer) in [(access.as_str(), ISSUER), (&token, "https://other.example"), ("x", ISSUER), ("", ISSUER)] {
        assert_eq!(read(token, issuer).await, Value::Null, "{token}");
    }
}

/// Whoever asks gets an error, and not a response for a client.
#[tokio::test]
async fn a_function_that_cannot_start_answers_no_other_function() {
    let error = StartError::Unavailable { what: "secret x".into(), reason: "no response".into() };
    let event = LogoutTokenRequest { session: SessionId::from_random([1; 16]) }.to_event();
    assert!(matches!(handle(Err(error), event).await, Err(NotAnswered::Failed(_))));
}
