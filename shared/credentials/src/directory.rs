//! The directory: where people are kept who have no password here.

use async_trait::async_trait;
use gateway_domain::acquired::Begun;
use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_domain::provider_event::{ValidateUserPass, Validated};
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_invoke::Function;
use std::time::Duration;

/// How long the token function may take, also where its container has to start: more than a directory may.
const WITHIN: Duration = Duration::from_secs(25);

/// Why nobody is logged in by the directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// It does not know the person, or the password is wrong, or the account here is not that of this person.
    #[error("the directory refused the login")]
    Refused,
    /// It was not reached, so that no password was compared.
    #[error("{0}")]
    NotAsked(String),
    /// It may have compared the password, and gave no verdict.
    #[error("{0}")]
    Unavailable(String),
}

/// Checks the passwords of people who have none here, and makes their accounts here at the first login.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The account of the person who has this address and this password there, and the session that the check began at a
    /// legacy system, if it is to be kept.
    async fn check(
        &self,
        address: &Address,
        password: &Secret,
        now: Timestamp,
    ) -> Result<(UserId, Option<Begun>), DirectoryError>;

    /// Ends the session that a check began, of which nothing has come.
    async fn release(&self, begun: Option<Begun>);
}

/// The directory as the token function asks it, which alone has the keys and the network for that.
pub struct AtTokenFunction {
    /// That function.
    pub function: Function,
    /// Whether the session that a check begins is kept. Otherwise that function ends it.
    pub keep: bool,
}

#[async_trait]
impl Directory for AtTokenFunction {
    async fn check(
        &self,
        address: &Address,
        password: &Secret,
        _now: Timestamp,
    ) -> Result<(UserId, Option<Begun>), DirectoryError> {
        let event = ValidateUserPass::to_event(address, password, self.keep);
        let answer = self.function.ask(&event, WITHIN).await;
        let answer = answer.map_err(|error| DirectoryError::Unavailable(error.to_string()))?;
        match serde_json::from_value(answer) {
            Ok(Validated::User(user_id, begun)) => Ok((user_id, begun)),
            Ok(Validated::Refused) => Err(DirectoryError::Refused),
            Ok(Validated::NotAsked(reason)) => Err(DirectoryError::NotAsked(reason)),
            Ok(Validated::Unavailable(reason)) => Err(DirectoryError::Unavailable(reason)),
            Err(_) => Err(DirectoryError::Unavailable("the token function is of another version".to_owned())),
        }
    }

    async fn release(&self, begun: Option<Begun>) {
        // It lapses there by itself: this function cannot end it.
        if let Some(Begun { connector, .. }) = begun {
            tracing::warn!(%connector, "a session that a check began is not ended");
        }
    }
}
