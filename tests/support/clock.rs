//! A machine whose wall clock is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gateway_domain::clock::{Clock, MachineClock};
use gateway_runtime::SystemClock;

/// The clocks of this machine, with a wall clock that is wrong by this many milliseconds.
#[derive(Debug)]
pub struct WrongClock(AtomicI64);

impl WrongClock {
    /// A clock that is wrong by this many milliseconds.
    pub fn by(error_ms: i64) -> Arc<Self> {
        Arc::new(Self(error_ms.into()))
    }

    /// From now on, the wall clock is wrong by this many milliseconds.
    pub fn set(&self, error_ms: i64) {
        self.0.store(error_ms, Ordering::SeqCst);
    }
}

impl Clock for WrongClock {
    fn now_millis(&self) -> i64 {
        SystemClock.now_millis() + self.0.load(Ordering::SeqCst)
    }
}

impl MachineClock for WrongClock {
    fn monotonic_millis(&self) -> i64 {
        SystemClock.monotonic_millis()
    }
}
