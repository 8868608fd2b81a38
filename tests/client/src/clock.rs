//! Time that nobody sets: how long since something, never what day it is.

use std::time::Duration;

use tokio::time::Instant;

/// A clock that only moves forward, also while the device sleeps.
///
/// iOS: `mach_continuous_time`. Android: `SystemClock.elapsedRealtime`. The time of day is the user's to change.
pub trait Clock: Send + Sync {
    /// Time since some moment that stays the same while the app runs.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }
}
