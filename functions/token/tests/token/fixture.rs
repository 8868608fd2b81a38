//! What every test needs: applications, people, keys, a legacy system, and a clock moved by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gateway_authorize::AuthorizationEndpoint;
use gateway_config::Gateway;
use gateway_domain::address::Address;
use gateway_domain::clock::Clock;
use gateway_domain::ids::{ApiName, ClientId, PlanName, UserId};
use gateway_domain::keys::SignatureAlgorithm;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::Scope;
use gateway_domain::secret::{Secret, sha256_hex};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_local::legacy::Legacy;
use gateway_renewal::Renewal;
use gateway_store::{AppKind, CreateUser, Dpop, GrantType, Subscription, User};
use gateway_token::AuthorizationServer;
use support::DynamoDb;
use tokio::net::TcpListener;

use crate::container::{GATEWAY, build, build_authorize, build_renewal, connectors, hasher, signing_keys, tables};
use crate::renewing::Renewing;
use crate::request::{Request, Response, Tokens, post};
use support::Wire;

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
/// Alice's password; letters, signs and spaces that forms and JSON write differently.
pub(crate) const PASSWORD: &str = "pässwörd+ &%😀 \"\\ ";
/// The secret of both confidential applications.
pub(crate) const SECRET: &str = "a+b%:é-0123456789abcdef";
/// A cost that tests can afford.
pub(crate) const CHEAP: Cost = Cost { memory: 64, passes: 1 };
/// A scope whose API needs no connector.
pub(crate) const NOTES: &str = "notes:read notes:write";

/// A clock moved by hand.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The stage of one test.
pub(crate) struct Fixture {
    pub(crate) db: DynamoDb,
    pub(crate) wire: Wire,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) legacy: Legacy,
    pub(crate) vault: Arc<Renewing>,
    /// A warm container.
    pub(crate) app: AuthorizationServer,
    pub(crate) config: String,
    pub(crate) signing: String,
    pub(crate) public: String,
}

impl Fixture {
    /// A database, a legacy system that knows alice, and the applications and people of these tests.
    pub(crate) async fn new() -> Self {
        let db = support::dynamodb().await;
        let wire = Wire::to(&db.endpoint).await;
        // greta and hanna are known there alone.
        let known = ["alice@example.com", "bob@example.com", "greta@example.com", "hanna"].map(|name| (name, PASSWORD));
        let legacy = Legacy::new(known.map(|(user, password)| (user.to_owned(), password.to_owned())), true);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = GATEWAY.replace("LEGACY/", &format!("http://{}/", listener.local_addr().unwrap()));
        let config = config.replace(": LEGACY\n", &format!(": http://{}\n", listener.local_addr().unwrap()));
        tokio::spawn(legacy.clone().serve(listener));
        let (signing, public) = signing_keys();
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
        let vault = Arc::new(Renewing::new(&connectors(&Gateway::parse(&config).unwrap())));
        let app = build(tables(&db, &wire.endpoint), clock.clone(), &vault, (&config, &signing, &public), CHEAP);
        let fixture = Self { db, wire, clock, legacy, vault, app, config, signing, public };
        Box::pin(fixture.register()).await;
        fixture
    }

    /// A new container on the same tables.
    pub(crate) fn container(&self) -> AuthorizationServer {
        self.container_at(CHEAP)
    }

    /// A new container that hashes at this cost.
    pub(crate) fn container_at(&self, cost: Cost) -> AuthorizationServer {
        let texts = (self.config.as_str(), self.signing.as_str(), self.public.as_str());
        build(tables(&self.db, &self.wire.endpoint), self.clock.clone(), &self.vault, texts, cost)
    }

    /// A new container of another configuration.
    pub(crate) fn container_with(&self, change: impl FnOnce(&str) -> String) -> AuthorizationServer {
        let config = change(&self.config);
        let texts = (config.as_str(), self.signing.as_str(), self.public.as_str());
        build(tables(&self.db, &self.wire.endpoint), self.clock.clone(), &self.vault, texts, CHEAP)
    }

    /// A new container whose DynamoDB is at another address.
    pub(crate) fn container_without_store(&self) -> AuthorizationServer {
        let texts = (self.config.as_str(), self.signing.as_str(), self.public.as_str());
        build(tables(&self.db, "http://127.0.0.1:1"), self.clock.clone(), &self.vault, texts, CHEAP)
    }

    /// A container of the authorize function on the same tables.
    pub(crate) fn authorize(&self) -> AuthorizationEndpoint {
        build_authorize(tables(&self.db, &self.wire.endpoint), self.clock.clone(), &self.vault, &self.config)
    }

    /// The same of another configuration.
    pub(crate) fn authorize_with(&self, change: impl FnOnce(&str) -> String) -> AuthorizationEndpoint {
        build_authorize(tables(&self.db, &self.wire.endpoint), self.clock.clone(), &self.vault, &change(&self.config))
    }

    /// A container of the renewal function on the same tables.
    pub(crate) fn renewal(&self) -> Renewal {
        build_renewal(&tables(&self.db, &self.wire.endpoint), self.clock.clone(), &self.vault, &self.config)
    }

    /// The same whose DynamoDB is at another address.
    pub(crate) fn renewal_without_store(&self) -> Renewal {
        build_renewal(&tables(&self.db, "http://127.0.0.1:1"), self.clock.clone(), &self.vault, &self.config)
    }

    async fn register(&self) {
        let confidential = |name| gateway_store::App {
            kind: AppKind::Confidential,
            secret_hash: Some(sha256_hex(SECRET.as_bytes())),
            ..application(name)
        };
        for app in [
            application("pub1"),
            application("pub2"),
            confidential("conf1"),
            confidential("conf2"),
            gateway_store::App { trusted: false, ..application("pubx") },
            gateway_store::App { enabled: false, ..confidential("retired") },
            gateway_store::App { refresh_retry_window: Some(Seconds::new(0)), ..application("strict") },
            gateway_store::App { grants: BTreeSet::from([GrantType::Password]), ..application("login-only") },
            gateway_store::App { grants: BTreeSet::from([GrantType::RefreshToken]), ..confidential("conf-refresh") },
            gateway_store::App { dpop: Dpop::Required, ..application("bound") },
            gateway_store::App { dpop: Dpop::Required, ..confidential("bound-conf") },
            gateway_store::App { dpop: Dpop::RefreshTokens, ..application("bound-refresh") },
            openid(application("oidc")),
            openid(confidential("oidc-conf")),
            gateway_store::App { id_token_alg: Some(SignatureAlgorithm::Es256), ..openid(application("oidc-es256")) },
            openid(hosted("oidc-native", &["com.example.oidc:/cb"])),
            hosted("native", &["com.example.app:/cb", "http://127.0.0.1/cb"]),
            first_party("first"),
            first_party("other-first"),
            mobile("mobile"),
            mobile("other-mobile"),
            gateway_store::App { trusted: false, ..hosted("third", &["https://third.example/cb?keep=1"]) },
            gateway_store::App {
                kind: AppKind::Confidential,
                secret_hash: Some(sha256_hex(SECRET.as_bytes())),
                pkce_optional: true,
                ..hosted("web", &["https://web.example/cb"])
            },
        ] {
            self.db.store.apps.put(&app).await.unwrap();
        }
        for name in ["alice", "bob", "dora"] {
            self.add_user(name).await;
        }
        let dora = UserId::parse("u_dora").unwrap();
        self.db.store.users.change_credentials(&dora, None, false).await.unwrap();
    }

    /// A user `<name>@example.com` with [`PASSWORD`] and the id `u_<name>`.
    pub(crate) async fn add_user(&self, name: &str) -> UserId {
        let user_id = UserId::parse(&format!("u_{name}")).unwrap();
        let password = hasher(CHEAP).hash(&Secret::new(PASSWORD.to_owned()), [7; 16]).unwrap();
        let user = User {
            user_id: user_id.clone(),
            email: Address::parse(&format!("{name}@example.com")).unwrap(),
            password: Some(password),
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
        assert_eq!(self.db.store.users.create(&user).await, Ok(CreateUser::Created));
        user_id
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a request through the warm container.
    pub(crate) async fn send(&self, request: Request) -> Response {
        send(&self.app, request).await
    }

    /// Alice logs in to a public application.
    pub(crate) async fn login(&self, client: &str, scope: &str) -> Tokens {
        self.send(login("alice", client, scope)).await.tokens()
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Response {
        self.send(refresh(client, token)).await
    }

    /// Stores everybody's password anew, as these hash it.
    pub(crate) async fn rehash_everyone(&self, passwords: &Passwords) {
        let hash = passwords.hash(&Secret::new(PASSWORD.to_owned()), [8; 16]).unwrap();
        for (name, enabled) in [("u_alice", true), ("u_dora", false)] {
            let user = UserId::parse(name).unwrap();
            self.db.store.users.change_credentials(&user, Some(&hash), enabled).await.unwrap();
        }
    }
}

/// Sends a request through a container as a REST API would.
pub(crate) async fn send(app: &AuthorizationServer, request: Request) -> Response {
    Response::of(&app.handle(request.rest()).await)
}

/// The login of a user at a public application.
pub(crate) fn login(name: &str, client: &str, scope: &str) -> Request {
    let username = format!("{name}@example.com");
    let form = [("grant_type", "password"), ("client_id", client), ("username", &username), ("password", PASSWORD)];
    post("/oauth2/token", &[&form[..], &[("scope", scope)]].concat())
}

/// The same with another password.
pub(crate) fn password_login(name: &str, client: &str, password: &str) -> Request {
    let username = format!("{name}@example.com");
    let form = [("grant_type", "password"), ("client_id", client), ("username", &username), ("password", password)];
    post("/oauth2/token", &[&form[..], &[("scope", NOTES)]].concat())
}

/// The refresh of a public application.
pub(crate) fn refresh(client: &str, token: &str) -> Request {
    post("/oauth2/token", &[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)])
}

/// The application with the scopes of OpenID Connect as well.
fn openid(app: gateway_store::App) -> gateway_store::App {
    let scope = Scope::parse(&format!("{} openid email profile", app.scope)).unwrap();
    gateway_store::App { scope, ..app }
}

/// The same as [`application`], which logs in on the gateway's pages.
fn hosted(name: &str, redirect_uris: &[&str]) -> gateway_store::App {
    gateway_store::App {
        grants: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
        redirect_uris: redirect_uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect(),
        ..application(name)
    }
}

/// The same, which logs in on its own screens.
fn first_party(name: &str) -> gateway_store::App {
    let mut app = hosted(name, &["com.example.app:/cb"]);
    app.grants.insert(GrantType::Challenge);
    app
}

/// The same, which also knows passwords and has devices.
fn mobile(name: &str) -> gateway_store::App {
    let mut app = hosted(name, &["com.example.app:/cb"]);
    app.grants.extend([GrantType::Password, GrantType::JwtBearer]);
    app
}

/// An enabled, trusted, public application that may do everything.
fn application(name: &str) -> gateway_store::App {
    let subscription = |api: &str| Subscription { id: format!("sub-{api}"), enabled: true, plan: None };
    let (client_id, plan) = (ClientId::parse(name).unwrap(), PlanName::parse("standard").unwrap());
    gateway_store::App {
        trusted: true,
        grants: BTreeSet::from([GrantType::Password, GrantType::RefreshToken, GrantType::ClientCredentials]),
        scope: Scope::parse("notes:read notes:write orders:read orders:write vault:read").unwrap(),
        subscriptions: ["notes", "orders", "vault"].map(|api| (ApiName::parse(api).unwrap(), subscription(api))).into(),
        ..gateway_store::App::new(client_id, format!("The {name} app"), AppKind::Public, plan)
    }
}
