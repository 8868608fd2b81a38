//! Hooks: systems of the company that are asked, over HTTP with a signature or as a function of AWS Lambda, and only for a time.

use bytes::Bytes;
use gateway_config::{Gateway, Hook as Settings};
use gateway_connectors::back_end::{BackEndClient, BackEndClients, BackEndError, Bounds, Connection};
use gateway_domain::entropy::{Entropy, NoEntropy};
use gateway_domain::time::Timestamp;
use gateway_domain::webhook::WebhookKeys;
use gateway_invoke::{Function, NotInvoked};
use gateway_runtime::{Late, Platform, StartError};
use http::{Method, Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of an answer.
const MAX_ANSWER: usize = 16 * 1024;

/// Why a hook said nothing that can be used. The text holds nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It cannot be reached, takes too long, or breaks off.
    #[error("the hook: {0}")]
    BackEnd(#[from] BackEndError),
    /// The function could not be invoked, or failed.
    #[error("{0}")]
    Function(#[from] NotInvoked),
    /// It answered with another status than 200.
    #[error("the hook answered with status {0}: it has to be 200")]
    Status(StatusCode),
    /// Its answer is not the JSON that it has to be.
    #[error("the hook answered otherwise than documented: {0}")]
    Other(String),
    /// Nothing can be signed.
    #[error("the secret of the hook is not there, or no key")]
    NoKey,
    /// There is no id for the message.
    #[error("no randomness: {0}")]
    Entropy(#[from] NoEntropy),
}

impl NoAnswer {
    /// Whether it is a mistake of who wrote or set up the hook, and no outage.
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Other(_) | Self::NoKey | Self::BackEnd(BackEndError::TooLarge) => true,
            Self::Function(error) => error.is_unreadable,
            Self::BackEnd(BackEndError::Unreachable | BackEndError::TimedOut | BackEndError::Broken)
            | Self::Status(_)
            | Self::Entropy(_) => false,
        }
    }

    /// Whether nothing was sent to the hook.
    pub fn is_unasked(&self) -> bool {
        match self {
            Self::BackEnd(BackEndError::Unreachable) | Self::NoKey | Self::Entropy(_) => true,
            Self::BackEnd(BackEndError::TimedOut | BackEndError::TooLarge | BackEndError::Broken)
            | Self::Function(_)
            | Self::Status(_)
            | Self::Other(_) => false,
        }
    }
}

/// A system that is asked.
pub struct Hook {
    way: Way,
    timeout: Duration,
    entropy: Arc<dyn Entropy>,
}

enum Way {
    Http(Box<Http>),
    Function(Box<Function>),
}

struct Http {
    uri: http::Uri,
    client: BackEndClient,
    keys: Late<WebhookKeys>,
}

/// What is sent, in the envelope of Standard Webhooks.
#[derive(Serialize)]
struct Envelope<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    data: T,
}

impl Hook {
    /// Reads the key and the certificates that the settings name.
    pub async fn start(platform: &Platform, gateway: &Gateway, settings: &Settings) -> Result<Self, StartError> {
        let way = match (&settings.url, &settings.secret, &settings.function) {
            (Some(url), Some(secret), _) => {
                let tls = gateway.tls_secrets();
                let clients = platform.secrets.build("TLS of the hook", tls, |tls| BackEndClients::new(gateway, tls));
                let clients = clients.await?;
                let (uri, client) = (url.uri().clone(), clients.get(settings.tls.as_ref()).clone());
                Way::Http(Box::new(Http { uri, client, keys: webhook_keys(platform, secret.as_str()).await }))
            }
            (None, _, Some(function)) => {
                Way::Function(Box::new(Function::new(function.as_str(), &platform.environment, &platform.aws)))
            }
            (Some(_), None, _) | (None, _, None) => {
                return Err(StartError::Missing { name: "hook", expected: "a URL with a secret, or a function" });
            }
        };
        let (timeout, entropy) = (Duration::from_secs(settings.timeout.as_u64()), Arc::clone(&platform.entropy));
        Ok(Self { way, timeout, entropy })
    }

    /// Sends data of this kind, and reads what is answered.
    pub async fn ask<A: DeserializeOwned>(
        &self,
        kind: &str,
        data: impl Serialize,
        now: Timestamp,
    ) -> Result<A, NoAnswer> {
        let envelope = Envelope { kind, timestamp: now, data };
        match &self.way {
            Way::Function(function) => {
                let event = serde_json::to_value(envelope).map_err(|error| NoAnswer::Other(error.to_string()))?;
                let answer = function.ask(&event, self.timeout).await?;
                let text = answer.to_string();
                if text.len() > MAX_ANSWER {
                    return Err(NoAnswer::Other(format!("more than {MAX_ANSWER} bytes")));
                }
                check_object(text.as_bytes())?;
                serde_json::from_value(answer).map_err(|error| unreadable(&error))
            }
            Way::Http(http) => {
                let Http { uri, client, keys } = &**http;
                let keys = keys.fresh().await.map_err(|_| NoAnswer::NoKey)?;
                let body = serde_json::to_vec(&envelope).map_err(|error| NoAnswer::Other(error.to_string()))?;
                let id = format!("msg_{:032x}", u128::from_be_bytes(self.entropy.bytes()?));
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(uri)
                    .header("content-type", "application/json")
                    .header("accept", "application/json")
                    .header("webhook-id", &id)
                    .header("webhook-timestamp", now.as_secs())
                    .header("webhook-signature", keys.sign(&id, now, &body))
                    .body(Bytes::from(body));
                let request = request.map_err(|error| NoAnswer::Other(error.to_string()))?;
                let bounds = Bounds { timeout: self.timeout, max_body: MAX_ANSWER };
                let response = client.send_on(Connection::Kept, request, bounds).await?;
                if response.status() != StatusCode::OK {
                    return Err(NoAnswer::Status(response.status()));
                }
                check_object(response.body())?;
                serde_json::from_slice(response.body()).map_err(|error| unreadable(&error))
            }
        }
    }
}

/// The keys with which requests to the hook are signed.
async fn webhook_keys(platform: &Platform, secret: &str) -> Late<WebhookKeys> {
    Late::of(platform, secret, |text| WebhookKeys::parse(text).map_err(|error| error.to_string())).await
}

/// An answer is an object: of a list, the reader would take the values in their order.
fn check_object(answer: &[u8]) -> Result<(), NoAnswer> {
    if answer.trim_ascii_start().starts_with(b"{") { Ok(()) } else { Err(NoAnswer::Other("no JSON object".to_owned())) }
}

/// What is wrong with an answer, and where, without a word of it.
fn unreadable(error: &serde_json::Error) -> NoAnswer {
    NoAnswer::Other(format!("{:?} error in line {}, column {}", error.classify(), error.line(), error.column()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_runtime::Environment;
    use serde_json::{Value, json};
    use std::sync::Mutex;
    use tokio::net::TcpListener;

    const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:people";

    /// The service Lambda, which answers every invocation with this, and what it was sent.
    async fn lambda(answer: &'static str, error: bool) -> (String, Arc<Mutex<Vec<(String, Value)>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&sent);
        let invoke = move |uri: http::Uri, body: Bytes| async move {
            noted.lock().unwrap().push((uri.path().to_owned(), serde_json::from_slice(&body).unwrap()));
            let response = http::Response::builder();
            let response = if error { response.header("x-amz-function-error", "Unhandled") } else { response };
            response.body(axum::body::Body::from(answer)).unwrap()
        };
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(invoke)).await });
        (address, sent)
    }

    async fn hook(endpoint: &str) -> Hook {
        let variables = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL_LAMBDA", endpoint),
        ];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let platform = Platform::new(Environment::from_pairs(environment)).unwrap();
        let directory =
            format!("accounts: {{ directory: {{ validate_user_pass: {{ function: '{ARN}', timeout: 2s }} }} }}");
        let rest = "plans: { standard: { calls: 60, window: 1m } }\napis: { a: { back_end: 'https://a.example', \
                    routes: [{ path: /a, methods: { GET: [a] } }] } }";
        let gateway = Gateway::parse(&format!("{directory}\n{rest}\n")).unwrap();
        let settings = gateway.directory().unwrap().validate_user_pass.as_ref().unwrap();
        Hook::start(&platform, &gateway, settings).await.unwrap()
    }

    #[tokio::test]
    async fn a_function_is_invoked_with_the_same_message_and_answers_the_same() {
        let (endpoint, sent) = lambda(r#"{"valid":true}"#, false).await;
        let now = Timestamp::from_secs(1_700_000_000);
        let answer: Value = hook(&endpoint).await.ask("validate_user_pass", json!({ "a": 1 }), now).await.unwrap();
        assert_eq!(answer, json!({ "valid": true }));
        let (path, message) = sent.lock().unwrap().pop().unwrap();
        assert!(path.starts_with("/2015-03-31/functions/") && path.ends_with("people/invocations"), "{path}");
        assert_eq!(message, json!({ "type": "validate_user_pass", "timestamp": now, "data": { "a": 1 } }));
    }

    #[tokio::test]
    async fn a_function_that_fails_is_asked_once_and_gives_no_answer() {
        let (endpoint, sent) = lambda(r#"{"errorMessage":"the password is hunter2"}"#, true).await;
        let answer = hook(&endpoint).await.ask::<Value>("validate_user_pass", json!({}), Timestamp::from_secs(1)).await;
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("people failed: Unhandled") && !error.contains("hunter2"), "{error}");
        assert_eq!(sent.lock().unwrap().len(), 1);
    }
}
