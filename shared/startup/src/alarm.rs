//! What somebody should be told of: log events with the target `alarm` and a field `alarm` that names them.

use crate::StartError;

/// The target of these events in the log. Whoever counts alarms listens to it.
pub const TARGET: &str = "alarm";

/// Keys could not be read again, or what was read is not usable: the last good ones are used, `age` seconds old.
pub(crate) fn keys_stale(secret: &str, age: i64, error: &StartError) {
    tracing::error!(target: TARGET, alarm = "keys_stale", secret, age, %error, "the last good keys are used");
}
