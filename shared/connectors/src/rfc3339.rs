//! Points in time as RFC 3339 writes them.

use domain::time::Timestamp;

/// The point in time, without its fraction of a second; `None` for anything else than an RFC 3339 `date-time`.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let clock = match clock.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) => whole,
        Some(_) => return None,
        None => clock,
    };
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
            let length = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            if zone.starts_with('-') { -length } else { length }
        }
    };
    from_parts([year, month, day], [hour, minute, second]).map(|seconds| Timestamp::from_secs(seconds - offset))
}

/// Unix seconds of a date and a time in UTC, if there are such.
pub(crate) fn from_parts([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let sound = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    // 60 is a leap second: the next second for everyone who does not count them.
    (sound && hour <= 23 && minute <= 59 && second <= 60)
        .then(|| days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The point in time in UTC, as `2030-01-31T12:00:00Z`; the first or last that has four digits for its year, outside.
pub(crate) fn written(time: Timestamp) -> String {
    let seconds = time.as_secs().clamp(-62_135_596_800, 253_402_300_799);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // A year has 365.2425 days: the quotient is this year, or the next one in its last days.
    let near = 1970 + days * 10_000 / 3_652_425;
    let year = (near - 1..=near + 1).rev().find(|year| days_since_1970(*year, 1, 1) <= days).unwrap_or(near);
    let month = (1..=12).rev().find(|month| days_since_1970(year, *month, 1) <= days).unwrap_or(1);
    let day = days - days_since_1970(year, month, 1) + 1;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Numbers of exactly these many digits, with one separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for (number, length) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, counting years from March so that the leap day comes last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
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
        // Every day of four centuries and a bit, at an odd hour.
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
