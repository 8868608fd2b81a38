//! What a function runs on: environment, secrets, AWS clients, clock, entropy, and the loop that handles events.

pub mod aws;
pub mod clock;
mod entropy;
pub mod environment;
pub mod fresh;
pub mod function;
pub mod late;
mod platform;
pub mod secret_versions;
pub mod secrets;

pub use aws::Aws;
pub use clock::{CorrectedClock, SystemClock};
pub use entropy::SystemEntropy;
pub use environment::{ConfigFile, Environment};
pub use fresh::Fresh;
pub use late::Late;
pub use platform::Platform;
pub use secrets::Secrets;

use gateway_domain::clock::ClockOff;
use gateway_domain::entropy::NoEntropy;

/// Why a function, or a part of it, cannot work at present. The text names what is missing or wrong, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// An environment variable the function needs is absent or empty.
    #[error("environment variable {name} is not set: it must hold {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A secret, file or setting was read but is not what it must be.
    #[error("{what} is not usable: {reason}")]
    Invalid {
        /// Which one, by name.
        what: String,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// Something the function depends on does not respond.
    #[error("{what} is unavailable: {reason}")]
    Unavailable {
        /// Which dependency.
        what: String,
        /// What happened.
        reason: String,
    },
}

impl From<ClockOff> for StartError {
    fn from(off: ClockOff) -> Self {
        Self::Unavailable { what: "the time".to_owned(), reason: off.to_string() }
    }
}

impl From<NoEntropy> for StartError {
    fn from(NoEntropy(reason): NoEntropy) -> Self {
        Self::Unavailable { what: "system randomness".to_owned(), reason }
    }
}
