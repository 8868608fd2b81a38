//! A hook in Rust: it verifies that a question comes from the gateway, has a say in tokens (`hooks` in gateway.yaml), says by which name a
//! legacy system knows a new user, and takes events (`events`).
//!
//! `HOOK_KEY` is the text of the secret that the gateway signs with, `SUSPENDED` are user ids with commas between.

#![expect(clippy::disallowed_methods, reason = "a program of its own, which reads its own environment")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

struct Rules {
    webhook: Webhook,
    suspended: BTreeSet<String>,
    /// The ids of the events that it has had: they come at least once. A company keeps them beside what it makes of them.
    had: Mutex<BTreeSet<String>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let suspended = std::env::var("SUSPENDED").unwrap_or_default();
    let suspended = suspended.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    let rules = Rules { webhook: Webhook::new(&std::env::var("HOOK_KEY")?)?, suspended, had: Mutex::default() };
    let listener = TcpListener::bind(std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8090".to_owned())).await?;
    println!("http://{}/hooks", listener.local_addr()?);
    let router = Router::new().route("/hooks", post(answer)).with_state(Arc::new(rules));
    Ok(axum::serve(listener, router).await?)
}

async fn answer(State(rules): State<Arc<Rules>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    // Before anything is read of the body: whoever can reach this port can send one. It refuses old messages, too.
    if rules.webhook.verify(&body, &headers).is_err() {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    let Ok(question) = serde_json::from_slice::<Value>(&body) else { return (StatusCode::BAD_REQUEST, String::new()) };
    let (kind, data) = (question["type"].as_str().unwrap_or_default(), &question["data"]);
    let allow = !rules.suspended.contains(data["user_id"].as_str().unwrap_or_default());
    let answer = match kind {
        "allow_refresh" => json!({ "allow": allow }),
        // What is left out stays as it was to be.
        "map_scope" if allow => json!({ "allow": true, "claims": { "https://company.example/claims/tier": "gold" } }),
        "map_scope" => json!({ "allow": false }),
        // It is asked until it answers: an answer has to be the same each time.
        "registered" => json!({ "links": { "orders-login": data["email"] } }),
        // An event: whatever it says, a status of 200 takes it.
        _ => match question["id"].as_str() {
            Some(id) => {
                if rules.had.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned()) {
                    println!("{kind} {}", question["subject"].as_str().unwrap_or_default());
                }
                json!({})
            }
            None => return (StatusCode::NOT_FOUND, String::new()),
        },
    };
    (StatusCode::OK, answer.to_string())
}
