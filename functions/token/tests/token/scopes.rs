//! Scopes: what was asked, never more than what may be had, and never more at a refresh.

use crate::fixture::{Fixture, NOTES, SECRET, login, refresh};
use crate::request::{Request, post};

const ALL: &str = "notes:read notes:write orders:read orders:write vault:read";

fn narrowed(token: &str, scope: &str) -> Request {
    let fields = [("grant_type", "refresh_token"), ("client_id", "pub1"), ("refresh_token", token), ("scope", scope)];
    post("/oauth2/token", &fields)
}

/// Checklist T-13, T-14, A-05: the default is what the application is assigned.
#[tokio::test]
async fn the_granted_scope_is_told_and_defaults_to_that_of_the_application() {
    let fixture = Fixture::new().await;
    for (asked, granted) in [("", ALL), (NOTES, NOTES), ("notes:read", "notes:read")] {
        let response = fixture.send(login("alice", "pub1", asked)).await;
        assert_eq!(response.body["scope"], granted);
        let (_, claims) = crate::request::decoded(&response.tokens().access);
        assert_eq!(claims["scope"], granted);
    }
}

/// Checklist T-15, T-23.
#[tokio::test]
async fn a_scope_is_a_set_of_case_sensitive_words() {
    let fixture = Fixture::new().await;
    let bad = ["notes:read\tnotes:write", "\"", "a\\b", "nötes", "NOTES:READ", "notes:read admin", "notes", "*", " "];
    let spaces = ["notes:read  notes:write", " notes:read", "notes:read ", "notes:read\nnotes:write", "\tnotes:read"];
    let tokens = fixture.login("pub1", NOTES).await;
    for scope in bad.into_iter().chain(spaces) {
        let itself = post("/oauth2/token", &[("grant_type", "client_credentials"), ("scope", scope)]);
        let requests = [login("alice", "pub1", scope), narrowed(&tokens.refresh, scope), itself.basic("conf1", SECRET)];
        for request in requests {
            assert_eq!(fixture.send(request).await.refusal(), (400, "invalid_scope"), "{scope:?}");
        }
    }
    let response = fixture.send(login("alice", "pub1", "notes:write notes:read notes:write")).await;
    assert_eq!(response.body["scope"], NOTES);
}

/// Abuse case E6; checklist G-10, G-11, G-12, O-03, S-11, Z-38.
#[tokio::test]
async fn a_refresh_narrows_an_access_token_and_never_widens_the_grant() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    for wide in ["notes:read notes:write admin", "orders:read", "notes:read orders:read", ALL] {
        assert_eq!(fixture.send(narrowed(&first.refresh, wide)).await.refusal(), (400, "invalid_scope"), "{wide}");
    }
    let narrow = fixture.send(narrowed(&first.refresh, "notes:read")).await;
    assert_eq!(narrow.body["scope"], "notes:read", "the token presented in vain stays usable");
    fixture.clock.forward(1);
    let full = fixture.send(refresh("pub1", &narrow.tokens().refresh)).await;
    assert_eq!(full.body["scope"], NOTES);
}

/// Checklist S-11: what an application lost, its sessions lose at their next refresh.
#[tokio::test]
async fn a_scope_taken_from_the_application_is_not_refreshed() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let id = gateway_domain::ids::ClientId::parse("pub1").unwrap();
    let mut app = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    app.scope = gateway_domain::scope::Scope::parse("notes:read").unwrap();
    fixture.db.store.apps.put(&app).await.unwrap();
    assert_eq!(fixture.send(narrowed(&first.refresh, "notes:write")).await.refusal(), (400, "invalid_scope"));
    assert_eq!(fixture.send(refresh("pub1", &first.refresh)).await.body["scope"], "notes:read");
}
