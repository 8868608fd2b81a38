//! The time now, and points in time as text: RFC 3339, in UTC.

use gateway_domain::clock::Clock as _;
use gateway_domain::time::Timestamp;
use gateway_runtime::SystemClock;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time now, in milliseconds since 1970.
pub(crate) fn now_millis() -> i64 {
    SystemClock.now_millis()
}

/// The time now, in whole seconds.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The time as `2026-03-01T09:30:00Z`, or as a bare number if the year is not one of four digits.
pub(crate) fn text(at: Timestamp) -> String {
    let date = OffsetDateTime::from_unix_timestamp(at.as_secs()).ok();
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}

/// A time as an operator types it.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| format!("`{text}` is not a time: write it as 2026-03-01T09:30:00Z");
    OffsetDateTime::parse(text, &Rfc3339).map(|date| Timestamp::from_secs(date.unix_timestamp())).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        assert_eq!(text(Timestamp::from_secs(1_800_000_000)), "2027-01-15T08:00:00Z");
    }
}
