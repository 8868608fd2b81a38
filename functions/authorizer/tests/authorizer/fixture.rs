//! What every test needs: keys, a configuration, a DynamoDB, users with sessions, and a clock moved by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ReturnConsumedCapacity, ReturnValue,
    ScalarAttributeType,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gateway_authorizer::{Authorizer, AuthorizerError};
use gateway_config::Gateway;
use gateway_domain::access_token::{AccessClaims, Confirmation, OwnClaims, sign};
use gateway_domain::call_context::{Admitted, NotAdmitted, TokenRef};
use gateway_domain::clock::Clock;
use gateway_domain::event::ApiRequest;
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::ids::{ApiName, ClientId, ConnectorName, PlanName, SessionId, UserId};
use gateway_domain::keys::{PublicKeys, SigningKey};
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use gateway_local::access::Access;
use gateway_local::secrets_manager::SecretsManager;
use gateway_runtime::{Aws, CorrectedClock, Environment, Fresh, Secrets, SystemClock};
use gateway_store::{App, AppKind, Entry, NewEntry, Store, Subscription, Tables};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use support::{ClientKey, WrongClock};

use crate::wire::{Operations, counting};

/// Calls per window in the plan of every application here.
pub(crate) const LIMIT: usize = 12;

pub(crate) const ISSUER: &str = "https://auth.example.com";
const GATEWAY: &str = "
plans: { standard: { calls: 12, window: 1m } }
apis:
  orders:
    back_end: http://127.0.0.1:3001
    routes:
      - { path: /orders, methods: { GET: [orders:read], POST: [orders:write] } }
      - { path: '/orders/{id}', methods: { GET: [orders:read], DELETE: [orders:write] } }
  open:
    back_end: http://127.0.0.1:3001
    routes:
      - { path: /echo, methods: { GET: [echo] } }
";

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

/// A user in an application with a live session.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    pub(crate) app: ClientId,
    pub(crate) session: SessionId,
}

pub(crate) struct Fixture {
    address: String,
    pub(crate) store: Store,
    pub(crate) database: aws_sdk_dynamodb::Client,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) operations: Operations,
    gateway: Arc<Gateway>,
    public: PublicKeys,
    signing: SigningKey,
}

impl Caller {
    /// A user in an application, logged in or not.
    pub(crate) fn new(user: &str, app: &str, session: u8) -> Self {
        Self {
            user: UserId::parse(user).unwrap(),
            app: ClientId::parse(app).unwrap(),
            session: SessionId::from_random([session; 16]),
        }
    }
}

/// An application subscribed to all APIs.
pub(crate) fn app(name: &str) -> App {
    let subscription = |api: &str| Subscription { id: format!("sub-{api}"), enabled: true, plan: None };
    let subscriptions = ["orders", "open"].map(|api| (ApiName::parse(api).unwrap(), subscription(api)));
    let (client_id, plan) = (ClientId::parse(name).unwrap(), PlanName::parse("standard").unwrap());
    App {
        trusted: true,
        scope: Scope::parse("orders:read orders:write").unwrap(),
        subscriptions: BTreeMap::from(subscriptions),
        ..App::new(client_id, format!("The {name} app"), AppKind::Public, plan)
    }
}

/// An event of a REST API with these `Authorization` values.
pub(crate) fn rest(method: &str, path: &str, authorization: &[&str]) -> Value {
    json!({
        "type": "REQUEST", "httpMethod": method, "path": path,
        "methodArn": format!("arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/live/{method}{path}"),
        "multiValueHeaders": { "Authorization": authorization },
        "stageVariables": { "issuer": ISSUER }, "requestContext": { "requestId": "1" },
    })
}

/// An event of an HTTP API.
pub(crate) fn http(method: &str, path: &str, authorization: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "rawPath": path, "rawQueryString": "",
        "routeArn": format!("arn:aws:execute-api:eu-central-1:123456789012:f6e5d4c3b2/$default/{method}/x"),
        "headers": { "authorization": authorization }, "stageVariables": { "issuer": ISSUER },
        "requestContext": { "http": { "method": method }, "stage": "$default" },
    })
}

/// What the function behind the authorizer makes of its response.
pub(crate) fn behind(event: &Value, response: &Value) -> Result<Admitted, NotAdmitted> {
    let mut request = ApiRequest::from_value(event.clone()).unwrap();
    request.authorizer = response["context"].as_object().cloned();
    Admitted::from_event(&request)
}

/// Whether API Gateway would let the call through to the function.
pub(crate) fn allows(response: &Value) -> bool {
    response["policyDocument"]["Statement"][0]["Effect"] == "Allow" || response["isAuthorized"] == true
}

impl Fixture {
    /// A stage with a DynamoDB of its own, the applications `pub1` and `pub2`, and no users.
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        let (address, operations) = counting(address).await;
        let fixture = Self::at(&address, operations);
        create_tables(&dynamodb(&address)).await;
        for name in ["pub1", "pub2"] {
            fixture.store.apps.put(&app(name)).await.unwrap();
        }
        fixture.operations.since_last();
        fixture
    }

    /// A stage whose DynamoDB does not answer.
    pub(crate) fn without_dynamodb() -> Self {
        Self::at("127.0.0.1:1", Operations::default())
    }

    /// The same with another configuration.
    pub(crate) fn with(mut self, gateway: &str) -> Self {
        self.gateway = Arc::new(Gateway::parse(gateway).unwrap());
        self
    }

    fn at(address: &str, operations: Operations) -> Self {
        let tables = Tables { apps: "apps".into(), activity: "activity".into(), ..Tables::default() };
        let (signing, public) = keys();
        Self {
            address: address.to_owned(),
            store: Store::new(dynamodb(address), tables),
            database: dynamodb(address),
            clock: Arc::new(HandClock(AtomicI64::new(1_800_000_000_000))),
            operations,
            gateway: Arc::new(Gateway::parse(GATEWAY).unwrap()),
            public,
            signing,
        }
    }

    /// Lets the clock of this stage tell the actual time.
    pub(crate) fn is_now(&self) {
        self.clock.0.store(SystemClock.now_millis(), Ordering::SeqCst);
    }

    /// A container whose machine's clock is wrong by this many milliseconds.
    pub(crate) async fn container_off_by(&self, error_ms: i64) -> Authorizer {
        self.container_on(WrongClock::by(error_ms)).await
    }

    /// A container on a machine with this clock, which the container's client corrects. Like every container, it has read
    /// something before its first call. Its keys never look old.
    pub(crate) async fn container_on(&self, machine: Arc<WrongClock>) -> Authorizer {
        let clock = CorrectedClock::new(machine);
        let store = self.dated_store(&clock).await;
        Authorizer::new(self.gateway.clone(), Fresh::of(self.public.clone()), store.apps, store.activity, clock)
    }

    /// A container that reads its public keys from Secrets Manager, and the clock of its machine.
    pub(crate) async fn container_with_secrets(&self) -> (Authorizer, Arc<WrongClock>) {
        let mut set: Value = serde_json::from_str(self.public.as_jwks()).unwrap();
        set["current"] = json!("k1");
        let secrets = [("PublicKeys".to_owned(), set.to_string())].into();
        let secrets = SecretsManager::new(&secrets, None, &[]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { secrets.serve(listener, Access::of_everybody()).await });
        let machine = WrongClock::by(0);
        let clock = CorrectedClock::new(machine.clone());
        let more = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", address.as_str()), ("PUBLIC_KEYS_SECRET", "PublicKeys")];
        let environment = environment(&self.address, &more);
        let (store, secrets) =
            (self.dated_store(&clock).await, Secrets::new(&Aws::dated(&environment, &clock).unwrap()));
        let clock: Arc<dyn Clock> = clock;
        let keys = Fresh::read(&secrets, &environment, "PUBLIC_KEYS_SECRET", &clock, PublicKeys::parse_jwks).await;
        (Authorizer::new(self.gateway.clone(), keys.unwrap(), store.apps, store.activity, clock), machine)
    }

    /// The store for this clock, which it has told the time.
    async fn dated_store(&self, clock: &Arc<CorrectedClock>) -> Store {
        let client = Aws::dated(&environment(&self.address, &[]), clock).unwrap().dynamodb();
        let tables = Tables { apps: "apps".into(), activity: "activity".into(), ..Tables::default() };
        let store = Store::new(client, tables);
        assert_eq!(store.apps.get(&ClientId::parse("-").unwrap()).await.unwrap(), None);
        store
    }

    /// A fresh container of the function.
    pub(crate) fn container(&self) -> Authorizer {
        let (apps, activity) = (self.store.apps.clone(), self.store.activity.clone());
        Authorizer::new(self.gateway.clone(), Fresh::of(self.public.clone()), apps, activity, self.clock.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Logs a user in.
    pub(crate) async fn login(&self, name: &str, app: &str, session: u8) -> Caller {
        let caller = Caller::new(name, app, session);
        let ends = Timestamp::from_secs(self.now().as_secs() + 86_400);
        let entry = Entry { sid: caller.session.clone(), ends };
        let tokens = BTreeMap::from([(ConnectorName::parse("orders-login").unwrap(), TokenRef::by_version(3))]);
        let added = self.store.activity.add_entry(&caller.user, &caller.app, &entry, &tokens, 8).await.unwrap();
        assert_eq!(added, NewEntry::Added);
        self.operations.since_last();
        caller
    }

    /// `Bearer` and an access token of this caller; every one has another `jti`.
    pub(crate) fn bearer(&self, caller: &Caller, scope: &str) -> String {
        format!("Bearer {}", self.token(caller, scope, None))
    }

    /// An access token of this caller, bound to this key if there is one.
    pub(crate) fn token(&self, caller: &Caller, scope: &str, key: Option<&ClientKey>) -> String {
        static JTI: AtomicI64 = AtomicI64::new(0);
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            sub: caller.user.clone(),
            aud: vec![ISSUER.to_owned()],
            client_id: caller.app.clone(),
            scope: Scope::parse(scope).unwrap(),
            sid: caller.session.clone(),
            jti: JTI.fetch_add(1, Ordering::SeqCst).to_string(),
            iat: self.now(),
            exp: Timestamp::from_secs(self.now().as_secs() + 600),
            login: None,
            cnf: key.map(|key| Confirmation { jkt: Thumbprint::parse(&key.thumbprint()).unwrap() }),
            own: OwnClaims::default(),
        };
        sign(&claims, &self.signing).unwrap()
    }

    /// The write units that a write to a caller's activity item costs, and how many attributes it has.
    pub(crate) async fn cost(&self, caller: &Caller) -> (f64, usize) {
        let key = |value: &str| AttributeValue::S(value.to_owned());
        let written = self.database.update_item().table_name("activity");
        let written = written.key("user_id", key(caller.user.as_str())).key("client_id", key(caller.app.as_str()));
        let written = written.update_expression("SET v = v").return_values(ReturnValue::AllNew);
        let written = written.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
        let units = written.consumed_capacity.unwrap().capacity_units.unwrap();
        (units, written.attributes.unwrap().len())
    }

    /// `GET /orders` by this caller through this container.
    pub(crate) async fn call(&self, container: &Authorizer, caller: &Caller) -> Result<Admitted, NotAdmitted> {
        self.call_to(container, caller, "/orders").await
    }

    /// `GET` of this path.
    pub(crate) async fn call_to(
        &self,
        container: &Authorizer,
        caller: &Caller,
        path: &str,
    ) -> Result<Admitted, NotAdmitted> {
        let event = rest("GET", path, &[&self.bearer(caller, "orders:read")]);
        let response = container.authorize(event.clone()).await.unwrap();
        assert!(allows(&response), "{response}");
        behind(&event, &response)
    }
}

/// What is left of the first limit of an admitted call.
pub(crate) fn remaining(outcome: Result<Admitted, NotAdmitted>) -> u32 {
    outcome.unwrap().quotas[0].left.unwrap().remaining
}

/// The REST answer 401.
pub(crate) fn unauthorized(response: &Result<Value, AuthorizerError>) -> bool {
    matches!(response, Err(error) if error.to_string() == "Unauthorized")
}

/// The one internal token of a caller of [`Fixture::login`].
pub(crate) fn token_reference() -> BTreeMap<ConnectorName, TokenRef> {
    BTreeMap::from([(ConnectorName::parse("orders-login").unwrap(), TokenRef::by_version(3))])
}

fn dynamodb(address: &str) -> aws_sdk_dynamodb::Client {
    Aws::new(&environment(address, &[])).unwrap().dynamodb()
}

fn environment(address: &str, more: &[(&str, &str)]) -> Environment {
    let dynamodb = format!("http://{address}");
    let variables = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
    ];
    let variables = variables.iter().chain(more);
    Environment::from_pairs(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

async fn create_tables(dynamodb: &aws_sdk_dynamodb::Client) {
    for (table, keys) in [("apps", &["client_id"][..]), ("activity", &["user_id", "client_id"])] {
        let mut create = dynamodb.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
        for (name, key_type) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            let attribute = AttributeDefinition::builder().attribute_name(*name);
            let key = KeySchemaElement::builder().attribute_name(*name).key_type(key_type);
            create = create
                .attribute_definitions(attribute.attribute_type(ScalarAttributeType::S).build().unwrap())
                .key_schema(key.build().unwrap());
        }
        create.send().await.unwrap();
    }
}

fn keys() -> (SigningKey, PublicKeys) {
    let rng = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &rng).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
    let private = json!({"keys": [{"kid": "k1", "status": "current", "private_key": STANDARD.encode(pkcs8.as_ref())}]});
    let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", "x": x, "y": y});
    let public = json!({"keys": [jwk], "current": "k1"});
    (SigningKey::parse(&private.to_string()).unwrap(), PublicKeys::parse_jwks(&public.to_string()).unwrap())
}
