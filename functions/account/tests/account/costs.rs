//! What each step costs on DynamoDB: the same operations whether an address is free, waits for a proof, has an owner, or has
//! nobody.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_account::{Account, Limits, handle};
use gateway_config::Gateway;
use gateway_credentials::{AccountAttempts, BrowserSessions, PasswordCheck};
use gateway_domain::keys::PublicKeys;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::time::Seconds;
use gateway_invoke::OutboxFunction;
use gateway_runtime::{Aws, Environment, Fresh, SystemClock, SystemEntropy};
use gateway_store::{Store, User};
use serde_json::{Value, json};
use support::{DynamoDb, Wire, dynamodb};

const GATEWAY: &str = "
issuer: https://auth.example.com/v1
accounts: { sign_up: true }
plans: { standard: { calls: 60, window: 1m } }
apis: { orders: { back_end: 'https://orders.example.com', routes: [{ path: /orders, methods: { GET: [a] } }] } }
";
const HOUR: Seconds = Seconds::new(3_600);
/// The key of RFC 7515, Appendix A.3.
const JWKS: &str = r#"{"current":"k1","keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k1",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const PASSWORD: &str = "wobbly lantern cactus tuesday";

struct Fixture {
    db: DynamoDb,
    wire: Wire,
    account: Account,
}

impl Fixture {
    async fn new() -> Self {
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
        let keys = json!({ "current": "k1", "keys": { "k1": STANDARD.encode([7; 32]) } }).to_string();
        let passwords = Fresh::of(Passwords::new(&keys, Cost { memory: 64, passes: 1 }).unwrap());
        let entropy = Arc::new(SystemEntropy);
        let account = Account {
            gateway: Arc::new(Gateway::parse(GATEWAY).unwrap()),
            users: store.users.clone(),
            codes: store.codes,
            accounts: store.accounts,
            attempts: AccountAttempts::new(store.attempts.clone()),
            limits: Limits::new(store.attempts.clone()),
            credentials: PasswordCheck::new(store.users.clone(), passwords, store.attempts, entropy.clone()),
            browsers: BrowserSessions::new(
                store.browser_logins,
                store.users.clone(),
                (HOUR, HOUR),
                store.outbox,
                entropy.clone(),
            ),
            activity: store.activity,
            sessions: store.sessions,
            consents: store.consents,
            apps: store.apps,
            public: Fresh::of(PublicKeys::parse_jwks(JWKS).unwrap()),
            letters: Fresh::of(LetterKeys::parse(&keys).unwrap()),
            outbox: OutboxFunction::new(&environment, &aws).unwrap(),
            clock: Arc::new(SystemClock),
            entropy,
        };
        Self { db, wire, account }
    }

    /// The status of a request, and the operations that it cost.
    async fn cost(&self, path: &str, body: &Value) -> (u64, Vec<String>) {
        self.wire.since_last();
        let response = self.response(path, body).await;
        (response["statusCode"].as_u64().unwrap(), self.wire.since_last())
    }

    /// The body of the response to a request.
    async fn asked(&self, path: &str, body: &Value) -> Value {
        serde_json::from_str(self.response(path, body).await["body"].as_str().unwrap()).unwrap()
    }

    async fn response(&self, path: &str, body: &Value) -> Value {
        let event = json!({
            "version": "2.0",
            "rawPath": format!("/account/api/v1/{path}"),
            "rawQueryString": "",
            "headers": { "content-type": "application/json" },
            "requestContext": { "http": { "method": "POST", "path": "/", "sourceIp": "192.0.2.1" } },
            "body": body.to_string(),
            "isBase64Encoded": false,
        });
        handle(Ok(&self.account), event).await.unwrap()
    }

    async fn owner(&self, email: &str, enabled: bool) {
        self.owner_with(email, enabled, Some("k1$x")).await;
    }

    async fn owner_with(&self, email: &str, enabled: bool, password: Option<&str>) {
        let user_id = gateway_domain::ids::UserId::parse(&format!("owner-{enabled}-{}", password.is_some())).unwrap();
        let email = gateway_domain::address::Address::parse(email).unwrap();
        let password = password.map(|hash| gateway_domain::password::PasswordHash::from_stored(hash.into()));
        let user = User {
            user_id,
            email,
            password,
            credential_epoch: 1,
            enabled,
            links: [].into(),
            email_verified: true,
            directory_subject: None,
            ways_back: Vec::new(),
            browser_epoch: 0,
            profile: [].into(),
        };
        self.db.store.users.create(&user).await.unwrap();
    }
}

/// The counters of the source and the address; the user, if any; one transaction.
const ASKED: [&str; 7] = [
    "GetItem LoginAttempts",
    "UpdateItem LoginAttempts",
    "GetItem LoginAttempts",
    "UpdateItem LoginAttempts",
    "GetItem Users",
    "GetItem Users",
    "TransactWriteItems ",
];

#[tokio::test]
async fn a_sign_up_costs_the_same_whoever_has_the_address() {
    let fixture = Fixture::new().await;
    fixture.owner("owner@example.com", true).await;
    let sign_up = |email: &str| json!({ "email": email, "password": PASSWORD });
    for (case, email) in [("free", "new@example.com"), ("waits", "new@example.com"), ("owner", "owner@example.com")] {
        let cost = fixture.cost("sign-up", &sign_up(email)).await;
        assert_eq!(cost, (202, ASKED.map(str::to_owned).to_vec()), "{case}");
    }
}

#[tokio::test]
async fn asking_for_a_mail_costs_the_same_whether_it_tells_something() {
    let fixture = Fixture::new().await;
    fixture.owner("owner@example.com", true).await;
    fixture.owner("disabled@example.com", false).await;
    for email in ["owner@example.com", "disabled@example.com", "nobody@example.com"] {
        let cost = fixture.cost("forgotten", &json!({ "email": email })).await;
        assert_eq!(cost, (202, ASKED.map(str::to_owned).to_vec()), "{email}");
    }
}

#[tokio::test]
async fn a_proof_by_mail_costs_the_same_whoever_has_the_address_and_a_wrong_code_whoever_it_is_for() {
    let fixture = Fixture::new().await;
    fixture.owner("owner@example.com", true).await;
    fixture.owner("disabled@example.com", false).await;
    fixture.owner_with("elsewhere@example.com", true, None).await;
    for email in ["owner@example.com", "elsewhere@example.com", "disabled@example.com", "nobody@example.com"] {
        let cost = fixture.cost("unlock", &json!({ "email": email })).await;
        assert_eq!(cost, (202, ASKED.map(str::to_owned).to_vec()), "{email}");
    }
    let mut costs = Vec::new();
    for email in ["owner@example.com", "elsewhere@example.com", "nobody@example.com"] {
        let asked = fixture.asked("unlock", &json!({ "email": email })).await;
        for proof in ["code", "token"] {
            let (status, operations) =
                fixture.cost("unlock/confirm", &json!({ "unlock": asked["unlock"], proof: "12345678" })).await;
            costs.push((email, status, operations));
        }
    }
    assert_eq!((costs[0].1, costs[0].2.len()), (400, 6), "{costs:?}");
    assert!(costs.iter().all(|cost| (cost.1, &cost.2) == (400, &costs[0].2)), "{costs:?}");
}

/// A mistake in a field is told before anything is counted or written.
#[tokio::test]
async fn what_is_refused_at_its_field_costs_nothing() {
    let fixture = Fixture::new().await;
    for body in
        [json!({ "email": "x", "password": PASSWORD }), json!({ "email": "a@example.com", "password": "short" })]
    {
        assert_eq!(fixture.cost("sign-up", &body).await, (400, Vec::new()), "{body}");
    }
}
