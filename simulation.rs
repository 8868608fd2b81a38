//! What limits do to calls: containers, their leases and memories, and counters, as the authorizer has them, beside an exact log of
//! every call.

mod traffic;

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::limits::{Rule, Unit};
use super::{CounterName, Decision, Leases, Limit, Limits, Per, Period, Plan, Refusals, Take};
use crate::clock::Reading;
use crate::ids::{ApiName, ClientId, UserId};

pub use traffic::{Shape, Traffic};

/// One call that a client tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// When the authorizer reads its clock, in Unix milliseconds.
    pub at_ms: i64,
    /// In which container.
    pub container: usize,
    /// By which user.
    pub user: usize,
    /// To which of the APIs.
    pub api: usize,
    /// What it uses.
    pub weight: u32,
    /// How long after that it is counted, in milliseconds.
    pub counted_after_ms: i64,
    /// How long after that it is taken out again, if it is refused, in milliseconds.
    pub refund_after_ms: i64,
}

/// What came of the attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Of each attempt, in their order: nothing if it was admitted, otherwise the names of the limits that refused it.
    pub refused_by: Vec<Option<Vec<String>>>,
    /// Writes to counters of users.
    pub user_writes: u64,
    /// Writes to counters that all users share.
    pub app_writes: u64,
    /// The most counters that one item had.
    pub most_counters: usize,
}

/// The plans and APIs of calls, and the time zone of days and months.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'g> {
    /// The application's plan.
    pub plan: &'g Plan,
    /// That of its subscriptions.
    pub subscription: Option<&'g Plan>,
    /// The APIs.
    pub apis: &'g [ApiName],
    /// Of days and months.
    pub zone: &'g TimeZone,
}

enum Step {
    Count(usize),
    Refund { user: Option<(usize, Vec<String>, u64)>, app: BTreeMap<CounterName, u64> },
}

#[derive(Default)]
struct Container {
    refusals: Refusals,
    leases: Leases,
}

impl<'g> Rules<'g> {
    fn of(&self, attempt: &Attempt) -> Option<Limits<'g>> {
        let api = self.apis.get(attempt.api)?;
        Some(Limits::of_call(self.plan, self.subscription, api, attempt.weight, self.zone))
    }

    /// Runs the attempts in the order in which they are counted. `read` is the clock of a container at a true time.
    pub fn run(&self, attempts: &[Attempt], mut read: impl FnMut(usize, i64) -> Reading) -> Outcomes {
        let (Ok(app), users) = (ClientId::parse("app"), users(attempts)) else { return Outcomes::default() };
        let mut steps: BTreeMap<(i64, usize), Step> = BTreeMap::new();
        for (number, attempt) in attempts.iter().enumerate() {
            steps.insert((attempt.at_ms.saturating_add(attempt.counted_after_ms), number), Step::Count(number));
        }
        let mut containers: HashMap<usize, Container> = HashMap::new();
        let mut of_users: HashMap<usize, BTreeMap<String, u64>> = HashMap::new();
        let mut of_app: BTreeMap<String, u64> = BTreeMap::new();
        let mut outcomes = Outcomes { refused_by: vec![None; attempts.len()], ..Outcomes::default() };
        let mut next = attempts.len();
        while let Some(((step_ms, _), step)) = steps.pop_first() {
            let number = match step {
                Step::Refund { user, app } => {
                    if let Some((user, names, weight)) = user {
                        outcomes.user_writes = outcomes.user_writes.saturating_add(1);
                        let counters = of_users.entry(user).or_default();
                        take_out(counters, names.iter().map(|name| (name.as_str(), weight)));
                    }
                    if !app.is_empty() {
                        outcomes.app_writes = outcomes.app_writes.saturating_add(1);
                        take_out(&mut of_app, app.iter().map(|(name, units)| (name.as_str(), *units)));
                    }
                    continue;
                }
                Step::Count(number) => number,
            };
            let Some((attempt, limits)) = attempts.get(number).and_then(|attempt| Some((attempt, self.of(attempt)?)))
            else {
                continue;
            };
            let Some(user) = users.get(&attempt.user) else { continue };
            let now = read(attempt.container, attempt.at_ms);
            let container = containers.entry(attempt.container).or_default();
            let mut refuse = |violated| {
                if let Some(outcome) = outcomes.refused_by.get_mut(number) {
                    *outcome = Some(violated);
                }
            };
            if let Some(refused) = container.refusals.standing(user, &app, &limits, now) {
                refuse(refused.violated);
                continue;
            }
            if let Some(refused) = container.leases.standing(&app, &limits, now) {
                refuse(refused.violated);
                continue;
            }
            let names: Vec<String> = limits.counters(now).iter().map(ToString::to_string).collect();
            let weight = u64::from(limits.weight());
            let counters = of_users.entry(attempt.user).or_default();
            for name in &names {
                add(counters, name, i64::from(limits.weight()));
            }
            outcomes.user_writes = outcomes.user_writes.saturating_add(1);
            outcomes.most_counters = outcomes.most_counters.max(counters.len());
            let decision = limits.decide(now, counters);
            let stale = limits.stale(now, counters);
            outcomes.user_writes = outcomes.user_writes.saturating_add(u64::from(!stale.is_empty()));
            remove(counters, &stale);
            let (mut refund, mut refused) = (BTreeMap::new(), None);
            match decision {
                Decision::Admit(_) => match container.leases.take(&app, &limits, now) {
                    Take::Held => {}
                    Take::Refused(over) => refused = Some(over),
                    Take::Wanting(request) => {
                        for (name, units) in &request.add {
                            add(&mut of_app, name.as_str(), *units);
                        }
                        outcomes.app_writes = outcomes.app_writes.saturating_add(1);
                        outcomes.most_counters = outcomes.most_counters.max(of_app.len());
                        let granted = container.leases.granted(&app, &limits, &request, now, &of_app);
                        outcomes.app_writes =
                            outcomes.app_writes.saturating_add(u64::from(!granted.stale.is_empty()));
                        remove(&mut of_app, &granted.stale);
                        (refund, refused) = (granted.refund, granted.refused);
                    }
                },
                Decision::Refuse(over) => {
                    container.refusals.remember(user, &app, &limits, &over, now);
                    refused = Some(over);
                }
            }
            let user_refund = refused.map(|refused| {
                refuse(refused.violated);
                (attempt.user, names, weight)
            });
            if user_refund.is_some() || !refund.is_empty() {
                let at_ms = step_ms.saturating_add(attempt.refund_after_ms);
                steps.insert((at_ms, next), Step::Refund { user: user_refund, app: refund });
                next = next.saturating_add(1);
            }
        }
        outcomes
    }

    /// Which of the attempts an exact log admits.
    pub fn exact(&self, attempts: &[Attempt]) -> Vec<bool> {
        let mut order: Vec<usize> = (0..attempts.len()).collect();
        order.sort_by_key(|number| attempts.get(*number).map(|attempt| attempt.at_ms));
        let mut logs: HashMap<Log, (VecDeque<(i64, u64)>, u64)> = HashMap::new();
        let mut admitted = vec![false; attempts.len()];
        for number in order {
            let Some((attempt, limits)) = attempts.get(number).and_then(|one| Some((one, self.of(one)?))) else {
                continue;
            };
            let weight = u64::from(limits.weight());
            let keys: Vec<_> =
                limits.rules.iter().map(|rule| (Log::of(rule, attempt, self.zone), rule.limit)).collect();
            let fits = keys.iter().all(|(log, limit)| {
                let (entries, sum) = logs.entry(log.clone()).or_default();
                if let Period::Window(length) = limit.period {
                    let since_ms = attempt.at_ms.saturating_sub(length.as_i64().saturating_mul(1_000));
                    while let Some((_, weight)) = entries.pop_front_if(|(at_ms, _)| *at_ms <= since_ms) {
                        *sum = sum.saturating_sub(weight);
                    }
                }
                sum.saturating_add(weight) <= u64::from(limit.calls)
            });
            if !fits {
                continue;
            }
            for (log, _) in keys {
                let (entries, sum) = logs.entry(log).or_default();
                entries.push_back((attempt.at_ms, weight));
                *sum = sum.saturating_add(weight);
            }
            if let Some(outcome) = admitted.get_mut(number) {
                *outcome = true;
            }
        }
        admitted
    }

    /// The most that was admitted within any period of a limit, wherever a window starts, as a share of the limit. More than 1 is a
    /// limit that was exceeded.
    pub fn fullest(&self, attempts: &[Attempt], admitted: impl Fn(usize) -> bool) -> (u64, u32) {
        let mut logs: HashMap<Log, (&Limit, Entries)> = HashMap::new();
        for (_, attempt) in attempts.iter().enumerate().filter(|(number, _)| admitted(*number)) {
            let Some(limits) = self.of(attempt) else { continue };
            for rule in &limits.rules {
                let log = logs.entry(Log::of(rule, attempt, self.zone));
                let (_, entries) = log.or_insert((rule.limit, Entries::new()));
                entries.push((attempt.at_ms, limits.weight().into()));
            }
        }
        let most = logs.into_values().map(|(limit, mut entries)| {
            entries.sort_unstable();
            let length_ms = match limit.period {
                Period::Window(length) => length.as_i64().saturating_mul(1_000),
                Period::Day | Period::Month => i64::MAX,
            };
            let (mut window, mut sum, mut most) = (VecDeque::new(), 0_u64, 0_u64);
            for (at_ms, weight) in entries {
                window.push_back((at_ms, weight));
                sum = sum.saturating_add(weight);
                let is_out = |(then_ms, _): &mut (i64, u64)| at_ms.saturating_sub(*then_ms) >= length_ms;
                while let Some((_, weight)) = window.pop_front_if(is_out) {
                    sum = sum.saturating_sub(weight);
                }
                most = most.max(sum);
            }
            (most, limit.calls)
        });
        most.max_by(|a, b| (a.0.saturating_mul(b.1.into())).cmp(&b.0.saturating_mul(a.1.into()))).unwrap_or((0, 1))
    }
}

/// When calls were made, in milliseconds, and what each used.
type Entries = Vec<(i64, u64)>;

/// Whose calls an exact log has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Log {
    policy: String,
    user: Option<usize>,
    period: i64,
}

impl Log {
    fn of(rule: &Rule<'_>, attempt: &Attempt, zone: &TimeZone) -> Self {
        let period = |calendar: Calendar| calendar.number(attempt.at_ms, zone);
        Self {
            policy: rule.policy.clone(),
            user: (rule.limit.per == Per::User).then_some(attempt.user),
            period: match rule.series.unit {
                Unit::Part(_) => 0,
                Unit::Period(calendar) => period(calendar),
            },
        }
    }
}

fn users(attempts: &[Attempt]) -> HashMap<usize, UserId> {
    attempts
        .iter()
        .filter_map(|attempt| Some((attempt.user, UserId::parse(&format!("u{}", attempt.user)).ok()?)))
        .collect()
}

fn add(counters: &mut BTreeMap<String, u64>, name: &str, units: i64) {
    let counter = counters.entry(name.to_owned()).or_default();
    *counter = counter.saturating_add_signed(units);
}

fn remove(counters: &mut BTreeMap<String, u64>, names: &[String]) {
    for name in names {
        counters.remove(name);
    }
}

/// As the store does it: a counter that is gone, or has less, is left alone.
fn take_out<'n>(counters: &mut BTreeMap<String, u64>, units: impl Iterator<Item = (&'n str, u64)>) {
    for (name, units) in units {
        if let Some(counter) = counters.get_mut(name).filter(|counter| **counter >= units) {
            *counter = counter.saturating_sub(units);
        }
    }
}
