//! The harness of these tests: a whole proxy over a recording back end and a real DynamoDB implementation.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::call_context::{Admitted, TokenRef};
use gateway_domain::ids::{ApiName, ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::rate_limit::{Left, Quota};
use gateway_domain::scope::Scope;
use gateway_domain::sealing::SealedToken;
use gateway_domain::session::{Family, InternalToken, Session};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_runtime::function::{Cut, Reply as Answer, Streamed};
use gateway_runtime::{Aws, Environment, SystemEntropy};
use gateway_telemetry::{Ids, Observer, Settings};
use serde_json::Value;
use support::{DynamoDb, Wire};

use super::events::{Event, Response, invocation, received};
use super::recording_server::{Recorded, RecordingServer, Reply, http_response};
use crate::*;

pub(super) const NOW: i64 = 1_800_000_000;
const SEALING: &str = r#"{"current":"k1","keys":{"k1":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}"#;

pub(super) struct Harness {
    pub(super) back_end: RecordingServer,
    pub(super) database: DynamoDb,
    /// Between the proxy and its database.
    pub(super) wire: Wire,
    pub(super) clock: Arc<HandClock>,
    pub(super) proxy: Proxy,
    /// Stands for Lambda, where the proxy invokes the renewal function.
    pub(super) lambda: RecordingServer,
    renewal: Arc<Mutex<Renewal>>,
    keys: SealingKeys,
}

/// Does what the renewal function would do with a request, and returns its response.
type Renewal = Box<dyn FnMut(&Recorded) -> &'static str + Send>;

/// The proxy's environment, with the Lambda service at this origin.
fn environment(lambda: &str) -> Environment {
    let pairs = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "ProxyFunction"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_LAMBDA", lambda),
        ("RENEWAL_FUNCTION", "RenewalFunction"),
    ];
    Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// A clock that tests move by hand.
pub(super) struct HandClock(AtomicI64);

impl HandClock {
    pub(super) fn set(&self, seconds: i64) {
        self.0.store(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}

impl Harness {
    /// A harness whose back end responds 200 to everything.
    pub(super) async fn new() -> Self {
        Self::answering(|_, _| http_response(200, &[("Content-Type", "text/plain")], b"fine")).await
    }

    pub(super) async fn answering(reply: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static) -> Self {
        let back_end = RecordingServer::start(reply);
        let origin = back_end.origin();
        Self::over(back_end, &origin).await
    }

    /// A harness whose configured back end is at this origin, which need not be that of the recording one.
    pub(super) async fn over(back_end: RecordingServer, origin: &str) -> Self {
        // Another name of the same machine, so that the paths of one back end do not count for the other.
        let inner = origin.replace("127.0.0.1", "localhost");
        let yaml = include_str!("gateway.yaml").replace("ORIGIN", origin).replace("INNER", &inner);
        let database = support::dynamodb().await;
        let wire = Wire::to(&database.endpoint).await;
        let client = support::dynamodb_client(&wire.endpoint);
        let clock = Arc::new(HandClock(AtomicI64::new(NOW * 1000)));
        let keys = || SealingKeys::parse(SEALING).unwrap();
        let gateway = Gateway::parse(&yaml).unwrap();
        let clients = BackEndClients::new(&gateway, &BTreeMap::new()).unwrap();
        let renewal = Arc::new(Mutex::<Renewal>::new(Box::new(|_| "\"later\"")));
        let asked = renewal.clone();
        let lambda = RecordingServer::start(move |_, request| {
            http_response(200, &[], asked.lock().unwrap()(request).as_bytes())
        });
        let environment = environment(&lambda.origin());
        let function = Function::new("RenewalFunction", &environment, &Aws::new(&environment).unwrap());
        let proxy = Proxy::new(
            gateway,
            (
                Sessions::new(client.clone(), &database.tables.sessions),
                Turns::new(client.clone(), &database.tables.sessions),
                Jars::new(client, &database.tables.sessions),
            ),
            Fresh::of(keys()),
            function,
            clients,
            clock.clone(),
            &entropy(),
        );
        Self { back_end, database, wire, clock, proxy, lambda, renewal, keys: keys() }
    }

    /// Sends an event, as API Gateway does: a REST API takes streams.
    pub(super) async fn send(&self, event: Value) -> Response {
        let (response, cut) = self.send_within(event, Duration::from_secs(29), true).await;
        assert_eq!(cut, None);
        response
    }

    /// Sends an event that must be answered within this time. Also returns why the response was cut.
    pub(super) async fn send_within(&self, event: Value, time: Duration, streams: bool) -> (Response, Option<Cut>) {
        let observer = Observer::new(&Settings::of("proxy"), self.clock.clone(), entropy());
        let (function_request_id, correlation_id) = ("lambda-1".to_owned(), Some("req-1".to_owned()));
        let ids = Ids { function_request_id, correlation_id, trace: Some("Root=1-2-3".to_owned()) };
        let invocation = invocation(event, time, streams);
        let answered = async { received(self.proxy.handle(invocation).await.unwrap()).await };
        observer.observe(ids, answered).await
    }

    /// The response to this event, while the back end may still send.
    pub(super) async fn stream(&self, event: Value) -> Streamed {
        self.stream_within(event, Duration::from_secs(29)).await
    }

    pub(super) async fn stream_within(&self, event: Value, time: Duration) -> Streamed {
        match self.proxy.handle(invocation(event, time, true)).await.unwrap() {
            Answer::Streamed(streamed) => streamed,
            Answer::Whole(value) => panic!("{value}"),
        }
    }

    /// Sends a call of alice, with her internal token sealed in its context.
    pub(super) async fn call(&self, event: Event) -> Response {
        self.send(event.by(self.alice(b"alices"))).await
    }

    /// Alice's identity with this internal token.
    pub(super) fn alice(&self, state: &[u8]) -> Admitted {
        let mut admitted = admitted(1);
        let sealed = self.keys.seal(&admitted.session, &legacy(), 1, [7; 12], state).unwrap();
        admitted.tokens = BTreeMap::from([(legacy(), TokenRef { version: 1, sealed: Some(sealed), ends: None })]);
        admitted
    }

    /// Alice's identity for the API whose back end says in a body that a session is over.
    pub(super) fn alice_marked(&self) -> Admitted {
        let mut admitted = admitted(1);
        (admitted.api, admitted.route) = (ApiName::parse("marked").unwrap(), "/marked".to_owned());
        let connector = ConnectorName::parse("marked").unwrap();
        let sealed = self.keys.seal(&admitted.session, &connector, 1, [7; 12], b"alices").unwrap();
        admitted.tokens = BTreeMap::from([(connector, TokenRef { version: 1, sealed: Some(sealed), ends: None })]);
        admitted
    }

    /// Alice's identity for the API whose internal token travels in the query.
    pub(super) fn alice_with_ticket(&self, ticket: &str) -> Admitted {
        self.alice_at("tickets", "ticket", ticket)
    }

    /// Alice's identity for the one route of this API, whose path is the API's name, with this internal token.
    pub(super) fn alice_at(&self, api: &str, connector: &str, state: &str) -> Admitted {
        let mut admitted = admitted(1);
        (admitted.api, admitted.route) = (ApiName::parse(api).unwrap(), format!("/{api}"));
        let connector = ConnectorName::parse(connector).unwrap();
        let sealed = self.keys.seal(&admitted.session, &connector, 1, [7; 12], state.as_bytes()).unwrap();
        admitted.tokens = BTreeMap::from([(connector, TokenRef { version: 1, sealed: Some(sealed), ends: None })]);
        admitted
    }

    /// The state in the next version of a token, as the proxy has asked the renewal function to keep it.
    pub(super) fn replaced(&self, event: &Value) -> Option<String> {
        let asked = &event["replace_internal_token"];
        let text = |name: &str| asked[name].as_str().unwrap().to_owned();
        let (session, connector) = (SessionId::parse(&text("session")).unwrap(), text("connector"));
        let sealed = SealedToken::parse(asked["token"]["sealed"].as_str()?);
        let version = asked["version"].as_u64().unwrap() + 1;
        let state = self.keys.open(&session, &ConnectorName::parse(&connector).unwrap(), version, &sealed).unwrap();
        Some(String::from_utf8(state.to_vec()).unwrap())
    }

    /// Writes a session whose token has this version, and returns its identity with a reference to it.
    pub(super) async fn session(&self, id: u8, version: u64, state: &[u8], ends: Option<i64>) -> Admitted {
        let mut admitted = admitted(id);
        let sealed = self.keys.seal(&admitted.session, &legacy(), version, [id; 12], state).unwrap();
        self.write(&admitted, version, sealed, ends).await;
        admitted.tokens = BTreeMap::from([(legacy(), TokenRef::by_version(version))]);
        admitted
    }

    /// Writes alice's session with a token that `change` has modified, and returns her identity with a reference to it.
    pub(super) async fn session_with(
        &self,
        version: u64,
        state: &[u8],
        change: impl FnOnce(&mut InternalToken),
    ) -> Admitted {
        let (mut admitted, session) = self.changed(version, state, change);
        self.table().put(&session).await;
        admitted.tokens = BTreeMap::from([(legacy(), TokenRef::by_version(version))]);
        admitted
    }

    /// From now on the renewal function renews: alice's session gets this token when the function is invoked.
    pub(super) fn renews(&self, version: u64, state: &[u8], change: impl FnOnce(&mut InternalToken)) {
        let (table, runtime) = (self.table(), tokio::runtime::Handle::current());
        let (_, session) = self.changed(version, state, change);
        self.answers_renewals(move || {
            runtime.block_on(table.put(&session));
            "\"renewed\""
        });
    }

    /// Alice's session at the back end that says in a body that it is over: its token is refused, and the renewal function
    /// makes the next one.
    pub(super) async fn marked_session(&self) -> Admitted {
        let marked = ConnectorName::parse("marked").unwrap();
        let session = |version: u64, state: &[u8]| {
            let admitted = admitted(1);
            let sealed = self.keys.seal(&admitted.session, &marked, version, [1; 12], state).unwrap();
            let renew_until = Some(Timestamp::from_secs(NOW + 1000));
            let token = InternalToken { renew_until, ..token(version, sealed) };
            Session { tokens: BTreeMap::from([(marked.clone(), token.clone())]), ..session_of(&admitted, token) }
        };
        self.table().put(&session(1, b"old")).await;
        let (table, runtime, next) = (self.table(), tokio::runtime::Handle::current(), session(2, b"new"));
        self.answers_renewals(move || {
            runtime.block_on(table.put(&next));
            "\"renewed\""
        });
        let tokens = BTreeMap::from([(marked.clone(), TokenRef::by_version(1))]);
        Admitted { tokens, ..self.alice_marked() }
    }

    /// From now on the renewal function does this, and responds with what it returns.
    pub(super) fn answers_renewals(&self, mut renewal: impl FnMut() -> &'static str + Send + 'static) {
        *self.renewal.lock().unwrap() = Box::new(move |_| renewal());
    }

    /// Writes alice's session with a token of this connector, which has the version 1. From now on the renewal function keeps in
    /// it what responses have made of that token.
    pub(super) async fn keeps_moves(&self, connector: &str, state: &str) {
        let connector = ConnectorName::parse(connector).unwrap();
        let admitted = admitted(1);
        let sealed = self.keys.seal(&admitted.session, &connector, 1, [1; 12], state.as_bytes()).unwrap();
        let mut session = session_of(&admitted, token(1, sealed));
        let own = session.tokens.remove(&legacy()).unwrap();
        session.tokens.insert(connector.clone(), own);
        let (table, runtime) = (self.table(), tokio::runtime::Handle::current());
        table.put(&session).await;
        *self.renewal.lock().unwrap() = Box::new(move |request| {
            let event: Value = serde_json::from_slice(&request.body).unwrap();
            let asked = &event["replace_internal_token"];
            let version = asked["version"].as_u64().unwrap();
            let sealed = SealedToken::parse(asked["token"]["sealed"].as_str().unwrap());
            let next = token(version + 1, sealed);
            let now = Timestamp::from_secs(NOW);
            let swap = table.sessions.swap_token(&session.sid, &connector, version, Some(&next), now);
            if runtime.block_on(swap).unwrap() { "\"replaced\"" } else { "\"kept\"" }
        });
    }

    fn changed(&self, version: u64, state: &[u8], change: impl FnOnce(&mut InternalToken)) -> (Admitted, Session) {
        let admitted = admitted(1);
        let sealed = self.keys.seal(&admitted.session, &legacy(), version, [1; 12], state).unwrap();
        let mut token = token(version, sealed);
        change(&mut token);
        let session = session_of(&admitted, token);
        (admitted, session)
    }

    async fn write(&self, admitted: &Admitted, version: u64, sealed: SealedToken, ends: Option<i64>) {
        let token = InternalToken { ends: ends.map(Timestamp::from_secs), ..token(version, sealed) };
        self.table().put(&session_of(admitted, token)).await;
    }

    fn table(&self) -> SessionsTable {
        let DynamoDb { client, store, tables, .. } = &self.database;
        SessionsTable { client: client.clone(), sessions: store.sessions.clone(), name: tables.sessions.clone() }
    }

    /// The turns of calls.
    pub(super) fn turns(&self) -> Turns {
        Turns::new(self.database.client.clone(), &self.database.tables.sessions)
    }

    /// The proxy's requests to the store since the last call of this function.
    pub(super) fn asked(&self) -> Vec<String> {
        self.wire.since_last()
    }
}

fn token(version: u64, sealed: SealedToken) -> InternalToken {
    let since = Timestamp::from_secs(NOW);
    InternalToken { version, sealed, since, ends: None, idle: None, renew_until: None }
}

fn session_of(admitted: &Admitted, token: InternalToken) -> Session {
    let (now, end) = (Timestamp::from_secs(NOW), Timestamp::from_secs(NOW + 86_400));
    let family = Family {
        generation: 1,
        served_at: now,
        parent_served_at: now,
        attempt: None,
        parent_attempt: None,
        idle_end: end,
        absolute_end: end,
        ended: false,
    };
    Session {
        sid: admitted.session.clone(),
        user_id: admitted.user.clone(),
        client_id: admitted.app.clone(),
        scope: admitted.scope.clone(),
        family,
        holder: None,
        salt: [0; 16],
        mac_key: "k1".to_owned(),
        credential_epoch: 0,
        auth_time: None,
        origin: gateway_domain::session::Origin::default(),
        issuer: None,
        sign_on: None,
        tokens: BTreeMap::from([(legacy(), token)]),
    }
}

pub(super) fn legacy() -> ConnectorName {
    ConnectorName::parse("legacy").unwrap()
}

/// An identity admitted to the API `orders`, without internal tokens; id 1 is alice.
pub(super) fn admitted(id: u8) -> Admitted {
    Admitted {
        user: UserId::parse(&if id == 1 { "alice".to_owned() } else { format!("user-{id}") }).unwrap(),
        app: ClientId::parse("pub1").unwrap(),
        app_name: "Demo".to_owned(),
        subscription: "sub-1".to_owned(),
        scope: Scope::parse("read write").unwrap(),
        session: SessionId::from_random([id; 16]),
        api: ApiName::parse("orders").unwrap(),
        route: "/orders".to_owned(),
        tokens: BTreeMap::new(),
        quotas: vec![quota(41)],
    }
}

pub(super) fn quota(remaining: u32) -> Quota {
    let left = Some(Left { remaining, reset: Seconds::new(7) });
    Quota { policy: "default".to_owned(), limit: 60, window: Seconds::new(60), left }
}

/// The table of sessions, as tests fill it.
struct SessionsTable {
    client: aws_sdk_dynamodb::Client,
    sessions: Sessions,
    name: String,
}

impl SessionsTable {
    /// Writes a session in the place of one that is there.
    async fn put(&self, session: &Session) {
        let delete = self.client.delete_item().table_name(&self.name);
        delete.key("sid", AttributeValue::S(session.sid.to_string())).send().await.unwrap();
        self.sessions.create(session).await.unwrap();
    }
}
