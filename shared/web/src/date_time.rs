//! Times as users read them.

use gateway_domain::language::Language;
use gateway_domain::time::Timestamp;
use time::{Month, OffsetDateTime};

/// A time in words and in UTC, since pages without scripts do not learn the zone of their reader. Empty for a time that no
/// calendar has.
pub(crate) fn written(time: Timestamp, language: Language) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(time.as_secs()) else { return String::new() };
    let (day, year, hour, minute) = (time.day(), time.year(), time.hour(), time.minute());
    match language {
        Language::English => format!("{day} {} {year}, {hour:02}:{minute:02} UTC", time.month()),
        Language::German => format!("{day}. {} {year}, {hour:02}:{minute:02} Uhr (UTC)", german(time.month())),
    }
}

fn german(month: Month) -> &'static str {
    match month {
        Month::January => "Januar",
        Month::February => "Februar",
        Month::March => "März",
        Month::April => "April",
        Month::May => "Mai",
        Month::June => "Juni",
        Month::July => "Juli",
        Month::August => "August",
        Month::September => "September",
        Month::October => "Oktober",
        Month::November => "November",
        Month::December => "Dezember",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_people_write_it() {
        let time = Timestamp::from_secs(1_709_210_709);
        assert_eq!(written(time, Language::English), "29 February 2024, 12:45 UTC");
        assert_eq!(written(time, Language::German), "29. Februar 2024, 12:45 Uhr (UTC)");
        assert_eq!(written(Timestamp::from_secs(i64::MAX), Language::English), "");
    }
}
