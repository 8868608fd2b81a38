//! `users passkeys`: what a user has, and that a removal ends what began before.

use gateway_domain::passkey::{Algorithm, CredentialId, Passkey, PublicKey, uuid};
use gateway_domain::time::Timestamp;
use gateway_store::AddPasskey;
use support::{DEMO_APP, Verdict};

use crate::fixture::fixture;
use crate::operator::{OTHER, PASSWORD, run};
use crate::sessions::watched;

const CARLA: &str = "carla@example.com";

/// A passkey whose id begins with a hyphen in base64url, as one in 64 does.
fn passkey(number: u8) -> Passkey {
    Passkey {
        id: CredentialId::of_bytes(vec![0xF8, number, 7]).unwrap(),
        public_key: PublicKey::new(Algorithm::Es256, vec![number]).unwrap(),
        sign_count: 0,
        name: format!("Phone {number}"),
        since: Timestamp::from_secs(1_700_000_000 + i64::from(number)),
        used_at: None,
        backed_up: false,
        aaguid: uuid([0; 16]),
    }
}

/// Abuse case M13.
#[tokio::test]
async fn an_operator_lists_and_removes_passkeys_and_what_began_before_ends() {
    let (gateway, olga) = fixture().await;
    olga.run(&["users", "create", CARLA, "-o", "json"], PASSWORD).await.json();
    let store = gateway.store();
    let carla = store.users.by_email(CARLA).await.unwrap().unwrap();
    for number in 1..=3 {
        let of = (&carla.user_id, carla.credential_epoch);
        assert_eq!(store.users.add_passkey(of, &passkey(number)).await, Ok(AddPasskey::Done));
    }
    let list = async || olga.json(&["users", "passkeys", CARLA]).await["items"].clone();
    let listed = list().await;
    let ids: Vec<_> = (1..=3).map(|number| passkey(number).id.to_string()).collect();
    assert!(ids.iter().all(|id| id.starts_with('-')), "{ids:?}");
    for (at, id) in ids.iter().enumerate() {
        assert_eq!((&listed[at]["id"], listed[at]["used_at"].is_null()), (&id.as_str().into(), true), "{listed}");
    }
    assert_eq!(listed[0]["name"], "Phone 1");

    let tokens = gateway.try_login(DEMO_APP, CARLA, PASSWORD).await.tokens();
    let unknown = olga.does(&["users", "passkeys", CARLA, "--remove", "AAAA"]).await;
    assert!(unknown.code == Some(3) && unknown.problem().contains("no such passkey"), "{unknown:?}");
    assert!(unknown.problem().contains("gateway-admin sessions end --user USER"), "a removal may have broken off");
    assert_eq!(olga.does(&["users", "passkeys", CARLA, "--remove", "no id!"]).await.code, Some(2));
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 200, "nothing was done");
    let removed = olga.json(&["users", "passkeys", CARLA, "--remove", &ids[0]]).await;
    assert_eq!((&removed["passkeys_removed"], &removed["sessions_ended"]), (&1.into(), &1.into()), "{removed}");
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 401);
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    assert_eq!(list().await.as_array().unwrap().len(), 2);
    let audited = olga.json(&["audit", "list"]).await;
    let row = &audited["items"][0];
    assert_eq!((&row["act"], &row["outcome"]), (&"users remove-passkeys".into(), &"done".into()), "{audited}");

    let removed = olga.json(&["users", "passkeys", CARLA, "--remove", "all"]).await;
    assert_eq!(removed["passkeys_removed"], 2, "{removed}");
    assert_eq!(list().await, serde_json::json!([]));
    let now = store.users.by_email(CARLA).await.unwrap().unwrap();
    assert_eq!(now.credential_epoch, carla.credential_epoch + 3);
    gateway.try_login(DEMO_APP, CARLA, PASSWORD).await.tokens();
    let again = olga.json(&["users", "passkeys", CARLA, "--remove", "all"]).await;
    assert_eq!((&again["passkeys_removed"], &again["sessions_ended"]), (&0.into(), &1.into()), "{again}");
}

/// Whoever helps after a theft is told that the thief's passkey is none of the password.
#[tokio::test]
async fn a_new_password_and_a_comeback_say_how_many_passkeys_stay() {
    let (gateway, olga) = fixture().await;
    olga.run(&["users", "create", CARLA, "-o", "json"], PASSWORD).await.json();
    let says_nothing = olga.run(&["users", "set-password", CARLA], OTHER).await;
    assert!(!says_nothing.text().contains("passkey"), "{says_nothing:?}");
    let store = gateway.store();
    let carla = store.users.by_email(CARLA).await.unwrap().unwrap();
    for number in 1..=2 {
        let of = (&carla.user_id, carla.credential_epoch);
        assert_eq!(store.users.add_passkey(of, &passkey(number)).await, Ok(AddPasskey::Done));
    }
    let next = "2 passkeys stay and log in as before: if a thief was in the account, \
                `gateway-admin users passkeys carla@example.com --remove all`";
    let set = olga.run(&["users", "set-password", CARLA], PASSWORD).await;
    assert!(set.text().contains(next), "{set:?}");
    let set = olga.run(&["users", "set-password", CARLA, "-o", "json"], OTHER).await.json();
    assert_eq!(set["passkeys"], 2, "{set}");
    assert_eq!(olga.json(&["users", "disable", CARLA]).await["passkeys"], 2);
    let enabled = olga.does(&["users", "enable", CARLA]).await;
    assert!(enabled.text().contains(next), "{enabled:?}");
    let disabled = olga.does(&["users", "disable", CARLA]).await;
    assert!(!disabled.text().contains("passkey"), "nobody logs in by them: {disabled:?}");
    olga.json(&["users", "enable", CARLA]).await;
    let first = passkey(1).id.to_string();
    let removed = olga.does(&["users", "passkeys", CARLA, "--remove", &first]).await;
    assert!(removed.text().contains("1 passkey of carla@example.com removed"), "{removed:?}");
    let set = olga.run(&["users", "set-password", CARLA], PASSWORD).await;
    assert!(set.text().contains("1 passkey stays and logs in as before: if a thief"), "{set:?}");
    olga.json(&["users", "passkeys", CARLA, "--remove", "all"]).await;
    olga.json(&["users", "disable", CARLA]).await;
    assert_eq!(olga.json(&["users", "enable", CARLA]).await["passkeys"], 0);
}

/// What is done does not fail by what is only told about it.
#[tokio::test]
async fn a_change_is_done_although_the_passkeys_that_stay_cannot_be_read() {
    let (gateway, olga) = fixture().await;
    olga.run(&["users", "create", CARLA, "-o", "json"], PASSWORD).await.json();
    let (wire, files) = watched(&gateway).await;
    let local = format!("--local={}", files.path().display());
    for (command, told) in [("set-password", "any passkeys stay, and could not be read"), ("disable", "may not log in")]
    {
        let mut is_done = false;
        wire.script(move |operation| {
            is_done |= operation.is("UpdateItem", "Users");
            if is_done && operation.is("GetItem", "Users") { Verdict::Fail } else { Verdict::Forward }
        });
        let done = run(&[local.as_str(), "users", command, CARLA], OTHER, |command| command.env("USER", "olga")).await;
        assert!(done.text().contains(told), "{command}: {done:?}");
    }
}
