//! Limits that all users of an application share, counted in slices.
//!
//! All calls of an application would be written to one item, and an item takes 1,000 writes a second. So a container counts ahead:
//! it adds more than its call needs to the counters, and what it added is its lease, for calls to come without a write. A lease
//! lasts as long as the part of the window in which it was counted, so that calls are made when they are counted, and never
//! more than the limit. What is left of one is taken out of its counter with the next write.

use std::collections::{BTreeMap, BTreeSet};

use super::counter::CounterName;
use super::limits::{Limits, Rule, Series, Unit, View};
use super::{MAX_CLOCK_DIFFERENCE_MS, Per, Refused};
use crate::clock::Reading;
use crate::ids::{ApiName, ClientId};

/// The most applications whose leases are kept; beyond that, leases that are over go first.
const CAPACITY: usize = 512;
/// A lease takes at most this part of the room.
const SHARE: u64 = 16;
/// For how long a lease of a calendar period is meant to last, in milliseconds.
const PERIOD_LEASE_MS: i64 = 10_000;
/// How long it is believed that there is no room, in milliseconds. Others may have given something back meanwhile.
const BELIEVED_MS: i64 = 10_000;

/// What is counted together, as it is kept.
type Key = (Option<ApiName>, Unit);

/// What this container has leased.
#[derive(Debug, Default)]
pub struct Leases(BTreeMap<ClientId, BTreeMap<Key, Lease>>);

/// A slice of the counters of one series.
#[derive(Debug, Default)]
struct Lease {
    /// Where it was counted.
    counters: BTreeSet<CounterName>,
    /// What is left of it.
    units: u64,
    /// The first millisecond at which it is over.
    until_ms: i64,
    /// When it was leased, how large it was, and what was used of it.
    leased_ms: i64,
    size: u64,
    used: u64,
    /// The room that the counters had then, and what becomes free when.
    room: u64,
    frees: Vec<(i64, u64)>,
    /// Calls of at least this weight are refused until then.
    blocked: Option<Blocked>,
}

#[derive(Debug, Clone)]
struct Blocked {
    weight: u32,
    until_ms: i64,
    /// Until then it is believed without another look.
    believed_ms: i64,
    /// By which limits, as they were.
    by: Vec<(String, super::Limit)>,
}

/// What the leases of this container say about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// They suffice, and the call's weight was taken from each.
    Held,
    /// There is no room, as far as this container knows.
    Refused(Refused),
    /// More has to be leased.
    Wanting(LeaseRequest),
}

/// What to add to the counters of an application in one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// By counter; less than zero gives back what is left of an older lease.
    pub add: BTreeMap<CounterName, i64>,
    asked: Vec<Asked>,
    /// The series from whose leases the call's weight was taken already, and where those were counted.
    taken: Vec<(Key, BTreeSet<CounterName>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    series: Key,
    counters: BTreeSet<CounterName>,
    units: u64,
    until_ms: i64,
}

/// What a write to the counters gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// Why the call is refused; `None` if it is admitted.
    pub refused: Option<Refused>,
    /// What to take out of the counters again, since it is over a limit.
    pub refund: BTreeMap<CounterName, u64>,
    /// Counters that nobody needs any more, if there are enough of them to be worth a write.
    pub stale: Vec<String>,
}

impl Leases {
    /// The refusal that this container knows of for such a call.
    pub fn standing(&self, app: &ClientId, limits: &Limits<'_>, now: impl Into<Reading>) -> Option<Refused> {
        blocked(self.0.get(app)?, limits, now.into())
    }

    /// Takes what a call of this application uses from the leases of this container. The call is admitted by all its other limits, so
    /// that nobody who is refused anyway takes anything from others, not even for the moment of a write.
    pub fn take(&mut self, app: &ClientId, limits: &Limits<'_>, now: impl Into<Reading>) -> Take {
        let now = now.into();
        let weight = u64::from(limits.weight);
        let all = all_series(limits);
        if all.is_empty() {
            return Take::Held;
        }
        self.make_room(app, now);
        let leases = self.0.entry(app.clone()).or_default();
        for series in &all {
            leases.entry(key(*series)).or_default();
        }
        if let Some(refused) = blocked(leases, limits, now) {
            return Take::Refused(refused);
        }
        let (mut request, mut taken) =
            (LeaseRequest { add: BTreeMap::new(), asked: Vec::new(), taken: Vec::new() }, Vec::new());
        for series in all {
            let Some(lease) = leases.get_mut(&key(series)) else { continue };
            if lease.holds(weight, now) {
                lease.take(weight);
                taken.push((key(series), lease.counters.clone()));
            } else {
                request.ask(series, lease, limits, now);
            }
        }
        if request.asked.is_empty() {
            return Take::Held;
        }
        request.taken = taken;
        Take::Wanting(request)
    }

    /// Notes what a request gave, and decides about the call that it was made for. `counters` are those of the application, with
    /// the request added.
    pub fn granted(
        &mut self,
        app: &ClientId,
        limits: &Limits<'_>,
        request: &LeaseRequest,
        now: impl Into<Reading>,
        counters: &BTreeMap<String, u64>,
    ) -> Granted {
        let now = now.into();
        let weight = u64::from(limits.weight);
        let mut granted =
            Granted { refused: None, refund: BTreeMap::new(), stale: limits.stale_of(Per::App, now, counters) };
        let (mut violated, mut served) = (Vec::new(), request.taken.clone());
        let leases = self.0.entry(app.clone()).or_default();
        for asked in &request.asked {
            let rules: Vec<_> = limits.of(Per::App).filter(|rule| key(rule.series) == asked.series).collect();
            let views: Vec<_> = rules.iter().map(|rule| (*rule, limits.view(rule, now, counters))).collect();
            let over = views.iter().map(|(rule, view)| view.used().saturating_sub(rule.limit.calls.into())).max();
            let mut given = asked.units.saturating_sub(over.unwrap_or(0));
            let lease = leases.entry(asked.series.clone()).or_default();
            lease.look(&views, now);
            if given < weight {
                given = 0;
                let blocked = Blocked::by(limits.weight, &views, asked.units, now);
                violated.extend(blocked.violated(limits));
                lease.blocked = Some(blocked);
            } else {
                lease.begin(asked, given, now);
                lease.take(weight);
                served.push((asked.series.clone(), asked.counters.clone()));
            }
            for counter in asked.counters.iter().filter(|_| given < asked.units) {
                granted.refund.insert(counter.clone(), asked.units.saturating_sub(given));
            }
        }
        granted.refused = limits.refused(&violated, now);
        if granted.refused.is_some() {
            self.untake(app, &served, weight);
        }
        granted
    }

    #[cfg(test)]
    pub(super) fn applications(&self) -> usize {
        self.0.len()
    }

    /// Gives the weight of a call back to leases that are still those that it was taken from: another one is counted elsewhere.
    fn untake(&mut self, app: &ClientId, taken: &[(Key, BTreeSet<CounterName>)], weight: u64) {
        let Some(leases) = self.0.get_mut(app) else { return };
        for (series, counters) in taken {
            if let Some(lease) = leases.get_mut(series).filter(|lease| lease.counters == *counters) {
                lease.units = lease.units.saturating_add(weight);
                lease.used = lease.used.saturating_sub(weight);
            }
        }
    }

    fn make_room(&mut self, app: &ClientId, now: Reading) {
        if self.0.len() >= CAPACITY && !self.0.contains_key(app) {
            self.0.retain(|_, leases| leases.values().any(|lease| lease.until_ms > now.latest_ms));
        }
        if self.0.len() >= CAPACITY && !self.0.contains_key(app) {
            self.0.pop_first();
        }
    }
}

impl LeaseRequest {
    fn ask(&mut self, series: Series<'_>, lease: &mut Lease, limits: &Limits<'_>, now: Reading) {
        let counters = series.counters(now, limits.zone);
        let until_ms = match series.unit {
            Unit::Part(part) => part.starts_ms(part.index(now.latest_ms).saturating_add(1)),
            Unit::Period(calendar) => {
                calendar.ends_ms(now.latest_ms, limits.zone).saturating_sub(MAX_CLOCK_DIFFERENCE_MS)
            }
        };
        // Where a call counts in two periods, nothing is leased ahead.
        let horizon_ms = match series.unit {
            Unit::Part(_) => until_ms.saturating_sub(now.latest_ms),
            Unit::Period(_) if counters.len() > 1 => 0,
            Unit::Period(_) => until_ms.saturating_sub(now.latest_ms).min(PERIOD_LEASE_MS),
        };
        let units = lease.next_size(limits.weight.into(), horizon_ms, now);
        // Rest of the old lease. A counter that no window needs any more may have been removed: it is left alone.
        if lease.still_counts(limits, series, now) {
            for counter in &lease.counters {
                let add = self.add.entry(counter.clone()).or_default();
                *add = add.saturating_sub_unsigned(lease.units);
            }
        }
        lease.units = 0;
        for counter in &counters {
            let add = self.add.entry(counter.clone()).or_default();
            *add = add.saturating_add_unsigned(units);
        }
        self.asked.push(Asked { series: key(series), counters, units, until_ms });
    }
}

impl Lease {
    fn holds(&self, weight: u64, now: Reading) -> bool {
        self.units >= weight && now.latest_ms < self.until_ms
    }

    fn take(&mut self, weight: u64) {
        self.units = self.units.saturating_sub(weight);
        self.used = self.used.saturating_add(weight);
    }

    /// Whether what is left of it still takes room.
    fn still_counts(&self, limits: &Limits<'_>, series: Series<'_>, now: Reading) -> bool {
        let windows = limits.of(Per::App).filter(|rule| rule.series == series).filter_map(Rule::window);
        let longest = windows.map(|window| window.length_ms).max().unwrap_or(0);
        self.units > 0 && self.until_ms.saturating_add(longest) > now.latest_ms
    }

    /// How much to lease: what will be used in this time at the rate of the last lease, and somewhat more, since calls do not come
    /// evenly; at most twice as much as last time, and at most a share of the room.
    fn next_size(&self, weight: u64, horizon_ms: i64, now: Reading) -> u64 {
        let elapsed = u64::try_from(now.latest_ms.saturating_sub(self.leased_ms)).unwrap_or(0).max(1);
        let horizon = u64::try_from(horizon_ms).unwrap_or(0);
        let expected = self.used.saturating_mul(horizon) / elapsed;
        let wanted = expected.saturating_add(expected.isqrt().saturating_mul(2));
        let freed = self.frees.iter().filter(|(at_ms, _)| *at_ms <= now.earliest_ms).map(|(_, units)| *units);
        let room = freed.fold(self.room, u64::saturating_add);
        wanted.min(self.size.saturating_mul(2)).min(room / SHARE).max(weight)
    }

    /// A lease that was given. One that another call got meanwhile is added to, if it is counted in the same place.
    fn begin(&mut self, asked: &Asked, given: u64, now: Reading) {
        let there = if self.counters == asked.counters { self.units } else { 0 };
        self.counters.clone_from(&asked.counters);
        self.until_ms = asked.until_ms;
        (self.units, self.size, self.used) = (there.saturating_add(given), given, 0);
        self.leased_ms = now.latest_ms;
    }

    /// Notes the room that the counters have.
    fn look(&mut self, views: &[(&Rule<'_>, View)], now: Reading) {
        let room = |(rule, view): &(&Rule<'_>, View)| u64::from(rule.limit.calls).saturating_sub(view.used());
        let frees = |(_, view): &(&Rule<'_>, View)| match view {
            View::Window(window, used) => {
                used.iter().map(|(until_ms, used)| (window.slides_out_ms(*until_ms), *used)).collect()
            }
            View::Period { .. } => Vec::new(),
        };
        let tightest = views.iter().min_by_key(|view| room(view));
        self.room = tightest.map_or(0, room);
        self.frees = tightest.map_or_else(Vec::new, frees);
        // Once what is leased is used up, there is no room until something becomes free.
        self.blocked = tightest.filter(|view| room(view) == 0).map(|(rule, view)| Blocked {
            weight: 1,
            until_ms: view.resets_ms(now),
            believed_ms: now.earliest_ms.saturating_add(BELIEVED_MS),
            by: vec![(rule.policy.clone(), rule.limit.clone())],
        });
    }
}

impl Blocked {
    fn by(weight: u32, views: &[(&Rule<'_>, View)], added: u64, now: Reading) -> Self {
        let over: Vec<_> = views.iter().filter(|(rule, view)| view.used() > rule.limit.calls.into()).collect();
        let until =
            |(rule, view): &&(&Rule<'_>, View)| view.clone().room_ms(rule.limit.calls, weight.into(), added, now);
        Self {
            weight,
            until_ms: over.iter().map(until).max().unwrap_or(now.earliest_ms),
            believed_ms: now.earliest_ms.saturating_add(BELIEVED_MS),
            by: over.iter().map(|(rule, _)| (rule.policy.clone(), rule.limit.clone())).collect(),
        }
    }

    /// The limits of a call that stand in its way. One that was changed since does not.
    fn violated(&self, limits: &Limits<'_>) -> Vec<(String, i64)> {
        let violated =
            |rule: &&Rule<'_>| self.by.iter().any(|(policy, limit)| *policy == rule.policy && limit == rule.limit);
        limits.of(Per::App).filter(violated).map(|rule| (rule.policy.clone(), self.until_ms)).collect()
    }
}

/// The refusal that the leases know of for such a call.
fn blocked(leases: &BTreeMap<Key, Lease>, limits: &Limits<'_>, now: Reading) -> Option<Refused> {
    let weight = u64::from(limits.weight);
    let stands = |series: Series<'_>| {
        let lease = leases.get(&key(series))?;
        let blocked = lease.blocked.as_ref()?;
        let until_ms = blocked.until_ms.min(blocked.believed_ms);
        let stands = until_ms > now.earliest_ms && blocked.weight <= limits.weight && !lease.holds(weight, now);
        stands.then_some(blocked)
    };
    let violated: Vec<_> =
        all_series(limits).into_iter().filter_map(stands).flat_map(|one| one.violated(limits)).collect();
    limits.refused(&violated, now)
}

fn all_series<'g>(limits: &Limits<'g>) -> BTreeSet<Series<'g>> {
    limits.of(Per::App).map(|rule| rule.series).collect()
}

fn key(series: Series<'_>) -> Key {
    (series.api.cloned(), series.unit)
}
