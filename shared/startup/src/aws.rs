//! AWS clients, built by hand from the Lambda environment: no profile files, no metadata calls, ring for TLS.
//!
//! `aws-config` and aws-lc would cost tens of milliseconds of CPU at every cold start; see `docs/decisions`.

use crate::{Environment, StartError};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::time::Duration;

/// The roots that AWS endpoints chain to; parsing the machine's whole store costs more than a handshake.
const AMAZON_ROOTS: &[u8] = include_bytes!("../amazon-roots.pem");

/// A DynamoDB client for this environment.
pub fn dynamodb_client(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, StartError> {
    Parts::from(environment).map(|parts| parts.dynamodb_client(environment))
}

/// The same for a person who would rather wait than be refused.
pub fn patient_dynamodb_client(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, StartError> {
    let mut parts = Parts::from(environment)?;
    parts.timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build();
    Ok(parts.dynamodb_client(environment))
}

/// A Secrets Manager client for this environment.
pub fn secrets_manager_client(environment: &Environment) -> Result<aws_sdk_secretsmanager::Client, StartError> {
    let parts = Parts::from(environment)?;
    let mut config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
        .region(parts.region)
        .credentials_provider(parts.credentials)
        .http_client(parts.http)
        .sleep_impl(parts.sleep)
        .timeout_config(parts.timeouts)
        .retry_config(parts.retries);
    if let Some(endpoint) = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") {
        config = config.endpoint_url(endpoint);
    }
    Ok(aws_sdk_secretsmanager::Client::from_conf(config.build()))
}

struct Parts {
    region: Region,
    credentials: Credentials,
    http: SharedHttpClient,
    sleep: SharedAsyncSleep,
    timeouts: TimeoutConfig,
    retries: RetryConfig,
}

impl Parts {
    fn dynamodb_client(self, environment: &Environment) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region)
            .credentials_provider(self.credentials)
            .http_client(self.http)
            .sleep_impl(self.sleep)
            .timeout_config(self.timeouts)
            .retry_config(self.retries);
        if let Some(endpoint) = environment.get("AWS_ENDPOINT_URL_DYNAMODB") {
            config = config.endpoint_url(endpoint);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    fn from(environment: &Environment) -> Result<Self, StartError> {
        let region = environment.require("AWS_REGION", "the region, as Lambda sets it")?;
        let credentials = Credentials::new(
            environment.require("AWS_ACCESS_KEY_ID", "the role's key id, as Lambda sets it")?,
            environment.require("AWS_SECRET_ACCESS_KEY", "the role's key, as Lambda sets it")?,
            environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "lambda-environment",
        );
        let invalid = |error: &dyn std::fmt::Display| StartError::Invalid {
            what: "TLS for AWS endpoints".into(),
            reason: error.to_string(),
        };
        let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        let tls = TlsContext::builder().with_trust_store(roots).build().map_err(|error| invalid(&error))?;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls)
            .build_https();
        Ok(Self {
            region: Region::new(region.to_owned()),
            credentials,
            http,
            sleep: SharedAsyncSleep::new(TokioSleep::new()),
            // API Gateway gives up after 29 s, an authorizer after 10: an answer must come well before.
            timeouts: TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(Duration::from_secs(2))
                .operation_timeout(Duration::from_secs(5))
                .build(),
            retries: RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)),
        })
    }
}
