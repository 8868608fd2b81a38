//! Asks another function of the gateway, and waits for what it says or leaves the event in its queue.

mod outbox;

pub use outbox::OutboxFunction;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Builder};
use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_types::SdkConfig;
use gateway_domain::causes;
use gateway_runtime::{Aws, Environment, StartError};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long the service may take to queue an event.
const QUEUED_WITHIN: Duration = Duration::from_secs(5);

/// Why a function was not asked, or did not say what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the function {function} {reason}")]
pub struct NotInvoked {
    /// Its name.
    pub function: String,
    /// What went wrong.
    pub reason: String,
    /// Whether it answered, otherwise than in JSON.
    pub is_unreadable: bool,
}

/// A function that may be asked. Its client is made when it is first asked: most containers never do, and none should start
/// slower for it.
#[derive(Debug, Clone)]
pub struct Function {
    name: String,
    config: SdkConfig,
    endpoint: Option<String>,
    client: Arc<OnceLock<Client>>,
}

impl Function {
    /// The function of this name or ARN.
    pub fn new(name: impl Into<String>, environment: &Environment, aws: &Aws) -> Self {
        let endpoint = environment.get("AWS_ENDPOINT_URL_LAMBDA").map(str::to_owned);
        Self { name: name.into(), config: aws.shared().clone(), endpoint, client: Arc::default() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let mut config = Builder::from(&self.config).behavior_version(BehaviorVersion::latest());
            config.set_endpoint_url(self.endpoint.clone());
            Client::from_conf(config.build())
        })
    }

    /// The function that a variable names; `expected` says what the variable holds.
    pub fn of(
        environment: &Environment,
        aws: &Aws,
        variable: &'static str,
        expected: &'static str,
    ) -> Result<Self, StartError> {
        Ok(Self::new(environment.require(variable, expected)?, environment, aws))
    }

    /// Asks the function, and waits this long. It is not asked twice: whoever asks knows whether that would be right.
    pub async fn ask(&self, event: &Value, within: Duration) -> Result<Value, NotInvoked> {
        let once = aws_sdk_lambda::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(within));
        let invoke = self.client().invoke().function_name(&self.name).payload(Blob::new(event.to_string()));
        let response = invoke.customize().config_override(once).send().await;
        let response = response.map_err(|error| self.not_invoked(causes(&error)))?;
        match (response.function_error(), response.payload().map(AsRef::as_ref)) {
            (None, Some(payload)) => {
                let unreadable = || self.not_invoked("answered what is no JSON".to_owned());
                serde_json::from_slice(payload).map_err(|_| NotInvoked { is_unreadable: true, ..unreadable() })
            }
            (error, _) => Err(self.not_invoked(format!("failed: {}", error.unwrap_or("it answered nothing")))),
        }
    }

    /// Leaves an event in the function's queue. Lambda repeats it as the function's template says.
    pub async fn queue(&self, event: &Value) -> Result<(), NotInvoked> {
        let invoke = self.client().invoke().function_name(&self.name).invocation_type(InvocationType::Event);
        let bounded = aws_sdk_lambda::config::Builder::new().timeout_config(timeouts(QUEUED_WITHIN));
        let sent = invoke.payload(Blob::new(event.to_string())).customize().config_override(bounded).send().await;
        sent.map(drop).map_err(|error| {
            let answered = error.as_service_error().and_then(|answered| Some((answered.code()?, answered)));
            self.not_invoked(match answered {
                Some((code, answered)) => format!("was not asked: {code}: {}", answered.message().unwrap_or_default()),
                None => format!("was not asked: {}", causes(&error)),
            })
        })
    }

    fn not_invoked(&self, reason: String) -> NotInvoked {
        NotInvoked { function: self.name.clone(), reason, is_unreadable: false }
    }
}

/// Without these the short ones for services that respond within milliseconds would apply.
fn timeouts(within: Duration) -> TimeoutConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(1));
    timeouts.operation_attempt_timeout(within).operation_timeout(within).build()
}
