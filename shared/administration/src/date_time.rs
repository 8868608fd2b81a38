//! Points in time as text: RFC 3339, in UTC.

use gateway_domain::time::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time as `2026-03-01T09:30:00Z`, or as a bare number if the year is not one of four digits.
pub fn text(at: Timestamp) -> String {
    let date = OffsetDateTime::from_unix_timestamp(at.as_secs()).ok();
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}

/// The time that is written so, in milliseconds since 1970.
pub fn millis(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        assert_eq!(text(Timestamp::from_secs(1_800_000_000)), "2027-01-15T08:00:00Z");
    }
}
