//! The sliding rate limit: which calls the counts in sub-buckets allow, and when a refused client may call again.

#[cfg(test)]
mod exact_log_tests;
mod headers;
mod memory;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::clock::Reading;
use crate::time::Seconds;

pub use headers::{POLICY, rate_limit, rate_limit_policy};
pub use memory::Refusals;

/// The number of sub-buckets of a window.
const PARTS: i64 = 12;
/// The assumed bound, in milliseconds, on how far the clocks of two containers differ beyond what their readings state.
const MAX_CLOCK_DIFFERENCE_MS: i64 = 200;
/// The assumed bound, in milliseconds, on the time from reading the clock until a call is counted and, if refused, refunded.
const MAX_IN_FLIGHT_MS: i64 = 2_000;
/// A bucket is kept for the window and a margin of the window's length, within these bounds in milliseconds. The margin is
/// far longer than clocks may differ, and short enough that the counters of a steady client stay within one write unit.
const KEEP_AT_LEAST_MS: i64 = 20 * 1_000;
const KEEP_AT_MOST_MS: i64 = 5 * 60 * 1_000;
/// The longest window, in seconds, that the configuration accepts.
const LONGEST_WINDOW: u64 = 3_600;
/// So many buckets must be stale before a write removes them.
const CLEAN_FROM: usize = 12;

/// The rate limit of a plan: so many calls in any window of this length, per user and application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Calls allowed in any window.
    pub calls: u32,
    /// The window's length.
    pub window: Seconds,
}

/// A limit and what is left of it, as sent to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Calls allowed in any window.
    pub limit: u32,
    /// The window's length.
    pub window: Seconds,
    /// Calls left now.
    pub remaining: u32,
    /// The time until more will be left; at least one second.
    pub reset: Seconds,
}

/// The name of the counter that a call is added to: `b` and the number of the sub-bucket since 1970.
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

/// The decision about a call that the counters already contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Within the limit.
    Admit(Quota),
    /// Over the limit: the call must be taken out of its counter again.
    Refuse(Refused),
}

/// A call over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The limit, with nothing left.
    pub quota: Quota,
    /// The smallest whole number of seconds, at least one, after which one more call fits.
    pub retry_after: Seconds,
    /// The first millisecond (Unix time) at which a new attempt may succeed.
    pub until_ms: i64,
}

impl Plan {
    /// The counter for a call at this time in Unix milliseconds. The caller passes the latest time that it may be now.
    pub fn bucket(&self, now_ms: i64) -> BucketName {
        BucketName(format!("b{}", self.index(now_ms)))
    }

    /// Decides about a call from the counters that already contain it. No window, wherever it starts, holds more calls than
    /// the limit: the oldest counter that the window touches counts in full, and so do counters of clocks that run ahead.
    /// Counters of another window length count too, so that a change of the plan does not reset what was used.
    ///
    /// If the clock is uncertain, the window is measured back from the earliest time that it may be now, and the call must
    /// be counted at the latest ([`Plan::bucket`]). So each call counts, for every container, as long as it may be in a
    /// window.
    pub fn decide(&self, now: impl Into<Reading>, counters: &BTreeMap<String, u64>) -> Decision {
        let now = now.into();
        let counted = self.counted(now, counters);
        let sum: u64 = counted.values().fold(0, |sum, calls| sum.saturating_add(*calls));
        let limit = u64::from(self.calls);
        let quota = |remaining, reset_ms| Quota {
            limit: self.calls,
            window: self.window,
            remaining,
            reset: whole_seconds(reset_ms, now.earliest_ms),
        };
        if sum <= limit {
            let remaining = u32::try_from(limit.saturating_sub(sum)).unwrap_or(u32::MAX);
            let first_out = counted.keys().next().map_or(now.earliest_ms, |until_ms| self.slides_out_ms(*until_ms));
            return Decision::Admit(quota(remaining, first_out));
        }
        let until_ms = self.room_ms(now.earliest_ms, counted);
        let retry_after = whole_seconds(until_ms, now.earliest_ms);
        Decision::Refuse(Refused { quota: quota(0, until_ms), retry_after, until_ms })
    }

    /// Counters that are older than the window and its margin, so that no window needs them again. Empty until there are
    /// enough of them to be worth a write.
    pub fn stale(&self, now: impl Into<Reading>, counters: &BTreeMap<String, u64>) -> Vec<String> {
        let now = now.into();
        let since_ms = now.earliest_ms.saturating_sub(self.keep_ms());
        let is_stale = |name: &&String| index(name).is_some_and(|index| self.span(index, now, since_ms).is_none());
        let stale: Vec<String> = counters.keys().filter(is_stale).cloned().collect();
        if stale.len() < CLEAN_FROM { Vec::new() } else { stale }
    }

    /// The counters that overlap the window, by the first millisecond after each.
    fn counted(&self, now: Reading, counters: &BTreeMap<String, u64>) -> BTreeMap<i64, u64> {
        let since_ms = now.earliest_ms.saturating_sub(self.window_ms()).saturating_sub(MAX_CLOCK_DIFFERENCE_MS);
        let mut counted: BTreeMap<i64, u64> = BTreeMap::new();
        for (name, calls) in counters.iter().filter(|(_, calls)| **calls > 0) {
            if let Some(until_ms) = index(name).and_then(|index| self.span(index, now, since_ms)) {
                let sum = counted.entry(until_ms).or_default();
                *sum = sum.saturating_add(*calls);
            }
        }
        counted
    }

    /// The first millisecond after a counter, if that is later than `since_ms` and the counter does not begin further ahead
    /// than any clock can be. The length of the window by which it was counted follows from its index, since two lengths
    /// give no equal indices within days.
    fn span(&self, index: i64, now: Reading, since_ms: i64) -> Option<i64> {
        let parts = i128::from(now.latest_ms).saturating_mul(i128::from(PARTS));
        let second = i128::from(index).saturating_mul(1_000);
        let seconds = parts.saturating_add(second / 2).checked_div(second)?;
        let window = u64::try_from(seconds).ok().filter(|seconds| (1..=LONGEST_WINDOW).contains(seconds))?;
        let counted_by = Self { window: Seconds::new(window), ..*self };
        let until_ms = counted_by.starts_ms(index.saturating_add(1));
        let ahead_ms = now.latest_ms.saturating_add(self.keep_ms());
        (until_ms > since_ms && counted_by.starts_ms(index) <= ahead_ms).then_some(until_ms)
    }

    /// How long counters are kept: the window and its margin.
    fn keep_ms(&self) -> i64 {
        let margin = self.window_ms().clamp(KEEP_AT_LEAST_MS, KEEP_AT_MOST_MS);
        self.window_ms().saturating_add(margin)
    }

    /// The first millisecond at which one more call fits. Calls beyond the limit, this one included, were added just now and
    /// are about to be taken out again, so they are first taken out of the newest counters.
    fn room_ms(&self, now_ms: i64, mut counted: BTreeMap<i64, u64>) -> i64 {
        let limit = u64::from(self.calls);
        let mut sum: u64 = counted.values().fold(0, |sum, calls| sum.saturating_add(*calls));
        let in_flight_from = now_ms.saturating_sub(MAX_IN_FLIGHT_MS).saturating_add(1);
        for (_, calls) in counted.range_mut(in_flight_from..).rev() {
            let excess = sum.saturating_sub(limit).min(*calls);
            *calls = calls.saturating_sub(excess);
            sum = sum.saturating_sub(excess);
        }
        for (until_ms, calls) in counted {
            sum = sum.saturating_sub(calls);
            if sum < limit && calls > 0 {
                return self.slides_out_ms(until_ms);
            }
        }
        // No call ever fits, as with a limit of zero: the next attempt makes sense one window later.
        now_ms.saturating_add(self.window_ms())
    }

    /// The first millisecond at which no window touches a counter that ended before `until_ms`, even by a clock that is the
    /// assumed bound behind this one.
    fn slides_out_ms(&self, until_ms: i64) -> i64 {
        until_ms.saturating_add(self.window_ms()).saturating_add(MAX_CLOCK_DIFFERENCE_MS)
    }

    fn index(&self, at_ms: i64) -> i64 {
        let position = i128::from(at_ms).saturating_mul(i128::from(PARTS)).div_euclid(i128::from(self.window_ms()));
        i64::try_from(position).unwrap_or(i64::MAX)
    }

    /// The first millisecond with this index.
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
