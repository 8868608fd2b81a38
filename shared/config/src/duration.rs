//! Lengths of time as gateway.yaml writes them: `90s`, `10m`, `12h`, `30d`.

use crate::NotAllowed;
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Ten years, in seconds. A longer time is taken for a mistake, and sums of accepted lengths cannot overflow.
const LONGEST: u64 = 3650 * 86_400;

/// A length of time: a whole number and one of `s`, `m`, `h`, `d`, such as `90s`, `10m`, `12h` or `30d`.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", rename = "Duration", extend("pattern" = "^[0-9]+[smhd]$", "examples" = ["90s", "10m", "12h", "30d"]))]
pub(crate) struct Text(Seconds);

impl TryFrom<String> for Text {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        parse(&text).map(Self).ok_or_else(|| {
            NotAllowed::new(format!(
                "`{text}` is not a length of time: write a whole number and s, m, h or d, \
                 such as 90s, 10m, 12h or 30d (at most 3650d)"
            ))
        })
    }
}

fn parse(text: &str) -> Option<Seconds> {
    let split = text.len().checked_sub(1)?;
    let (number, unit) = text.split_at_checked(split)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (seconds <= LONGEST).then_some(Seconds::new(seconds))
}

/// A length of time as the file writes it, in the largest unit that gives a whole number.
pub(crate) fn written(length: Seconds) -> String {
    let seconds = length.as_u64();
    for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Seconds, D::Error> {
    Text::deserialize(deserializer).map(|text| text.0)
}

pub(crate) fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Seconds>, D::Error> {
    Option::<Text>::deserialize(deserializer).map(|text| text.map(|text| text.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_a_whole_number_and_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("10m", 600), ("12h", 43_200), ("30d", 2_592_000)] {
            assert_eq!(parse(text), Some(Seconds::new(seconds)), "{text}");
        }
        for text in
            ["", "s", "10", "10 m", "-1s", "+1s", "1.5h", "10M", "1w", "10mé", "é", "3651d", "18446744073709551616s"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_length_is_written_in_the_largest_unit_that_fits() {
        for text in ["0s", "90s", "10m", "25h", "30d"] {
            assert_eq!(written(parse(text).unwrap()), text);
        }
    }
}
