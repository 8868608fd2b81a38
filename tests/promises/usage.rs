//! Tests of usage: whatever happens to a batch, its calls are counted once.

use crate::{NOW, app, at_once};
use gateway_domain::ids::{ApiName, ClientId, PlanName};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::usage::{Bucket, Caller, Calls, Outcome, Step};
use gateway_store::{Added, DayOfUsage, Store, StoreError, Usage};
use support::{Verdict, Wire, dynamodb, dynamodb_client};

fn hour(later: i64) -> Bucket {
    Bucket::of(Step::Hour, NOW).and_then(|hour| hour.later(later)).unwrap()
}

/// A week around now.
pub(crate) fn time() -> (Bucket, Bucket) {
    (hour(-72), hour(96))
}

/// Today.
pub(crate) fn day() -> Bucket {
    Bucket::of(Step::Day, NOW).unwrap()
}

fn caller(app: &str, api: &str) -> Caller {
    Caller {
        app: ClientId::parse(app).unwrap(),
        api: ApiName::parse(api).unwrap(),
        plan: PlanName::parse("demo").unwrap(),
    }
}

/// Counts so many calls that succeeded of applications in hours from now.
pub(crate) async fn add(store: &Store, batch: &str, calls: &[(&str, i64, u64)]) -> Result<Added, StoreError> {
    add_to(&store.usage, batch, calls).await
}

async fn add_to(usage: &Usage, batch: &str, calls: &[(&str, i64, u64)]) -> Result<Added, StoreError> {
    let calls = calls.iter().map(|(app, later, succeeded)| {
        (caller(app, "orders"), hour(*later), Calls { succeeded: *succeeded, ..Calls::default() })
    });
    usage.add(batch, calls, NOW).await
}

/// All calls of an application, by hours and by days.
async fn all(store: &Store, app: &ClientId) -> [u64; 2] {
    let mut sums = [0; 2];
    for (sum, step) in sums.iter_mut().zip([Step::Hour, Step::Day]) {
        let bucket = |bucket: Bucket| Bucket::of(step, bucket.begins()).unwrap();
        let page = store.usage.of_app(app, (bucket(time().0), bucket(time().1)), 10_000).await.unwrap();
        assert!(!page.more);
        *sum = page.items.iter().map(|used| used.calls.all()).sum();
    }
    sums
}

#[tokio::test]
async fn a_batch_that_comes_again_counts_once_and_its_hours_are_in_its_days() {
    let db = dynamodb().await;
    let batch = [("demo-app", 0, 3), ("demo-app", 1, 4), ("demo-app", 30, 5), ("other", 0, 1)];
    assert_eq!(add(&db.store, "one", &batch).await, Ok(Added::Counted));
    assert_eq!(add(&db.store, "one", &batch).await, Ok(Added::Before));
    assert_eq!(all(&db.store, &app()).await, [12, 12]);
    assert_eq!(add(&db.store, "two", &batch).await, Ok(Added::Counted));
    assert_eq!(all(&db.store, &app()).await, [24, 24]);
    let names = |page: &DayOfUsage| -> Vec<(String, u64)> {
        page.rows.iter().map(|used| (used.caller.app.to_string(), used.calls.succeeded)).collect()
    };
    for most in [1, 2, 9] {
        let first = db.store.usage.of_day(day(), None, most).await.unwrap();
        let mut found = names(&first);
        if let Some(next) = first.next {
            found.extend(names(&db.store.usage.of_day(day(), Some(&next), most).await.unwrap()));
        }
        assert_eq!(found, [("demo-app".to_owned(), 14), ("other".to_owned(), 2)], "{most} at once");
    }
}

/// More callers than a transaction has room for.
#[tokio::test]
async fn a_large_batch_is_counted_in_parts_and_each_once() {
    let db = dynamodb().await;
    let names: Vec<String> = (0..150).map(|number| format!("app-{number:03}")).collect();
    let batch: Vec<_> = names.iter().map(|name| (name.as_str(), 0, 2)).collect();
    let wire = Wire::to(&db.endpoint).await;
    let usage = Usage::new(dynamodb_client(&wire.endpoint), &db.tables.usage);
    let mut writes = 0;
    wire.script(move |operation| {
        writes += usize::from(operation.writes());
        if writes > 3 { Verdict::Fail } else { Verdict::Forward }
    });
    assert!(add_to(&usage, "one", &batch).await.is_err(), "it dies in the middle");
    // Whoever is counted then is counted everywhere.
    let counted = db.store.usage.of_day(day(), None, 1_000).await.unwrap().rows;
    assert_eq!(counted.len(), 99, "of three transactions with 33 applications each");
    for name in &names {
        let in_list = u64::from(counted.iter().any(|used| used.caller.app.as_str() == name)) * 2;
        assert_eq!(all(&db.store, &ClientId::parse(name).unwrap()).await, [in_list, in_list], "{name}");
    }
    wire.calm();
    assert_eq!(add_to(&usage, "one", &batch).await, Ok(Added::Counted));
    assert_eq!(add_to(&usage, "one", &batch).await, Ok(Added::Before));
    for name in &names {
        assert_eq!(all(&db.store, &ClientId::parse(name).unwrap()).await, [2, 2], "{name}");
    }
}

/// A response that is lost, so that the SDK writes again; and batches that meet on the same items.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_meet_and_responses_that_are_lost_change_no_sum() {
    let db = dynamodb().await;
    let wire = Wire::to(&db.endpoint).await;
    let mut count = 0_usize;
    wire.script(move |_| {
        count += 1;
        match count % 7 {
            1 => Verdict::Throttle,
            2 => Verdict::CancelThrottled,
            3 => Verdict::LoseResponse,
            5 => Verdict::Break,
            _ => Verdict::Forward,
        }
    });
    let usage = Usage::new(dynamodb_client(&wire.endpoint), &db.tables.usage);
    let outcomes = at_once(60, |index| {
        let usage = usage.clone();
        async move {
            let batch = format!("batch-{}", index / 2);
            // Lambda repeats what failed.
            for _ in 0..10 {
                match add_to(&usage, &batch, &[("demo-app", 0, 10), ("demo-app", 1, 1)]).await {
                    Ok(added) => return added,
                    Err(error) => assert!(matches!(error, StoreError::Unavailable { .. }), "{error}"),
                }
            }
            panic!("it is never counted")
        }
    });
    assert_eq!(outcomes.await.len(), 60);
    assert_eq!(all(&db.store, &app()).await, [330, 330]);
}

#[tokio::test]
async fn numbers_go_400_days_after_their_time_and_batches_after_two_days() {
    let db = dynamodb().await;
    let mut calls = Calls::default();
    Outcome::ALL.into_iter().for_each(|outcome| calls.add(Calls::one(outcome)));
    db.store.usage.add("one", [(caller("demo-app", "orders"), hour(0), calls)], NOW).await.unwrap();
    let ends = |begins: Timestamp, days: u64| begins.saturating_add(Seconds::new(days * 86_400)).as_secs().to_string();
    let mut found: Vec<_> = crate::versions::items(&db, &db.tables.usage).await;
    found.sort_by_key(|item| item["sk"].as_s().unwrap().clone());
    let found: Vec<_> = found.iter().map(|item| item["ttl"].as_n().unwrap().clone()).collect();
    let expected = [ends(NOW, 2), ends(day().begins(), 400), ends(day().begins(), 400), ends(hour(0).begins(), 400)];
    assert_eq!(found, expected, "the batch, twice the day, the hour");
    let used = db.store.usage.of_app(&app(), time(), 9).await.unwrap().items;
    assert_eq!(Outcome::ALL.map(|outcome| used[0].calls.of(outcome)), [1; 4]);
}
