//! Times as users read them.

use gateway_domain::language::Language;
use gateway_domain::time::Timestamp;
use time::{Month, OffsetDateTime};

/// The content of an element `time` (HTML §4.5.14). Both texts are empty for a time that no calendar has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DateTime {
    /// Its attribute `datetime`, to the minute.
    pub(crate) attribute: String,
    /// What users read: in words and in UTC, since pages without scripts do not learn the zone of their reader.
    pub(crate) words: String,
}

impl DateTime {
    pub(crate) fn of(time: Timestamp, language: Language) -> Self {
        let Ok(time) = OffsetDateTime::from_unix_timestamp(time.as_secs()) else { return Self::default() };
        let (day, month, year, hour, minute) = (time.day(), time.month(), time.year(), time.hour(), time.minute());
        let words = match language {
            Language::English => format!("{day} {month} {year}, {hour:02}:{minute:02} UTC"),
            Language::German => format!("{day}. {} {year}, {hour:02}:{minute:02} Uhr (UTC)", german(month)),
        };
        let attribute = format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}Z", u8::from(month));
        Self { attribute, words }
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
        let (english, german) = (DateTime::of(time, Language::English), DateTime::of(time, Language::German));
        assert_eq!(english.words, "29 February 2024, 12:45 UTC");
        assert_eq!(german.words, "29. Februar 2024, 12:45 Uhr (UTC)");
        assert_eq!([&*english.attribute, &*german.attribute], ["2024-02-29T12:45Z"; 2]);
        assert_eq!(DateTime::of(Timestamp::from_secs(i64::MAX), Language::English), DateTime::default());
    }
}
