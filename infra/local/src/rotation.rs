//! Rotates a secret as Secrets Manager does: by four invocations of the function that the template names.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>

use bytes::Bytes;
use serde_json::json;

use crate::process::InvokeError;
use crate::stack::Running;

/// The steps, in order.
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// Why a rotation did not complete. The next rotation continues with the pending version, if this one left one.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The template has no rotation for this secret.
    #[error("the template declares no AWS::SecretsManager::RotationSchedule for {0}")]
    NotRotating(String),
    /// Secrets Manager refused to begin.
    #[error("the rotation does not begin: {0}")]
    Refused(String),
    /// A step failed.
    #[error("{step} failed: {source}")]
    Step {
        /// Its name.
        step: &'static str,
        /// What the function said.
        source: InvokeError,
    },
}

impl Running {
    /// Rotates this secret of the template once.
    pub async fn rotate(&self, secret: &str) -> Result<(), RotationError> {
        let schedule = self.template().rotations.iter().find(|rotation| rotation.secret == secret);
        let Some(rotation) = schedule else { return Err(RotationError::NotRotating(secret.to_owned())) };
        let begun = self.secrets().begin_rotation(secret);
        let version = begun.map_err(|refused| RotationError::Refused(refused.to_string()))?;
        for step in STEPS {
            let event = json!({ "Step": step, "SecretId": secret, "ClientRequestToken": version });
            let invoked = self.functions().invoke(&rotation.function, Bytes::from(event.to_string())).await;
            invoked.map_err(|source| RotationError::Step { step, source })?;
        }
        Ok(())
    }
}
