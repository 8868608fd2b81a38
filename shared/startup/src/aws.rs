//! AWS clients, built by hand from the Lambda environment: no profile files, no metadata calls, ring for TLS.
//!
//! `aws-config` and aws-lc would cost tens of milliseconds of CPU at every cold start; see `docs/decisions`.

use crate::clock::{CorrectedClock, DateWatch};
use crate::{Environment, StartError};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use std::sync::Arc;
use std::time::Duration;

/// The roots that AWS endpoints chain to; parsing the machine's whole store costs more than a handshake.
const AMAZON_ROOTS: &[u8] = include_bytes!("../amazon-roots.pem");

/// A DynamoDB client for this environment.
pub fn dynamodb_client(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, StartError> {
    Ok(aws_sdk_dynamodb::Client::from_conf(dynamodb(&sdk_config(environment)?, environment).build()))
}

/// The same, whose responses correct this clock.
pub fn dated_dynamodb_client(
    environment: &Environment,
    clock: &Arc<CorrectedClock>,
) -> Result<aws_sdk_dynamodb::Client, StartError> {
    let config = dynamodb(&sdk_config(environment)?, environment).interceptor(DateWatch(Arc::clone(clock)));
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}

/// The same for a person who would rather wait than be refused.
pub fn patient_dynamodb_client(environment: &Environment) -> Result<aws_sdk_dynamodb::Client, StartError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build();
    let shared = sdk_config(environment)?.into_builder().timeout_config(timeouts).build();
    Ok(aws_sdk_dynamodb::Client::from_conf(dynamodb(&shared, environment).build()))
}

fn dynamodb(shared: &SdkConfig, environment: &Environment) -> aws_sdk_dynamodb::config::Builder {
    let mut config = aws_sdk_dynamodb::config::Builder::from(shared)
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest());
    if let Some(endpoint) = environment.get("AWS_ENDPOINT_URL_DYNAMODB") {
        config = config.endpoint_url(endpoint);
    }
    config
}

/// A Secrets Manager client for this environment, whose responses correct this clock, if there is one.
pub fn secrets_manager_client(
    environment: &Environment,
    clock: Option<&Arc<CorrectedClock>>,
) -> Result<aws_sdk_secretsmanager::Client, StartError> {
    let mut config = aws_sdk_secretsmanager::config::Builder::from(&sdk_config(environment)?)
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest());
    if let Some(endpoint) = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") {
        config = config.endpoint_url(endpoint);
    }
    if let Some(clock) = clock {
        config = config.interceptor(DateWatch(Arc::clone(clock)));
    }
    Ok(aws_sdk_secretsmanager::Client::from_conf(config.build()))
}

/// What the clients of all services have in common, with timeouts and retries for one that answers within milliseconds.
pub fn sdk_config(environment: &Environment) -> Result<SdkConfig, StartError> {
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
    // API Gateway gives up after 29 s, an authorizer after 10: an answer must come well before.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    Ok(SdkConfig::builder()
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
        .build())
}
