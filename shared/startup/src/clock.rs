//! The clock: read once at the door of every request, then handed on as a value.

use domain::time::Timestamp;

/// Tells the time. Tests move it by hand.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_millis(&self) -> i64;

    /// The same in whole seconds.
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.now_millis().div_euclid(1000))
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_millis(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
            .unwrap_or(0)
    }
}
