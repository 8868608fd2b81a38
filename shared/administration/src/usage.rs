//! How often applications have called: which time is asked about, and how it is shown.

use gateway_domain::time::Timestamp;
use gateway_domain::usage::{Bucket, Caller, Calls, Step};
use gateway_store::Used;
use serde_json::{Value as Json, json};

/// The most buckets that one question is about: a month of hours, or as many days as are kept.
const MOST_HOURS: i64 = 31 * 24;
const MOST_DAYS: i64 = 400;
/// How many there are if nobody says so.
const HOURS: i64 = 48;
const DAYS: i64 = 30;

/// A time that is asked about, in buckets.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// The first.
    pub from: Bucket,
    /// The last, which is included.
    pub to: Bucket,
}

/// A parameter that is wrong, and why.
pub type WrongTime = (&'static str, String);

impl Time {
    /// The most rows of one answer: 744 hours of 12 APIs and plans, which is about a megabyte.
    pub const ROWS: usize = 9_000;

    /// What these parameters ask about: `by` is `hour` or `day`, `from` and `to` are buckets of it.
    ///
    /// # Errors
    /// The parameter that is wrong.
    pub fn of(now: Timestamp, by: Option<&str>, from: Option<&str>, to: Option<&str>) -> Result<Self, WrongTime> {
        let (step, usual, most, form) = match by {
            None | Some("day") => (Step::Day, DAYS, MOST_DAYS, "a day, as 2026-03-01"),
            Some("hour") => (Step::Hour, HOURS, MOST_HOURS, "an hour in UTC, as 2026-03-01T09"),
            Some(_) => return Err(("by", "it is `hour` or `day`".to_owned())),
        };
        let parse = |name: &'static str, text: &str| {
            let bucket = Bucket::parse(text).filter(|bucket| bucket.step() == step);
            bucket.ok_or_else(|| (name, format!("it is {form}")))
        };
        let beyond = || ("from", "it is no time that calls can have".to_owned());
        let to = match to {
            Some(text) => parse("to", text)?,
            None => Bucket::of(step, now).ok_or_else(beyond)?,
        };
        let from = match from {
            Some(text) => parse("from", text)?,
            None => to.later(1_i64.saturating_sub(usual)).ok_or_else(beyond)?,
        };
        if !(0..most).contains(&to.since(from)) {
            return Err(("from", format!("from the first to the last are 1 to {most} of those")));
        }
        Ok(Self { from, to })
    }

    /// A day: today, if nobody says which.
    ///
    /// # Errors
    /// If it is none.
    pub fn day(now: Timestamp, text: Option<&str>) -> Result<Bucket, WrongTime> {
        let wrong = || ("day", "it is a day, as 2026-03-01".to_owned());
        let day = match text {
            Some(text) => Bucket::parse(text).filter(|day| day.step() == Step::Day),
            None => Bucket::of(Step::Day, now),
        };
        day.ok_or_else(wrong)
    }

    /// What is said when an answer would have more than [`Self::ROWS`].
    pub fn too_much() -> WrongTime {
        ("from", "that is more than one answer has: ask about a shorter time".to_owned())
    }

    /// Its buckets, in the order of time.
    pub fn buckets(self) -> impl Iterator<Item = Bucket> {
        (0..=self.to.since(self.from)).filter_map(move |count| self.from.later(count))
    }
}

/// A row as programs get it.
pub fn shown_usage(used: &Used) -> Json {
    let Used { caller: Caller { app, api, plan }, bucket, calls } = used;
    let Calls { succeeded, limited, refused, failed } = calls;
    json!({
        "client_id": app, "api": api, "plan": plan, "time": bucket.to_string(),
        "succeeded": succeeded, "limited": limited, "refused": refused, "failed": failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_772_357_459);

    fn of(by: &str, from: Option<&str>, to: Option<&str>) -> Result<(String, String, usize), WrongTime> {
        let time = Time::of(NOW, Some(by), from, to)?;
        Ok((time.from.to_string(), time.to.to_string(), time.buckets().count()))
    }

    #[test]
    fn what_nobody_says_is_the_time_up_to_now() {
        assert_eq!(of("hour", None, None), Ok(("2026-02-27T10".to_owned(), "2026-03-01T09".to_owned(), 48)));
        assert_eq!(of("day", None, None), Ok(("2026-01-31".to_owned(), "2026-03-01".to_owned(), 30)));
        assert_eq!(Time::day(NOW, None).map(|day| day.to_string()), Ok("2026-03-01".to_owned()));
    }

    #[test]
    fn a_question_has_a_month_of_hours_or_400_days_at_most() {
        assert_eq!(of("hour", Some("2026-01-29T10"), None).unwrap().2, 744);
        assert_eq!(of("hour", Some("2026-01-29T09"), None).unwrap_err().0, "from");
        assert_eq!(of("day", Some("2025-01-26"), None).unwrap().2, 400);
        assert_eq!(of("day", Some("2025-01-25"), None).unwrap_err().0, "from");
    }

    #[test]
    fn what_is_no_time_is_told_at_its_parameter() {
        for (by, from, to, wrong) in [
            ("minute", None, None, "by"),
            ("day", Some("2026-03-01T09"), None, "from"),
            ("hour", None, Some("2026-03-01"), "to"),
            ("day", Some("2026-03-01"), Some("2026-02-28"), "from"),
            ("day", None, Some("0000-01-01"), "from"),
        ] {
            assert_eq!(of(by, from, to).unwrap_err().0, wrong, "{by} {from:?} {to:?}");
        }
    }
}
