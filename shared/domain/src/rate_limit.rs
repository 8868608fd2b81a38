//! The limits of plans: which calls the counters allow, and when a refused client may call again.
//!
//! Each call falls under some [`Limits`]. Those per user are counted in one write with the session's check; those that all users
//! of an application share are counted ahead, in slices that a container leases ([`Leases`]).

mod calendar;
mod counter;
#[cfg(test)]
mod exact_log_tests;
mod headers;
mod leases;
mod limits;
mod memory;
pub mod simulation;
#[cfg(test)]
mod tests;
mod window;

use crate::ids::{ApiName, LimitName};
use crate::time::Seconds;

pub use counter::CounterName;
pub use headers::{rate_limit, rate_limit_policy};
pub use jiff::tz::TimeZone;
pub use leases::{Granted, LeaseRequest, Leases, Take};
pub use limits::{Decision, Limits, Refused};
pub use memory::Refusals;

/// The assumed bound, in milliseconds, on how far the clocks of two containers differ beyond what their readings state.
const MAX_CLOCK_DIFFERENCE_MS: i64 = 200;
/// The assumed bound, in milliseconds, on the time from reading the clock until a call is counted and, if refused, refunded.
const MAX_IN_FLIGHT_MS: i64 = 2_000;
/// The longest window, in seconds, that slides. Longer times are calendar periods.
pub const LONGEST_WINDOW: u64 = 3_600;

/// One limit of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What may be used in the period: the sum of the weights of calls.
    pub calls: u32,
    /// In which time.
    pub period: Period,
    /// Who shares it.
    pub per: Per,
    /// The API whose calls count; `None` counts those to all APIs.
    pub api: Option<ApiName>,
}

/// The time that a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Any window of this length, wherever it starts.
    Window(Seconds),
    /// A day of the calendar, in the gateway's time zone.
    Day,
    /// A month of the calendar, in the gateway's time zone.
    Month,
}

impl Period {
    /// Its length, of a day or month the longest without a change of clocks.
    pub const fn length(self) -> Seconds {
        match self {
            Self::Window(length) => length,
            Self::Day => Seconds::new(86_400),
            Self::Month => Seconds::new(31 * 86_400),
        }
    }
}

/// Who shares a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One user in one application.
    User,
    /// All users of one application.
    App,
}

/// What an application may use, in limits that all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The limits by name.
    pub limits: Vec<(LimitName, Limit)>,
}

/// A limit and what is left of it, as sent to clients.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The limit's name; of a subscription's plan, the API's name and a dot before it.
    #[serde(rename = "p")]
    pub policy: String,
    /// What may be used in the period.
    #[serde(rename = "q")]
    pub limit: u32,
    /// The period's length.
    #[serde(rename = "w")]
    pub window: Seconds,
    /// What is left; `None` where it is not known, or would tell of other users' calls.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// What may still be used now.
    #[serde(rename = "r")]
    pub remaining: u32,
    /// The time until there will be more; at least one second.
    #[serde(rename = "t")]
    pub reset: Seconds,
}

fn whole_seconds(at_ms: i64, now_ms: i64) -> Seconds {
    let ms = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
    Seconds::new(ms.div_ceil(1_000).max(1))
}
