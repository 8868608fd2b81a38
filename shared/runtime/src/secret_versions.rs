//! Versions of a secret in Secrets Manager and their staging labels, for the function that rotates keys.

use crate::Aws;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use gateway_domain::causes;
use gateway_domain::secret::Secret;
use std::collections::BTreeMap;

/// The staging label of the version that readers get.
pub const CURRENT: &str = "AWSCURRENT";
/// The staging label of the version that a rotation is making.
pub const PENDING: &str = "AWSPENDING";

/// A call of Secrets Manager failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Secrets Manager refused {call} of {secret}: {reason}")]
pub struct SecretError {
    call: &'static str,
    secret: String,
    /// The error code of the API, if it responded.
    pub code: Option<String>,
    reason: String,
}

impl SecretError {
    fn new<E>(call: &'static str, secret: &str, error: &SdkError<E>) -> Self
    where
        SdkError<E>: ProvideErrorMetadata,
        E: std::error::Error + 'static,
    {
        let code = error.code().map(str::to_owned);
        Self { call, secret: secret.to_owned(), code, reason: causes(error) }
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// One version of a secret.
#[derive(Debug)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Its value.
    pub text: Secret,
}

/// The metadata of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Whether its rotation is enabled.
    pub rotates: bool,
    /// The staging labels of each version, by its id.
    pub stages: BTreeMap<String, Vec<String>>,
}

/// Reads and writes versions of secrets.
#[derive(Debug, Clone)]
pub struct SecretVersions {
    client: Client,
}

impl SecretVersions {
    /// Uses a client of these.
    pub fn new(aws: &Aws) -> Self {
        Self { client: aws.secrets_manager() }
    }

    /// Whether the secret rotates, and which versions have which staging labels.
    pub async fn describe(&self, secret: &str) -> Result<Description, SecretError> {
        let response = self.client.describe_secret().secret_id(secret).send().await;
        let response = response.map_err(|error| SecretError::new("DescribeSecret", secret, &error))?;
        Ok(Description {
            rotates: response.rotation_enabled.unwrap_or(false),
            stages: response.version_ids_to_stages.unwrap_or_default().into_iter().collect(),
        })
    }

    /// The version that readers get; `None` if the secret has no value or does not exist.
    pub async fn current(&self, secret: &str) -> Result<Option<Version>, SecretError> {
        self.get(secret, None, CURRENT).await
    }

    /// The version of this id that a rotation is making; `None` if it has no value yet.
    pub async fn pending(&self, secret: &str, version: &str) -> Result<Option<Version>, SecretError> {
        self.get(secret, Some(version), PENDING).await
    }

    async fn get(&self, secret: &str, version: Option<&str>, stage: &str) -> Result<Option<Version>, SecretError> {
        let request = self.client.get_secret_value().secret_id(secret).version_stage(stage);
        match request.set_version_id(version.map(str::to_owned)).send().await {
            Ok(response) => {
                let (id, text) = (response.version_id.unwrap_or_default(), response.secret_string.unwrap_or_default());
                // Secrets Manager does not accept an empty text, but emulators begin with one: it counts as no value.
                Ok((!text.is_empty()).then(|| Version { id, text: Secret::new(text) }))
            }
            Err(error) => match SecretError::new("GetSecretValue", secret, &error) {
                none if none.is("ResourceNotFoundException") => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Writes a version under this id with this staging label; `false` if the id already has another value.
    pub async fn put(&self, secret: &str, id: &str, text: &Secret, stage: &str) -> Result<bool, SecretError> {
        let request = self.client.put_secret_value().secret_id(secret).client_request_token(id).version_stages(stage);
        match request.secret_string(text.expose()).send().await {
            Ok(_) => Ok(true),
            Err(error) => match SecretError::new("PutSecretValue", secret, &error) {
                taken if taken.is("ResourceExistsException") => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Makes `to` the version that readers get, if that is still `from`.
    pub async fn promote(&self, secret: &str, to: &str, from: &str) -> Result<(), SecretError> {
        let request = self.client.update_secret_version_stage().secret_id(secret).version_stage(CURRENT);
        let response = request.move_to_version_id(to).remove_from_version_id(from).send().await;
        response.map(drop).map_err(|error| SecretError::new("UpdateSecretVersionStage", secret, &error))
    }

    /// Gives up a version that a rotation was making: it loses [`PENDING`].
    pub async fn abandon(&self, secret: &str, version: &str) -> Result<(), SecretError> {
        let request = self.client.update_secret_version_stage().secret_id(secret).version_stage(PENDING);
        let response = request.remove_from_version_id(version).send().await;
        response.map(drop).map_err(|error| SecretError::new("UpdateSecretVersionStage", secret, &error))
    }
}
