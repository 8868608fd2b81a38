//! The names of counters: what is counted, and in which part of which time.

use std::fmt;

use super::LONGEST_WINDOW;
use crate::clock::Reading;
use crate::ids::ApiName;

/// The name of a counter: `b` and the number of a window's part since 1970, `d` and a date, or `m` and a month; behind it a dot and
/// the API, if calls to that API alone are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterName(String);

impl CounterName {
    pub(super) fn new(kind: char, number: i64, api: Option<&ApiName>) -> Self {
        Self(match api {
            None => format!("{kind}{number}"),
            Some(api) => format!("{kind}{number}.{api}"),
        })
    }

    /// The name of a counter in the store; `None` if it is not of this form.
    pub fn parse(name: &str) -> Option<Self> {
        read(name).map(|_| Self(name.to_owned()))
    }

    /// The counter's name in the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the name of a counter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'n> {
    /// `b`, `d` or `m`.
    pub(super) kind: char,
    pub(super) number: i64,
    /// The API whose calls are counted.
    pub(super) api: Option<&'n str>,
}

/// Reads a counter's name; `None` for any name that is not one.
pub(super) fn read(name: &str) -> Option<Named<'_>> {
    let kind = name.chars().next().filter(|kind| matches!(kind, 'b' | 'd' | 'm'))?;
    let rest = name.get(1..)?;
    let (digits, api) = rest.split_once('.').map_or((rest, None), |(digits, api)| (digits, Some(api)));
    let canonical = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if !canonical || api.is_some_and(|api| ApiName::parse(api).is_err()) {
        return None;
    }
    Some(Named { kind, number: digits.parse().ok()?, api })
}

/// The length of a window's part, in 24ths of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Part(pub(super) i64);

impl Part {
    /// The number of the part with this time in Unix milliseconds.
    pub(super) fn index(self, at_ms: i64) -> i64 {
        let position = i128::from(at_ms).saturating_mul(24).div_euclid(self.thousandfold().max(1));
        i64::try_from(position).unwrap_or(i64::MAX)
    }

    /// The first millisecond with this number.
    pub(super) fn starts_ms(self, index: i64) -> i64 {
        let start = i128::from(index).saturating_mul(self.thousandfold()).saturating_add(23).div_euclid(24);
        i64::try_from(start).unwrap_or(i64::MAX)
    }

    /// The length of the parts among which this number is one of about now. It follows from the number, since two lengths give no
    /// equal numbers within days.
    pub(super) fn of(index: i64, now: Reading) -> Option<Self> {
        let ticks = i128::from(now.latest_ms).saturating_mul(24);
        let second = i128::from(index).saturating_mul(1_000);
        let length = ticks.saturating_add(second / 2).checked_div(second)?;
        let longest = i64::try_from(LONGEST_WINDOW).unwrap_or(i64::MAX).saturating_mul(2);
        i64::try_from(length).ok().filter(|length| (1..=longest).contains(length)).map(Self)
    }

    /// Its length in milliseconds, rounded up.
    pub(super) fn length_ms(self) -> i64 {
        self.starts_ms(1)
    }

    fn thousandfold(self) -> i128 {
        i128::from(self.0).saturating_mul(1_000)
    }
}
