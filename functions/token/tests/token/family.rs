//! Apps of one family on one device: what the first gets by a login, and what the others get by that.

use gateway_domain::ids::ClientId;
use gateway_domain::scope::Scope;
use gateway_store::{App, GrantType};
use gateway_token::AuthorizationServer;

use crate::fixture::{Fixture, ISSUER, login, send};
use crate::request::{Request, Response, Tokens, post};

pub(crate) const FIRST: &str = "first-app";
pub(crate) const SECOND: &str = "second-app";
pub(crate) const THIRD: &str = "third-app";
/// Of another family.
pub(crate) const OTHER: &str = "other-app";
/// Of no family, with everything else that it needs.
pub(crate) const STRANGER: &str = "stranger-app";
/// What the login of the first app asks for.
pub(crate) const SHARED: &str = "device_sso notes:read openid";
/// What is answered where an ID token or a device secret is no good.
pub(crate) const NO_SIGN_ON: (u64, &str) = (400, "invalid_grant");

pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(crate) const DEVICE_SECRET: &str = "urn:openid:params:token-type:device-secret";

/// The configuration with two families.
pub(crate) fn families(config: &str) -> String {
    let families =
        "app_families: { field: { apps: [first-app, second-app, third-app] }, other: { apps: [other-app, spare] } }";
    config.replacen("plans:", &format!("{families}\nplans:"), 1)
}

/// What an app has of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedOn {
    pub(crate) tokens: Tokens,
    pub(crate) id_token: String,
    pub(crate) secret: String,
}

impl SignedOn {
    pub(crate) fn of(response: &Response) -> Self {
        let tokens = response.tokens();
        let text = |name: &str| response.body[name].as_str().unwrap_or_default().to_owned();
        let of = Self { tokens, id_token: text("id_token"), secret: text("device_secret") };
        assert!(!of.id_token.is_empty() && !of.secret.is_empty(), "{}", response.text);
        of
    }
}

/// The apps, and a container that knows their families.
pub(crate) struct Apps<'f> {
    pub(crate) fixture: &'f Fixture,
    pub(crate) function: AuthorizationServer,
}

/// A container that knows the families, and its apps in the tables of the fixture.
pub(crate) async fn container(fixture: &Fixture) -> AuthorizationServer {
    for name in [FIRST, SECOND, THIRD, OTHER, STRANGER] {
        let native = fixture.db.store.apps.get(&id("oidc-native")).await.unwrap().unwrap();
        let mut app = App { client_id: id(name), ..native };
        app.grants.extend([GrantType::Password, GrantType::NativeSso]);
        app.scope = app.scope.union(&Scope::parse("device_sso").unwrap());
        fixture.db.store.apps.put(&app).await.unwrap();
    }
    fixture.container_with(families)
}

pub(crate) fn id(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

impl<'f> Apps<'f> {
    pub(crate) async fn of(fixture: &'f Fixture) -> Self {
        Self { fixture, function: container(fixture).await }
    }

    pub(crate) async fn send(&self, request: Request) -> Response {
        send(&self.function, request).await
    }

    /// Alice logs in to an app, whose login others can share.
    pub(crate) async fn login(&self, client: &str) -> SignedOn {
        SignedOn::of(&self.send(login("alice", client, SHARED)).await)
    }

    pub(crate) async fn exchange(&self, client: &str, by: &SignedOn) -> Response {
        self.send(exchange(client, by)).await
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Response {
        self.send(crate::fixture::refresh(client, token)).await
    }

    pub(crate) async fn revoke(&self, client: &str, token: &str) {
        let response = self.send(revocation(client, token)).await;
        assert_eq!((response.status, response.text.as_str()), (200, "{}"));
    }

    /// Changes an app.
    pub(crate) async fn change(&self, name: &str, change: impl FnOnce(&mut App)) {
        let mut app = self.fixture.db.store.apps.get(&id(name)).await.unwrap().unwrap();
        change(&mut app);
        self.fixture.db.store.apps.put(&app).await.unwrap();
    }

    /// How many sessions alice has in each of these apps.
    pub(crate) async fn live<const N: usize>(&self, clients: [&str; N]) -> [usize; N] {
        let mut live = [0; N];
        for (count, client) in live.iter_mut().zip(clients) {
            *count = self.fixture.sessions_of("u_alice", client).await;
        }
        live
    }
}

/// The request of an app for a session by the login of another one.
pub(crate) fn exchange(client: &str, by: &SignedOn) -> Request {
    asking(client, &[], by)
}

/// The same with these parameters changed; an empty one is left out.
pub(crate) fn asking(client: &str, changes: &[(&str, &str)], by: &SignedOn) -> Request {
    let right = [
        ("grant_type", GRANT),
        ("client_id", client),
        ("audience", ISSUER),
        ("subject_token", &by.id_token),
        ("subject_token_type", ID_TOKEN),
        ("actor_token", &by.secret),
        ("actor_token_type", DEVICE_SECRET),
        ("scope", SHARED),
    ];
    let kept = right.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    let all: Vec<_> = kept.chain(changes).copied().filter(|(_, value)| !value.is_empty()).collect();
    post("/oauth2/token", &all)
}

pub(crate) fn revocation(client: &str, token: &str) -> Request {
    post("/oauth2/revoke", &[("client_id", client), ("token", token), ("token_type_hint", "device_secret")])
}
