//! A proxy to DynamoDB that records each operation and does with it what a script says.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// An operation that was sent to DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its name, such as `GetItem`.
    pub name: String,
    /// Its table, such as `Sessions`.
    pub table: String,
    /// Whether it is an eventually consistent `GetItem`: it costs half as much, and may miss an earlier write, such as the
    /// removal of a secret.
    pub eventual: bool,
}

/// What the proxy does with an operation.
#[derive(Debug)]
pub enum Verdict {
    /// It is done, and its response is returned.
    Forward,
    /// It is not done. The response is a throttling error.
    Throttle,
    /// It, a transaction, is not done: of its second item, DynamoDB throttles.
    CancelThrottled,
    /// It is not done. The response is an internal error.
    Fail,
    /// It is done. The response is an internal error instead of its own.
    LoseResponse,
    /// It is done. The connection breaks before the response is complete.
    Break,
    /// It is done once the semaphore has a permit, which it uses up.
    Hold(Arc<Semaphore>),
}

type Script = Box<dyn FnMut(&Operation) -> Verdict + Send>;
type Before = Arc<dyn Fn(&Operation) -> BoxFuture<'static, ()> + Send + Sync>;

/// The proxy. Its clones share everything.
#[derive(Clone)]
pub struct Wire {
    /// The address at which it listens.
    pub endpoint: String,
    far: String,
    /// Whether requests stay as they are sent, so that their signatures hold.
    as_sent: bool,
    http: reqwest::Client,
    script: Arc<Mutex<Option<Script>>>,
    before: Arc<Mutex<Option<Before>>>,
    seen: Arc<Mutex<Vec<Operation>>>,
    units: Arc<Mutex<Units>>,
}

/// The units of capacity that DynamoDB charges for.
#[derive(Debug, Clone, Copy, Default)]
struct Units {
    read: f64,
    write: f64,
}

impl Operation {
    /// Whether it may change an item. Every operation except `GetItem` counts as a write.
    pub fn writes(&self) -> bool {
        self.name != "GetItem"
    }

    /// Whether it is the operation of this name on this table.
    pub fn is(&self, name: &str, table: &str) -> bool {
        self.name == name && self.table == table
    }
}

impl Wire {
    /// A proxy to the DynamoDB at this address.
    pub async fn to(far: &str) -> Self {
        Self::new(far, false).await
    }

    /// A proxy to a DynamoDB that checks signatures. It does not know what operations cost.
    pub async fn signed_to(far: &str) -> Self {
        Self::new(far, true).await
    }

    async fn new(far: &str, as_sent: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            far: far.to_owned(),
            as_sent,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            script: Arc::default(),
            before: Arc::default(),
            seen: Arc::default(),
            units: Arc::default(),
        };
        let router = axum::Router::new().fallback(pass).with_state(wire.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        wire
    }

    /// From now on, this script decides about each operation.
    pub fn script(&self, script: impl FnMut(&Operation) -> Verdict + Send + 'static) {
        *self.script.lock().unwrap() = Some(Box::new(script));
    }

    /// From now on, every operation is forwarded.
    pub fn calm(&self) {
        *self.script.lock().unwrap() = None;
    }

    /// From now on, this is run before each operation.
    pub fn before_each(&self, before: impl Fn(&Operation) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        *self.before.lock().unwrap() = Some(Arc::new(before));
    }

    /// Whether such an operation was sent since the last [`Self::since_last`].
    pub fn seen(&self, name: &str, table: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|operation| operation.is(name, table))
    }

    /// The operations since the last call of this, as `GetItem Apps`, with `(eventual)` for an eventually consistent one.
    pub fn since_last(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let words = |Operation { name, table, eventual }| {
            format!("{name} {table}{}", if eventual { " (eventual)" } else { "" })
        };
        seen.into_iter().map(words).collect()
    }

    /// The units consumed since the last call of this, as `4.5 read, 8 write`. A write whose condition failed is not
    /// included, since its response does not say what it consumed.
    pub fn units_since_last(&self) -> String {
        let Units { read, write } = std::mem::take(&mut *self.units.lock().unwrap());
        format!("{read} read, {write} write")
    }
}

async fn pass(State(wire): State<Wire>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let operation = operation(&headers, &body);
    wire.seen.lock().unwrap().push(operation.clone());
    let before = wire.before.lock().unwrap().clone();
    if let Some(before) = before {
        before(&operation).await;
    }
    let verdict = wire.script.lock().unwrap().as_mut().map_or(Verdict::Forward, |script| script(&operation));
    let body = if wire.as_sent { body } else { asking_for_units(body) };
    match verdict {
        Verdict::Forward => wire.forward(&operation, headers, body).await,
        Verdict::Throttle => error(400, "ProvisionedThroughputExceededException"),
        Verdict::CancelThrottled => cancelled(&["None", "ThrottlingError"]),
        Verdict::Fail => error(500, "InternalServerError"),
        Verdict::LoseResponse => {
            wire.forward(&operation, headers, body).await;
            error(500, "InternalServerError")
        }
        Verdict::Break => {
            wire.forward(&operation, headers, body).await;
            let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("broken"))]);
            Response::builder().header("content-length", "1000").body(Body::from_stream(broken)).unwrap()
        }
        Verdict::Hold(gate) => {
            gate.acquire().await.unwrap().forget();
            wire.forward(&operation, headers, body).await
        }
    }
}

impl Wire {
    async fn forward(&self, operation: &Operation, mut headers: HeaderMap, body: Bytes) -> Response<Body> {
        // The signature is of the host that the caller knows.
        let host = headers.remove("host").filter(|_| self.as_sent);
        headers.extend(host.map(|host| (axum::http::header::HOST, host)));
        for name in ["content-length", "connection"] {
            headers.remove(name);
        }
        let response = self.http.post(&self.far).headers(headers).body(body).send().await.unwrap();
        let mut built = Response::builder().status(response.status());
        for name in ["content-type", "x-amz-crc32", "x-amzn-requestid"] {
            if let Some(value) = response.headers().get(name) {
                built = built.header(name, value);
            }
        }
        let body = response.bytes().await.unwrap();
        self.charge(operation, &body);
        built.body(Body::from(body)).unwrap()
    }

    fn charge(&self, operation: &Operation, response: &[u8]) {
        let response: Value = serde_json::from_slice(response).unwrap_or_default();
        let consumed = response["ConsumedCapacity"]["CapacityUnits"].as_f64().unwrap_or_default();
        let mut units = self.units.lock().unwrap();
        *if operation.writes() { &mut units.write } else { &mut units.read } += consumed;
    }
}

/// The request, which now asks for the consumed units. That breaks its signature, which a DynamoDB for tests does not
/// check.
fn asking_for_units(body: Bytes) -> Bytes {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(&body) else { return body };
    members.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    Value::Object(members).to_string().into()
}

fn operation(headers: &HeaderMap, body: &[u8]) -> Operation {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let table = body["TableName"].as_str().unwrap_or_default();
    let table = table.rsplit('-').next().unwrap_or_default();
    let name = target.rsplit('.').next().unwrap_or_default();
    Operation {
        name: name.to_owned(),
        eventual: name == "GetItem" && body["ConsistentRead"] != true,
        table: table.strip_suffix("Table").unwrap_or(table).to_owned(),
    }
}

fn cancelled(reasons: &[&str]) -> Response<Body> {
    let reasons: Vec<_> = reasons.iter().map(|code| serde_json::json!({ "Code": code })).collect();
    refused(400, "TransactionCanceledException", serde_json::json!({ "CancellationReasons": reasons }))
}

fn error(status: u16, name: &str) -> Response<Body> {
    refused(status, name, serde_json::json!({}))
}

fn refused(status: u16, name: &str, mut body: Value) -> Response<Body> {
    body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{name}").into();
    body["message"] = name.into();
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(Body::from(body.to_string())).unwrap()
}
