//! The failures of checking credentials.

use gateway_domain::entropy::NoEntropy;
use gateway_domain::password::HashError;
use gateway_domain::time::Seconds;
use gateway_runtime::StartError;
use gateway_store::StoreError;

/// Why credentials were not accepted. The texts are for the log; clients do not learn the reason.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The user is unknown or disabled, or the password is wrong.
    #[error("wrong username or password")]
    Password,
    /// The application is unknown or disabled, or did not authenticate as its kind does.
    #[error("client authentication failed: {0}")]
    Client(&'static str),
    /// Nothing was compared: too many attempts were made before.
    #[error("too many attempts; wait {0} s")]
    TooManyAttempts(Seconds),
    /// The directory that has the password gave no verdict; the text says why.
    #[error("the directory has no answer: {0}")]
    Directory(String),
    /// A table does not respond, or an item cannot be read.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A stored hash cannot be read, or hashing failed.
    #[error("hash: {0}")]
    Hash(#[from] HashError),
    /// Keys or the source of randomness cannot be used.
    #[error("start: {0}")]
    Start(#[from] StartError),
}

impl From<NoEntropy> for CredentialsError {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}
