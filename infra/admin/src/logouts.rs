//! Queues the back-end logout of ended sessions at the renewal function, which can open their internal tokens and reaches
//! the back ends. The event waits in Lambda's queue, and Lambda repeats it if it fails.

use aws_sdk_lambda::config::{BehaviorVersion, Builder};
use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_lambda::{Client, Config};
use gateway_domain::causes;
use gateway_domain::ids::SessionId;
use gateway_domain::renewal::LogoutRequest;
use gateway_runtime::{Aws, Environment};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

/// The time between two logouts: at most 25 are queued a second. Lambda runs queued events at once, in the concurrency that
/// all functions of the account share, and one back end may receive all the logouts.
const PACE: Duration = Duration::from_millis(40);

/// Lambda's queue of events for the renewal function.
pub(crate) struct Logouts {
    function: String,
    client: Client,
    pace: Mutex<Interval>,
}

impl Logouts {
    pub(crate) fn new(environment: &Environment, aws: &Aws, function: String) -> Self {
        let mut config: Builder = Config::from(aws.shared()).to_builder().behavior_version(BehaviorVersion::latest());
        config.set_endpoint_url(environment.get("AWS_ENDPOINT_URL_LAMBDA").map(str::to_owned));
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { function, client: Client::from_conf(config.build()), pace: Mutex::new(pace) }
    }

    /// Queues the logout of a session that has ended, or says why it is not queued.
    pub(crate) async fn queue(&self, session: &SessionId) -> Result<(), String> {
        self.pace.lock().await.tick().await;
        let event = LogoutRequest { session: session.clone() }.to_event().to_string();
        let invoke = self.client.invoke().function_name(&self.function).invocation_type(InvocationType::Event);
        match invoke.payload(Blob::new(event)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.as_service_error().and_then(|answered| Some((answered.code()?, answered))) {
                Some((code, answered)) => format!("{code}: {}", answered.message().unwrap_or_default()),
                None => causes(&error),
            }),
        }
    }
}
