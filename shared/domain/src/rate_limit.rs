//! The sliding rate limit: what a count in sub-buckets allows, and when a refused caller may come back.

#[cfg(test)]
mod exact_log_tests;
mod headers;
mod memory;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use crate::time::Seconds;

pub use headers::{POLICY, rate_limit, rate_limit_policy};
pub use memory::Refusals;

/// Sub-buckets a window is divided into.
const PARTS: i64 = 12;
/// Declared bound on how far the clocks of two containers may differ, in milliseconds.
const MAX_CLOCK_DIFFERENCE_MS: i64 = 200;
/// Declared bound on how long a call takes from reading the clock to being counted and, if refused, refunded.
const MAX_IN_FLIGHT_MS: i64 = 2_000;
/// A bucket is kept for the window and once more the window's length, within these bounds in milliseconds: far longer
/// than clocks may differ, and short enough that the counters of a steady caller stay within one write unit.
const KEEP_AT_LEAST_MS: i64 = 20 * 1_000;
const KEEP_AT_MOST_MS: i64 = 5 * 60 * 1_000;
/// A cleaning write pays once this many buckets are stale.
const CLEAN_FROM: usize = 12;

/// So many calls in any window of that length, per user and application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Calls allowed in any window.
    pub calls: u32,
    /// The window's length.
    pub window: Seconds,
}

/// A limit and what is left of it, as told to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Calls allowed in any window.
    pub limit: u32,
    /// The window's length.
    pub window: Seconds,
    /// Calls left now.
    pub remaining: u32,
    /// When more will be left; at least one second.
    pub reset: Seconds,
}

/// The counter a call is added to: `b` and the number of the sub-bucket since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(String);

impl BucketName {
    /// The counter's name in the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the counts say about a call that is already among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Within the limit.
    Admit(Quota),
    /// Over the limit: take the call out of its counter again.
    Refuse(Refused),
}

/// A call over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The limit, nothing left.
    pub quota: Quota,
    /// The smallest whole number of seconds, at least one, after which enough has slid out.
    pub retry_after: Seconds,
    /// The millisecond (Unix time) until which a new attempt would be refused too.
    pub until_ms: i64,
}

impl Plan {
    /// The counter for a call at this time (Unix milliseconds).
    pub fn bucket(&self, now_ms: i64) -> BucketName {
        BucketName(format!("b{}", self.index(now_ms)))
    }

    /// Decides about a call at `now_ms` from the counters that already contain it. Counters of other names, of other
    /// times and of other window lengths do not count. The oldest counter touched by the window counts in full, so that no
    /// window of this length, wherever it starts, holds more calls than the limit; counters of clocks that run ahead count.
    pub fn decide(&self, now_ms: i64, counters: &BTreeMap<String, u64>) -> Decision {
        let counted = counted(counters, self.oldest(now_ms)..=self.newest(now_ms));
        let sum: u64 = counted.values().fold(0, |sum, calls| sum.saturating_add(*calls));
        let limit = u64::from(self.calls);
        let quota = |remaining, reset_ms| Quota {
            limit: self.calls,
            window: self.window,
            remaining,
            reset: whole_seconds(reset_ms, now_ms),
        };
        if sum <= limit {
            let remaining = u32::try_from(limit.saturating_sub(sum)).unwrap_or(u32::MAX);
            let first_out = counted.keys().next().map_or(now_ms, |index| self.slides_out_ms(*index));
            return Decision::Admit(quota(remaining, first_out));
        }
        let until_ms = self.room_ms(now_ms, counted);
        let retry_after = whole_seconds(until_ms, now_ms);
        Decision::Refuse(Refused { quota: quota(0, until_ms), retry_after, until_ms })
    }

    /// Counters that no window can ever look at again: twice as old as the window, or of another window length. Empty
    /// until there are enough of them to pay for a cleaning write.
    pub fn stale(&self, now_ms: i64, counters: &BTreeMap<String, u64>) -> Vec<String> {
        let margin = self.window_ms().clamp(KEEP_AT_LEAST_MS, KEEP_AT_MOST_MS);
        let keep = self.window_ms().saturating_add(margin);
        let kept = self.index(now_ms.saturating_sub(keep))..=self.index(now_ms.saturating_add(keep));
        let stale: Vec<String> =
            counters.keys().filter(|name| index(name).is_some_and(|index| !kept.contains(&index))).cloned().collect();
        if stale.len() < CLEAN_FROM { Vec::new() } else { stale }
    }

    /// The first millisecond at which one more call fits. Calls beyond the limit are in flight: they were added just now
    /// and are about to be taken out again, ours among them, so the newest counters are first freed of them.
    fn room_ms(&self, now_ms: i64, mut counted: BTreeMap<i64, u64>) -> i64 {
        let limit = u64::from(self.calls);
        let mut sum: u64 = counted.values().fold(0, |sum, calls| sum.saturating_add(*calls));
        let in_flight_from = self.index(now_ms.saturating_sub(MAX_IN_FLIGHT_MS));
        for (_, calls) in counted.range_mut(in_flight_from..).rev() {
            let excess = sum.saturating_sub(limit).min(*calls);
            *calls = calls.saturating_sub(excess);
            sum = sum.saturating_sub(excess);
        }
        for (index, calls) in counted {
            sum = sum.saturating_sub(calls);
            if sum < limit && calls > 0 {
                return self.slides_out_ms(index);
            }
        }
        // A limit of zero: look again when everything of today's window is gone.
        now_ms.saturating_add(self.window_ms())
    }

    /// A window before now, by the clock that may be furthest behind ours.
    fn oldest(&self, now_ms: i64) -> i64 {
        self.index(now_ms.saturating_sub(self.window_ms()).saturating_sub(MAX_CLOCK_DIFFERENCE_MS))
    }

    /// One guard counter at least, more where counters are shorter than a call can be in flight.
    fn newest(&self, now_ms: i64) -> i64 {
        let ahead = self.index(now_ms.saturating_add(MAX_IN_FLIGHT_MS).saturating_add(MAX_CLOCK_DIFFERENCE_MS));
        ahead.max(self.index(now_ms).saturating_add(1))
    }

    /// The first millisecond at which [`Plan::oldest`] has passed this counter.
    fn slides_out_ms(&self, index: i64) -> i64 {
        self.starts_ms(index.saturating_add(1)).saturating_add(self.window_ms()).saturating_add(MAX_CLOCK_DIFFERENCE_MS)
    }

    fn index(&self, at_ms: i64) -> i64 {
        let position = i128::from(at_ms).saturating_mul(i128::from(PARTS)).div_euclid(i128::from(self.window_ms()));
        i64::try_from(position).unwrap_or(i64::MAX)
    }

    /// The first millisecond of a counter: the smallest whose index it is.
    fn starts_ms(&self, index: i64) -> i64 {
        let parts = i128::from(PARTS);
        let start = i128::from(index)
            .saturating_mul(i128::from(self.window_ms()))
            .saturating_add(parts.saturating_sub(1))
            .div_euclid(parts);
        i64::try_from(start).unwrap_or(i64::MAX)
    }

    fn window_ms(&self) -> i64 {
        self.window.as_i64().saturating_mul(1_000).clamp(1_000, i64::MAX / 4)
    }
}

/// The counters of these indices that hold anything.
fn counted(counters: &BTreeMap<String, u64>, range: RangeInclusive<i64>) -> BTreeMap<i64, u64> {
    counters
        .iter()
        .filter_map(|(name, calls)| index(name).map(|index| (index, *calls)))
        .filter(|(index, calls)| range.contains(index) && *calls > 0)
        .collect()
}

/// The index in a counter's name; `None` for any name that [`Plan::bucket`] would not write.
fn index(name: &str) -> Option<i64> {
    let digits = name.strip_prefix('b')?;
    let canonical = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if canonical { digits.parse().ok() } else { None }
}

fn whole_seconds(at_ms: i64, now_ms: i64) -> Seconds {
    let ms = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
    Seconds::new(ms.div_ceil(1_000).max(1))
}
