//! The limits compared with an exact log: several containers, clocks that differ, responses that take time.

use proptest::prelude::*;

use super::simulation::{Attempt, Outcomes, Rules, Shape, Traffic};
use super::*;
use crate::clock::{Offset, Reading, Ticks};
use crate::time::Timestamp;

const START: i64 = 1_700_000_012_345;
static UTC: TimeZone = TimeZone::UTC;

fn limit(calls: u32, period: Period, per: Per) -> Limit {
    Limit { calls, period, per, api: None }
}

fn window(calls: u32, seconds: u64) -> Limit {
    limit(calls, Period::Window(Seconds::new(seconds)), Per::User)
}

fn shared(calls: u32, seconds: u64) -> Limit {
    limit(calls, Period::Window(Seconds::new(seconds)), Per::App)
}

fn plan(limits: impl IntoIterator<Item = Limit>) -> Plan {
    let named = |(number, limit)| (LimitName::parse(&format!("l{number}")).unwrap(), limit);
    Plan { limits: limits.into_iter().enumerate().map(named).collect() }
}

fn apis() -> Vec<ApiName> {
    ["orders", "reports"].map(|name| ApiName::parse(name).unwrap()).to_vec()
}

fn rules<'g>(plan: &'g Plan, apis: &'g [ApiName]) -> Rules<'g> {
    Rules { plan, subscription: None, apis, zone: &UTC }
}

/// The clock of a container.
trait Watch {
    fn read(&mut self, true_ms: i64) -> Reading;
}

/// A clock that is used uncorrected, with its error.
struct Believed(i64);

impl Watch for Believed {
    fn read(&mut self, true_ms: i64) -> Reading {
        (true_ms + self.0).into()
    }
}

/// A clock that is corrected by a response before each reading, which takes `response_ms`.
struct Corrected {
    error_ms: i64,
    response_ms: i64,
    offset: Offset,
}

impl Corrected {
    fn ticks(&self, true_ms: i64) -> Ticks {
        Ticks { wall_ms: true_ms + self.error_ms, monotonic_ms: true_ms }
    }
}

impl Watch for Corrected {
    fn read(&mut self, true_ms: i64) -> Reading {
        let (sent, made) = (true_ms - self.response_ms, true_ms - self.response_ms / 3);
        let date = Timestamp::from_secs(made.div_euclid(1_000));
        self.offset.observe(self.ticks(sent), self.ticks(true_ms), date);
        self.offset.reading(self.ticks(true_ms)).unwrap()
    }
}

fn run_by(rules: &Rules<'_>, attempts: &[Attempt], mut clocks: Vec<impl Watch>) -> Outcomes {
    rules.run(attempts, |container, at_ms| clocks[container].read(at_ms))
}

/// Containers whose clocks are up to 100 ms wrong.
fn run(rules: &Rules<'_>, attempts: &[Attempt]) -> Outcomes {
    rules.run(attempts, |container, at_ms| (at_ms + [0, -100, 100, 40, -60][container % 5]).into())
}

fn admitted(outcomes: &Outcomes) -> usize {
    outcomes.refused_by.iter().filter(|refused| refused.is_none()).count()
}

fn holds(rules: &Rules<'_>, attempts: &[Attempt], outcomes: &Outcomes) -> bool {
    let (most, limit) = rules.fullest(attempts, |number| outcomes.refused_by[number].is_none());
    most <= limit.into()
}

fn traffic(shape: Shape, per_1000_s: u64, seconds: i64, containers: usize, users: usize) -> Vec<Attempt> {
    let traffic = Traffic { shape, per_1000_s, length_ms: seconds * 1_000, users, containers, weight: 1 };
    traffic.attempts(START)
}

struct Measured {
    share: f64,
    writes: f64,
    app_writes: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn measured(name: &str, plan: &Plan, attempts: &[Attempt]) -> Measured {
    let apis = apis();
    let rules = rules(plan, &apis);
    let ours = run(&rules, attempts);
    let exact = rules.exact(attempts).into_iter().filter(|admitted| *admitted).count();
    let (most, of) = rules.fullest(attempts, |number| ours.refused_by[number].is_none());
    let share = admitted(&ours) as f64 / exact as f64;
    let per_call = |writes: u64| writes as f64 / attempts.len() as f64;
    let (writes, app_writes) = (per_call(ours.user_writes), per_call(ours.app_writes));
    println!(
        "{name}: {share:.3} of an exact log, fullest {most} of {of}, {writes:.2} and {app_writes:.3} writes a call, at most {} counters",
        ours.most_counters
    );
    assert!(most <= of.into(), "{name}: {most} of {of}");
    Measured { share, writes, app_writes }
}

/// Checklist Q-10.
#[test]
fn a_saturated_limit_admits_92_percent_of_an_exact_log_and_refusals_cost_few_writes() {
    for containers in [1, 2, 8] {
        for (name, shape, per_1000_s) in [
            ("5x steady", Shape::Steady, 5_000),
            ("5x random", Shape::Random, 5_000),
            ("5x bursts of 20", Shape::Bursts(20), 5_000),
            ("2x random", Shape::Random, 2_000),
        ] {
            let name = format!("{name}, {containers} containers");
            let attempts = traffic(shape, per_1000_s, 3_000, containers, 1);
            let found = measured(&name, &plan([window(60, 60)]), &attempts);
            assert!(found.share >= 0.92, "{name}: {}", found.share);
            assert!(!name.starts_with("5x") || found.writes <= 0.35, "{name}: {} writes a call", found.writes);
        }
    }
}

#[test]
fn nine_tenths_of_the_limit_is_hardly_ever_refused() {
    for containers in [1, 8] {
        for (name, shape) in
            [("0.9 steady", Shape::Steady), ("0.9 random", Shape::Random), ("0.9 bursts of 3", Shape::Bursts(3))]
        {
            let name = format!("{name}, {containers} containers");
            let found = measured(&name, &plan([window(60, 60)]), &traffic(shape, 900, 3_000, containers, 1));
            assert!(found.share >= 0.97, "{name}: {}", found.share);
        }
    }
}

/// A limit that all users share, over many containers: what is leased ahead is never more than the limit, and nearly all of it.
#[test]
fn a_shared_limit_costs_a_tenth_of_a_write_and_admits_92_percent() {
    for (name, calls) in [("1,000 calls/s of 1,000", 60_000), ("1,000 calls/s of 900", 54_000)] {
        let attempts = traffic(Shape::Random, 1_000_000, 130, 100, 3_000);
        let found = measured(name, &plan([window(60, 60), shared(calls, 60)]), &attempts);
        assert!(found.share >= 0.92, "{name}: {}", found.share);
        assert!(found.app_writes <= 0.1, "{name}: {} writes a call", found.app_writes);
    }
}

#[test]
fn a_small_shared_limit_is_exact_over_many_containers() {
    for (name, per_1000_s, users) in
        [("10 a minute, 1x", 167, 50), ("10 a minute, 2x", 333, 50), ("10 a minute, 10x", 1_667, 500)]
    {
        let attempts = traffic(Shape::Random, per_1000_s, 7_200, 500, users);
        let found = measured(name, &plan([window(5, 60), shared(10, 60)]), &attempts);
        assert!(found.share >= 0.92, "{name}: {}", found.share);
    }
}

/// With fixed windows, such bursts get twice the limit through.
#[test]
fn bursts_on_both_sides_of_every_edge_never_exceed_the_limit() {
    for (limits, edge_ms) in [([window(60, 60)], 60_000), ([window(60, 60)], 5_000), ([shared(60, 60)], 2_500)] {
        let first = START.div_euclid(60_000) * 60_000;
        let attempts: Vec<Attempt> = (0..40)
            .flat_map(|k| [first + k * edge_ms - 3, first + k * edge_ms + 3])
            .flat_map(|at| std::iter::repeat_n(at, 120))
            .enumerate()
            .map(|(number, at_ms)| attempt(at_ms, number % 5, 1, 5))
            .collect();
        measured(&format!("edges every {edge_ms} ms"), &plan(limits), &attempts);
    }
}

fn attempt(at_ms: i64, container: usize, counted_after_ms: i64, refund_after_ms: i64) -> Attempt {
    Attempt { at_ms, container, user: 0, api: 0, weight: 1, counted_after_ms, refund_after_ms }
}

/// Abuse case H2; checklist Q-10: whenever the refunds come, exactly the limit of a burst is admitted.
#[test]
fn exactly_the_limit_is_admitted_of_four_times_as_many_at_once() {
    let apis = apis();
    for refund_after_ms in [0, 1, 500] {
        for limits in
            [vec![window(60, 60)], vec![window(100, 60), shared(60, 60)], vec![limit(60, Period::Day, Per::User)]]
        {
            let attempts: Vec<Attempt> = (0..240).map(|number| attempt(START, number, 5, refund_after_ms)).collect();
            let plan = plan(limits);
            let outcomes = rules(&plan, &apis).run(&attempts, |_, at_ms| at_ms.into());
            assert_eq!(admitted(&outcomes), 60, "{plan:?}");
        }
    }
}

/// A burst and a sustained limit hold together, and a call that one refuses takes nothing from the other.
#[test]
fn what_one_limit_refuses_takes_nothing_from_another() {
    let plan = plan([window(600, 60), window(20, 2), limit(100_000, Period::Day, Per::User), shared(6_000, 60)]);
    let found = measured("bursts of 40 of 20 in 2 s", &plan, &traffic(Shape::Bursts(40), 13_333, 600, 8, 1));
    assert!(found.share >= 0.99, "{}", found.share);
}

fn clocks() -> impl Strategy<Value = Vec<i64>> {
    let half = MAX_CLOCK_DIFFERENCE_MS / 2;
    prop::collection::vec(-half..=half, 4)
}

/// Clocks that are wrong by at most the corrected bound, with responses of all durations.
fn wrong_clocks() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let bound = Offset::LONGEST.as_i64() * 1_000;
    let error = prop_oneof![-1_500..=1_500_i64, Just(30_000), Just(-30_000), -bound..=bound];
    prop::collection::vec((error, 1..1_000_i64), 4)
}

/// Limits of every kind, and attempts that crowd around the ends of windows and days.
fn cases() -> impl Strategy<Value = (Plan, Vec<Attempt>)> {
    let seconds = prop_oneof![Just(1_u64), Just(2), Just(7), Just(12), Just(60), Just(3_600)];
    let period = prop_oneof![4 => seconds.prop_map(|length| Period::Window(Seconds::new(length))), 1 => Just(Period::Day), 1 => Just(Period::Month)];
    let per = prop_oneof![Just(Per::User), Just(Per::App)];
    let api = prop::option::weighted(0.2, Just("reports"));
    let limit = (1..20_u32, period, per, api).prop_map(|(calls, period, per, api)| Limit {
        calls,
        period,
        per,
        api: api.map(|api| ApiName::parse(api).unwrap()),
    });
    // A second before the end of a month in UTC, or somewhere.
    let start = prop_oneof![Just(1_764_547_199_000_i64), Just(START)];
    (prop::collection::vec(limit, 1..5), start).prop_flat_map(|(limits, start)| {
        let longest = limits.iter().map(|limit| limit.period.length().as_i64().min(3_600)).max().unwrap_or(60) * 1_000;
        let gap = prop_oneof![4 => 0..2_i64, 4 => 0..longest / 10, 1 => 0..longest, 1 => longest - 3..longest + 3, 1 => 0..400_i64];
        let one = (gap, 0..4_usize, 0..3_usize, 0..2_usize, 1..4_u32, 0..=MAX_IN_FLIGHT_MS, 0..3_000_i64);
        let attempts = prop::collection::vec(one, 1..250).prop_map(move |list| {
            let mut at_ms = start;
            let place = |(gap, container, user, api, weight, counted_after_ms, refund_after_ms)| {
                at_ms += gap;
                Attempt { at_ms, container, user, api, weight, counted_after_ms, refund_after_ms }
            };
            list.into_iter().map(place).collect()
        });
        (Just(plan(limits)), attempts)
    })
}

/// Two containers, of which one is half a minute ahead: more than the limit gets through unless the clocks are corrected.
#[test]
fn clocks_half_a_minute_apart_do_not_admit_more_once_they_are_corrected() {
    let (apis, plan) = (apis(), plan([window(60, 60)]));
    let rules = rules(&plan, &apis);
    let attempts: Vec<Attempt> =
        (0..600).map(|number| attempt(START + i64::try_from(number).unwrap() * 300, number / 50 % 2, 5, 5)).collect();
    let believed = run_by(&rules, &attempts, vec![Believed(0), Believed(30_000)]);
    let corrected = |error_ms| Corrected { error_ms, response_ms: 10, offset: Offset::default() };
    let ours = run_by(&rules, &attempts, vec![corrected(0), corrected(30_000)]);
    let exact = rules.exact(&attempts).into_iter().filter(|admitted| *admitted).count();
    let share = admitted(&ours) * 100 / exact;
    println!("clocks 30 s apart, corrected: {share} % of an exact log");
    assert!(!holds(&rules, &attempts, &believed) && holds(&rules, &attempts, &ours) && share >= 85, "{share}");
}

/// Phases of calls at one pace in one container: leases grow, are used up, are left over, and are given back.
fn phases() -> impl Strategy<Value = (Plan, Vec<Attempt>)> {
    let phase = (0..4_usize, 0..40_i64, 1..150_usize, prop_oneof![0..50_i64, 0..3_000_i64, 20_000..70_000_i64]);
    let length = prop_oneof![Just(2_u64), Just(24), Just(60)];
    (48..400_u32, length, prop::collection::vec(phase, 1..12)).prop_map(|(calls, seconds, phases)| {
        let (mut at_ms, mut attempts) = (START, Vec::new());
        for (container, gap_ms, count, pause_ms) in phases {
            for _ in 0..count {
                at_ms += gap_ms;
                attempts.push(attempt(at_ms, container, 5, 10));
            }
            at_ms += pause_ms;
        }
        (plan([shared(calls, seconds)]), attempts)
    })
}

proptest! {
    /// What is leased is used while it counts.
    #[test]
    fn no_shared_limit_is_exceeded_by_what_is_leased_ahead((plan, attempts) in phases(), clocks in clocks()) {
        let apis = apis();
        let rules = rules(&plan, &apis);
        let outcomes = run_by(&rules, &attempts, clocks.into_iter().map(Believed).collect());
        prop_assert!(holds(&rules, &attempts, &outcomes));
    }

    /// Checklist Q-10: the promise holds for every error of the clocks within the corrected bound.
    #[test]
    fn no_limit_is_exceeded_with_clocks_that_are_corrected((plan, attempts) in cases(), clocks in wrong_clocks()) {
        let (apis, watch) = (apis(), |(error_ms, response_ms)| Corrected { error_ms, response_ms, offset: Offset::default() });
        let rules = rules(&plan, &apis);
        let outcomes = run_by(&rules, &attempts, clocks.into_iter().map(watch).collect());
        prop_assert!(holds(&rules, &attempts, &outcomes));
    }

    /// Checklist Q-10: the promise holds for clocks within the assumed bound.
    #[test]
    fn no_limit_is_ever_exceeded((plan, attempts) in cases(), clocks in clocks()) {
        let apis = apis();
        let rules = rules(&plan, &apis);
        let outcomes = run_by(&rules, &attempts, clocks.into_iter().map(Believed).collect());
        prop_assert!(holds(&rules, &attempts, &outcomes));
    }
}
