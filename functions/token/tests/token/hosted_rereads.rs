//! What may have changed between the code and its redemption is read again: then nothing is given, and nothing is left at the
//! legacy system.

use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::secret::Secret;
use gateway_store::{App, GrantType};
use serde_json::json;

use crate::container::hasher;
use crate::fixture::{CHEAP, Fixture};
use crate::hosted::{Browser, native, redemption};

impl Fixture {
    async fn code(&self, scope: &str) -> String {
        Browser::new(self).logs_in(&native(scope)).await["code"].clone()
    }

    /// The registration of `native` from now on.
    async fn registers(&self, change: impl Fn(App) -> App) {
        let native = self.db.store.apps.get(&ClientId::parse("native").unwrap()).await.unwrap().unwrap();
        self.db.store.apps.put(&change(native)).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_gives_nothing_once_its_application_may_not_have_it() {
    type Change = fn(App) -> App;
    let changes: [(Change, _); 3] = [
        (|app| App { enabled: false, ..app }, (401, "invalid_client")),
        (|app| App { grants: [GrantType::RefreshToken].into(), ..app }, (400, "unauthorized_client")),
        (|app| App { scope: Scope::parse("notes:read").unwrap(), ..app }, (400, "invalid_grant")),
    ];
    for (change, refusal) in changes {
        let fixture = Fixture::new().await;
        let code = fixture.code("vault:read").await;
        fixture.registers(change).await;
        assert_eq!(fixture.send(redemption("native", &code, &[])).await.refusal(), refusal);
        assert_eq!(fixture.sessions_of("u_alice", "native").await, 0, "{refusal:?}");
        fixture.clock.forward(60);
        let event = json!({ "log_out_lapsed_logins": {} });
        gateway_renewal::handle(Ok(&fixture.renewal()), event).await.unwrap();
        assert_eq!(fixture.vault.ends(), 1, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_code_gives_no_more_than_its_application_has_still() {
    let fixture = Fixture::new().await;
    let code = fixture.code("notes:read vault:read").await;
    fixture.registers(|app| App { scope: Scope::parse("notes:read").unwrap(), ..app }).await;
    assert_eq!(fixture.send(redemption("native", &code, &[])).await.body["scope"], "notes:read");
}

/// The user is there and may log in, but this login was one with the password before.
#[tokio::test]
async fn a_code_gives_nothing_once_its_user_has_another_password() {
    let fixture = Fixture::new().await;
    let code = fixture.code("vault:read").await;
    let (alice, new) = (UserId::parse("u_alice").unwrap(), Secret::new("a new one".to_owned()));
    let new = hasher(CHEAP).hash(&new, [9; 16]).unwrap();
    fixture.db.store.users.change_credentials(&alice, Some(&new), true).await.unwrap();
    assert_eq!(fixture.send(redemption("native", &code, &[])).await.refusal(), (400, "invalid_grant"));
    assert_eq!((fixture.sessions_of("u_alice", "native").await, fixture.vault.ends()), (0, 1));
}
