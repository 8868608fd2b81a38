//! Makes and rotates the keys of the gateway: CloudFormation custom resource, Secrets Manager rotation, emergency.

mod answer;
mod fill;
mod key_secret;
mod revoke;
mod rotate;
mod trial;

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::Gateway;
use domain::keys::InvalidKeys;
use domain::rotation::signing::NoPair;
use domain::rotation::symmetric::InvalidKeySet;
use domain::rotation::{CannotMove, Timing};
use domain::time::Seconds;
use serde::Deserialize;
use serde_json::Value;
use startup::fresh::key_timing;
use startup::secret_versions::{SecretError, SecretVersions};
use startup::{Aws, Clock, Environment, StartError, SystemClock, entropy};

use crate::answer::RequestType;
use crate::key_secret::Names;

/// Everything the function works with.
pub struct Keys {
    secrets: SecretVersions,
    names: Names,
    timing: Timing,
    /// The longest session that the configuration makes now.
    longest_session: Seconds,
    clock: Arc<dyn Clock>,
}

/// Why keys stay as they are. The text is for operators: logs, the events of a stack, the answer to an invocation.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// None of the three events this function knows.
    #[error("expected an event of CloudFormation, of a Secrets Manager rotation, or an \"action\": {0}")]
    Event(String),
    /// Somebody wants another secret rotated.
    #[error("{0} is not a secret that this function rotates")]
    ForeignSecret(String),
    /// The protocol of a rotation is not kept.
    #[error("the rotation cannot go on: {0}")]
    Protocol(&'static str),
    /// The version that is being made cannot become current any more.
    #[error("this rotation was given up, begin another one: {0}")]
    GivenUp(&'static str),
    /// The public set lacked the next key.
    #[error("the public set lacked the next key, which was published now: rotate again in {0} s")]
    Published(Seconds),
    /// A secret that must have a value has none.
    #[error("the secret {0} has no value: let CloudFormation update the stack, which makes what is missing")]
    NoValue(String),
    /// The keys do not move.
    #[error(transparent)]
    CannotMove(#[from] CannotMove),
    /// A secret is damaged.
    #[error("a key set is damaged: {0}")]
    KeySet(#[from] InvalidKeySet),
    /// A secret of key pairs is damaged.
    #[error("a set of key pairs is damaged: {0}")]
    Pairs(#[from] InvalidKeys),
    /// What was made does not work.
    #[error("the trial of the new keys failed: {0}")]
    Trial(&'static str),
    /// No pair could be made.
    #[error(transparent)]
    NoPair(#[from] NoPair),
    /// Secrets Manager.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Environment or randomness.
    #[error(transparent)]
    Start(#[from] StartError),
    /// CloudFormation could not be told.
    #[error("CloudFormation was not told the outcome: {0}")]
    Answer(#[from] answer::NotTold),
}

/// The events this function knows.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Resource(answer::Request),
    Rotation(rotate::Rotation),
    Action(revoke::Action),
}

impl Keys {
    /// Reads environment and configuration.
    pub fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let path = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
        let config = Gateway::load(Path::new(path))
            .map_err(|error| StartError::Invalid { what: path.to_owned(), reason: error.to_string() })?;
        Ok(Self {
            secrets: SecretVersions::new(&Aws::new(environment)?),
            names: Names::from_environment(environment)?,
            timing: key_timing(environment)?,
            longest_session: config.lifetimes().session_absolute,
            clock: Arc::new(SystemClock),
        })
    }

    /// Handles one event. What CloudFormation asks for is answered to its address, failures included.
    pub async fn handle(&self, event: Value) -> Result<Value, Failure> {
        let outcome = match parsed(event)? {
            Event::Resource(request) => {
                let filled = self.resource(&request).await;
                answer::tell(&request, filled.as_ref().map(drop).map_err(ToString::to_string)).await?;
                // CloudFormation knows; an error would make Lambda repeat what may be rolled back by then.
                if let Err(failure) = filled {
                    tracing::error!(%failure, "the keys stay as they are");
                }
                Ok(Value::Null)
            }
            Event::Rotation(rotation) => Box::pin(self.step(&rotation)).await.map(|()| Value::Null),
            Event::Action(action) => Box::pin(self.act(&action)).await,
        };
        match &outcome {
            Ok(_) => tracing::info!("done"),
            Err(failure) => tracing::error!(%failure, "the keys stay as they are"),
        }
        outcome
    }
}

/// What is left to do when the function cannot start, as with a gateway.yaml that is wrong: the stack is told why and goes
/// back to what it was.
pub async fn not_ready(event: Value, error: StartError) -> Result<Value, Failure> {
    let Ok(Event::Resource(request)) = parsed(event) else { return Err(error.into()) };
    let outcome = match request.kind {
        // What was served before is not checked again: refusing it would leave a stack that cannot go back.
        RequestType::Update if request.is_rollback() => Ok(()),
        RequestType::Create | RequestType::Update => Err(error.to_string()),
        // Nothing is done for a deletion. Were it refused, a first deploy that failed could not be rolled back.
        RequestType::Delete => Ok(()),
    };
    tracing::error!(%error, request = ?request.kind, "the function is not ready");
    answer::tell(&request, outcome).await?;
    // CloudFormation knows; an error would make Lambda repeat what may be rolled back by then.
    Ok(Value::Null)
}

fn parsed(event: Value) -> Result<Event, Failure> {
    serde_json::from_value(event).map_err(|error| Failure::Event(error.to_string()))
}

/// The id of a version that no rotation makes.
fn version_id() -> Result<String, StartError> {
    Ok(URL_SAFE_NO_PAD.encode(entropy::bytes::<24>()?))
}
