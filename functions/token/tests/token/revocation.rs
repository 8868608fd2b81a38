//! Revocation (RFC 7009): the whole session, at once, told to the legacy system.

use crate::fixture::{Fixture, NOTES, SECRET, send};
use crate::request::{Request, decoded, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use support::Verdict;

fn revoke(client: &str, token: &str, hint: &str) -> Request {
    post("/oauth2/revoke", &[("client_id", client), ("token", token), ("token_type_hint", hint)])
}

/// Abuse case F7; checklist V-01, V-02, V-03, S-12, Z-25, Z-36: by either token, whatever the hint, felt by the next request.
#[tokio::test]
async fn revoking_either_token_ends_the_session() {
    let fixture = Fixture::new().await;
    for hint in ["", "refresh_token", "access_token", "nonsense"] {
        for by_refresh in [true, false] {
            // The twins of earlier rounds reach the cap: with a later clock, they are the ones that make room.
            fixture.clock.forward(1);
            let (tokens, twin) = (fixture.login("pub1", NOTES).await, fixture.login("pub1", NOTES).await);
            assert!(fixture.calls(&tokens.access).await);
            let token = if by_refresh { &tokens.refresh } else { &tokens.access };
            let response = fixture.send(revoke("pub1", token, hint)).await;
            assert_eq!((response.status, response.text.as_str()), (200, "{}"));
            assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.refusal(), (400, "invalid_grant"));
            assert!(!fixture.calls(&tokens.access).await);
            assert!(fixture.calls(&twin.access).await, "another session of the same person goes on");
            assert_eq!(fixture.refresh("pub1", &twin.refresh).await.status, 200);
        }
    }
}

/// Checklist V-05: the internal tokens are gone from the table and ended at their systems.
#[tokio::test]
async fn revoking_ends_the_internal_tokens() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "orders:read vault:read").await;
    let session = fixture.session(&tokens.access).await;
    assert_eq!(session.tokens.len(), 2);
    assert_eq!(fixture.send(revoke("pub1", &tokens.refresh, "")).await.status, 200);
    let ended = fixture.db.store.sessions.get(&session.sid).await.unwrap().unwrap();
    assert!(ended.family.ended && ended.tokens.is_empty());
    for (_, token) in session.tokens {
        assert!(!fixture.dump().await.contains(token.sealed.as_str()));
    }
    let logouts = fixture.legacy.recorded().into_iter().filter(|request| request.target == "/logout");
    assert_eq!(logouts.count(), 2);
}

/// Checklist V-06: whatever it is, it does not work any more.
#[tokio::test]
async fn an_unknown_token_is_as_good_as_revoked() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", NOTES).await;
    assert_eq!(fixture.send(revoke("pub1", &tokens.refresh, "")).await.status, 200);
    for token in [tokens.refresh.as_str(), tokens.access.as_str(), "x", "mgr_x.1.y", "a.b.c"] {
        assert_eq!(fixture.send(revoke("pub1", token, "")).await.status, 200, "{token}");
    }
}

/// Checklist V-04, V-06: it answers as to a token that does not exist, and its owner does not notice.
#[tokio::test]
async fn a_token_of_another_application_is_not_revoked() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", NOTES).await;
    for token in [&tokens.refresh, &tokens.access] {
        let garbage = fixture.send(revoke("pub2", "x", "")).await;
        assert_eq!((garbage.status, garbage.text.as_str()), (200, "{}"));
        assert_eq!(fixture.send(revoke("pub2", token, "")).await, garbage);
        let confidential = post("/oauth2/revoke", &[("token", token)]);
        assert_eq!(fixture.send(confidential.clone().basic("conf1", SECRET)).await, garbage);
        assert_eq!(fixture.send(confidential.basic("conf1", "wrong")).await.refusal(), (401, "invalid_client"));
    }
    assert!(fixture.calls(&tokens.access).await);
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200);
}

/// Abuse case E11: claims of one token under the signature of another revoke nothing.
#[tokio::test]
async fn a_forged_access_token_revokes_nothing() {
    let fixture = Fixture::new().await;
    let (mine, hers) = (fixture.login("pub1", NOTES).await, fixture.login("pub1", NOTES).await);
    let parts: Vec<_> = mine.access.split('.').collect();
    let claims = URL_SAFE_NO_PAD.encode(decoded(&hers.access).1.to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none","kid":"k1"}"#);
    for forged in [
        format!("{}.{claims}.{}", parts[0], parts[2]),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{}", parts[2]),
    ] {
        assert_eq!(fixture.send(revoke("pub1", &forged, "")).await.status, 200);
    }
    assert!(fixture.calls(&hers.access).await);
    assert_eq!(fixture.send(revoke("pub1", &hers.access, "")).await.status, 200);
    assert!(!fixture.calls(&hers.access).await, "the real one does");
}

/// Checklist V-07: a write that failed is never a 200; repeating it makes up for it.
#[tokio::test]
async fn a_revocation_that_was_not_written_is_told() {
    let fixture = Fixture::new().await;
    for table in ["Sessions", "Activity"] {
        let tokens = fixture.login("pub1", NOTES).await;
        fixture.wire.script(
            move |operation| {
                if operation.is("UpdateItem", table) { Verdict::Fail } else { Verdict::Forward }
            },
        );
        let response = fixture.send(revoke("pub1", &tokens.refresh, "")).await;
        assert_eq!(response.refusal(), (503, "temporarily_unavailable"), "{table}");
        assert!(response.header("Retry-After").is_some());
        fixture.wire.calm();
        assert_eq!(send(&fixture.container(), revoke("pub1", &tokens.refresh, "")).await.status, 200);
        assert!(!fixture.calls(&tokens.access).await);
    }
}
