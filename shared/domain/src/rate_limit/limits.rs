//! The limits that one call falls under, and the decision about it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::counter::{self, CounterName, Part};
use super::window::{self, Used, Window};
use super::{Left, Limit, MAX_CLOCK_DIFFERENCE_MS, MAX_IN_FLIGHT_MS, Per, Period, Plan, Quota, whole_seconds};
use crate::clock::Reading;
use crate::ids::ApiName;
use crate::time::Seconds;

/// So many counters must be stale before a write removes them.
const CLEAN_FROM: usize = 12;
/// One write removes no more than this: its expression is bounded.
const CLEAN_AT_MOST: usize = 100;

/// The limits that one call falls under: those of its application's plan, and those of the plan of the subscription to its API.
#[derive(Debug, Clone)]
pub struct Limits<'g> {
    pub(super) rules: Vec<Rule<'g>>,
    pub(super) weight: u32,
    pub(super) zone: &'g TimeZone,
}

/// One limit that a call falls under.
#[derive(Debug, Clone)]
pub(super) struct Rule<'g> {
    pub(super) policy: String,
    pub(super) limit: &'g Limit,
    pub(super) series: Series<'g>,
}

/// What is counted together: limits of one series share their counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Series<'g> {
    pub(super) api: Option<&'g ApiName>,
    pub(super) unit: Unit,
}

/// The time of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Unit {
    /// A part of a window.
    Part(Part),
    /// A calendar period.
    Period(Calendar),
}

/// The decision about a call that the counters already contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Within all limits of the user, with what is left of each.
    Admit(Vec<Quota>),
    /// Over one of them: the call must be taken out of its counters again.
    Refuse(Refused),
}

/// A call over a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// All limits of the call, with what is known of them.
    pub quotas: Vec<Quota>,
    /// The names of those that are exceeded, each with the first millisecond at which it may have room.
    pub violated: Vec<(String, i64)>,
    /// The smallest whole number of seconds, at least one, after which such a call fits.
    pub retry_after: Seconds,
    /// The first millisecond (Unix time) at which a new attempt may succeed.
    pub until_ms: i64,
}

impl Refused {
    /// The names of the limits that are exceeded.
    pub fn policies(&self) -> Vec<String> {
        self.violated.iter().map(|(policy, _)| policy.clone()).collect()
    }
}

/// One limit's view of its counters.
#[derive(Clone)]
pub(super) enum View {
    /// A window, with what its parts hold.
    Window(Window, Used),
    /// A calendar period, with what it holds, and its end.
    Period { used: u64, ends_ms: i64 },
}

impl View {
    pub(super) fn used(&self) -> u64 {
        match self {
            Self::Window(_, used) => window::sum(used),
            Self::Period { used, .. } => *used,
        }
    }

    /// The first millisecond at which more will be left.
    pub(super) fn resets_ms(&self, now: Reading) -> i64 {
        match self {
            Self::Window(window, used) => {
                used.keys().next().map_or(now.earliest_ms, |until_ms| window.slides_out_ms(*until_ms))
            }
            Self::Period { ends_ms, .. } => *ends_ms,
        }
    }

    /// The first millisecond at which a call of this weight fits, of a limit that it exceeds.
    /// `added` was added for it, and is about to be taken out again.
    pub(super) fn room_ms(self, limit: u32, weight: u64, added: u64, now: Reading) -> i64 {
        match self {
            Self::Window(window, used) => window.room_ms(limit.into(), weight, added, now.earliest_ms, used),
            Self::Period { ends_ms, .. } => ends_ms,
        }
    }
}

impl<'g> Limits<'g> {
    /// The limits of a call of this weight to this API, by an application with this plan, whose subscription to the API may have
    /// one too.
    pub fn of_call(
        plan: &'g Plan,
        subscription: Option<&'g Plan>,
        api: &'g ApiName,
        weight: u32,
        zone: &'g TimeZone,
    ) -> Self {
        let concerns = |limit: &Limit| limit.api.as_ref().is_none_or(|of| of == api);
        let own = plan.limits.iter().filter(|(_, limit)| concerns(limit));
        let own = own.map(|(name, limit)| (name.to_string(), limit, limit.api.as_ref()));
        // What is subscribed to is the API: its plan counts the calls to it.
        let subscribed = subscription.into_iter().flat_map(|plan| &plan.limits).filter(|(_, limit)| concerns(limit));
        let subscribed = subscribed.map(|(name, limit)| (format!("{api}.{name}"), limit, Some(api)));
        let rule = |(policy, limit, api): (String, &'g Limit, Option<&'g ApiName>)| Rule {
            policy,
            limit,
            series: Series { api, unit: Unit::of(limit) },
        };
        Self { rules: own.chain(subscribed).map(rule).collect(), weight: weight.max(1), zone }
    }

    /// What the call uses of each of its limits.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// The most calls of its user, to all APIs together, in any time of this length; `None` if no limit bounds them.
    pub fn most_calls_in(&self, length: Seconds) -> Option<u64> {
        let most = |rule: &Rule<'g>| {
            let period = rule.limit.period.length().as_u64().max(1);
            let periods = match rule.limit.period {
                Period::Window(_) => length.as_u64().div_ceil(period),
                // The time may lie over the end of one.
                Period::Day | Period::Month => length.as_u64().div_ceil(period).saturating_add(1),
            };
            periods.saturating_mul(rule.limit.calls.into())
        };
        self.of(Per::User).filter(|rule| rule.series.api.is_none()).map(most).min()
    }

    /// The counters that the weight of a call at this time is added to.
    pub fn counters(&self, now: impl Into<Reading>) -> BTreeSet<CounterName> {
        let now = now.into();
        self.of(Per::User).flat_map(|rule| rule.series.counters(now, self.zone)).collect()
    }

    /// Decides by the limits per user about a call from the counters that already contain it.
    pub fn decide(&self, now: impl Into<Reading>, counters: &BTreeMap<String, u64>) -> Decision {
        let now = now.into();
        let (mut quotas, mut violated) = (Vec::new(), Vec::new());
        for rule in &self.rules {
            if rule.limit.per == Per::App {
                quotas.push(rule.quota(None));
                continue;
            }
            let view = self.view(rule, now, counters);
            match u64::from(rule.limit.calls).checked_sub(view.used()) {
                Some(remaining) => quotas.push(rule.quota(Some((remaining, view.resets_ms(now), now)))),
                None => violated.push((rule.policy.clone(), self.room_ms(rule, view, now, counters))),
            }
        }
        self.refused(&violated, now).map_or(Decision::Admit(quotas), Decision::Refuse)
    }

    /// Counters that no limit needs again. Empty until there are enough of them to be worth a write.
    pub fn stale(&self, now: impl Into<Reading>, counters: &BTreeMap<String, u64>) -> Vec<String> {
        self.stale_of(Per::User, now.into(), counters)
    }

    pub(super) fn stale_of(&self, per: Per, now: Reading, counters: &BTreeMap<String, u64>) -> Vec<String> {
        let is_stale = |name: &&String| counter::read(name).is_some_and(|named| self.is_stale(per, now, named));
        let stale: Vec<String> = counters.keys().filter(is_stale).take(CLEAN_AT_MOST).cloned().collect();
        if stale.len() < CLEAN_FROM { Vec::new() } else { stale }
    }

    /// The refusal of a call that exceeds these limits, each until a time; `None` if there are none.
    pub(super) fn refused(&self, violated: &[(String, i64)], now: Reading) -> Option<Refused> {
        let until_ms = violated.iter().map(|(_, until_ms)| *until_ms).max()?;
        let until =
            |rule: &Rule<'_>| violated.iter().find(|(policy, _)| *policy == rule.policy).map(|(_, until)| *until);
        let quota = |rule: &Rule<'_>| rule.quota(until(rule).map(|until_ms| (0, until_ms, now)));
        Some(Refused {
            quotas: self.rules.iter().map(quota).collect(),
            violated: violated.to_vec(),
            retry_after: whole_seconds(until_ms, now.earliest_ms),
            until_ms,
        })
    }

    fn is_stale(&self, per: Per, now: Reading, named: counter::Named<'_>) -> bool {
        match named.kind {
            'd' => named.number < Calendar::Day.long_ago(now, self.zone),
            'm' => named.number < Calendar::Month.long_ago(now, self.zone),
            _ => {
                // A part that is longer than any, or from another century, is in no window of now.
                let Some(part) = Part::of(named.number, now) else { return true };
                let windows: Vec<_> =
                    self.of(per).filter(|rule| rule.series.api() == named.api).filter_map(Rule::window).collect();
                let windows = windows.into_iter();
                let kept = windows.clone().filter(|window| window.part == part).map(Window::keep_ms).max();
                // Of a plan before this one, or of another API. A plan that comes back finds what was used.
                let longest =
                    || windows.map(Window::keep_ms).max().unwrap_or(0).max(window::longest_keep_ms(part, per));
                let keep_ms = kept.unwrap_or_else(longest);
                let until_ms = part.starts_ms(named.number.saturating_add(1));
                let ahead_ms = now.latest_ms.saturating_add(keep_ms);
                until_ms <= now.earliest_ms.saturating_sub(keep_ms) || part.starts_ms(named.number) > ahead_ms
            }
        }
    }

    pub(super) fn of(&self, per: Per) -> impl Iterator<Item = &Rule<'g>> {
        self.rules.iter().filter(move |rule| rule.limit.per == per)
    }

    /// What the counters say about a limit.
    pub(super) fn view(&self, rule: &Rule<'g>, now: Reading, counters: &BTreeMap<String, u64>) -> View {
        match rule.series.unit {
            Unit::Part(_) => {
                let window = Window::new(rule.limit.period.length(), rule.limit.per);
                View::Window(window, window.used(now, rule.series.api(), &self.parts(rule), counters))
            }
            Unit::Period(calendar) => {
                let names = rule.series.counters(now, self.zone);
                let used = names.iter().filter_map(|name| counters.get(name.as_str())).max().copied();
                // At its end a call still counts in it for as long as clocks may differ.
                let ends_ms = calendar.ends_ms(now.earliest_ms.saturating_sub(MAX_CLOCK_DIFFERENCE_MS), self.zone);
                View::Period { used: used.unwrap_or(0), ends_ms: ends_ms.saturating_add(MAX_CLOCK_DIFFERENCE_MS) }
            }
        }
    }

    /// The windows that count the same calls as a limit.
    fn alike(&self, rule: &Rule<'g>) -> impl Iterator<Item = Window> {
        let (per, api) = (rule.limit.per, rule.series.api);
        self.of(per).filter(move |other| other.series.api == api).filter_map(Rule::window)
    }

    /// The lengths of their parts.
    fn parts(&self, rule: &Rule<'g>) -> Vec<Part> {
        self.alike(rule).map(|window| window.part).collect()
    }

    /// When a call that exceeds this limit fits. Other limits refuse calls too, which are taken out again at once: a limit that only
    /// those exceed has room as soon as they are.
    fn room_ms(&self, rule: &Rule<'g>, view: View, now: Reading, counters: &BTreeMap<String, u64>) -> i64 {
        let (limit, weight) = (u64::from(rule.limit.calls), u64::from(self.weight));
        let certain = view.used().saturating_sub(self.in_flight(rule, now, counters)).saturating_add(weight);
        if self.rules.len() > 1 && certain <= limit && weight <= limit {
            return now.earliest_ms.saturating_add(MAX_IN_FLIGHT_MS);
        }
        view.room_ms(rule.limit.calls, weight, weight, now)
    }

    /// At most so much of what is counted for a limit may be in flight. It is known from the window with the shortest parts.
    fn in_flight(&self, rule: &Rule<'g>, now: Reading, counters: &BTreeMap<String, u64>) -> u64 {
        let finest = self.alike(rule).min_by_key(|window| window.part);
        let Some(finest) = finest.filter(|window| window.part.length_ms() <= 5_000) else { return 0 };
        let used = finest.used(now, rule.series.api(), &self.parts(rule), counters);
        let since_ms = now.earliest_ms.saturating_sub(MAX_IN_FLIGHT_MS);
        used.range(since_ms.saturating_add(1)..).fold(0, |sum, (_, calls)| sum.saturating_add(*calls))
    }
}

impl Rule<'_> {
    pub(super) fn window(&self) -> Option<Window> {
        match self.limit.period {
            Period::Window(length) => Some(Window::new(length, self.limit.per)),
            Period::Day | Period::Month => None,
        }
    }

    /// This limit, with what is left of it and until when, if that is told.
    pub(super) fn quota(&self, left_of: Option<(u64, i64, Reading)>) -> Quota {
        let left = |(remaining, reset_ms, now): (u64, i64, Reading)| Left {
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset: whole_seconds(reset_ms, now.earliest_ms),
        };
        Quota {
            policy: self.policy.clone(),
            limit: self.limit.calls,
            window: self.limit.period.length(),
            left: left_of.map(left),
        }
    }
}

impl<'g> Series<'g> {
    fn api(self) -> Option<&'g str> {
        self.api.map(ApiName::as_str)
    }

    /// The counters of a call at this time: it is counted at the latest time that it may be.
    pub(super) fn counters(self, now: Reading, zone: &TimeZone) -> BTreeSet<CounterName> {
        let name = |kind, number| CounterName::new(kind, number, self.api);
        match self.unit {
            Unit::Part(part) => BTreeSet::from([name('b', part.index(now.latest_ms))]),
            Unit::Period(calendar) => {
                let (earliest, latest) = calendar.now(now, zone);
                BTreeSet::from([name(calendar.kind(), earliest), name(calendar.kind(), latest)])
            }
        }
    }
}

impl Unit {
    fn of(limit: &Limit) -> Self {
        match limit.period {
            Period::Window(length) => Self::Part(Window::new(length, limit.per).part),
            Period::Day => Self::Period(Calendar::Day),
            Period::Month => Self::Period(Calendar::Month),
        }
    }
}
