//! The gateway that people of Keycloak move to: its configuration, its apps, and who of them is there.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::address::Address;
use gateway_domain::ids::{IssuerName, UserId};
use gateway_store::{CreateUser, User};
use serde_json::Value as Json;
use support::Gateway;

use super::realm::Realm;

/// The secret of the confidential clients, at Keycloak and here.
pub(super) const PARTNER_SECRET: &str = "only-for-tests";
/// People of Keycloak who are not imported.
const NOT_HERE: [&str; 3] = ["stranger", "odd", "nameless"];

/// The claims of a token.
pub(super) fn claims(token: &str) -> Json {
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// The realms of Keycloak.
pub(super) const REALMS: [&str; 3] = ["rotating", "forgiving", "lasting"];

/// Of the realm that rotates, people keep their ids; of the others they have links. Phones are known by ID tokens; partners, of these
/// realms, by introspection.
pub(super) fn configuration(keycloak: &str, front: &str, realms: &[&str], partners: bool) -> String {
    let mut config = "plans: { standard: { calls: 1000, window: 1m } }\nissuers:\n".to_owned();
    for realm in realms {
        let users = if *realm == "rotating" { "subject" } else { "links" };
        let endpoint = format!("{front}/realms/{realm}/protocol/openid-connect");
        let common = format!(
            "    issuer: {keycloak}/realms/{realm}\n    token_endpoint: {endpoint}/token\n    users: {users}\n    \
             until: 2999-12-31\n    timeout: 8s\n"
        );
        config += &format!(
            "  {realm}:\n{common}    jwks_uri: {endpoint}/certs\n    clients:\n      \
             - {{ client: phone-{realm}, foreign_client_id: phones }}\n"
        );
        if partners {
            config += &format!(
                "  {realm}-partners:\n{common}    subject: introspection\n    \
                 introspection_endpoint: {endpoint}/token/introspect\n    clients:\n      \
                 - client: partner-{realm}\n        foreign_client_id: partner\n        \
                 authentication: client_secret_basic\n        secret: partner-at-keycloak\n"
            );
        }
    }
    config
        + "apis:\n  catalogue:\n    back_end: http://127.0.0.1:3001\n    routes:\n      \
           - path: /catalogue\n        methods: { GET: [\"orders:read\"] }\n"
}

pub(super) fn seed() -> String {
    let app = |id: &str, kind: &str| {
        format!(
            "  {id}:\n    name: {id}\n    kind: {kind}\n    trusted: true\n    grants: [password, refresh_token]\n    \
             scopes: [\"orders:read\"]\n    plan: standard\n    subscriptions: [catalogue]\n"
        )
    };
    let mut apps = app("unmapped", "public");
    for realm in REALMS {
        apps += &app(&format!("phone-{realm}"), "public");
        apps += &app(&format!("partner-{realm}"), &format!("confidential\n    secret: {PARTNER_SECRET}"));
    }
    format!("apps:\n{apps}users: []\n")
}

/// The id here of a person of that realm.
pub(super) fn user_id(realm: &Realm, subject: &str) -> UserId {
    let id = if realm.name == "rotating" { subject.to_owned() } else { format!("here-{subject}") };
    UserId::parse(&id).expect("an id")
}

/// Makes the people of a realm users here.
pub(super) async fn import(gateway: &Gateway, realm: &Realm) {
    for person in realm.users().await {
        let text = |name: &str| person[name].as_str().unwrap_or_default();
        if !NOT_HERE.contains(&text("username")) && !text("username").starts_with("service-account-") {
            import_one(gateway, realm, text("id"), text("email")).await;
        }
    }
}

/// Makes one of them a user here.
pub(super) async fn import_one(gateway: &Gateway, realm: &Realm, subject: &str, email: &str) {
    let user = User {
        user_id: user_id(realm, subject),
        email: Address::parse(&format!("{}.{email}", realm.name)).expect("an address"),
        password: None,
        credential_epoch: 1,
        enabled: true,
        links: BTreeMap::new(),
        directory_subject: None,
        email_verified: true,
        profile: BTreeMap::new(),
        ways_back: Vec::new(),
        browser_epoch: 0,
        roles: BTreeSet::new(),
        second_factor: None,
    };
    assert_eq!(gateway.store().users.create(&user).await, Ok(CreateUser::Created));
    link(gateway, realm, &user.user_id, subject).await;
}

/// Links a user to a subject, where people are found by links.
async fn link(gateway: &Gateway, realm: &Realm, user: &UserId, subject: &str) {
    if realm.name == "rotating" {
        return;
    }
    for name in [realm.name.to_owned(), format!("{}-partners", realm.name)] {
        let issuer = IssuerName::parse(&name).expect("a name");
        assert_eq!(gateway.store().users.link_to_issuer(user, &issuer, subject).await, Ok(true));
    }
}
