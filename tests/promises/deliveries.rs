//! Tests of events that wait: one attempt at a time, in their order, and nothing that is added meanwhile is forgotten.

use crate::{DAY, NOW, at_once};
use gateway_domain::domain_event::{DomainEvent, EventType, Queue, Subject, settled};
use gateway_domain::ids::DestinationName;
use gateway_domain::outbox::LEASE;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{Deliveries, Delivery, DeliveryOutcome, Store};
use serde_json::{Map, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use support::{Verdict, Wire, dynamodb, dynamodb_client};

fn people() -> DestinationName {
    DestinationName::parse("people").unwrap()
}

pub(crate) fn queue(subject: &str) -> Queue {
    Queue { destination: people(), subject: Subject::parse(subject).unwrap() }
}

pub(crate) fn event(subject: &str, number: usize) -> (String, DomainEvent) {
    let event = DomainEvent {
        id: format!("evt_{number}"),
        kind: EventType::UserCreated,
        timestamp: NOW,
        subject: Subject::parse(subject).unwrap(),
        data: Map::from_iter([("user_id".to_owned(), json!("u_1"))]),
    };
    (format!("{number:0>40}"), event)
}

/// A token of this test alone: DynamoDB knows tokens for all tables of an account, and so for all tests.
pub(crate) fn unique(name: &str) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

/// One event that waits, one that was delivered, and one that tells of many.
pub(crate) async fn add(store: &Store) {
    for number in [1, 2] {
        let (order, event) = event("user:u_1", number);
        store.deliveries.add(&people(), (&order, &event), NOW).await.unwrap();
    }
    let first = store.deliveries.waiting(&queue("user:u_1"), 1).await.unwrap().remove(0);
    let (order, now) = (first.order.clone(), NOW.as_secs() * 1_000);
    let delivery = Delivery::of(&queue("user:u_1"), first, (DeliveryOutcome::Delivered, 1), now);
    store.deliveries.end(&queue("user:u_1"), (&order, None), Some(&delivery), NOW).await.unwrap();
    let (order, event) = event("logins:u_1", 3);
    store.deliveries.count(&people(), (&order, &event), 1, &unique("token")).await.unwrap();
}

/// As the outbox function does: what is delivered is noted in `had`. `false` if somebody else has the subject.
async fn drain(
    deliveries: &Deliveries,
    queue: &Queue,
    now: Timestamp,
    had: &Mutex<Vec<String>>,
) -> Result<bool, gateway_store::StoreError> {
    let Some(claimed) = deliveries.claim(queue, now.saturating_add(LEASE), now).await? else { return Ok(false) };
    loop {
        let waiting = deliveries.waiting(queue, 3).await?;
        if waiting.is_empty() {
            deliveries.finish(queue, claimed, now).await?;
            return Ok(true);
        }
        for one in waiting {
            had.lock().unwrap().push(one.event.id.clone());
            let order = one.order.clone();
            let delivery = Delivery::of(queue, one, (DeliveryOutcome::Delivered, 1), now.as_secs() * 1_000);
            deliveries.end(queue, (&order, None), Some(&delivery), now).await?;
        }
    }
}

#[tokio::test]
async fn of_a_subject_one_attempt_has_the_events_and_they_keep_their_order() {
    let db = dynamodb().await;
    let deliveries = &db.store.deliveries;
    for number in [3, 1, 2, 1] {
        let (order, event) = event("user:u_1", number);
        deliveries.add(&people(), (&order, &event), NOW).await.unwrap();
    }
    let claims = at_once(10, |_| {
        let deliveries = deliveries.clone();
        async move { deliveries.claim(&queue("user:u_1"), NOW.saturating_add(LEASE), NOW).await.unwrap() }
    });
    let claimed: Vec<_> = claims.await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].added, claimed[0].attempts), (4, 1));
    let ids: Vec<_> =
        deliveries.waiting(&queue("user:u_1"), 9).await.unwrap().into_iter().map(|one| one.event.id).collect();
    assert_eq!(ids, ["evt_1", "evt_2", "evt_3"]);
    assert_eq!(deliveries.waiting(&queue("user:u_1"), 2).await.unwrap().len(), 2);
    assert_eq!(deliveries.due(&people(), NOW, 9).await.unwrap(), []);
    deliveries.put_off(&queue("user:u_1"), (NOW, 1), Some("it is down")).await.unwrap();
    assert_eq!(deliveries.due(&people(), NOW, 9).await.unwrap(), [queue("user:u_1").subject]);
    let shown = deliveries.queues(&people(), 9).await.unwrap().items.remove(0);
    assert_eq!((shown.attempts, shown.reason.as_deref()), (1, Some("it is down")));
    // Another destination has events of its own.
    let other = DestinationName::parse("other").unwrap();
    assert_eq!(deliveries.due(&other, NOW, 9).await.unwrap(), []);
    // What is gone stays gone.
    deliveries.put_off(&queue("user:u_2"), (NOW, 1), None).await.unwrap();
    assert_eq!(deliveries.queues(&people(), 9).await.unwrap().items.len(), 1);
}

/// Events that are added while others of the subject are delivered, with throttling and lost responses on both sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_while_others_are_delivered_is_delivered_in_its_order() {
    const COUNT: usize = 60;
    let db = dynamodb().await;
    let wire = Wire::to(&db.endpoint).await;
    let mut seen = 0_usize;
    wire.script(move |_| {
        seen += 1;
        match seen % 11 {
            1 => Verdict::Throttle,
            4 => Verdict::LoseResponse,
            7 => Verdict::Break,
            _ => Verdict::Forward,
        }
    });
    let deliveries = Deliveries::new(dynamodb_client(&wire.endpoint), &db.tables.outbox);
    let adding = deliveries.clone();
    let added = tokio::spawn(async move {
        for number in 0..COUNT {
            let (order, event) = event("user:u_1", number);
            // A stream brings what failed again, before anything after it.
            while adding.add(&people(), (&order, &event), NOW).await.is_err() {}
        }
    });
    let had = Arc::new(Mutex::new(Vec::new()));
    let mut now = NOW;
    loop {
        let is_last = added.is_finished();
        // Who has died with a claim is waited for.
        now = now.saturating_add(Seconds::new(61));
        let drained = drain(&deliveries, &queue("user:u_1"), now, &had).await;
        if is_last && drained.is_ok() && db.store.deliveries.queues(&people(), 1).await.unwrap().items.is_empty() {
            break;
        }
    }
    added.await.unwrap();
    let had = had.lock().unwrap().clone();
    let mut first: Vec<_> = Vec::new();
    for id in had {
        if !first.contains(&id) {
            first.push(id);
        }
    }
    assert_eq!(first, (0..COUNT).map(|number| format!("evt_{number}")).collect::<Vec<_>>());
    let (day, _) = gateway_store::day_and_time(now.as_secs() * 1_000);
    let noted = db.store.deliveries.of_day(&day, "~", 1_000).await.unwrap().items;
    assert!(noted.iter().all(|one| one.outcome == DeliveryOutcome::Delivered), "{noted:?}");
}

#[tokio::test]
async fn what_is_counted_is_counted_once_by_its_token_and_told_later() {
    let db = dynamodb().await;
    let deliveries = &db.store.deliveries;
    let (order, mut event) = event("logins:u_1", 1);
    event.timestamp = NOW.saturating_add(DAY);
    let tokens = ["a", "b", "c", "d", "late"].map(unique);
    for (token, by) in [(0, 1), (1, 1), (0, 1), (2, -1), (3, 1)] {
        deliveries.count(&people(), (&order, &event), by, &tokens[token]).await.unwrap();
    }
    let waiting = deliveries.waiting(&queue("logins:u_1"), 9).await.unwrap();
    assert_eq!(waiting.iter().map(|one| (one.count, &one.event)).collect::<Vec<_>>(), [(Some(2), &event)]);
    assert_eq!(deliveries.due(&people(), NOW.saturating_add(DAY), 9).await.unwrap(), []);
    let later = settled(&event);
    assert_eq!(deliveries.due(&people(), later, 9).await.unwrap().len(), 1);
    // One more comes while it is told: it stays, and is told again.
    deliveries.count(&people(), (&order, &event), 1, &tokens[4]).await.unwrap();
    deliveries.end(&queue("logins:u_1"), (&order, Some(2)), None, later).await.unwrap();
    let left = deliveries.waiting(&queue("logins:u_1"), 9).await.unwrap();
    assert_eq!(left.iter().map(|one| one.count).collect::<Vec<_>>(), [Some(3)]);
    deliveries.end(&queue("logins:u_1"), (&order, Some(3)), None, later).await.unwrap();
    assert_eq!(deliveries.waiting(&queue("logins:u_1"), 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_became_of_events_is_kept_thirty_days_and_read_backwards() {
    let db = dynamodb().await;
    let deliveries = &db.store.deliveries;
    for number in 0..5 {
        let (order, event) = event("user:u_1", number);
        deliveries.add(&people(), (&order, &event), NOW).await.unwrap();
        let waiting = deliveries.waiting(&queue("user:u_1"), 1).await.unwrap().remove(0);
        let at = NOW.as_secs() * 1_000 + i64::try_from(number).unwrap();
        let delivery = Delivery::of(&queue("user:u_1"), waiting, (DeliveryOutcome::GivenUp, 3), at);
        deliveries.end(&queue("user:u_1"), (&order, None), Some(&delivery), NOW).await.unwrap();
    }
    let (day, _) = gateway_store::day_and_time(NOW.as_secs() * 1_000);
    let page = deliveries.of_day(&day, "~", 3).await.unwrap();
    let ids = |items: &[Delivery]| items.iter().map(|one| one.event.id.clone()).collect::<Vec<_>>();
    assert_eq!((ids(&page.items), page.more), (vec!["evt_4".into(), "evt_3".into(), "evt_2".into()], true));
    let last = page.items.last().unwrap();
    let rest = deliveries.of_day(&day, &last.at, 3).await.unwrap();
    assert_eq!((ids(&rest.items), rest.more), (vec!["evt_1".into(), "evt_0".into()], false));
    assert_eq!(deliveries.delivery(&day, &last.at).await.unwrap().as_ref(), Some(last));
    assert_eq!(deliveries.delivery(&day, "never").await.unwrap(), None);
    let items = crate::versions::items(&db, &db.tables.outbox).await;
    let of_log = items.iter().filter(|item| item["kind"].as_s().unwrap().starts_with("delivery#"));
    let kept = NOW.saturating_add(Seconds::new(30 * 86_400)).as_secs().to_string();
    assert!(of_log.map(|item| item["ttl"].as_n().unwrap()).all(|ttl| *ttl == kept), "{items:?}");
}

/// What applications are told is found by application, without those of others, and as it is among all of the day.
#[tokio::test]
async fn what_applications_were_told_is_found_by_application() {
    let db = dynamodb().await;
    let deliveries = &db.store.deliveries;
    let told = async |destination: DestinationName, subject: &str, number: usize, second: i64| {
        let queue = Queue { destination: destination.clone(), subject: Subject::parse(subject).unwrap() };
        let (order, event) = event(subject, number);
        deliveries.add(&destination, (&order, &event), NOW).await.unwrap();
        let one = deliveries.waiting(&queue, 1).await.unwrap().remove(0);
        let delivery = Delivery::of(&queue, one, (DeliveryOutcome::Delivered, 1), (NOW.as_secs() + second) * 1_000);
        deliveries.end(&queue, (&order, None), Some(&delivery), NOW).await.unwrap();
        delivery
    };
    let first = told(DestinationName::of_apps(), "application:a", 1, 0).await;
    let second = told(DestinationName::of_apps(), "application:a", 2, 1).await;
    let other = told(DestinationName::of_apps(), "application:b", 3, 2).await;
    told(people(), "application:a", 4, 3).await;
    let (of_a, of_b) = (Subject::parse("application:a").unwrap(), Subject::parse("application:b").unwrap());
    assert_eq!(deliveries.told(&of_a, 9).await.unwrap().items, [second.clone(), first.clone()]);
    assert_eq!(deliveries.told(&of_b, 9).await.unwrap().items, std::slice::from_ref(&other));
    let latest = deliveries.told(&of_a, 1).await.unwrap();
    assert!(latest.more && latest.items == [second]);
    assert_eq!(deliveries.of_day(&first.day, "~", 9).await.unwrap().items.len(), 4);
    let place = |one: &Delivery| format!("{}T{}", one.day, one.at);
    assert_eq!(deliveries.told_at(&of_a, &place(&first)).await.unwrap(), Some(first.clone()));
    assert_eq!(deliveries.told_at(&of_a, &place(&other)).await.unwrap(), None, "another's");
    assert_eq!(deliveries.queue(&queue("application:a")).await.unwrap().map(|one| one.attempts), Some(0));
}
