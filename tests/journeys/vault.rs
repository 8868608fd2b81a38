//! Secrets Manager with secrets that a test can change.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::{Json, Router};
use local::secrets::Secrets;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The server; it ends with the runtime of its test. Clones share it.
#[derive(Clone)]
pub(crate) struct Vault {
    secrets: Arc<Mutex<Secrets>>,
    fetches: Arc<AtomicUsize>,
}

impl Vault {
    /// The server and where it is.
    pub(crate) async fn start(secrets: Secrets) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let vault = Self { secrets: Arc::new(Mutex::new(secrets)), fetches: Arc::default() };
        let router = Router::new().fallback(answer).with_state(vault.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (vault, url)
    }

    pub(crate) fn set(&self, name: &str, value: &Value) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value.to_string());
    }

    /// How often a secret was read.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

async fn answer(State(vault): State<Vault>, body: String) -> Json<Value> {
    vault.fetches.fetch_add(1, Ordering::SeqCst);
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let id = request["SecretId"].as_str().unwrap_or_default();
    let secrets = vault.secrets.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({ "ARN": id, "Name": id, "VersionId": "test", "SecretString": secrets[id] }))
}
