//! Parses lengths of time as an operator types them: `90s`, `30m`, `24h`, `7d`.

use gateway_domain::time::Seconds;
use std::str::FromStr;

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Seconds);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "expected a number and one of s, m, h, d, as 24h".to_owned();
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let number: u32 = number.parse().map_err(|_| wrong())?;
        Ok(Self(Seconds::new(u64::from(number).saturating_mul(unit))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_a_number_and_a_unit() {
        let seconds = |text: &str| text.parse().map(|Length(length)| length.as_u64());
        assert_eq!(
            (seconds("90s"), seconds("0m"), seconds("24h"), seconds("7d")),
            (Ok(90), Ok(0), Ok(86_400), Ok(604_800))
        );
        for text in ["", "d", "24", "1w", "-1h", "1.5h", "é"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
