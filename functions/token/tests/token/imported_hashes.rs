//! People of another system log in with the passwords they have; from then on their hash is one of ours.

use std::collections::BTreeMap;

use gateway_domain::ids::UserId;
use gateway_domain::password::PasswordHash;
use gateway_store::{CreateUser, User};

use crate::fixture::{Fixture, NOTES, password_login};
use crate::request::post;

/// One published hash of each kind (see the domain's password module for where) with its password.
const KINDS: [(&str, &str, &str); 6] = [
    ("bcrypt", "U*U*U", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("argon2id", "password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ("argon2i", "password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
    ("django", "lètmein", "pbkdf2_sha256$12000$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s="),
    ("passlib", "password", "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"),
    (
        "scrypt",
        "lètmein",
        "scrypt$16384$seasalt$8$1$\
         Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
    ),
];

async fn import(fixture: &Fixture, name: &str, hash: PasswordHash) -> UserId {
    let user_id = UserId::parse(&format!("u_{name}")).unwrap();
    let email = gateway_domain::address::Address::parse(&format!("{name}@example.com")).unwrap();
    let user = User {
        user_id: user_id.clone(),
        email,
        password: Some(hash),
        credential_epoch: 1,
        enabled: true,
        links: BTreeMap::new(),
        email_verified: true,
        directory_subject: None,
        ways_back: Vec::new(),
        browser_epoch: 0,
        roles: std::collections::BTreeSet::new(),
        second_factor: None,
        profile: BTreeMap::new(),
    };
    assert_eq!(fixture.db.store.users.create(&user).await, Ok(CreateUser::Created));
    user_id
}

/// Checklist Z-44, P-07.
#[tokio::test]
async fn a_hash_of_every_kind_logs_in_and_is_replaced_at_that_login() {
    let fixture = Fixture::new().await;
    for (name, password, hash) in KINDS {
        let id = import(&fixture, name, PasswordHash::import(hash).unwrap()).await;
        let stored = || async { fixture.db.store.users.get(&id).await.unwrap().unwrap() };
        assert_eq!(
            fixture.send(password_login(name, "pub1", &format!("{password}x"))).await.refusal(),
            (400, "invalid_grant")
        );
        assert!(stored().await.password.unwrap().is_legacy(), "{name}: a wrong attempt changes nothing");
        let tokens = fixture.send(password_login(name, "pub1", password)).await.tokens();
        assert!(fixture.calls(&tokens.access).await, "{name}");
        let upgraded = stored().await;
        let text = upgraded.password.unwrap();
        assert!(!text.is_legacy() && text.as_str().contains("$argon2id$v=19$m=64,t=1,p=1$"), "{name}: {text:?}");
        assert_eq!(upgraded.credential_epoch, 1, "{name}: no session ends for it");
        assert_eq!(fixture.send(password_login(name, "pub1", password)).await.status, 200, "{name}");
        assert_eq!(fixture.send(password_login(name, "pub1", &format!("{password}x"))).await.status, 400, "{name}");
        assert!(fixture.calls(&tokens.access).await, "{name}: the session of the first login goes on");
    }
}

/// bcrypt looks at 72 bytes. From the first login on the whole password counts.
#[tokio::test]
async fn what_bcrypt_cut_off_counts_after_the_first_login() {
    let fixture = Fixture::new().await;
    let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    import(&fixture, "longpass", PasswordHash::import(hash).unwrap()).await;
    let seen = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let typed = format!("{seen}chars after 72 are ignored");
    assert_eq!(fixture.send(password_login("longpass", "pub1", &typed)).await.status, 200);
    assert_eq!(fixture.send(password_login("longpass", "pub1", seen)).await.status, 400);
    assert_eq!(fixture.send(password_login("longpass", "pub1", &typed)).await.status, 200);
}

/// A hash whose price is not bounded, however it came into the table, is unreadable: an error at once, and no work.
#[tokio::test]
async fn a_stored_hash_that_costs_too_much_is_not_computed() {
    let fixture = Fixture::new().await;
    let hash = "legacy:$argon2id$v=19$m=4194304,t=100,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    import(&fixture, "dear", PasswordHash::from_stored(hash.to_owned())).await;
    let form = [("grant_type", "password"), ("client_id", "pub1"), ("scope", NOTES), ("password", "password")];
    let response =
        fixture.send(post("/oauth2/token", &[&form[..], &[("username", "dear@example.com")]].concat())).await;
    assert!(response.status >= 500, "{}", response.status);
}
