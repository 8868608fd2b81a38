//! The demo back end: a legacy system with a JSON login of its own and its own session cookie.

mod recording;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::{random, visitors};
pub use recording::Recorded;
use recording::Recording;

/// The name of its session cookie.
pub const COOKIE_NAME: &str = "LEGACYSESSID";
/// How long a session lives, in seconds.
pub const SESSION_SECONDS: u32 = 1800;
/// What everybody has ordered.
const FIRST_ORDER: &str = "a first order";

/// The back end. Clones share its state.
#[derive(Debug, Clone)]
pub struct Legacy {
    state: Arc<Mutex<Memory>>,
    recording: Option<Recording>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Passwords by user name.
    passwords: BTreeMap<String, String>,
    /// Whether it compares them. Otherwise it takes what the gateway has checked, also of people who are new to it.
    compares: bool,
    /// User and end (milliseconds since 1970) by session id.
    sessions: BTreeMap<String, (String, i64)>,
    /// Orders by user name.
    orders: BTreeMap<String, Vec<Order>>,
    next_order: u64,
    logins: u64,
    /// How many of the next logouts fail.
    failing_logouts: u32,
}

#[derive(Debug, Clone, Serialize)]
struct Order {
    id: String,
    item: String,
    quantity: u64,
}

#[derive(Deserialize)]
struct Login {
    user: String,
    pass: String,
}

#[derive(Deserialize)]
struct NewOrder {
    item: String,
    #[serde(default = "one")]
    quantity: u64,
}

fn one() -> u64 {
    1
}

impl Legacy {
    /// A back end with these users, given as name and password, each with one order. If `record`, it keeps every request and
    /// its bytes.
    pub fn new(users: impl IntoIterator<Item = (String, String)>, record: bool) -> Self {
        let mut memory = Memory { next_order: 1, compares: true, ..Memory::default() };
        for (user, password) in users {
            memory.add_order(&user, FIRST_ORDER, 1);
            memory.passwords.insert(user, password);
        }
        Self { state: Arc::new(Mutex::new(memory)), recording: record.then(Recording::default) }
    }

    /// The same, which takes what the gateway has checked: people who sign up, and new passwords.
    pub fn trusting(users: impl IntoIterator<Item = (String, String)>, record: bool) -> Self {
        let legacy = Self::new(users, record);
        legacy.memory().compares = false;
        legacy
    }

    /// Serves this listener until dropped.
    pub async fn serve(self, listener: TcpListener) {
        let recording = self.recording.clone();
        // Not `programs_only`: the proxy passes on header fields that only browsers send.
        let router = visitors::our_names_only(Router::new().fallback(response).with_state(self), &listener);
        // It only ends by being aborted.
        let _ = axum::serve(recording::Listener { listener, recording }, router).await;
    }

    /// What it received so far, in the order of arrival; empty unless it records.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recording.as_ref().map(Recording::requests).unwrap_or_default()
    }

    /// Every byte it received so far; empty unless it records.
    pub fn received_bytes(&self) -> Vec<u8> {
        self.recording.as_ref().map(Recording::bytes).unwrap_or_default()
    }

    /// How many logins succeeded.
    pub fn logins(&self) -> u64 {
        self.memory().logins
    }

    /// Ends all sessions, as a restart of a legacy system does.
    pub fn forget_sessions(&self) {
        self.memory().sessions.clear();
    }

    /// Makes this many of the next logouts fail with 503, as if the system were down.
    pub fn fail_logouts(&self, count: u32) {
        self.memory().failing_logouts = count;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn add_order(&mut self, user: &str, item: &str, quantity: u64) -> Order {
        let order = Order { id: self.next_order.to_string(), item: item.to_owned(), quantity };
        self.next_order += 1;
        self.orders.entry(user.to_owned()).or_default().push(order.clone());
        order
    }

    fn user_of(&self, headers: &HeaderMap, now: i64) -> Option<String> {
        let (user, end) = self.sessions.get(session_id(headers)?)?;
        (now < *end).then(|| user.clone())
    }
}

/// The value of the session cookie.
fn session_id(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

async fn response(State(legacy): State<Legacy>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    if let Some(recording) = &legacy.recording {
        recording.add(&parts, &body);
    }
    let path = parts.uri.path();
    let mut memory = legacy.memory();
    match (&parts.method, path) {
        (&Method::POST, "/login") => return log_in(&mut memory, &body),
        (&Method::POST, "/logout") => {
            if memory.failing_logouts > 0 {
                memory.failing_logouts -= 1;
                return error(StatusCode::SERVICE_UNAVAILABLE, "come back later");
            }
            let ended = session_id(&parts.headers).and_then(|id| memory.sessions.remove(id));
            return if ended.is_some() { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }.into_response();
        }
        (&Method::GET, "/catalogue") => return axum::Json(json!({ "items": ["tea", "milk"] })).into_response(),
        (&Method::GET, "/public/ping") => return axum::Json(json!({ "ping": "pong" })).into_response(),
        _ => {}
    }
    let Some(user) = memory.user_of(&parts.headers, SystemClock.now_millis()) else {
        return error(StatusCode::UNAUTHORIZED, "log in first");
    };
    match (&parts.method, path, path.strip_prefix("/orders/")) {
        (_, "/echo", _) => echo(&parts, &body),
        (&Method::GET, "/orders", _) => {
            axum::Json(json!({ "user": user, "orders": memory.orders.get(&user) })).into_response()
        }
        (&Method::POST, "/orders", _) => match serde_json::from_slice::<NewOrder>(&body) {
            Ok(new) => {
                let order = memory.add_order(&user, &new.item, new.quantity);
                (StatusCode::CREATED, [("location", format!("/orders/{}", order.id))], axum::Json(order))
                    .into_response()
            }
            Err(_) => error(StatusCode::BAD_REQUEST, "an order is {\"item\": text, \"quantity\": number}"),
        },
        (&Method::GET, _, Some(id)) => {
            let found = memory.orders.get(&user).and_then(|orders| orders.iter().find(|order| order.id == id));
            match found {
                Some(order) => axum::Json(order.clone()).into_response(),
                None => error(StatusCode::NOT_FOUND, "no such order"),
            }
        }
        _ => error(StatusCode::NOT_FOUND, "no such page"),
    }
}

fn log_in(memory: &mut Memory, body: &Bytes) -> Response {
    let Ok(login) = serde_json::from_slice::<Login>(body) else {
        return error(StatusCode::BAD_REQUEST, "a login is {\"user\": text, \"pass\": text}");
    };
    if memory.compares && memory.passwords.get(&login.user) != Some(&login.pass) {
        return error(StatusCode::UNAUTHORIZED, "wrong user or password");
    }
    if !memory.orders.contains_key(&login.user) {
        memory.add_order(&login.user, FIRST_ORDER, 1);
    }
    let Ok(id) = random::name() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let end = SystemClock.now_millis() + i64::from(SESSION_SECONDS) * 1000;
    let cookie = format!("{COOKIE_NAME}={id}; Max-Age={SESSION_SECONDS}; Path=/; HttpOnly");
    memory.logins += 1;
    memory.sessions.insert(id, (login.user, end));
    ([(SET_COOKIE, cookie)], axum::Json(json!({ "ok": true }))).into_response()
}

/// Responds with the request as it was received, header names in lower case and values as text.
fn echo(parts: &http::request::Parts, body: &Bytes) -> Response {
    let headers = parts.headers.iter();
    let headers: Vec<Json> =
        headers.map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])).collect();
    axum::Json(json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "headers": headers,
        "body_base64": STANDARD.encode(body),
    }))
    .into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({ "error": message }))).into_response()
}

#[cfg(test)]
mod tests;
