//! How often applications have called APIs: what is counted of a call, and in which hour.

use crate::ids::{ApiName, ClientId, PlanName};
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// For so long there are numbers: more than a year, so that a month can be compared with that of the year before.
pub const KEPT: Seconds = Seconds::new(400 * 86_400);

/// Who called what, under which plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The application.
    pub app: ClientId,
    /// The API.
    pub api: ApiName,
    /// The plan that applied: that of the subscription, or else that of the application.
    pub plan: PlanName,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A response below 400.
    Succeeded,
    /// 429: a limit was reached, that of the plan or one of the back end's own.
    Limited,
    /// Another response below 500.
    Refused,
    /// 500 and above, or no response.
    Failed,
}

impl Outcome {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Limited, Self::Refused, Self::Failed];

    /// The outcome of a call with this status.
    pub const fn of_status(status: u16) -> Self {
        match status {
            100..=399 => Self::Succeeded,
            429 => Self::Limited,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// How many calls there were, by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    /// As [`Outcome::Succeeded`].
    #[serde(default)]
    pub succeeded: u64,
    /// As [`Outcome::Limited`].
    #[serde(default)]
    pub limited: u64,
    /// As [`Outcome::Refused`].
    #[serde(default)]
    pub refused: u64,
    /// As [`Outcome::Failed`].
    #[serde(default)]
    pub failed: u64,
}

impl Calls {
    /// One call.
    pub fn one(outcome: Outcome) -> Self {
        let mut one = Self::default();
        *one.mut_of(outcome) = 1;
        one
    }

    /// Those with this outcome.
    pub const fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Succeeded => self.succeeded,
            Outcome::Limited => self.limited,
            Outcome::Refused => self.refused,
            Outcome::Failed => self.failed,
        }
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        Outcome::ALL.into_iter().fold(0, |sum, outcome| sum.saturating_add(self.of(outcome)))
    }

    /// Adds others.
    pub fn add(&mut self, others: Self) {
        for outcome in Outcome::ALL {
            let sum = self.of(outcome).saturating_add(others.of(outcome));
            *self.mut_of(outcome) = sum;
        }
    }

    const fn mut_of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Limited => &mut self.limited,
            Outcome::Refused => &mut self.refused,
            Outcome::Failed => &mut self.failed,
        }
    }
}

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Step {
    const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

/// An hour or a day in UTC. As text it is `2026-03-01T09` or `2026-03-01`, so that texts of one step are in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    step: Step,
    begins: i64,
}

impl Bucket {
    /// The bucket in which a time lies. `None` if that is beyond the years 0 to 9999.
    pub fn of(step: Step, at: Timestamp) -> Option<Self> {
        let begins = at.as_secs().div_euclid(step.seconds()).checked_mul(step.seconds())?;
        (civil(begins)?.year() >= 0).then_some(Self { step, begins })
    }

    /// The bucket of this text.
    pub fn parse(text: &str) -> Option<Self> {
        let (step, whole) = match text.len() {
            10 => (Step::Day, format!("{text}T00:00")),
            13 => (Step::Hour, format!("{text}:00")),
            _ => return None,
        };
        let at = TimeZone::UTC.to_timestamp(whole.parse::<DateTime>().ok()?).ok()?;
        // Only the one text that a bucket has is it, of the several that are read.
        Self::of(step, Timestamp::from_secs(at.as_second())).filter(|bucket| bucket.to_string() == text)
    }

    /// How long it is.
    pub const fn step(self) -> Step {
        self.step
    }

    /// When it begins.
    pub const fn begins(self) -> Timestamp {
        Timestamp::from_secs(self.begins)
    }

    /// The bucket that is `count` later, or earlier if that is negative.
    pub fn later(self, count: i64) -> Option<Self> {
        let begins = count.checked_mul(self.step.seconds()).and_then(|length| self.begins.checked_add(length))?;
        Self::of(self.step, Timestamp::from_secs(begins))
    }

    /// How many buckets lie between an earlier one and this.
    pub const fn since(self, earlier: Self) -> i64 {
        self.begins.saturating_sub(earlier.begins).div_euclid(self.step.seconds())
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = civil(self.begins).unwrap_or_default();
        write!(f, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day())?;
        match self.step {
            Step::Hour => write!(f, "T{:02}", at.hour()),
            Step::Day => Ok(()),
        }
    }
}

/// The id of a batch of log lines: the same whenever the lines with these ids come together, and of no other lines.
pub fn batch_id<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Context::new(&SHA256);
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    URL_SAFE_NO_PAD.encode(hash.finish())
}

/// Date and time in UTC.
fn civil(seconds: i64) -> Option<DateTime> {
    Some(TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_is_named_by_its_hour_or_day() {
        let at = Timestamp::from_secs(1_772_357_459);
        let named = |step| Bucket::of(step, at).map(|bucket| bucket.to_string());
        assert_eq!(named(Step::Hour).as_deref(), Some("2026-03-01T09"));
        assert_eq!(named(Step::Day).as_deref(), Some("2026-03-01"));
        assert_eq!(Bucket::of(Step::Hour, Timestamp::from_secs(i64::MAX)), None);
        for wrong in ["", "2026-3-1", "2026-03-01T24", "2026-02-30", "2026-03-01T9Z", "２026-03-0"] {
            assert_eq!(Bucket::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_status_has_one_outcome() {
        let names = [200, 304, 401, 429, 500, 0].map(|status| Outcome::of_status(status).as_str());
        assert_eq!(names, ["succeeded", "succeeded", "refused", "limited", "failed", "failed"]);
    }

    proptest! {
        #[test]
        fn texts_are_in_the_order_of_time(one in 0..4_000_000_000_i64, other in 0..4_000_000_000_i64) {
            for step in [Step::Hour, Step::Day] {
                let [one, other] = [one, other].map(|at| Bucket::of(step, Timestamp::from_secs(at)).unwrap());
                prop_assert_eq!(Bucket::parse(&one.to_string()), Some(one));
                prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.begins().cmp(&other.begins()));
                prop_assert_eq!(other.later(one.since(other)), Some(one));
            }
        }
    }
}
