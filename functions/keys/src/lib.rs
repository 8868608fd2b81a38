//! Makes, rotates and revokes the gateway's keys, for CloudFormation, Secrets Manager and operators.

mod fill;
mod key_secret;
mod response;
mod revoke;
mod rotate;
pub mod rsa_pair;
mod start;
mod trial;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_config::Gateway;
use gateway_domain::clock::Clock;
use gateway_domain::domain_event::KeyRotated;
use gateway_domain::entropy::{Entropy, NoEntropy};
use gateway_domain::keys::InvalidKeys;
use gateway_domain::rotation::pair::NoPair;
use gateway_domain::rotation::symmetric::InvalidKeySet;
use gateway_domain::rotation::{CannotMove, Timing};
use gateway_domain::time::Seconds;
use gateway_invoke::{Function, NotInvoked};
use gateway_runtime::secret_versions::{SecretError, SecretVersions};
use gateway_runtime::{ConfigFile, StartError};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;

use crate::key_secret::{KeySecret, Names};

pub use start::start;

/// Everything the function works with.
pub struct Keys {
    secrets: SecretVersions,
    names: Names,
    timing: Timing,
    /// Reads gateway.yaml only where it is needed, so that a leaked key can be revoked even if that file is invalid.
    config: ConfigFile,
    /// The events function, which is told of each key that comes into use.
    events: Function,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Why an event failed. Operators read the text in logs, in the events of a stack and in the response to an invocation.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is none of the three that this function knows.
    #[error("expected an event of CloudFormation, of a Secrets Manager rotation, or an \"action\": {0}")]
    Event(String),
    /// The rotation is of another secret.
    #[error("{0} is not a secret that this function rotates")]
    ForeignSecret(String),
    /// The event breaks the protocol of a rotation.
    #[error("the rotation cannot go on: {0}")]
    Protocol(&'static str),
    /// The pending version can no longer become current.
    #[error("this rotation was given up, begin another one: {0}")]
    GivenUp(&'static str),
    /// The public set lacked the next key, and has it only now, so that not every reader can have it yet.
    #[error("the public set lacked the next key, which was published now: rotate again in {0} s")]
    Published(Seconds),
    /// A secret that must have a value has none.
    #[error("the secret {0} has no value: let CloudFormation update the stack, which makes what is missing")]
    NoValue(String),
    /// The key ring refused the change.
    #[error(transparent)]
    CannotMove(#[from] CannotMove),
    /// A secret is damaged.
    #[error("a key set is damaged: {0}")]
    KeySet(#[from] InvalidKeySet),
    /// A secret of key pairs is damaged.
    #[error("a set of key pairs is damaged: {0}")]
    Pairs(#[from] InvalidKeys),
    /// The new keys do not work.
    #[error("the trial of the new keys failed: {0}")]
    Trial(&'static str),
    /// No key pair could be generated.
    #[error(transparent)]
    NoPair(#[from] NoPair),
    /// Secrets Manager failed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The environment, gateway.yaml or the source of random bytes failed.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The keys are changed, and the events function was not told of it.
    #[error("the new key is in use, but no event tells of it yet: {0}")]
    NoEvent(#[from] NotInvoked),
    /// The outcome could not be sent to CloudFormation.
    #[error("CloudFormation was not told the outcome: {0}")]
    Response(#[from] response::NotTold),
}

/// The events this function knows.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Resource(Box<response::Request>),
    Rotation(rotate::Rotation),
    Action(revoke::Action),
}

impl From<NoEntropy> for Failure {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}

impl Keys {
    /// gateway.yaml as it is now.
    fn gateway(&self) -> Result<Gateway, StartError> {
        self.config.load(Gateway::load)
    }

    /// Tells of a version of a secret that is current. Telling it again is the same event.
    async fn tell(&self, secret: KeySecret, version: &str) -> Result<(), NotInvoked> {
        let rotated =
            KeyRotated { secret: secret.as_str().to_owned(), version: version.to_owned(), at: self.clock.now() };
        self.events.queue(&rotated.to_event()).await
    }

    /// A random id for a version that is made outside a rotation.
    fn version_id(&self) -> Result<String, StartError> {
        Ok(URL_SAFE_NO_PAD.encode(self.entropy.bytes::<24>()?))
    }
}

/// Handles one event, even while the function cannot start. The outcome of a CloudFormation request, also a failure, is sent
/// to the address in its event.
pub async fn handle(started: Result<&Keys, StartError>, event: Value) -> Result<Value, Error> {
    Ok(Box::pin(act(started, event)).await?)
}

async fn act(started: Result<&Keys, StartError>, event: Value) -> Result<Value, Failure> {
    let event = serde_json::from_value(event).map_err(|error| Failure::Event(error.to_string()))?;
    let outcome = match event {
        Event::Resource(request) => {
            let filled = Box::pin(fill::resource(started, &request)).await;
            response::tell(&request, filled.as_ref().map(drop).map_err(ToString::to_string)).await?;
            // Not an error: CloudFormation has the outcome, and Lambda must not repeat what may be rolled back by then.
            if let Err(failure) = filled {
                tracing::error!(%failure, request = ?request.kind, "the keys stay as they are");
            }
            Ok(Value::Null)
        }
        Event::Rotation(rotation) => Box::pin(started?.step(&rotation)).await.map(|()| Value::Null),
        Event::Action(action) => Box::pin(started?.act(&action)).await,
    };
    match &outcome {
        Ok(_) => tracing::info!("done"),
        Err(failure) => tracing::error!(%failure, "the keys stay as they are"),
    }
    outcome
}
