//! AWS clients, built from the Lambda environment alone: no profile files, no metadata calls, ring for TLS.
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

/// The root certificates that AWS endpoints chain to. Parsing the machine's whole store costs more than a handshake.
const AMAZON_ROOTS: &[u8] = include_bytes!("../amazon-roots.pem");

/// The clients of one process. They share one HTTP client, so that TLS is set up once.
pub struct Aws {
    shared: SdkConfig,
    environment: Environment,
    clock: Option<Arc<CorrectedClock>>,
}

impl Aws {
    /// Clients for this environment, with short timeouts: the services respond within milliseconds.
    pub fn new(environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { shared: sdk_config(environment)?, environment: environment.clone(), clock: None })
    }

    /// The same, where the `Date` of each response corrects this clock.
    pub fn dated(environment: &Environment, clock: &Arc<CorrectedClock>) -> Result<Self, StartError> {
        Ok(Self { clock: Some(Arc::clone(clock)), ..Self::new(environment)? })
    }

    /// The same with longer timeouts, for an operator's tool, which may wait.
    pub fn patient(environment: &Environment) -> Result<Self, StartError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(30))
            .build();
        let aws = Self::new(environment)?;
        Ok(Self { shared: aws.shared.into_builder().timeout_config(timeouts).build(), ..aws })
    }

    /// What the clients of all services have in common.
    pub fn shared(&self) -> &SdkConfig {
        &self.shared
    }

    /// A client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        use aws_sdk_dynamodb::config::{BehaviorVersion, Builder};
        let mut config = Builder::from(&self.shared).behavior_version(BehaviorVersion::latest());
        config.set_endpoint_url(self.environment.get("AWS_ENDPOINT_URL_DYNAMODB").map(str::to_owned));
        if let Some(clock) = &self.clock {
            config = config.interceptor(DateWatch(Arc::clone(clock)));
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of Secrets Manager.
    pub(crate) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        use aws_sdk_secretsmanager::config::{BehaviorVersion, Builder};
        let mut config = Builder::from(&self.shared).behavior_version(BehaviorVersion::latest());
        config.set_endpoint_url(self.environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER").map(str::to_owned));
        if let Some(clock) = &self.clock {
            config = config.interceptor(DateWatch(Arc::clone(clock)));
        }
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

fn sdk_config(environment: &Environment) -> Result<SdkConfig, StartError> {
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
    // API Gateway waits 29 s for a function and 10 s for an authorizer, so one AWS operation must end well before.
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
