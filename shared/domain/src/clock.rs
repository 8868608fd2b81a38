//! Clocks, and the correction of a machine's clock by the responses of AWS.
//!
//! A response states in whole seconds when it was made (`Date`, RFC 9110 §6.6.1). That was between the times at which the
//! request was sent and the response was received, so each response bounds the clock's offset, and successive ones narrow
//! the bounds: to about 100 ms after some responses.

use crate::time::{Seconds, Timestamp};

/// How far the clocks of AWS's own machines may differ, including a cached `Date`, in milliseconds.
const SERVERS_DIFFER_MS: i64 = 100;
/// An exchange that took longer than this, in milliseconds, is ignored: the container may have been frozen meanwhile.
const LONGEST_EXCHANGE_MS: i64 = 10_000;
/// A clock drifts by at most 1 ms in this many milliseconds (50 ppm), and the bounds widen by that.
const DRIFT: i64 = 20_000;

/// If the wall clock fell behind the monotonic clock by more than this, in milliseconds, it was set back. A smaller
/// difference can arise because the two are read one after the other, and a container may pause in between.
const SET_BACK_MS: i64 = 1_000;

/// A source of the time. Tests set it.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_millis(&self) -> i64;

    /// The same in whole seconds.
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.now_millis().div_euclid(1000))
    }

    /// The earliest and the latest time that it may be now.
    ///
    /// # Errors
    /// When the clock is known to be off by more than is corrected. The implementation has then raised the alarm.
    fn reading(&self) -> Result<Reading, ClockOff> {
        Ok(self.now_millis().into())
    }
}

/// A machine's two clocks: a wall clock, which may be set, and a monotonic clock, which may not.
pub trait MachineClock: Clock {
    /// Milliseconds since some moment, by a clock that is never set.
    fn monotonic_millis(&self) -> i64;

    /// The readings of both clocks.
    fn ticks(&self) -> Ticks {
        Ticks { wall_ms: self.now_millis(), monotonic_ms: self.monotonic_millis() }
    }
}

/// The readings of a machine's two clocks at one moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// The wall clock, since 1970-01-01T00:00:00Z. It may be set.
    pub wall_ms: i64,
    /// The monotonic clock, since some moment of its own. It is never set, but it may stop while a container is frozen.
    pub monotonic_ms: i64,
}

impl Ticks {
    /// How long ago `then` was, in milliseconds. A wall clock that fell behind the monotonic clock was set back, so the
    /// monotonic clock is used. If it is ahead, it was set forward or, far more often, the container was frozen and the
    /// monotonic clock stopped: so the wall clock is used.
    fn since(self, then: Self) -> i64 {
        let wall = self.wall_ms.saturating_sub(then.wall_ms);
        let monotonic = self.monotonic_ms.saturating_sub(then.monotonic_ms);
        if monotonic.saturating_sub(wall) > SET_BACK_MS { monotonic } else { wall }
    }

    fn earlier_by(self, length_ms: i64) -> Self {
        Self {
            wall_ms: self.wall_ms.saturating_sub(length_ms),
            monotonic_ms: self.monotonic_ms.saturating_sub(length_ms),
        }
    }
}

/// The earliest and the latest time that it may be now, in Unix milliseconds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// It is not earlier than this.
    pub earliest_ms: i64,
    /// It is not later than this.
    pub latest_ms: i64,
}

impl From<i64> for Reading {
    /// The reading of a clock that is certain.
    fn from(now_ms: i64) -> Self {
        Self { earliest_ms: now_ms, latest_ms: now_ms }
    }
}

/// The error of a clock that is off by more than is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this container's clock is off by {offset_ms} ms or more, which is beyond the {} s that are corrected",
    Offset::LONGEST.as_u64())]
pub struct ClockOff {
    /// The actual time minus the clock's, in milliseconds: the value closest to zero that the responses allow.
    pub offset_ms: i64,
}

/// The actual time minus that of a machine's wall clock. The monotonic clock is kept beside it, so that a wall clock that
/// is set back changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offset(Option<Bounds>);

/// The bounds of an offset, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
    /// When the bounds held. Drift is counted from here on in whole milliseconds, and the rest stays for later.
    at: Ticks,
}

impl Offset {
    /// The largest offset that is corrected. AWS itself refuses requests of clocks that are further off (`SigV4`).
    pub const LONGEST: Seconds = Seconds::new(300);

    /// Narrows the bounds by a response: when its request was sent, when it was received, and its `Date`.
    pub fn observe(&mut self, sent: Ticks, received: Ticks, date: Timestamp) {
        let length_ms = received.since(sent);
        if !(0..=LONGEST_EXCHANGE_MS).contains(&length_ms) {
            return;
        }
        let received_ms = received.wall_ms;
        let begun_ms = date.as_secs().saturating_mul(1_000);
        let least = begun_ms.saturating_sub(received_ms).saturating_sub(SERVERS_DIFFER_MS);
        let most = begun_ms.saturating_add(999).saturating_sub(received_ms).saturating_add(length_ms);
        let most = most.saturating_add(SERVERS_DIFFER_MS);
        let told = Bounds { least, most, at: received };
        let both = self.0.map(|known| known.at(received)).map(|known| Bounds {
            least: known.least.max(least),
            most: known.most.min(most),
            ..known
        });
        // If the bounds exclude each other, the clock was set forward meanwhile, so only the newest are valid.
        self.0 = both.filter(|both| both.least <= both.most).or(Some(told));
    }

    /// The time at these readings of the clocks. Before any response it is that of the wall clock.
    pub fn reading(&self, now: Ticks) -> Result<Reading, ClockOff> {
        let clock_ms = now.wall_ms;
        let Some(bounds) = self.0.map(|known| known.at(now)) else { return Ok(clock_ms.into()) };
        let offset_ms = bounds.nearest();
        if offset_ms.saturating_abs() > Self::LONGEST.as_i64().saturating_mul(1_000) {
            return Err(ClockOff { offset_ms });
        }
        Ok(Reading {
            earliest_ms: clock_ms.saturating_add(bounds.least),
            latest_ms: clock_ms.saturating_add(bounds.most),
        })
    }

    /// The best estimate of the time at these readings of the clocks: the wall clock, unless the bounds exclude it.
    pub fn corrected(&self, now: Ticks) -> i64 {
        now.wall_ms.saturating_add(self.0.map_or(0, |known| known.at(now).nearest()))
    }
}

impl Bounds {
    /// The bounds at these readings of the clocks: relative to the wall clock as it is now, and widened by the drift.
    fn at(self, now: Ticks) -> Self {
        let since = now.since(self.at);
        let drift = (since / DRIFT).saturating_abs();
        let set_back = self.at.wall_ms.saturating_add(since).saturating_sub(now.wall_ms);
        Self {
            least: self.least.saturating_add(set_back).saturating_sub(drift),
            most: self.most.saturating_add(set_back).saturating_add(drift),
            at: now.earlier_by(since % DRIFT),
        }
    }

    /// The offset within the bounds that is closest to zero.
    fn nearest(self) -> i64 {
        if self.least > 0 { self.least } else { self.most.min(0) }
    }
}

#[cfg(test)]
mod tests;
