//! The time now, and points in time as text: RFC 3339, in UTC.

pub(crate) use gateway_administration::text;
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

/// A time as an operator types it.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| format!("`{text}` is not a time: write it as 2026-03-01T09:30:00Z");
    OffsetDateTime::parse(text, &Rfc3339).map(|date| Timestamp::from_secs(date.unix_timestamp())).map_err(wrong)
}
