//! Why credentials were not accepted.

use gateway_domain::entropy::NoEntropy;
use gateway_domain::password::HashError;
use gateway_domain::time::Seconds;
use gateway_runtime::StartError;
use gateway_store::StoreError;

/// Why credentials were not accepted. The texts are for the log: what is wrong about them is not told to whoever asks.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The user is unknown or disabled, or the password is wrong.
    #[error("wrong username or password")]
    Password,
    /// The application is unknown or disabled, or did not authenticate as its kind does.
    #[error("client authentication failed: {0}")]
    Client(&'static str),
    /// Nothing was looked at: too many attempts were made before.
    #[error("too many attempts; wait {0} s")]
    TooManyAttempts(Seconds),
    /// A table does not answer, or holds what cannot be read.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A stored hash cannot be read.
    #[error("hash: {0}")]
    Hash(#[from] HashError),
    /// Keys cannot be used.
    #[error("start: {0}")]
    Start(#[from] StartError),
}

impl From<NoEntropy> for CredentialsError {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}
