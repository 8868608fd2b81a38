//! Reads texts from Secrets Manager by name.

use crate::{Aws, StartError};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use gateway_domain::causes;
use gateway_domain::secret::Secret;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Reads secrets.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
}

impl Secrets {
    /// Uses a client of these.
    pub fn new(aws: &Aws) -> Self {
        Self { client: aws.secrets_manager() }
    }

    /// The current text of the secret with this name or ARN.
    pub async fn text(&self, name: &str) -> Result<Secret, StartError> {
        let response = self
            .client
            .get_secret_value()
            .secret_id(name)
            .send()
            .await
            .map_err(|error| StartError::Unavailable { what: format!("secret {name}"), reason: reason(&error) })?;
        response.secret_string.map(Secret::new).ok_or_else(|| StartError::Invalid {
            what: format!("secret {name}"),
            reason: "it must be a text, not binary".into(),
        })
    }

    /// The texts of these secrets by name; each comes with the field of the configuration that needs it.
    ///
    /// A secret that does not exist, may not be read or is no text is left out and logged with its field, so that
    /// everything that does not need it works.
    ///
    /// # Errors
    /// Any other failure, such as no response: it is then unknown whether the secret is there.
    pub async fn texts<'n>(
        &self,
        wanted: impl IntoIterator<Item = (String, &'n str)>,
    ) -> Result<BTreeMap<String, Secret>, StartError> {
        let mut texts = BTreeMap::new();
        for (field, name) in wanted {
            if texts.contains_key(name) {
                continue;
            }
            match self.client.get_secret_value().secret_id(name).send().await {
                Ok(response) => {
                    if let Some(text) = response.secret_string {
                        texts.insert(name.to_owned(), Secret::new(text));
                    } else {
                        tracing::error!(field, secret = name, "the secret must be a text, not binary");
                    }
                }
                Err(error) if is_refused(&error) => {
                    let reason = reason(&error);
                    tracing::error!(field, secret = name, reason, "the secret cannot be read: create it and permit it");
                }
                Err(error) => {
                    let reason = reason(&error);
                    return Err(StartError::Unavailable { what: format!("{field}: secret {name}"), reason });
                }
            }
        }
        Ok(texts)
    }

    /// Builds something from the texts of these secrets. `what` names it in the error if the build fails.
    pub async fn build<'n, T, E: Display>(
        &self,
        what: &str,
        wanted: impl IntoIterator<Item = (String, &'n str)>,
        build: impl FnOnce(&BTreeMap<String, Secret>) -> Result<T, E>,
    ) -> Result<T, StartError> {
        let texts = self.texts(wanted).await?;
        build(&texts).map_err(|error| StartError::Invalid { what: what.to_owned(), reason: error.to_string() })
    }
}

/// The code and message of Secrets Manager if it responded, otherwise why there was no response.
fn reason<R>(error: &SdkError<GetSecretValueError, R>) -> String
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.as_service_error().and_then(|answered| Some((answered.code()?, answered.message()))) {
        Some((code, Some(message))) => format!("{code}: {message}"),
        Some((code, None)) => code.to_owned(),
        None => causes(error),
    }
}

/// Whether a retry would get the same error until an operator acts.
fn is_refused<R>(error: &SdkError<GetSecretValueError, R>) -> bool {
    let code = error.as_service_error().and_then(|error| error.code());
    matches!(
        code,
        Some(
            // The last is what Secrets Manager says of a secret that is marked for deletion.
            "ResourceNotFoundException" | "AccessDeniedException" | "DecryptionFailure" | "InvalidRequestException"
        )
    )
}
