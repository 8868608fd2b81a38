//! Secrets Manager: texts by name.

use crate::{Environment, StartError};
use domain::secret::Secret;

/// Reads secrets.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
}

impl Secrets {
    /// A reader for this environment.
    pub fn new(environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { client: crate::aws::secrets_manager_client(environment)? })
    }

    /// The current text of the secret with this name or ARN.
    pub async fn text(&self, name: &str) -> Result<Secret, StartError> {
        let answer =
            self.client.get_secret_value().secret_id(name).send().await.map_err(|error| StartError::Unavailable {
                what: format!("secret {name}"),
                reason: aws_smithy_types::error::display::DisplayErrorContext(error).to_string(),
            })?;
        answer.secret_string.map(Secret::new).ok_or_else(|| StartError::Invalid {
            what: format!("secret {name}"),
            reason: "it must be a text, not binary".into(),
        })
    }
}
