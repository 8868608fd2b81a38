use super::*;
use crate::ids::{ClientId, UserId};

const PLAN: Plan = Plan { calls: 3, window: Seconds::new(60) };
/// The first millisecond of a sub-bucket of `PLAN`, which lasts five seconds.
const NOW: i64 = 1_700_000_000_000;

fn counters(entries: &[(i64, u64)]) -> BTreeMap<String, u64> {
    entries.iter().map(|(at_ms, calls)| (PLAN.bucket(*at_ms).to_string(), *calls)).collect()
}

fn refused(decision: Decision) -> Refused {
    let Decision::Refuse(refused) = decision else { panic!("{decision:?}") };
    refused
}

fn admitted(decision: Decision) -> Quota {
    let Decision::Admit(quota) = decision else { panic!("{decision:?}") };
    quota
}

/// Checklist Q-08.
#[test]
fn what_remains_counts_down_with_every_call() {
    for calls in 1..=3 {
        let quota = admitted(PLAN.decide(NOW, &counters(&[(NOW, calls)])));
        assert_eq!(u64::from(quota.remaining), 3 - calls);
        assert_eq!(quota.limit, 3);
    }
    assert_eq!(refused(PLAN.decide(NOW, &counters(&[(NOW, 4)]))).quota.remaining, 0);
}

#[test]
fn the_oldest_bucket_of_the_window_counts_in_full_until_all_of_it_has_slid_out() {
    let old = NOW - 60_000;
    let full = counters(&[(old, 3), (NOW, 1)]);
    // The last call in that bucket may be 5 s younger than the bucket's start, and its clock may be 200 ms behind.
    assert!(matches!(PLAN.decide(NOW, &full), Decision::Refuse(_)));
    assert!(matches!(PLAN.decide(NOW + 4_999, &full), Decision::Refuse(_)));
    assert!(matches!(PLAN.decide(NOW + 5_199, &full), Decision::Refuse(_)));
    assert!(matches!(PLAN.decide(NOW + 5_200, &full), Decision::Admit(_)));
}

#[test]
fn a_call_counted_by_a_clock_that_runs_ahead_counts() {
    let full = counters(&[(NOW, 1), (NOW + 5_000, 3)]);
    assert!(matches!(PLAN.decide(NOW, &full), Decision::Refuse(_)));
}

#[test]
fn foreign_names_do_not_count() {
    let mut full = counters(&[(NOW, 1)]);
    for name in ["n", "b", "bx", "b-1", "b+1", "b0340000000", "s1700000000", "b99999999999999999999999", "é"] {
        full.insert(name.to_owned(), 1_000);
    }
    for foreign in [PLAN.bucket(NOW - 600_000), PLAN.bucket(NOW + 600_000), PLAN.bucket(NOW / 70)] {
        full.insert(foreign.to_string(), 1_000);
    }
    assert_eq!(admitted(PLAN.decide(NOW, &full)).remaining, 2);
}

/// Checklist.
#[test]
fn retry_after_is_the_smallest_whole_second_at_which_one_more_call_fits() {
    let window = [(NOW - 50_000, 1), (NOW - 20_000, 1), (NOW, 1)];
    let mut with_this = counters(&window);
    with_this.insert(PLAN.bucket(NOW).to_string(), 2);
    let refused = refused(PLAN.decide(NOW, &with_this));
    assert_eq!(refused.retry_after, Seconds::new(16));
    assert!(refused.quota.reset <= refused.retry_after);
    for (seconds, fits) in [(15, false), (16, true)] {
        let later = NOW + seconds * 1_000;
        let mut again = counters(&window);
        *again.entry(PLAN.bucket(later).to_string()).or_default() += 1;
        assert_eq!(matches!(PLAN.decide(later, &again), Decision::Admit(_)), fits, "after {seconds} s");
    }
}

/// Checklist Q-03: concurrent calls that are about to be taken out again lengthen no wait.
#[test]
fn calls_in_flight_do_not_lengthen_retry_after() {
    let crowd = counters(&[(NOW - 55_000, 2), (NOW, 40)]);
    assert_eq!(refused(PLAN.decide(NOW, &crowd)).retry_after, Seconds::new(11));
}

#[test]
fn a_limit_that_was_lowered_is_waited_for_in_full() {
    let before = counters(&[(NOW - 50_000, 10), (NOW - 30_000, 10), (NOW - 10_000, 2), (NOW, 1)]);
    assert_eq!(refused(PLAN.decide(NOW, &before)).retry_after, Seconds::new(36));
}

#[test]
fn a_limit_of_zero_refuses_everything_and_stays_in_bounds() {
    let none = Plan { calls: 0, ..PLAN };
    let refused = refused(none.decide(NOW, &counters(&[(NOW, 1)])));
    assert_eq!(refused.retry_after, Seconds::new(60));
}

#[test]
fn buckets_are_named_stale_late_and_only_when_a_cleaning_write_pays() {
    let window_and_more = 2 * 60_000;
    let old: Vec<_> = (1..=12).map(|i| (NOW - window_and_more - i * 5_000, 1)).collect();
    assert_eq!(PLAN.stale(NOW, &counters(&old)).len(), 12);
    assert!(PLAN.stale(NOW, &counters(&old[..11])).is_empty());
    let young: Vec<_> = (0..=12).map(|i| (NOW - window_and_more + i * 5_000, 1)).collect();
    assert!(PLAN.stale(NOW, &counters(&young)).is_empty());
}

/// With names of 10 bytes and counts of 2 or 3 bytes, they take about half of the kilobyte of one write unit.
#[test]
fn a_steady_caller_has_at_most_some_fifty_counters() {
    for seconds in [12, 20, 60, 600, 3_600] {
        let plan = Plan { calls: 1_000, window: Seconds::new(seconds) };
        let (mut counters, mut most) = (BTreeMap::new(), 0);
        for step in 0..500 {
            let now = NOW + step * plan.window_ms() / 12;
            counters.insert(plan.bucket(now).to_string(), 1);
            most = most.max(counters.len());
            for stale in plan.stale(now, &counters) {
                counters.remove(&stale);
            }
        }
        assert!(most <= 48, "{seconds} s: {most}");
    }
}

#[test]
fn buckets_of_another_window_length_become_stale_with_time_but_other_attributes_never_do() {
    let other = Plan { window: Seconds::new(3_600), ..PLAN };
    let mut mixed: BTreeMap<_, _> = (0..12).map(|i| (other.bucket(NOW + i * 300_000).to_string(), 1)).collect();
    mixed.insert("n".to_owned(), 1);
    assert_eq!(PLAN.stale(NOW + 3_400_000 + 119_999, &mixed).len(), 0);
    assert_eq!(PLAN.stale(NOW + 3_400_000 + 120_000, &mixed).len(), 12);
    let mixed: BTreeMap<_, _> = (0..12).map(|i| (PLAN.bucket(NOW + i * 5_000).to_string(), 1)).collect();
    assert_eq!(other.stale(NOW + 60_000 + 3_899_999, &mixed).len(), 0);
    assert_eq!(other.stale(NOW + 60_000 + 3_900_000, &mixed).len(), 12);
}

/// After a change of the plan, the counts of the earlier plan still count, whatever the two window lengths are.
#[test]
fn what_was_counted_by_another_window_counts_as_long_as_it_is_in_this_one() {
    for (before, after) in [(60, 30), (60, 12), (60, 3_600), (3_600, 60), (12, 60), (3_600, 12), (13, 61), (7, 60)] {
        let old = Plan { calls: 100, window: Seconds::new(before) };
        let new = Plan { calls: 10, window: Seconds::new(after) };
        let mut counters = BTreeMap::from([(old.bucket(NOW).to_string(), 50)]);
        *counters.entry(new.bucket(NOW + 10_000).to_string()).or_default() += 1;
        assert!(matches!(new.decide(NOW + 10_000, &counters), Decision::Refuse(_)), "{before} then {after}");
        // The old counter counts until all of it has slid out.
        let out = old.starts_ms(old.index(NOW) + 1) + i64::try_from(after).unwrap() * 1_000 + 200;
        let lone = BTreeMap::from([(old.bucket(NOW).to_string(), 50), (new.bucket(out).to_string(), 1)]);
        assert!(matches!(new.decide(out - 1, &lone), Decision::Refuse(_)), "{before} then {after}");
        assert!(matches!(new.decide(out, &lone), Decision::Admit(_)), "{before} then {after}");
    }
}

/// The window length follows from the names of counters, for every length that the configuration accepts.
#[test]
fn the_window_of_a_counter_follows_from_its_name_for_hours() {
    let reader = Plan { calls: 1, window: Seconds::new(3_600) };
    for seconds in 1..=3_600 {
        let plan = Plan { calls: 1, window: Seconds::new(seconds) };
        for age_ms in [0, 60_000, 3_599_000, -30_000] {
            let index = plan.index(NOW - age_ms);
            let until_ms = plan.starts_ms(index + 1);
            assert_eq!(reader.span(index, NOW.into(), i64::MIN), Some(until_ms), "{seconds} s, {age_ms} ms ago");
        }
    }
}

#[test]
fn a_second_long_window_has_twelve_parts_too() {
    let plan = Plan { calls: 1, window: Seconds::new(1) };
    let names: std::collections::BTreeSet<_> = (0..1_000).map(|ms| plan.bucket(NOW + ms)).collect();
    assert_eq!(names.len(), 12);
    for index in [0, 1, 5, 20_400_000_007] {
        assert_eq!(plan.index(plan.starts_ms(index)), index);
        assert_eq!(plan.index(plan.starts_ms(index) - 1), index - 1);
    }
}

/// Checklist Q-09: the key of a limit is the user and the application, and nothing else.
#[test]
fn a_refusal_is_remembered_for_this_user_in_this_application_until_it_can_change() {
    let (alice, bob) = (UserId::parse("alice").unwrap(), UserId::parse("bob").unwrap());
    let (app, other_app) = (ClientId::parse("pub1").unwrap(), ClientId::parse("pub2").unwrap());
    let refusal = refused(PLAN.decide(NOW, &counters(&[(NOW, 4)])));
    let mut refusals = Refusals::default();
    refusals.remember(&alice, &app, PLAN, &refusal, NOW);

    assert_eq!(refusals.standing(&alice, &app, PLAN, NOW), Some(refusal));
    assert!(refusals.standing(&bob, &app, PLAN, NOW).is_none());
    assert!(refusals.standing(&alice, &other_app, PLAN, NOW).is_none());
    let late = refusals.standing(&alice, &app, PLAN, refusal.until_ms - 1).unwrap();
    assert_eq!(late.retry_after, Seconds::new(1));
    assert!(refusals.standing(&alice, &app, PLAN, refusal.until_ms).is_none());
}

#[test]
fn a_changed_plan_ends_a_remembered_refusal() {
    let (alice, app) = (UserId::parse("alice").unwrap(), ClientId::parse("pub1").unwrap());
    let refusal = refused(PLAN.decide(NOW, &counters(&[(NOW, 4)])));
    let mut refusals = Refusals::default();
    refusals.remember(&alice, &app, PLAN, &refusal, NOW);
    assert!(refusals.standing(&alice, &app, Plan { calls: 100, ..PLAN }, NOW).is_none());
}

#[test]
fn the_memory_of_refusals_is_bounded() {
    let app = ClientId::parse("pub1").unwrap();
    let refusal = refused(PLAN.decide(NOW, &counters(&[(NOW, 4)])));
    let mut refusals = Refusals::default();
    let user = |number: usize| UserId::parse(&format!("u{number}")).unwrap();
    for number in 0..5_000 {
        refusals.remember(&user(number), &app, PLAN, &refusal, NOW);
    }
    assert!(refusals.standing(&user(0), &app, PLAN, NOW).is_some());
    assert!(refusals.standing(&user(4_999), &app, PLAN, NOW).is_none());
    let later = Refused { until_ms: refusal.until_ms + 1, ..refusal };
    refusals.remember(&user(4_999), &app, PLAN, &later, refusal.until_ms);
    assert!(refusals.standing(&user(4_999), &app, PLAN, refusal.until_ms).is_some());
}

/// Checklist: structured field lists of one string with integer parameters, no partition key.
#[test]
fn the_header_texts_follow_the_draft() {
    let quota = Quota { limit: 60, window: Seconds::new(60), remaining: 50, reset: Seconds::new(30) };
    assert_eq!(rate_limit(&quota), "\"default\";r=50;t=30");
    assert_eq!(rate_limit_policy(&quota), "\"default\";q=60;w=60");
}
