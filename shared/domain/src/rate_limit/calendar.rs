//! Days and months of the calendar, in a time zone.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::MAX_CLOCK_DIFFERENCE_MS;
use crate::clock::Reading;

/// A kind of calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Calendar {
    /// `d` and a date, such as `d20261128`.
    Day,
    /// `m` and a month, such as `m202611`.
    Month,
}

impl Calendar {
    /// The first letter of its counters' names.
    pub(super) const fn kind(self) -> char {
        match self {
            Self::Day => 'd',
            Self::Month => 'm',
        }
    }

    /// The numbers of the periods that it may be now: two for as long as clocks may differ about the end of one. A call counts in
    /// both then, so that neither holds more than the limit.
    pub(super) fn now(self, now: Reading, zone: &TimeZone) -> (i64, i64) {
        let earliest = now.earliest_ms.saturating_sub(MAX_CLOCK_DIFFERENCE_MS);
        let latest = now.latest_ms.saturating_add(MAX_CLOCK_DIFFERENCE_MS);
        (self.number(earliest, zone), self.number(latest, zone))
    }

    /// The number of the period with this time: a date or a month, as digits.
    pub(super) fn number(self, at_ms: i64, zone: &TimeZone) -> i64 {
        let date = local(at_ms, zone).date();
        let month = i64::from(date.year()).saturating_mul(100).saturating_add(i64::from(date.month()));
        match self {
            Self::Day => month.saturating_mul(100).saturating_add(i64::from(date.day())),
            Self::Month => month,
        }
    }

    /// The first millisecond behind the period with this time.
    pub(super) fn ends_ms(self, at_ms: i64, zone: &TimeZone) -> i64 {
        let start = local(at_ms, zone);
        let next = match self {
            Self::Day => start.start_of_day().and_then(|day| day.checked_add(1.day())),
            Self::Month => {
                start.first_of_month().and_then(|day| day.start_of_day()).and_then(|day| day.checked_add(1.month()))
            }
        };
        // A day that begins later than at midnight, because clocks were set forward then, begins where it does.
        let next = next.and_then(|next| next.start_of_day());
        // Outside of the years that a calendar has, time does not end.
        next.map_or(i64::MAX, |next| next.timestamp().as_millisecond())
    }

    /// The number of a period so long ago that no call of now can be in it.
    pub(super) fn long_ago(self, now: Reading, zone: &TimeZone) -> i64 {
        let days = match self {
            Self::Day => 2,
            Self::Month => 33,
        };
        self.number(now.earliest_ms.saturating_sub(days * 86_400_000), zone)
    }
}

fn local(at_ms: i64, zone: &TimeZone) -> ZonedDateTime {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(zone.clone())
}
