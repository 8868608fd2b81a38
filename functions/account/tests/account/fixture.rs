//! What every test needs: an account function with its tables, accounts, the mails that it writes, and a clock that can be moved.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_account::{Account, Limits, handle};
use gateway_config::Gateway;
use gateway_credentials::{AccountAttempts, BrowserSessions, PasskeyLogin, PasswordCheck, Proofs};
use gateway_domain::address::Address;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::UserId;
use gateway_domain::keys::PublicKeys;
use gateway_domain::outbox::Kind;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_invoke::OutboxFunction;
use gateway_mail::Letter;
use gateway_runtime::{Aws, Environment, Fresh, SystemEntropy};
use gateway_store::{QueuedMail, Store, User};
use serde_json::{Value, json};
use support::{DynamoDb, Wire, WrongClock, dynamodb};

pub(crate) const GATEWAY: &str = "
issuer: https://auth.example.com/v1
accounts: { sign_up: true }
passkeys: { relying_party: auth.example.com }
plans: { standard: { calls: 60, window: 1m } }
apis: { orders: { back_end: 'https://orders.example.com', routes: [{ path: /orders, methods: { GET: [a] } }] } }
";
const DAY: Seconds = Seconds::new(86_400);
/// The key of RFC 7515, Appendix A.3.
const JWKS: &str = r#"{"current":"k1","keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k1",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
pub(crate) const PASSWORD: &str = "wobbly lantern cactus tuesday";
pub(crate) const OTHER: &str = "seven purple anvils whistle";

/// The stage of one test.
pub(crate) struct Fixture {
    pub(crate) db: DynamoDb,
    pub(crate) wire: Wire,
    pub(crate) clock: Arc<WrongClock>,
    account: Account,
}

/// A response of the function.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) cookies: Vec<String>,
    pub(crate) text: String,
}

impl Response {
    /// A header; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    /// A member of the JSON in the body.
    pub(crate) fn member(&self, name: &str) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body[name].as_str().unwrap_or_default().to_owned()
    }
}

fn keys() -> String {
    json!({ "current": "k1", "keys": { "k1": STANDARD.encode([7; 32]) } }).to_string()
}

fn passwords() -> Passwords {
    Passwords::new(&keys(), Cost { memory: 64, passes: 1 }).unwrap()
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::of(GATEWAY).await
    }

    /// The function with this configuration.
    pub(crate) async fn of(config: &str) -> Self {
        let db = dynamodb().await;
        let wire = Wire::to(&db.endpoint).await;
        let pairs = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &wire.endpoint),
            // Nothing listens there: a mail that nobody is asked to send is found by the schedule.
            ("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1"),
            ("OUTBOX_FUNCTION", "outbox"),
        ];
        let environment = Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let aws = Aws::new(&environment).unwrap();
        let store = Store::new(aws.dynamodb(), db.tables.clone());
        let (entropy, clock) = (Arc::new(SystemEntropy), WrongClock::by(0));
        let gateway = Arc::new(Gateway::parse(config).unwrap());
        let has_directory = gateway.directory().is_some();
        let account = Account {
            gateway,
            users: store.users.clone(),
            codes: store.codes,
            accounts: store.accounts,
            attempts: AccountAttempts::new(store.attempts.clone(), has_directory),
            proofs: Proofs::new(store.attempts.clone()),
            passkeys: PasskeyLogin::new(store.users.clone(), store.attempts.clone(), has_directory),
            limits: Limits::new(store.attempts.clone()),
            credentials: PasswordCheck::new(
                store.users.clone(),
                Fresh::of(passwords()),
                store.attempts,
                entropy.clone(),
            ),
            browsers: BrowserSessions::new(
                store.browser_logins,
                store.users.clone(),
                (DAY, DAY),
                store.outbox,
                entropy.clone(),
            ),
            activity: store.activity,
            sessions: store.sessions,
            consents: store.consents,
            devices: store.devices,
            apps: store.apps,
            public: Fresh::of(PublicKeys::parse_jwks(JWKS).unwrap()),
            letters: Fresh::of(LetterKeys::parse(&keys()).unwrap()),
            outbox: OutboxFunction::new(&environment, &aws).unwrap(),
            clock: clock.clone(),
            entropy,
            mails: true,
        };
        Self { db, wire, clock, account }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Hands a request to the function. `path` is a path with its query.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &Value, body: &str) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let event = json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "domainName": headers["host"],
                "http": { "method": method, "path": "/", "sourceIp": "192.0.2.1" },
            },
            "body": body,
            "isBase64Encoded": false,
        });
        let response = handle(Ok(&self.account), event).await.unwrap();
        let cookies = response["cookies"].as_array().into_iter().flatten();
        Response {
            status: response["statusCode"].as_u64().unwrap(),
            headers: response["headers"].clone(),
            cookies: cookies.filter_map(Value::as_str).map(str::to_owned).collect(),
            text: response["body"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// A request for JSON.
    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Response {
        let headers = json!({ "content-type": "application/json" });
        self.send(method, &format!("/account/api/v1/{path}"), &headers, &body.to_string()).await
    }

    /// An account with a proved address and [`PASSWORD`].
    pub(crate) async fn owner(&self, email: &str, enabled: bool) -> User {
        self.with(&format!("owner-{enabled}"), email, enabled).await
    }

    /// The same with this id.
    pub(crate) async fn owner_named(&self, id: &str, email: &str) -> User {
        self.with(id, email, true).await
    }

    async fn with(&self, id: &str, email: &str, enabled: bool) -> User {
        let user = User {
            user_id: UserId::parse(id).unwrap(),
            email: Address::parse(email).unwrap(),
            password: Some(passwords().hash(&Secret::new(PASSWORD.to_owned()), [7; 16]).unwrap()),
            credential_epoch: 1,
            enabled,
            links: [].into(),
            email_verified: true,
            directory_subject: None,
            ways_back: Vec::new(),
            browser_epoch: 0,
            roles: std::collections::BTreeSet::new(),
            second_factor: None,
            profile: [].into(),
        };
        self.db.store.users.create(&user).await.unwrap();
        user
    }

    /// The letters that wait in the outbox.
    pub(crate) async fn letters(&self) -> Vec<Letter> {
        let (outbox, now, keys) = (&self.db.store.outbox, self.now(), LetterKeys::parse(&keys()).unwrap());
        let mut letters = Vec::new();
        for id in outbox.due(Kind::Mail, now, 100).await.unwrap() {
            let mail = outbox.claim::<QueuedMail>(&id, now, now).await.unwrap().unwrap();
            letters.push(Letter::open(&keys, &id, &mail.sealed).unwrap());
        }
        letters
    }
}
