//! Reads and writes points in time in the form of RFC 3339.

use gateway_domain::time::Timestamp;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time};

/// The separators between date and time: the letter, or the space that RFC 3339 §5.6 allows for readability.
const SEPARATORS: [u8; 3] = *b"Tt ";

/// The point in time without its fraction of a second, or `None` if the text is no `date-time` of RFC 3339.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let is_separated = text.as_bytes().get(10).is_some_and(|separator| SEPARATORS.contains(separator));
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().filter(|_| is_separated)?;
    // Unix time does not count leap seconds, so a leap second is the same as the second after it.
    let leap = i64::from(text.get(17..19) == Some("60"));
    Some(Timestamp::from_secs(time.unix_timestamp() + leap))
}

/// The Unix seconds of a date and a time in UTC, if both exist.
pub(crate) fn from_parts([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let small = |number: i64| u8::try_from(number).ok();
    let month = Month::try_from(small(month)?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, small(day)?).ok()?;
    let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
    Some(date.with_time(time).assume_utc().unix_timestamp())
}

/// The point in time in UTC, as `2030-01-31T12:00:00Z`. RFC 3339 has years of four digits only, so a time outside the
/// years 1 to 9999 becomes the first or last second of them.
pub(crate) fn written(time: Timestamp) -> String {
    let seconds = time.as_secs().clamp(-62_135_596_800, 253_402_300_799);
    let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    date.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_read_with_their_offset() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2030-01-31T12:00:00.123Z", 1_896_091_200),
            ("2030-01-31t13:00:00+01:00", 1_896_091_200),
            ("2030-01-31 11:30:00-00:30", 1_896_091_200),
            ("1969-12-31T23:59:60Z", 0),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(written(Timestamp::from_secs(1_896_091_200)), "2030-01-31T12:00:00Z");
        assert_eq!(written(Timestamp::from_secs(i64::MIN)), "0001-01-01T00:00:00Z");
        assert_eq!(written(Timestamp::from_secs(i64::MAX)), "9999-12-31T23:59:59Z");
        // The last second of every day of some four centuries.
        for day in -75_000..75_000 {
            let time = Timestamp::from_secs(day * 86_400 + 86_399);
            assert_eq!(parse(&written(time)), Some(time), "{}", written(time));
        }
    }

    #[test]
    fn anything_else_is_no_point_in_time() {
        for text in [
            "",
            "T",
            "2030-01-31",
            "2030-01-31T12:00:00",
            "2030-1-31T12:00:00Z",
            "2030-02-29T12:00:00Z",
            "2030-13-01T00:00:00Z",
            "2030-01-00T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01T00:00:61Z",
            "2030-01-01T00:00:00.Z",
            "2030-01-01T00:00:00+1:00",
            "2030-01-01T00:00:00+25:00",
            "+030-01-01T00:00:00Z",
            "2030-01-01T00:00:00ZZ",
            "1896091200",
            "é030-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
