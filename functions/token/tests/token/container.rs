//! Containers of the function: its configuration, keys and connectors.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gateway_authorize::AuthorizationEndpoint;
use gateway_config::Gateway;
use gateway_connectors::Connectors;
use gateway_connectors::back_end::BackEndClients;
use gateway_credentials::{
    BrowserSessions, ClientAuthentication, DeviceCheck, Directory, PasskeyLogin, PasswordCheck, Proofs, SignOnAttempts,
    TradeInAttempts,
};
use gateway_directory::OwnDirectory;
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::id_token::IdTokenKeys;
use gateway_domain::ids::ConnectorName;
use gateway_domain::keys::{PublicKeys, SigningKey};
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::refresh_token::RefreshKeys;
use gateway_domain::sealing::SealingKeys;
use gateway_invoke::{Function, OutboxFunction};
use gateway_issuers::Issuers;
use gateway_local::access::Access;
use gateway_local::secrets_manager::SecretsManager;
use gateway_renewal::Renewal;
use gateway_runtime::{Aws, Environment, Fresh, Secrets, SystemEntropy};
use gateway_sessions::{InternalTokens, PendingSessions, Sessions};
use gateway_store::Store;
use gateway_token::AuthorizationServer;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;
use support::DynamoDb;
use tokio::net::TcpListener;

use crate::fixture::CHEAP;
use crate::old_issuer::SERVER;
use crate::renewing::Renewing;

/// The configuration; `LEGACY` stands for the legacy system's address.
pub(crate) const GATEWAY: &str = r#"
issuer: https://auth.example.com
audience: https://api.example.com
lifetimes: { access_token: 10m, session_idle: 1d, session_absolute: 7d, refresh_retry_window: 5m }
sessions_per_user_and_app: 8
devices: { scope: "notes:read notes:write" }
plans: { standard: { calls: 60, window: 1m } }
connectors:
  orders-login:
    type: http_login
    label: Order System
    login: { url: "LEGACY/login", json: { user: "{username}", pass: "{password}" } }
    extract: { cookie: LEGACYSESSID }
    expires: { cookie_max_age: true }
    inject: { cookie: LEGACYSESSID }
    dead_session: { status: 401 }
    logout: { method: POST, url: "LEGACY/logout" }
  vault-login:
    type: http_login
    login: { url: "LEGACY/login", json: { user: "{username}", pass: "{password}" } }
    extract: { cookie: LEGACYSESSID }
    expires: { cookie_max_age: true }
    inject: { cookie: LEGACYSESSID }
    dead_session: { status: 401 }
    logout: { method: POST, url: "LEGACY/logout" }
apis:
  notes:
    back_end: LEGACY
    routes: [{ path: /notes, methods: { GET: [notes:read], POST: [notes:write] } }]
  orders:
    back_end: LEGACY
    connector: orders-login
    routes: [{ path: /orders, methods: { GET: [orders:read], POST: [orders:write] } }]
  vault:
    back_end: LEGACY
    connector: vault-login
    routes: [{ path: /vault, methods: { GET: [vault:read] } }]
"#;

/// The operating system's.
pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}

pub(crate) fn connectors(gateway: &Gateway) -> Connectors {
    let clients = BackEndClients::new(gateway, &BTreeMap::new()).unwrap();
    Connectors::from_config(gateway, &clients, &BTreeMap::new(), &entropy())
}

/// The environment of a function whose DynamoDB is at this address, and more of it.
pub(crate) fn environment(dynamodb: &str, more: &[(&str, &str)]) -> Environment {
    let variables = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
    ];
    let all = variables.iter().chain(more);
    Environment::from_pairs(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// Secrets Manager with this pepper, and its address.
pub(crate) async fn secrets_manager(pepper: &str) -> (SecretsManager, String) {
    let secrets = SecretsManager::new(&[("Pepper".to_owned(), pepper.to_owned())].into(), None, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(secrets.clone().serve(listener, Access::of_everybody()));
    (secrets, address)
}

/// The pepper as a container reads it from there.
pub(crate) async fn pepper(secrets: &Secrets, clock: Arc<dyn Clock>) -> Fresh<Passwords> {
    let environment = Environment::from_pairs([("PEPPER_SECRET".to_owned(), "Pepper".to_owned())]);
    let parse = |json: &str| Passwords::new(json, CHEAP);
    Fresh::read(secrets, &environment, "PEPPER_SECRET", &clock, parse).await.unwrap()
}

/// A set of symmetric keys with this one in it.
pub(crate) fn key_set(id: &str, byte: u8) -> String {
    json!({"current": id, "keys": {id: STANDARD.encode([byte; 32])}}).to_string()
}

/// What begins, changes and ends the sessions of these tables, with the connectors of this configuration and the vault.
fn sessions(store: &Store, clock: Arc<dyn Clock>, vault: &Arc<Renewing>, gateway: &Arc<Gateway>) -> Sessions {
    let tokens = internal_tokens(clock, vault, gateway);
    Sessions::new(store.users.clone(), store.sessions.clone(), store.activity.clone(), tokens)
}

fn internal_tokens(clock: Arc<dyn Clock>, vault: &Arc<Renewing>, gateway: &Arc<Gateway>) -> Arc<InternalTokens> {
    let name = |text| ConnectorName::parse(text).unwrap();
    let mut all: BTreeMap<_, Arc<dyn gateway_connectors::Connector>> =
        [(name("vault-login"), vault.clone() as _)].into();
    all.insert(name("orders-login"), connectors(gateway).get(&name("orders-login")).unwrap().clone());
    let sealing = Fresh::of(SealingKeys::parse(&key_set("k1", 2)).unwrap());
    Arc::new(InternalTokens::new(gateway.clone(), all.into_iter().collect(), sealing, clock, entropy()))
}

/// A container of the authorize function.
pub(crate) fn build_authorize(
    store: Store,
    clock: Arc<dyn Clock>,
    vault: &Arc<Renewing>,
    config: &str,
) -> AuthorizationEndpoint {
    let config = Arc::new(Gateway::parse(config).unwrap());
    // Other functions do not answer: what they do is written, and done later.
    let nowhere = [("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1"), ("OUTBOX_FUNCTION", "OutboxFunction")];
    let nowhere = environment("http://127.0.0.1:1", &nowhere);
    let aws = Aws::new(&nowhere).unwrap();
    let has_directory = config.directory().is_some();
    let lifetimes = config.lifetimes();
    let ends = (lifetimes.browser_idle, lifetimes.browser_absolute);
    let browsers = BrowserSessions::new(store.browser_logins, store.users.clone(), ends, store.outbox, entropy());
    AuthorizationEndpoint {
        pending: PendingSessions::new(store.pending, internal_tokens(clock.clone(), vault, &config)),
        config,
        apps: store.apps,
        browsers,
        proofs: Proofs::new(store.attempts.clone()),
        passkeys: PasskeyLogin::new(store.users.clone(), store.attempts.clone(), has_directory),
        passwords: PasswordCheck::new(store.users.clone(), Fresh::of(hasher(CHEAP)), store.attempts, entropy()),
        users: store.users,
        consents: store.consents,
        token: Function::new("TokenFunction", &nowhere, &aws),
        outbox: OutboxFunction::new(&nowhere, &aws).unwrap(),
        clock,
        entropy: entropy(),
        mails: true,
    }
}

pub(crate) fn tables(db: &DynamoDb, endpoint: &str) -> Store {
    Store::new(Aws::new(&environment(endpoint, &[])).unwrap().dynamodb(), db.tables.clone())
}

/// A container of the renewal function.
pub(crate) fn build_renewal(store: &Store, clock: Arc<dyn Clock>, vault: &Arc<Renewing>, config: &str) -> Renewal {
    let gateway = Arc::new(Gateway::parse(config).unwrap());
    let sessions = sessions(store, clock.clone(), vault, &gateway);
    let pending = PendingSessions::new(store.pending.clone(), Arc::clone(sessions.tokens()));
    Renewal { sessions, pending, clock }
}

/// What hashes passwords in a container, at this cost.
pub(crate) fn hasher(cost: Cost) -> Passwords {
    Passwords::new(&key_set("k1", 1), cost).unwrap()
}

/// A container of the token function.
pub(crate) fn build(
    store: Store,
    clock: Arc<dyn Clock>,
    vault: &Arc<Renewing>,
    (config, signing, public): (&str, &str, &str),
    cost: Cost,
) -> AuthorizationServer {
    let config = Arc::new(Gateway::parse(config).unwrap());
    let sessions = sessions(&store, clock.clone(), vault, &config);
    let directory = OwnDirectory::new(&config, None, &store.users, sessions.tokens(), &entropy());
    let directory = directory.map(|directory| Arc::new(directory) as Arc<dyn Directory>);
    let mut passwords =
        PasswordCheck::new(store.users.clone(), Fresh::of(hasher(cost)), store.attempts.clone(), entropy());
    if let Some(directory) = &directory {
        passwords = passwords.with_directory(Arc::clone(directory), config.directory_domain());
    }
    let clients = BackEndClients::new(&config, &BTreeMap::new()).unwrap();
    let secrets = BTreeMap::from([("shop-secret".to_owned(), SERVER.1.to_owned())]);
    AuthorizationServer {
        issuers: Issuers::of(&config, &clients, &secrets, &clock),
        trade_ins: store.trade_ins,
        trade_in_attempts: TradeInAttempts::new(store.attempts.clone()),
        sessions,
        directory,
        pending: store.pending,
        consents: store.consents,
        audit: store.audit,
        config,
        hooks: gateway_token::TokenHooks::default(),
        clients: ClientAuthentication::new(store.apps.clone(), store.attempts.clone()),
        device_check: DeviceCheck::new(store.devices.clone(), store.attempts.clone()),
        devices: store.devices,
        proofs: Proofs::new(store.attempts.clone()),
        sign_on_attempts: SignOnAttempts::new(store.attempts),
        apps: store.apps,
        passwords,
        users: store.users,
        signing: Fresh::of(SigningKey::parse(signing).unwrap()),
        public: Fresh::of(PublicKeys::parse_jwks(public).unwrap()),
        id_tokens: Fresh::of(IdTokenKeys::parse(id_token_keys()).unwrap()),
        refresh: Fresh::of(RefreshKeys::parse(&key_set("k1", 3)).unwrap()),
        in_force: gateway_token::InForce::default(),
        clock,
        entropy: entropy(),
    }
}

/// The keys of ID tokens, which all containers of these tests share, since RSA keys take long to make.
fn id_token_keys() -> &'static str {
    static KEYS: LazyLock<String> = LazyLock::new(|| {
        let secrets = gateway_local::secrets::open(None, &["IdTokenKeys".to_owned()], &[]).unwrap();
        secrets["IdTokenKeys"].clone()
    });
    &KEYS
}

pub(crate) fn signing_keys() -> (String, String) {
    let rng = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &rng).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
    let private = json!({"keys": [{"kid": "k1", "status": "current", "private_key": STANDARD.encode(pkcs8.as_ref())}]});
    let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", "x": x, "y": y});
    let public = json!({"keys": [jwk], "current": "k1"});
    (private.to_string(), public.to_string())
}
