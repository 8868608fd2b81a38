//! Clocks that are right, wrong, set and frozen, and what responses reveal about them.

use super::*;
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000_000;

/// The readings of a machine whose wall clock is never set.
fn ticks(ms: i64) -> Ticks {
    Ticks { wall_ms: ms, monotonic_ms: ms }
}

fn date(ms: i64) -> Timestamp {
    Timestamp::from_secs(ms.div_euclid(1_000))
}

#[test]
fn a_clock_that_nothing_contradicts_is_believed() {
    let mut offset = Offset::default();
    assert_eq!(offset.reading(ticks(NOW)), Ok(NOW.into()));
    offset.observe(ticks(NOW + 300), ticks(NOW + 340), date(NOW + 320));
    assert_eq!(offset.corrected(ticks(NOW + 340)), NOW + 340);
    assert_eq!(offset.reading(ticks(NOW + 340)), Ok(Reading { earliest_ms: NOW - 100, latest_ms: NOW + 1_139 }));
}

#[test]
fn successive_answers_find_a_clock_that_is_half_a_minute_off() {
    for off in [30_000, -30_000] {
        let mut offset = Offset::default();
        for step in 0..40 {
            let true_ms = NOW + step * 1_037;
            offset.observe(ticks(true_ms - 5 - off), ticks(true_ms + 5 - off), date(true_ms));
        }
        let now = NOW + 50_000;
        let reading = offset.reading(ticks(now - off)).unwrap();
        assert!((now - 150..=now).contains(&reading.earliest_ms), "{reading:?}");
        assert!((now..=now + 150).contains(&reading.latest_ms), "{reading:?}");
        assert!((offset.corrected(ticks(now - off)) - now).abs() <= 150);
    }
}

#[test]
fn a_clock_too_far_off_is_told_and_not_guessed_at() {
    for off in [302_000, -302_000] {
        let mut offset = Offset::default();
        offset.observe(ticks(NOW - off), ticks(NOW + 10 - off), date(NOW));
        let error = offset.reading(ticks(NOW - off)).unwrap_err();
        assert!((300_001..=302_100).contains(&error.offset_ms.abs()) && error.offset_ms.signum() == off.signum());
    }
}

#[test]
fn a_clock_that_was_set_is_found_anew_and_a_frozen_exchange_says_nothing() {
    let mut offset = Offset::default();
    offset.observe(ticks(NOW), ticks(NOW + 10), date(NOW + 5));
    offset.observe(ticks(NOW + 60_000), ticks(NOW + 60_010), date(NOW));
    assert!((-61_200..=-58_800).contains(&(offset.corrected(ticks(NOW + 60_010)) - NOW - 60_010)));
    offset.observe(ticks(NOW), ticks(NOW + 30_000), date(NOW + 90_000));
    offset.observe(ticks(NOW + 10), ticks(NOW), date(NOW + 90_000));
    assert!(offset.corrected(ticks(NOW + 60_010)) < NOW + 2_000);
}

/// The bounds of a right clock after one response: about a second.
fn known() -> Offset {
    let mut offset = Offset::default();
    offset.observe(ticks(NOW - 10), ticks(NOW), date(NOW - 5));
    offset
}

/// The monotonic clock shows that the wall clock was set back, and by how much; no response is needed for it.
#[test]
fn a_wall_clock_that_is_set_back_changes_nothing() {
    for back in [1_500, 6_000, 60_000, 299_000] {
        let mut offset = known();
        let now = NOW + 5_000;
        let set = |ms| Ticks { wall_ms: ms - back, monotonic_ms: ms };
        assert_eq!(offset.reading(set(now)), offset.reading(ticks(now)), "{back}");
        assert!((offset.corrected(set(now)) - now).abs() <= 1_100, "{back}");
        // Also if it is set back during an exchange, which then bounds the offset like any other.
        offset.observe(ticks(now), set(now + 20), date(now + 10));
        let reading = offset.reading(set(now + 20)).unwrap();
        assert!((reading.earliest_ms..=reading.latest_ms).contains(&(now + 20)), "{reading:?}");
        assert!(reading.latest_ms - reading.earliest_ms <= 1_300, "{reading:?}");
        // When it is set right again, it jumps ahead, and the next response corrects that.
        offset.observe(ticks(now + 30), ticks(now + 40), date(now + 35));
        assert!((offset.corrected(ticks(now + 40)) - now - 40).abs() <= 1_100);
    }
}

/// AWS refuses requests that are signed by a wall clock so far off, however well the time is known.
#[test]
fn a_wall_clock_that_is_set_back_too_far_is_told() {
    let offset = known();
    let set = Ticks { wall_ms: NOW - 302_000, monotonic_ms: NOW };
    assert!(offset.reading(set).is_err() && offset.reading(ticks(NOW)).is_ok());
}

/// While a container is frozen, its monotonic clock may stop, but the wall clock goes on.
#[test]
fn a_frozen_container_believes_its_wall_clock() {
    let offset = known();
    let thawed = Ticks { wall_ms: NOW + 3_600_000, monotonic_ms: NOW + 1 };
    assert!((offset.corrected(thawed) - NOW - 3_600_000).abs() <= 1_300);
}

/// Responses come every second: between two the drift is less than a millisecond, and none of it may be lost.
#[test]
fn a_clock_that_drifts_slowly_is_followed() {
    for drift in [-DRIFT, DRIFT] {
        let mut offset = Offset::default();
        for second in 0..20_000 {
            let true_ms = NOW + second * 1_037;
            let clock_ms = true_ms + second * 1_000 / drift;
            offset.observe(ticks(clock_ms), ticks(clock_ms + 1), date(true_ms));
            let reading = offset.reading(ticks(clock_ms)).unwrap();
            assert!((reading.earliest_ms..=reading.latest_ms).contains(&true_ms), "{second} {reading:?} {true_ms}");
        }
    }
}

proptest! {
    /// The true time is always within the reading, whatever the clock's offset and the delays of the responses.
    #[test]
    fn the_time_is_within_the_reading(
        off in -300_000..=300_000_i64,
        responses in prop::collection::vec((0..120_000_i64, 0..2_000_i64, 0..2_000_i64), 1..40),
    ) {
        let (mut offset, mut now) = (Offset::default(), NOW);
        for (pause, there, back) in responses {
            now += pause;
            offset.observe(ticks(now - off), ticks(now + there + back - off), date(now + there));
            now += there + back;
            let reading = offset.reading(ticks(now - off)).unwrap();
            prop_assert!((reading.earliest_ms..=reading.latest_ms).contains(&now), "{reading:?} {now}");
            prop_assert!(reading.latest_ms - reading.earliest_ms <= 1_200 + there + back);
        }
    }
}
