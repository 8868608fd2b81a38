//! Invokes the renewal function to replace an internal token. Of the gateway's roles, only the proxy's may invoke it.

use std::time::Duration;

use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Builder};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::{Client, Config};
use gateway_domain::causes;
use gateway_domain::renewal::{RenewalRequest, RenewalResponse};
use gateway_runtime::{Aws, Environment, StartError};

/// How long a renewal may take: enough for the legacy system, with time left for a response to the client.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The renewal function.
#[derive(Debug, Clone)]
pub struct Renewer {
    function: String,
    client: Client,
}

impl Renewer {
    /// The function that `RENEWAL_FUNCTION` names.
    pub fn new(environment: &Environment, aws: &Aws) -> Result<Self, StartError> {
        let function = environment.require("RENEWAL_FUNCTION", "the name of the renewal function")?.to_owned();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            // Without these values the short ones for services that respond within milliseconds would apply.
            .operation_attempt_timeout(TIMEOUT)
            .operation_timeout(TIMEOUT)
            .build();
        let mut config: Builder = Config::from(aws.shared()).to_builder();
        config = config
            .behavior_version(BehaviorVersion::latest())
            .timeout_config(timeouts)
            // Not retried: the client may repeat its call.
            .retry_config(RetryConfig::disabled());
        if let Some(endpoint) = environment.get("AWS_ENDPOINT_URL_LAMBDA") {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self { function, client: Client::from_conf(config.build()) })
    }

    /// The outcome of a renewal; [`RenewalResponse::Later`] if it is unknown.
    pub(crate) async fn renew(&self, request: &RenewalRequest) -> RenewalResponse {
        let payload = Blob::new(request.to_event().to_string());
        let reason = match self.client.invoke().function_name(&self.function).payload(payload).send().await {
            Ok(response) => match (response.function_error(), response.payload().map(AsRef::as_ref)) {
                (None, Some(payload)) => match serde_json::from_slice(payload) {
                    Ok(response) => return response,
                    Err(_) => "it did not respond as to a renewal".to_owned(),
                },
                (error, _) => error.unwrap_or("it answered nothing").to_owned(),
            },
            Err(error) => causes(&error),
        };
        tracing::error!(function = self.function, reason, "the renewal function could not be asked");
        RenewalResponse::Later
    }
}
