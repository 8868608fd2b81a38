//! What an app has to tell apart, and nothing more.

use std::time::Duration;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Show the login. The session is over.
    #[error("log in again")]
    LoginAgain,
    /// Ask for the password and log in again with [`log_in_again`](crate::Client::log_in_again): what was called needs a
    /// login at a system behind the gateway. The session goes on, and so does everything else.
    #[error("this needs the password once more")]
    PasswordNeeded,
    /// Show it beside the password. The same response for a user that does not exist.
    #[error("the user name or the password is wrong")]
    WrongPassword,
    /// Hide the function: this session may not, and refreshing would not help.
    #[error("the session lacks the scope `{needed}`")]
    MissingScope {
        /// What would be needed.
        needed: String,
    },
    /// Say so and offer to try again, not before this time has passed.
    #[error("not now; try again in {0:?}")]
    TryLater(Duration),
    /// The network failed. Something that was to be changed may have been changed.
    #[error("no response")]
    NoResponse,
    /// A mistake in the app or its registration; nothing that a user could mend.
    #[error("the gateway refuses this app: {0}")]
    Refused(String),
    /// The device's storage failed.
    #[error("the storage failed: {0}")]
    Storage(#[from] std::io::Error),
}
