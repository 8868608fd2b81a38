use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::counter::Part;
use super::window::Window;
use super::*;
use crate::ids::{ClientId, UserId};

/// The first millisecond of a part of a minute's window, which lasts five seconds.
const NOW: i64 = 1_700_000_000_000;
static ROME: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Rome").unwrap());
static ORDERS: LazyLock<ApiName> = LazyLock::new(|| ApiName::parse("orders").unwrap());

fn limit(calls: u32, period: Period) -> Limit {
    Limit { calls, period, per: Per::User, api: None }
}

fn per_minute(calls: u32) -> Limit {
    limit(calls, Period::Window(Seconds::new(60)))
}

fn plan(limits: &[(&str, Limit)]) -> Plan {
    let named = |(name, limit): &(&str, Limit)| (LimitName::parse(name).unwrap(), limit.clone());
    Plan { limits: limits.iter().map(named).collect() }
}

fn limits(plan: &Plan) -> Limits<'_> {
    weighing(plan, 1)
}

fn weighing(plan: &Plan, weight: u32) -> Limits<'_> {
    Limits::of_call(plan, None, &ORDERS, weight, &ROME)
}

fn three() -> Plan {
    plan(&[("default", per_minute(3))])
}

fn bucket(seconds: u64, at_ms: i64) -> String {
    let part = Window::new(Seconds::new(seconds), Per::User).part;
    CounterName::new('b', part.index(at_ms), None).to_string()
}

fn counters(entries: &[(i64, u64)]) -> BTreeMap<String, u64> {
    entries.iter().map(|(at_ms, calls)| (bucket(60, *at_ms), *calls)).collect()
}

fn refused(decision: Decision) -> Refused {
    let Decision::Refuse(refused) = decision else { panic!("{decision:?}") };
    refused
}

fn left(decision: Decision) -> Vec<u32> {
    let Decision::Admit(quotas) = decision else { panic!("{decision:?}") };
    quotas.iter().map(|quota| quota.left.unwrap().remaining).collect()
}

fn admits(plan: &Plan, now: i64, counters: &BTreeMap<String, u64>) -> bool {
    matches!(limits(plan).decide(now, counters), Decision::Admit(_))
}

#[test]
fn the_calls_of_a_time_are_bounded_by_the_strictest_limit_of_all_apis() {
    let most = |plan: &Plan, seconds| limits(plan).most_calls_in(Seconds::new(seconds));
    let minute = plan(&[("default", per_minute(30))]);
    assert_eq!([60, 61, 120].map(|seconds| most(&minute, seconds)), [Some(30), Some(60), Some(60)]);
    let day = plan(&[("default", per_minute(30)), ("day", limit(20, Period::Day))]);
    assert_eq!(most(&day, 120), Some(40), "of two days");
    let burst = plan(&[("default", per_minute(100)), ("burst", limit(3, Period::Window(Seconds::new(10))))]);
    assert_eq!(most(&burst, 120), Some(36));
    let elsewhere = Limit { api: Some(ORDERS.clone()), ..per_minute(1) };
    let shared = Limit { per: Per::App, ..per_minute(1) };
    assert_eq!(most(&plan(&[("orders", elsewhere.clone()), ("all", shared)]), 120), None);
    assert_eq!(most(&plan(&[("default", per_minute(9)), ("orders", elsewhere)]), 120), Some(18));
}

/// Checklist Q-08.
#[test]
fn what_remains_counts_down_with_every_call() {
    let plan = three();
    for calls in 1..=3 {
        assert_eq!(left(limits(&plan).decide(NOW, &counters(&[(NOW, calls)]))), [3 - u32::try_from(calls).unwrap()]);
    }
    let refused = refused(limits(&plan).decide(NOW, &counters(&[(NOW, 4)])));
    assert_eq!(refused.quotas[0].left.unwrap().remaining, 0);
    assert_eq!(refused.policies(), ["default"]);
}

#[test]
fn the_oldest_part_of_the_window_counts_in_full_until_all_of_it_has_slid_out() {
    let plan = three();
    let full = counters(&[(NOW - 60_000, 3), (NOW, 1)]);
    // The last call in that part may be 5 s younger than the part's start, and its clock may be 200 ms behind.
    assert!(!admits(&plan, NOW, &full) && !admits(&plan, NOW + 4_999, &full) && !admits(&plan, NOW + 5_199, &full));
    assert!(admits(&plan, NOW + 5_200, &full));
}

#[test]
fn a_call_counted_by_a_clock_that_runs_ahead_counts() {
    assert!(!admits(&three(), NOW, &counters(&[(NOW, 1), (NOW + 5_000, 3)])));
}

#[test]
fn foreign_names_do_not_count() {
    let plan = three();
    let mut full = counters(&[(NOW, 1)]);
    for name in [
        "n",
        "b",
        "bx",
        "b-1",
        "b+1",
        "b0340000000",
        "s1700000000",
        "b99999999999999999999999",
        "é",
        "d20231114",
        "b340000000.",
    ] {
        full.insert(name.to_owned(), 1_000);
    }
    for at_ms in [NOW - 600_000, NOW + 600_000, NOW / 70] {
        full.insert(bucket(60, at_ms), 1_000);
    }
    full.insert(format!("{}.orders", bucket(60, NOW)), 1_000);
    assert_eq!(left(limits(&plan).decide(NOW, &full)), [2]);
}

/// Checklist.
#[test]
fn retry_after_is_the_smallest_whole_second_at_which_one_more_call_fits() {
    let (plan, window) = (three(), [(NOW - 50_000, 1), (NOW - 20_000, 1), (NOW, 1)]);
    let mut with_this = counters(&window);
    with_this.insert(bucket(60, NOW), 2);
    let refused = refused(limits(&plan).decide(NOW, &with_this));
    assert_eq!(refused.retry_after, Seconds::new(16));
    assert!(refused.quotas[0].left.unwrap().reset <= refused.retry_after);
    for (seconds, fits) in [(15, false), (16, true)] {
        let later = NOW + seconds * 1_000;
        let mut again = counters(&window);
        *again.entry(bucket(60, later)).or_default() += 1;
        assert_eq!(admits(&plan, later, &again), fits, "after {seconds} s");
    }
}

/// Checklist Q-03: concurrent calls that are about to be taken out again lengthen no wait.
#[test]
fn calls_in_flight_do_not_lengthen_retry_after() {
    let crowd = counters(&[(NOW - 55_000, 2), (NOW, 40)]);
    assert_eq!(refused(limits(&three()).decide(NOW, &crowd)).retry_after, Seconds::new(11));
}

#[test]
fn a_limit_that_was_lowered_is_waited_for_in_full() {
    let before = counters(&[(NOW - 50_000, 10), (NOW - 30_000, 10), (NOW - 10_000, 2), (NOW, 1)]);
    assert_eq!(refused(limits(&three()).decide(NOW, &before)).retry_after, Seconds::new(36));
}

#[test]
fn a_limit_of_zero_refuses_everything_and_stays_in_bounds() {
    let plan = plan(&[("default", per_minute(0))]);
    let refused = refused(limits(&plan).decide(NOW, &counters(&[(NOW, 1)])));
    assert_eq!(refused.retry_after, Seconds::new(60));
}

/// A heavy call waits for room for all of it, while a light one still fits.
#[test]
fn a_call_takes_its_weight_and_waits_for_room_for_all_of_it() {
    let plan = plan(&[("default", per_minute(10))]);
    let used = [(NOW - 50_000, 3), (NOW - 20_000, 3)];
    let with = |weight: u64| counters(&[used[0], used[1], (NOW, weight)]);
    assert_eq!(left(limits(&plan).decide(NOW, &with(1))), [3]);
    assert_eq!(left(weighing(&plan, 4).decide(NOW, &with(4))), [0]);
    // Once the first three have slid out there is room for seven, not for eight.
    assert_eq!(refused(weighing(&plan, 7).decide(NOW, &with(7))).retry_after, Seconds::new(16));
    assert_eq!(refused(weighing(&plan, 8).decide(NOW, &with(8))).retry_after, Seconds::new(46));
}

#[test]
fn parts_are_named_stale_late_and_only_when_a_cleaning_write_pays() {
    let plan = three();
    let window_and_more = 60_000 + 10_000;
    let old: Vec<_> = (1..=12).map(|i| (NOW - window_and_more - i * 5_000, 1)).collect();
    assert_eq!(limits(&plan).stale(NOW, &counters(&old)).len(), 12);
    assert!(limits(&plan).stale(NOW, &counters(&old[..11])).is_empty());
    let young: Vec<_> = (0..=12).map(|i| (NOW - window_and_more + i * 5_000, 1)).collect();
    assert!(limits(&plan).stale(NOW, &counters(&young)).is_empty());
}

/// With names of 11 bytes and counts of 2 or 3 bytes, they take about half of the kilobyte of one write unit.
#[test]
fn a_steady_caller_has_at_most_some_fifty_counters() {
    let burst = |seconds| limit(1_000, Period::Window(Seconds::new(seconds)));
    let days = [("day", limit(90_000, Period::Day)), ("month", limit(900_000, Period::Month))];
    for of in [vec![12], vec![20], vec![60], vec![3_600], vec![60, 1], vec![600, 2], vec![60, 11]] {
        let windows = of.iter().map(|seconds| ("window", burst(*seconds)));
        let plan = plan(&windows.chain(days.clone()).collect::<Vec<_>>());
        let limits = limits(&plan);
        let (mut counters, mut most, mut now) = (BTreeMap::new(), 0, NOW);
        let step = i64::try_from(of.iter().min().unwrap() * 1_000 / 12).unwrap();
        for _ in 0..5_000 {
            now += step;
            for name in limits.counters(now) {
                *counters.entry(name.to_string()).or_default() += 1;
            }
            most = most.max(counters.len());
            for stale in limits.stale(now, &counters) {
                counters.remove(&stale);
            }
        }
        assert!(most <= 52, "{of:?}: {most}");
    }
}

/// After a change of the plan, the counts of the earlier plan still count, whatever the two window lengths are.
#[test]
fn what_was_counted_by_another_window_counts_as_long_as_it_is_in_this_one() {
    for (before, after) in
        [(60, 30), (60, 12), (60, 3_600), (3_600, 60), (12, 60), (3_600, 12), (13, 61), (7, 60), (1, 60)]
    {
        let old = Window::new(Seconds::new(before), Per::User).part;
        let new = plan(&[("default", limit(10, Period::Window(Seconds::new(after))))]);
        let at = NOW + i64::try_from(after.min(10)).unwrap() * 900;
        let mut counters = BTreeMap::from([(bucket(before, NOW), 50)]);
        *counters.entry(bucket(after, at)).or_default() += 1;
        assert!(!admits(&new, at, &counters), "{before} then {after}");
        // The old counter counts until all of it has slid out.
        let out = old.starts_ms(old.index(NOW) + 1) + i64::try_from(after).unwrap() * 1_000 + 200;
        let lone = BTreeMap::from([(bucket(before, NOW), 50), (bucket(after, out), 1)]);
        assert!(!admits(&new, out - 1, &lone), "{before} then {after}");
        assert!(admits(&new, out, &lone), "{before} then {after}");
    }
}

/// Each limit of a plan counted all calls. So when the plan changes, what was used is what one of them counted, not the sum.
#[test]
fn calls_that_several_limits_counted_count_once_after_a_change() {
    let new = plan(&[("default", limit(20, Period::Window(Seconds::new(30))))]);
    let counters = BTreeMap::from([(bucket(60, NOW), 15), (bucket(1, NOW), 14), (bucket(30, NOW), 1)]);
    assert_eq!(left(limits(&new).decide(NOW, &counters)), [4]);
}

/// The length of a part follows from its number, for every length that there is.
#[test]
fn the_part_of_a_counter_follows_from_its_name_for_hours() {
    for length in 1..=7_200 {
        let part = Part(length);
        for age_ms in [0, 60_000, 3_599_000, -30_000] {
            assert_eq!(Part::of(part.index(NOW - age_ms), NOW.into()), Some(part), "{age_ms} ms ago");
        }
        let index = part.index(NOW);
        assert_eq!((part.index(part.starts_ms(index)), part.index(part.starts_ms(index) - 1)), (index, index - 1));
    }
}

/// A limit of one API counts its calls alone, and one of all APIs counts them too.
#[test]
fn a_limit_of_an_api_counts_the_calls_to_it() {
    let reports = ApiName::parse("reports").unwrap();
    let plan = plan(&[("default", per_minute(10)), ("reports", Limit { api: Some(reports.clone()), ..per_minute(2) })]);
    let to = |api| Limits::of_call(&plan, None, api, 1, &ROME);
    let names = |limits: Limits<'_>| limits.counters(NOW).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(to(&ORDERS)), [bucket(60, NOW)]);
    assert_eq!(names(to(&reports)), [bucket(60, NOW), format!("{}.reports", bucket(60, NOW))]);
    let counters = BTreeMap::from([(bucket(60, NOW), 5), (format!("{}.reports", bucket(60, NOW)), 3)]);
    assert_eq!(left(to(&ORDERS).decide(NOW, &counters)), [5]);
    assert_eq!(refused(to(&reports).decide(NOW, &counters)).policies(), ["reports"]);
}

/// The plan of a subscription counts the calls to its API, whatever else the application calls.
#[test]
fn a_subscriptions_plan_counts_the_calls_to_its_api() {
    let (own, gold) = (plan(&[("default", per_minute(100))]), three());
    let limits = Limits::of_call(&own, Some(&gold), &ORDERS, 1, &ROME);
    let counters = BTreeMap::from([(bucket(60, NOW), 50), (format!("{}.orders", bucket(60, NOW)), 4)]);
    let refused = refused(limits.decide(NOW, &counters));
    assert_eq!(refused.policies(), ["orders.default"]);
    assert_eq!(rate_limit_policy(&refused.quotas), "\"default\";q=100;w=60, \"orders.default\";q=3;w=60");
}

/// Days and months are those of the time zone, through changes of its clocks.
#[test]
fn calendar_periods_are_those_of_the_time_zone() {
    let plan =
        plan(&[("default", per_minute(100)), ("day", limit(5, Period::Day)), ("month", limit(9, Period::Month))]);
    let limits = limits(&plan);
    let names = |at: &str| {
        let at: jiff::Timestamp = at.parse().unwrap();
        limits
            .counters(at.as_millisecond())
            .iter()
            .map(ToString::to_string)
            .filter(|name| !name.starts_with('b'))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("2026-11-28T22:59:59Z"), ["d20261128", "m202611"]);
    assert_eq!(names("2026-11-28T23:00:01Z"), ["d20261129", "m202611"]);
    assert_eq!(names("2026-11-30T23:00:00Z"), ["d20261130", "d20261201", "m202611", "m202612"], "clocks may differ");
    // A day of 25 hours, and one of 23.
    for (at, seconds) in [("2026-10-24T22:00:01Z", 25 * 3_600), ("2026-03-28T23:00:01Z", 23 * 3_600)] {
        let now = at.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let day = limits.counters(now).iter().map(ToString::to_string).find(|name| name.starts_with('d')).unwrap();
        let refused = refused(limits.decide(now, &BTreeMap::from([(day, 6)])));
        assert_eq!((refused.policies(), refused.retry_after), (vec!["day".to_owned()], Seconds::new(seconds)), "{at}");
    }
}

#[test]
fn a_calendar_period_refuses_until_its_end_and_begins_anew() {
    let plan = plan(&[("default", per_minute(100)), ("month", limit(9, Period::Month))]);
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let counters = BTreeMap::from([("m202611".to_owned(), 10)]);
    let refused = refused(limits(&plan).decide(at("2026-11-30T22:59:00Z"), &counters));
    assert_eq!(refused.retry_after, Seconds::new(61), "the end, and what clocks may differ by");
    let decided =
        limits(&plan).decide(refused.until_ms, &BTreeMap::from([("m202611".to_owned(), 9), ("m202612".to_owned(), 1)]));
    assert_eq!(left(decided), [100, 8]);
}

/// Of two calls at once that a burst limit refuses, a limit for a month that only they exceed is told of no longer than they are.
#[test]
fn a_limit_that_only_refused_calls_exceed_is_not_waited_for() {
    let plan = plan(&[("burst", limit(2, Period::Window(Seconds::new(1)))), ("month", limit(9, Period::Month))]);
    let counters =
        |in_flight: u64, month: u64| BTreeMap::from([(bucket(1, NOW), in_flight), ("m202311".to_owned(), month)]);
    assert!(refused(limits(&plan).decide(NOW, &counters(4, 12))).retry_after.as_u64() <= 3);
    assert!(refused(limits(&plan).decide(NOW, &counters(1, 12))).retry_after.as_u64() > 86_400);
}

fn alice() -> (UserId, ClientId) {
    (UserId::parse("alice").unwrap(), ClientId::parse("pub1").unwrap())
}

/// Checklist Q-09: the key of a limit is the user and the application, and nothing else.
#[test]
fn a_refusal_is_remembered_for_this_user_in_this_application_until_it_can_change() {
    let ((alice, app), plan) = (alice(), three());
    let (bob, other_app) = (UserId::parse("bob").unwrap(), ClientId::parse("pub2").unwrap());
    let limits = limits(&plan);
    let refusal = refused(limits.decide(NOW, &counters(&[(NOW, 4)])));
    let mut refusals = Refusals::default();
    refusals.remember(&alice, &app, &limits, &refusal, NOW);

    assert_eq!(refusals.standing(&alice, &app, &limits, NOW), Some(refusal.clone()));
    assert!(refusals.standing(&bob, &app, &limits, NOW).is_none());
    assert!(refusals.standing(&alice, &other_app, &limits, NOW).is_none());
    // It is longer than what is believed without another look.
    let late = refusals.standing(&alice, &app, &limits, NOW + 59_999).unwrap();
    assert_eq!(late.retry_after, Seconds::new(6));
    assert!(refusals.standing(&alice, &app, &limits, NOW + 60_000).is_none());
}

#[test]
fn a_changed_plan_and_a_lighter_call_end_a_remembered_refusal() {
    let ((alice, app), plan) = (alice(), three());
    let refusal = refused(weighing(&plan, 2).decide(NOW, &counters(&[(NOW, 4)])));
    let mut refusals = Refusals::default();
    refusals.remember(&alice, &app, &weighing(&plan, 2), &refusal, NOW);
    assert!(refusals.standing(&alice, &app, &weighing(&plan, 1), NOW).is_none());
    assert!(refusals.standing(&alice, &app, &weighing(&plan, 3), NOW).is_some());
    let changed = self::plan(&[("default", per_minute(100))]);
    assert!(refusals.standing(&alice, &app, &weighing(&changed, 2), NOW).is_none());
}

/// A refusal by the limit of one API says nothing about calls to another.
#[test]
fn a_refusal_by_a_limit_of_one_api_does_not_stand_for_others() {
    let ((alice, app), reports) = (alice(), ApiName::parse("reports").unwrap());
    let plan =
        plan(&[("default", per_minute(100)), ("reports", Limit { api: Some(reports.clone()), ..per_minute(1) })]);
    let to = |api| Limits::of_call(&plan, None, api, 1, &ROME);
    let counters = BTreeMap::from([(format!("{}.reports", bucket(60, NOW)), 2)]);
    let refusal = refused(to(&reports).decide(NOW, &counters));
    let mut refusals = Refusals::default();
    refusals.remember(&alice, &app, &to(&reports), &refusal, NOW);
    assert!(refusals.standing(&alice, &app, &to(&ORDERS), NOW).is_none());
    assert!(refusals.standing(&alice, &app, &to(&reports), NOW).is_some());
}

#[test]
fn the_memory_of_refusals_is_bounded() {
    let (app, plan) = (ClientId::parse("pub1").unwrap(), three());
    let limits = limits(&plan);
    let refusal = refused(limits.decide(NOW, &counters(&[(NOW, 4)])));
    let mut refusals = Refusals::default();
    let user = |number: usize| UserId::parse(&format!("u{number}")).unwrap();
    for number in 0..5_000 {
        refusals.remember(&user(number), &app, &limits, &refusal, NOW);
    }
    assert!(refusals.standing(&user(0), &app, &limits, NOW).is_some());
    assert!(refusals.standing(&user(4_999), &app, &limits, NOW).is_none());
    let until_ms = refusal.until_ms + 1;
    let later = Refused { until_ms, violated: vec![("default".to_owned(), until_ms)], ..refusal.clone() };
    refusals.remember(&user(4_999), &app, &limits, &later, refusal.until_ms);
    assert!(refusals.standing(&user(4_999), &app, &limits, refusal.until_ms).is_some());
}

/// Checklist: structured field lists of one string with integer parameters, no partition key.
#[test]
fn the_header_texts_follow_the_draft() {
    let quota = |policy: &str, left| Quota { policy: policy.to_owned(), limit: 60, window: Seconds::new(60), left };
    let quotas = [quota("default", Some(Left { remaining: 50, reset: Seconds::new(30) })), quota("everybody", None)];
    assert_eq!(rate_limit(&quotas), "\"default\";r=50;t=30");
    assert_eq!(rate_limit_policy(&quotas), "\"default\";q=60;w=60, \"everybody\";q=60;w=60");
}

/// A lease is used without a write, lasts for its part of the window, and what is left of it is given back with the next.
#[test]
fn a_lease_serves_calls_until_its_part_is_over() {
    let app = ClientId::parse("pub1").unwrap();
    let plan = plan(&[("default", per_minute(60)), ("all", Limit { per: Per::App, ..per_minute(6_000) })]);
    let limits = limits(&plan);
    let mut leases = Leases::default();
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    let mut writes = Vec::new();
    for at_ms in (NOW..NOW + 5_000).step_by(100) {
        match leases.take(&app, &limits, at_ms) {
            Take::Held => {}
            Take::Refused(refused) => panic!("{refused:?}"),
            Take::Wanting(request) => {
                for (name, units) in &request.add {
                    let counter = counters.entry(name.to_string()).or_default();
                    *counter = counter.checked_add_signed(*units).expect("no counter below zero");
                }
                assert_eq!(leases.granted(&app, &limits, &request, at_ms, &counters).refused, None);
                writes.push(at_ms - NOW);
            }
        }
    }
    // Two parts of 2.5 s: leases double until they last, and then there is one for each part.
    assert_eq!(writes, [0, 100, 300, 700, 1_500, 2_500]);
    assert_eq!(counters.values().next(), Some(&25), "what was left of the first part was given back: {counters:?}");
}

#[test]
fn the_leases_of_many_applications_are_bounded() {
    let plan = plan(&[("default", per_minute(60)), ("all", Limit { per: Per::App, ..per_minute(6_000) })]);
    let mut leases = Leases::default();
    for number in 0..2_000 {
        let app = ClientId::parse(&format!("app{number}")).unwrap();
        assert!(matches!(leases.take(&app, &limits(&plan), NOW + number), Take::Wanting(_)));
    }
    assert!(leases.applications() <= 512);
}

/// A container that saw no room looks again after a while: others may have given back what they had leased.
#[test]
fn that_there_is_no_room_is_not_believed_until_the_end_of_the_month() {
    let app = ClientId::parse("pub1").unwrap();
    let all = Limit { per: Per::App, ..limit(5, Period::Month) };
    let plan = plan(&[("default", per_minute(60)), ("all", all)]);
    let limits = limits(&plan);
    let mut leases = Leases::default();
    let mut counters = BTreeMap::from([("m202311".to_owned(), 5)]);
    let mut ask = |at_ms: i64, counters: &mut BTreeMap<String, u64>| match leases.take(&app, &limits, at_ms) {
        Take::Held => panic!("nothing is leased"),
        Take::Refused(refused) => Some(refused),
        Take::Wanting(request) => {
            for (name, units) in &request.add {
                let counter = counters.entry(name.to_string()).or_default();
                *counter = counter.checked_add_signed(*units).unwrap();
            }
            let granted = leases.granted(&app, &limits, &request, at_ms, counters);
            for (name, units) in &granted.refund {
                *counters.get_mut(name.as_str()).unwrap() -= units;
            }
            granted.refused
        }
    };
    let first = ask(NOW, &mut counters).unwrap();
    assert_eq!((first.retry_after, first.policies()), (Seconds::new(10), vec!["all".to_owned()]));
    assert!(ask(NOW + 9_999, &mut counters).is_some(), "remembered");
    let second = ask(NOW + 10_000, &mut counters).unwrap();
    assert!(second.retry_after.as_u64() > 86_400, "it is certain now");
    counters.insert("m202311".to_owned(), 3);
    assert_eq!(ask(NOW + 20_000, &mut counters), None);
    assert_eq!(counters["m202311"], 4);
}

/// A call over one shared limit keeps nothing of another, however many containers refuse it.
#[test]
fn what_one_shared_limit_refuses_takes_nothing_from_another() {
    let app = ClientId::parse("pub1").unwrap();
    let burst = Limit { per: Per::App, ..limit(1, Period::Window(Seconds::new(1))) };
    let month = Limit { per: Per::App, ..limit(500, Period::Month) };
    let plan = plan(&[("default", per_minute(60)), ("burst", burst), ("month", month)]);
    let limits = limits(&plan);
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for container in 0..100 {
        let mut leases = Leases::default();
        let Take::Wanting(request) = leases.take(&app, &limits, NOW) else { panic!("a new container has no lease") };
        for (name, units) in &request.add {
            let counter = counters.entry(name.to_string()).or_default();
            *counter = counter.checked_add_signed(*units).unwrap();
        }
        let granted = leases.granted(&app, &limits, &request, NOW, &counters);
        assert_eq!(granted.refused.is_none(), container == 0);
        for (name, units) in &granted.refund {
            *counters.get_mut(name.as_str()).unwrap() -= units;
        }
    }
    assert_eq!(counters["m202311"], 1);
}

/// A call that exceeds a day and a burst waits for the day, and another API's call for the burst alone.
#[test]
fn each_limit_is_remembered_until_its_own_end() {
    let ((alice, app), reports) = (alice(), ApiName::parse("reports").unwrap());
    let of_api = Limit { api: Some(reports.clone()), ..limit(2, Period::Day) };
    let plan = plan(&[("burst", limit(3, Period::Window(Seconds::new(2)))), ("reports", of_api)]);
    let to = |api| Limits::of_call(&plan, None, api, 1, &ROME);
    let counters = BTreeMap::from([(bucket(2, NOW), 4), ("d20231114.reports".to_owned(), 9)]);
    let refusal = refused(to(&reports).decide(NOW, &counters));
    assert_eq!(refusal.policies(), ["burst", "reports"]);
    let mut refusals = Refusals::default();
    refusals.remember(&alice, &app, &to(&reports), &refusal, NOW);
    assert!(refusals.standing(&alice, &app, &to(&ORDERS), NOW).unwrap().retry_after.as_u64() <= 3);
    assert!(refusals.standing(&alice, &app, &to(&ORDERS), NOW + 4_000).is_none());
    assert!(refusals.standing(&alice, &app, &to(&reports), NOW + 4_000).is_some());
}
