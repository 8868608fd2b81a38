//! What ends sessions besides revoking them: changed credentials and disabled people.

use gateway_domain::ids::UserId;
use gateway_domain::secret::Secret;

use crate::container::hasher;
use crate::fixture::{CHEAP, Fixture, NOTES, PASSWORD, SECRET, login, password_login};
use crate::request::post;

/// Checklist Z-27, S-12: every session of the old password ends; the new password logs in.
#[tokio::test]
async fn a_new_password_ends_the_sessions_of_the_old_one() {
    let fixture = Fixture::new().await;
    let alice = UserId::parse("u_alice").unwrap();
    let (one, other) = (fixture.login("pub1", NOTES).await, fixture.login("pub2", NOTES).await);
    let bob = fixture.send(login("bob", "pub1", NOTES)).await.tokens();
    let new = hasher(CHEAP).hash(&Secret::new("a new one".to_owned()), [9; 16]).unwrap();
    fixture.db.store.users.change_credentials(&alice, Some(&new), true).await.unwrap();
    for (client, tokens) in [("pub1", &one), ("pub2", &other)] {
        assert_eq!(fixture.refresh(client, &tokens.refresh).await.refusal(), (400, "invalid_grant"));
        assert!(!fixture.calls(&tokens.access).await, "the attempt ended the session");
    }
    assert_eq!(fixture.refresh("pub1", &bob.refresh).await.status, 200);
    assert_eq!(fixture.send(password_login("alice", "pub1", PASSWORD)).await.refusal(), (400, "invalid_grant"));
    let fresh = fixture.send(password_login("alice", "pub1", "a new one")).await.tokens();
    assert_eq!(fixture.refresh("pub1", &fresh.refresh).await.status, 200);
}

/// Checklist Z-26.
#[tokio::test]
async fn a_person_disabled_later_has_no_sessions_left() {
    let fixture = Fixture::new().await;
    let alice = UserId::parse("u_alice").unwrap();
    let tokens = fixture.login("pub1", NOTES).await;
    fixture.db.store.users.change_credentials(&alice, None, false).await.unwrap();
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.refusal(), (400, "invalid_grant"));
    fixture.db.store.users.change_credentials(&alice, None, true).await.unwrap();
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.refusal(), (400, "invalid_grant"), "ended is ended");
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200);
}

/// Abuse case E10; checklist Z-26: its sessions stand still while it is disabled.
#[tokio::test]
async fn a_disabled_application_refreshes_nothing() {
    let fixture = Fixture::new().await;
    let form =
        [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    let tokens = fixture.send(post("/oauth2/token", &form).basic("conf1", SECRET)).await.tokens();
    let refresh = post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)]);
    let id = gateway_domain::ids::ClientId::parse("conf1").unwrap();
    let app = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    fixture.db.store.apps.put(&gateway_store::App { enabled: false, ..app.clone() }).await.unwrap();
    assert_eq!(fixture.send(refresh.clone().basic("conf1", SECRET)).await.refusal(), (401, "invalid_client"));
    fixture.db.store.apps.put(&app).await.unwrap();
    assert_eq!(fixture.send(refresh.basic("conf1", SECRET)).await.status, 200);
}
