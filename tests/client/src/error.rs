//! What an app has to tell apart, and nothing more.

use std::time::Duration;

use crate::Step;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Show the login. The session is over.
    #[error("log in again")]
    LoginAgain,
    /// Ask for the password and [log in](crate::Client::login): what was called needs a login at a system behind the gateway.
    /// Until then the session goes on, and so does everything else.
    #[error("this needs the password once more")]
    PasswordNeeded {
        /// Of which class that login has to be (RFC 9470 §3). Send it as `acr_values` beside what is typed, or the app could come back
        /// with a session like the one that it has.
        acr_values: String,
    },
    /// Show these fields, beside them what was wrong, and log in with all that is typed into them. Nothing tells a wrong
    /// password from a user that does not exist.
    #[error("the login takes more than came, or something else")]
    MoreNeeded(Box<Step>),
    /// Open `/oauth2/authorize` in the system's browser with the client id and this request; without one, begin a login
    /// there. The user has to do something that this app cannot show.
    #[error("the login goes on in a browser")]
    OpenBrowser {
        /// The request, if the login named a redirect URI.
        request_uri: Option<String>,
    },
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
