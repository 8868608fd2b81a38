//! Windows that slide, counted in parts.

use std::collections::BTreeMap;

use super::counter::{self, Part};
use super::{MAX_CLOCK_DIFFERENCE_MS, MAX_IN_FLIGHT_MS, Per};
use crate::clock::Reading;
use crate::time::Seconds;

/// A window of which every position holds no more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) length_ms: i64,
    pub(super) part: Part,
}

/// What was used in the parts that overlap a window, by the first millisecond after each.
pub(super) type Used = BTreeMap<i64, u64>;

impl Window {
    /// A window of this length. A window of users has 12 parts, and below 12 seconds 4, so that all its counters stay within one
    /// write unit. A window that a whole application shares has 24: what is leased lasts for one part, and what the parts
    /// cost is less.
    pub(super) fn new(length: Seconds, per: Per) -> Self {
        let seconds = length.as_i64().clamp(1, 1_000_000_000);
        let parts = match per {
            Per::User if seconds < 12 => 4,
            Per::App if seconds >= 24 => 24,
            Per::User | Per::App => 12,
        };
        let part = Part(seconds.saturating_mul(24) / parts);
        Self { length_ms: seconds.saturating_mul(1_000), part }
    }

    /// What was used in it. The oldest counter that it touches counts in full, and so do counters of clocks that run ahead.
    /// Counters of parts of another length, which no current limit has, count too, so that a change of the plan does not reset
    /// what was used. Of several such lengths the one that counted most is taken, since each of them counted every call.
    ///
    /// If the clock is uncertain, the window is measured back from the earliest time that it may be now. So each call counts,
    /// for every container, as long as it may be in a window.
    pub(super) fn used(
        self,
        now: Reading,
        api: Option<&str>,
        current: &[Part],
        counters: &BTreeMap<String, u64>,
    ) -> Used {
        let since_ms = now.earliest_ms.saturating_sub(self.length_ms).saturating_sub(MAX_CLOCK_DIFFERENCE_MS);
        let mut by_part: BTreeMap<Part, Used> = BTreeMap::new();
        for (name, calls) in counters.iter().filter(|(_, calls)| **calls > 0) {
            let Some(named) = counter::read(name).filter(|named| named.kind == 'b' && named.api == api) else {
                continue;
            };
            let Some(part) = Part::of(named.number, now) else { continue };
            if part != self.part && current.contains(&part) {
                continue;
            }
            let until_ms = part.starts_ms(named.number.saturating_add(1));
            let ahead_ms = now.latest_ms.saturating_add(self.keep_ms());
            if until_ms > since_ms && part.starts_ms(named.number) <= ahead_ms {
                let used = by_part.entry(part).or_default().entry(until_ms).or_default();
                *used = used.saturating_add(*calls);
            }
        }
        let mut used = by_part.remove(&self.part).unwrap_or_default();
        for (until_ms, calls) in by_part.into_values().max_by_key(sum).unwrap_or_default() {
            let sum = used.entry(until_ms).or_default();
            *sum = sum.saturating_add(calls);
        }
        used
    }

    /// How long its counters are kept: for the window and a margin that is longer than a call is in flight and clocks may
    /// differ, and short enough that the counters of a steady client stay within one write unit.
    pub(super) fn keep_ms(self) -> i64 {
        self.length_ms.saturating_add(margin_ms(self.part))
    }

    /// The first millisecond at which a call of this weight fits. Calls beyond the limit, this one included, were added just
    /// now and are about to be taken out again, so they are first taken out of the newest counters.
    pub(super) fn room_ms(self, limit: u64, weight: u64, added: u64, now_ms: i64, mut used: Used) -> i64 {
        let total = sum(&used);
        let mut excess = added.saturating_add(total.saturating_sub(added).saturating_sub(limit));
        let in_flight_from = now_ms.saturating_sub(MAX_IN_FLIGHT_MS).saturating_add(1);
        for (_, calls) in used.range_mut(in_flight_from..).rev() {
            let taken = excess.min(*calls);
            *calls = calls.saturating_sub(taken);
            excess = excess.saturating_sub(taken);
        }
        let mut total = sum(&used);
        for (until_ms, calls) in used {
            total = total.saturating_sub(calls);
            if total.saturating_add(weight) <= limit && calls > 0 {
                return self.slides_out_ms(until_ms);
            }
        }
        // No such call ever fits, as with a limit of zero: the next attempt makes sense one window later.
        now_ms.saturating_add(self.length_ms)
    }

    /// The first millisecond at which no window touches a counter that ended before `until_ms`, even by a clock that is the
    /// assumed bound behind this one.
    pub(super) fn slides_out_ms(self, until_ms: i64) -> i64 {
        until_ms.saturating_add(self.length_ms).saturating_add(MAX_CLOCK_DIFFERENCE_MS)
    }
}

/// How long the parts of this length are kept where no limit of now says it: as long as the longest window that has them.
pub(super) fn longest_keep_ms(part: Part, per: Per) -> i64 {
    let parts = if part.0 < 24 {
        12
    } else if per == Per::App {
        24
    } else {
        12
    };
    part.length_ms().saturating_mul(parts).saturating_add(margin_ms(part))
}

fn margin_ms(part: Part) -> i64 {
    if part.0 < 24 { 3_000 } else { 10_000 }
}

pub(super) fn sum(used: &Used) -> u64 {
    used.values().fold(0, |sum, calls| sum.saturating_add(*calls))
}
