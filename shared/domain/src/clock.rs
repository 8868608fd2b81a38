//! What a clock is, and how far a machine's is off, as far as responses of AWS tell.
//!
//! A response says in whole seconds when it was made (`Date`, RFC 9110 §6.6.1). That was between the moments at which the
//! request left and the response came, so each response bounds the offset, and successive ones bound it more closely:
//! of a clock that is right, to some 100 ms after a few responses.

use crate::time::{Seconds, Timestamp};

/// How far the clocks of AWS's own machines may differ, a cached `Date` included, in milliseconds.
const SERVERS_DIFFER_MS: i64 = 100;
/// An exchange that took longer bounds nothing, in milliseconds: the container may have been frozen meanwhile.
const LONGEST_EXCHANGE_MS: i64 = 10_000;
/// What is known is less certain with time: a clock goes wrong by no more than this part of it (50 ppm).
const DRIFT: i64 = 20_000;

/// The wall clock was set back when it fell behind the monotonic clock by more than this, in milliseconds. Both are read one
/// after the other, and a container that has little of a processor may stand still in between.
const SET_BACK_MS: i64 = 1_000;

/// Tells the time. Tests move it by hand.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_millis(&self) -> i64;

    /// The same in whole seconds.
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.now_millis().div_euclid(1000))
    }

    /// Between which points in time it is now.
    ///
    /// # Errors
    /// When the clock is known to be wrong beyond what is corrected; the alarm was told.
    fn reading(&self) -> Result<Reading, ClockOff> {
        Ok(self.now_millis().into())
    }
}

/// A clock that may be set, beside one that may not: what a machine has.
pub trait MachineClock: Clock {
    /// Milliseconds since some moment, by a clock that nobody sets.
    fn monotonic_millis(&self) -> i64;

    /// What both say.
    fn ticks(&self) -> Ticks {
        Ticks { wall_ms: self.now_millis(), monotonic_ms: self.monotonic_millis() }
    }
}

/// What the two clocks of a machine say at one moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// The wall clock, since 1970-01-01T00:00:00Z. It may be set.
    pub wall_ms: i64,
    /// The monotonic clock, since some moment of its own. Nobody sets it, but it may stand still while a container is frozen.
    pub monotonic_ms: i64,
}

impl Ticks {
    /// How long ago that was, in milliseconds. A wall clock that is behind was set back; one that is ahead was set forward, or
    /// the container was frozen, which is far more frequent, so that it is believed.
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

/// Between which points in time it is now, in Unix milliseconds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// It is not earlier.
    pub earliest_ms: i64,
    /// It is not later.
    pub latest_ms: i64,
}

impl From<i64> for Reading {
    /// A clock that is believed.
    fn from(now_ms: i64) -> Self {
        Self { earliest_ms: now_ms, latest_ms: now_ms }
    }
}

/// A clock is further off than is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this container's clock is off by {offset_ms} ms or more, which is beyond the {} s that are corrected",
    Offset::LONGEST.as_u64())]
pub struct ClockOff {
    /// Actual time minus the clock's, in milliseconds, taken as small as the responses allow.
    pub offset_ms: i64,
}

/// Actual time minus that of a machine's wall clock. It is kept relative to the monotonic clock as well, so that a wall clock
/// that is set back changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offset(Option<Bounds>);

/// In milliseconds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
    /// When that held; what is not yet a millisecond of drift counts from here on.
    at: Ticks,
}

impl Offset {
    /// The largest offset that is corrected; AWS itself refuses requests of clocks further off (`SigV4`).
    pub const LONGEST: Seconds = Seconds::new(300);

    /// Takes account of a response: when its request left and when it came, by the machine's clocks, and its `Date`.
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
        // Bounds that exclude each other: the clock was set forward meanwhile, so that only the newest say anything.
        self.0 = both.filter(|both| both.least <= both.most).or(Some(told));
    }

    /// What time it is when the clocks say this. Without any response so far the wall clock is believed.
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

    /// The best guess at the time when the clocks say this: the wall clock itself, as long as nothing contradicts it.
    pub fn corrected(&self, now: Ticks) -> i64 {
        now.wall_ms.saturating_add(self.0.map_or(0, |known| known.at(now).nearest()))
    }
}

impl Bounds {
    /// The bounds as they are worth when the clocks say this, relative to what the wall clock says then.
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

    /// The smallest offset within them.
    fn nearest(self) -> i64 {
        if self.least > 0 { self.least } else { self.most.min(0) }
    }
}

#[cfg(test)]
mod tests;
