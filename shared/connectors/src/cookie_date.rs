//! Reads the dates of cookies, which servers write in many forms (RFC 6265 §5.1.1).

use gateway_domain::time::Timestamp;

use crate::rfc3339::from_parts;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The point in time, or `None` if the text is not such a date, so the attribute is ignored.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let delimiter = |c: char| !(c.is_ascii_alphanumeric() || c == ':' || !c.is_ascii());
    for part in text.split(delimiter).filter(|part| !part.is_empty()) {
        if let (None, Some(found)) = (time, clock(part)) {
            time = Some(found);
        } else if let (None, Some(found)) = (day, number(part, 1, 2)) {
            day = Some(found);
        } else if let (None, Some(found)) = (month, month_of(part)) {
            month = Some(found);
        } else if let (None, Some(found)) = (year, number(part, 2, 4)) {
            year = Some(found);
        }
    }
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        long => long,
    };
    let [hour, minute, second] = time?;
    if year < 1601 || second > 59 {
        return None;
    }
    from_parts([year, month?, day?], [hour, minute, second]).map(Timestamp::from_secs)
}

/// `hh:mm:ss`, with one or two digits each.
fn clock(part: &str) -> Option<[i64; 3]> {
    let mut parts = part.split(':');
    let mut next = || parts.next().and_then(|part| number(part, 1, 2));
    let time = [next()?, next()?, next()?];
    parts.next().is_none().then_some(time)
}

/// A number with `least` to `most` digits.
fn number(part: &str, least: usize, most: usize) -> Option<i64> {
    let digits = (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| part.parse().ok()).flatten()
}

fn month_of(part: &str) -> Option<i64> {
    let start = part.get(..3)?.to_ascii_lowercase();
    let position = MONTHS.iter().position(|month| *month == start)?;
    i64::try_from(position).ok().map(|position| position + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_dates_are_read_in_all_their_spellings() {
        for text in [
            "Thu, 31 Jan 2030 12:00:00 GMT",
            "Thursday, 31-Jan-30 12:00:00 GMT",
            "Thu Jan 31 12:00:00 2030",
            "31 january 2030 12:0:0",
            "Thu, 31-Jan-2030 12:00:00 UTC",
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_secs(1_896_091_200)), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Timestamp::from_secs(0)));
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in
            ["", "0", "31 Jan 2030", "12:00:00", "31 Foo 2030 12:00:00", "32 Jan 2030 12:00:00", "31 Jan 1600 12:00:00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("30 Feb 2030 12:00:00 GMT"), None);
        assert_eq!(parse("31 Jan 2030 24:00:00 GMT"), None);
        assert_eq!(parse("31 J\u{e9}n 2030 12:00:00"), None);
    }
}
