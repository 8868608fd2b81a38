//! What a function reads once when it starts, environment, secrets, clock and entropy, and how it tells what it does.

pub mod aws;
pub mod clock;
mod emf;
pub mod entropy;
pub mod environment;
pub mod fresh;
pub mod function;
mod metric;
pub mod observer;
pub mod secret_versions;
pub mod secrets;
pub mod trace;
mod xray;

pub use aws::Aws;
pub use clock::{Clock, CorrectedClock, MachineClock, SystemClock};
pub use environment::Environment;
pub use fresh::Fresh;
pub use metric::{ADMITTED, Metric};
pub use observer::{Exchange, Observer, count, exchange, keys_stale};
pub use secrets::Secrets;
pub use trace::tracing;
pub use xray::{Ended, Remote};

/// What keeps a function from starting; the text names the field and says what to write.
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
    /// Something the function depends on does not answer.
    #[error("{what} is unavailable: {reason}")]
    Unavailable {
        /// Which dependency.
        what: String,
        /// What was seen.
        reason: String,
    },
}
