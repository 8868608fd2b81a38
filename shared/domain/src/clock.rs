//! How far a machine's clock is off, as far as answers of AWS tell.
//!
//! A response says in whole seconds when it was made (`Date`, RFC 9110 §6.6.1). That was between the moments at which the
//! request left and the response came, so each response bounds the offset, and successive ones bound it more closely:
//! of a clock that is right, to some 100 ms after a few answers.

use crate::time::{Seconds, Timestamp};

/// How far the clocks of AWS's own machines may differ, a cached `Date` included, in milliseconds.
const SERVERS_DIFFER_MS: i64 = 100;
/// An exchange that took longer bounds nothing, in milliseconds: the container may have been frozen meanwhile.
const LONGEST_EXCHANGE_MS: i64 = 10_000;
/// What is known is less certain with time: a clock goes wrong by no more than this part of it (50 ppm).
const DRIFT: i64 = 20_000;

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
    /// Actual time minus the clock's, in milliseconds, taken as small as the answers allow.
    pub offset_ms: i64,
}

/// Actual time minus a clock's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offset(Option<Bounds>);

/// In milliseconds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
    /// When that was known, by the clock itself; what is not yet a millisecond of drift counts from here on.
    at: i64,
}

impl Offset {
    /// The largest offset that is corrected; AWS itself refuses requests of clocks further off (`SigV4`).
    pub const LONGEST: Seconds = Seconds::new(300);

    /// Takes account of a response: when its request left and when it came, by the clock, and its `Date`.
    pub fn observe(&mut self, sent_ms: i64, received_ms: i64, date: Timestamp) {
        if !(0..=LONGEST_EXCHANGE_MS).contains(&received_ms.saturating_sub(sent_ms)) {
            return;
        }
        let begun_ms = date.as_secs().saturating_mul(1_000);
        let least = begun_ms.saturating_sub(received_ms).saturating_sub(SERVERS_DIFFER_MS);
        let most = begun_ms.saturating_add(999).saturating_sub(sent_ms).saturating_add(SERVERS_DIFFER_MS);
        let told = Bounds { least, most, at: received_ms };
        let both = self.0.map(|known| known.at(received_ms)).map(|known| Bounds {
            least: known.least.max(least),
            most: known.most.min(most),
            ..known
        });
        // Bounds that exclude each other: the clock was set meanwhile, so that only the newest say anything.
        self.0 = both.filter(|both| both.least <= both.most).or(Some(told));
    }

    /// What time it is when the clock says this. Without any answer so far the clock is believed.
    pub fn reading(&self, clock_ms: i64) -> Result<Reading, ClockOff> {
        let Some(bounds) = self.0.map(|known| known.at(clock_ms)) else { return Ok(clock_ms.into()) };
        let offset_ms = bounds.nearest();
        if offset_ms.saturating_abs() > Self::LONGEST.as_i64().saturating_mul(1_000) {
            return Err(ClockOff { offset_ms });
        }
        Ok(Reading {
            earliest_ms: clock_ms.saturating_add(bounds.least),
            latest_ms: clock_ms.saturating_add(bounds.most),
        })
    }

    /// The best guess at the time when the clock says this: the clock itself, as long as no answer contradicts it.
    pub fn corrected(&self, clock_ms: i64) -> i64 {
        clock_ms.saturating_add(self.0.map_or(0, |known| known.at(clock_ms).nearest()))
    }
}

impl Bounds {
    /// The bounds as they are worth when the clock says this.
    fn at(self, clock_ms: i64) -> Self {
        let since = clock_ms.saturating_sub(self.at);
        let drift = (since / DRIFT).saturating_abs();
        let at = clock_ms.saturating_sub(since % DRIFT);
        Self { least: self.least.saturating_sub(drift), most: self.most.saturating_add(drift), at }
    }

    /// The smallest offset within them.
    fn nearest(self) -> i64 {
        if self.least > 0 { self.least } else { self.most.min(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_700_000_000_000;

    fn date(ms: i64) -> Timestamp {
        Timestamp::from_secs(ms.div_euclid(1_000))
    }

    #[test]
    fn a_clock_that_nothing_contradicts_is_believed() {
        let mut offset = Offset::default();
        assert_eq!(offset.reading(NOW), Ok(NOW.into()));
        offset.observe(NOW + 300, NOW + 340, date(NOW + 320));
        assert_eq!(offset.corrected(NOW + 340), NOW + 340);
        assert_eq!(offset.reading(NOW + 340), Ok(Reading { earliest_ms: NOW - 100, latest_ms: NOW + 1_139 }));
    }

    #[test]
    fn successive_answers_find_a_clock_that_is_half_a_minute_off() {
        for off in [30_000, -30_000] {
            let mut offset = Offset::default();
            for step in 0..40 {
                let true_ms = NOW + step * 1_037;
                offset.observe(true_ms - 5 - off, true_ms + 5 - off, date(true_ms));
            }
            let now = NOW + 50_000;
            let reading = offset.reading(now - off).unwrap();
            assert!((now - 150..=now).contains(&reading.earliest_ms), "{reading:?}");
            assert!((now..=now + 150).contains(&reading.latest_ms), "{reading:?}");
            assert!((offset.corrected(now - off) - now).abs() <= 150);
        }
    }

    #[test]
    fn a_clock_too_far_off_is_told_and_not_guessed_at() {
        for off in [302_000, -302_000] {
            let mut offset = Offset::default();
            offset.observe(NOW - off, NOW + 10 - off, date(NOW));
            let error = offset.reading(NOW - off).unwrap_err();
            assert!((300_001..=302_100).contains(&error.offset_ms.abs()) && error.offset_ms.signum() == off.signum());
        }
    }

    #[test]
    fn a_clock_that_was_set_is_found_anew_and_a_frozen_exchange_says_nothing() {
        let mut offset = Offset::default();
        offset.observe(NOW, NOW + 10, date(NOW + 5));
        offset.observe(NOW + 60_000, NOW + 60_010, date(NOW));
        assert!((-61_200..=-58_800).contains(&(offset.corrected(NOW + 60_010) - NOW - 60_010)));
        offset.observe(NOW, NOW + 30_000, date(NOW + 90_000));
        offset.observe(NOW + 10, NOW, date(NOW + 90_000));
        assert!(offset.corrected(NOW + 60_010) < NOW + 2_000);
    }

    /// Answers every second: each adds less than a millisecond of uncertainty, and none of that may be lost.
    #[test]
    fn a_clock_that_drifts_slowly_is_followed() {
        for drift in [-DRIFT, DRIFT] {
            let mut offset = Offset::default();
            for second in 0..20_000 {
                let true_ms = NOW + second * 1_037;
                let clock_ms = true_ms + second * 1_000 / drift;
                offset.observe(clock_ms, clock_ms + 1, date(true_ms));
                let reading = offset.reading(clock_ms).unwrap();
                assert!((reading.earliest_ms..=reading.latest_ms).contains(&true_ms), "{second} {reading:?} {true_ms}");
            }
        }
    }

    proptest! {
        /// The time is always between the two ends, whatever the clock's offset and the answers' delays.
        #[test]
        fn the_time_is_within_the_reading(
            off in -300_000..=300_000_i64,
            answers in prop::collection::vec((0..120_000_i64, 0..2_000_i64, 0..2_000_i64), 1..40),
        ) {
            let (mut offset, mut now) = (Offset::default(), NOW);
            for (pause, there, back) in answers {
                now += pause;
                offset.observe(now - off, now + there + back - off, date(now + there));
                now += there + back;
                let reading = offset.reading(now - off).unwrap();
                prop_assert!((reading.earliest_ms..=reading.latest_ms).contains(&now), "{reading:?} {now}");
                prop_assert!(reading.latest_ms - reading.earliest_ms <= 1_200 + there + back);
            }
        }
    }
}
