//! Tests of TTL: no item may be removed while a time in it still has an effect.

use crate::versions::items;
use crate::{DAY, NOW, app, legacy, login_attempts, outbox, session, sid, token, user, users};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::login_attempts::{ACCOUNT, CLIENT, PAIR, SOURCE};
use gateway_domain::outbox::{Kind, Reason, next_attempt};
use gateway_domain::session::{Family, Session};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{CredentialVersion, Entry, NewEntry, Reservation, Undeliverable};
use std::collections::{BTreeMap, HashMap};
use support::{DynamoDb, dynamodb};

/// The attributes with times that still have an effect until they have come.
const MEANT: [&str; 11] = [
    "empty_at",
    "next_at",
    "known_until",
    "used_until",
    "idle_end",
    "absolute_end",
    "lease_until",
    "lapses",
    "e",
    "due_at",
    "ends_at",
];

fn latest(item: &HashMap<String, AttributeValue>, now: Timestamp) -> i64 {
    let own = |(name, value): (&String, &AttributeValue)| match value {
        AttributeValue::N(text) if MEANT.contains(&name.as_str()) => text.parse().unwrap(),
        AttributeValue::M(inner) if name != "tokens" => latest(inner, now),
        _ => now.as_secs(),
    };
    item.iter().map(own).max().unwrap_or(now.as_secs())
}

async fn check(db: &DynamoDb, now: Timestamp, what: &str) {
    for table in [&db.tables.login_attempts, &db.tables.activity, &db.tables.sessions, &db.tables.outbox] {
        for item in items(db, table).await {
            let latest = latest(&item, now);
            let ttl: i64 = item["ttl"].as_n().unwrap().parse().unwrap();
            // An item whose times have all come may be removed at any time.
            assert!(latest <= now.as_secs() || ttl >= latest, "{what}: {item:?}");
        }
    }
}

fn of_ada() -> CredentialVersion {
    users::user("u1", "ada@example.com").credential_version()
}

/// Attempts before, while and after a source is known, for each limit, over five years.
#[tokio::test]
async fn no_counter_is_swept_while_it_counts() {
    let db = dynamodb().await;
    let mut now = NOW;
    let mut state = 7_u64;
    for step in 0..600 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 33;
        let (key, limit) = [("p", PAIR), ("a", ACCOUNT), ("s", SOURCE), ("c", CLIENT)][(random % 4) as usize];
        match (random / 4) % 16 {
            0 => now = now.saturating_add(Seconds::new(random % (90 * 86_400))),
            1..4 => now = now.saturating_add(Seconds::new(random % 4_000)),
            4 => {
                let until = now.saturating_add(Seconds::new(random % 7_776_000));
                db.store.attempts.remember_login(key, limit, &of_ada(), until).await.unwrap()
            }
            5 => db.store.attempts.give_back(key, limit).await.unwrap(),
            _ => drop(login_attempts::reserve(&db.store, key, limit, now).await.unwrap()),
        }
        check(&db, now, &format!("step {step}")).await;
    }
}

/// A source that was known and is locked out stays locked out: the earlier TTL of its item does not remove the counter.
#[tokio::test]
async fn a_lock_out_outlives_what_the_source_was_known_for() {
    let db = dynamodb().await;
    db.store.attempts.remember_login("p", PAIR, &of_ada(), NOW.saturating_add(Seconds::new(10))).await.unwrap();
    let now = NOW.saturating_add(Seconds::new(20));
    for _ in 0..PAIR.free + 1 {
        assert_eq!(login_attempts::reserve(&db.store, "p", PAIR, now).await, Ok(Reservation::Granted));
    }
    check(&db, now, "locked out").await;
}

/// An assertion that was used is remembered as long as it could be used again.
#[tokio::test]
async fn what_was_used_is_remembered_until_it_means_nothing() {
    let db = dynamodb().await;
    assert_eq!(db.store.attempts.use_once("a", NOW.saturating_add(Seconds::new(300)), NOW).await, Ok(true));
    check(&db, NOW, "used").await;
}

/// An activity item is kept as long as its longest session, in whatever order the sessions were added.
#[tokio::test]
async fn a_shorter_session_does_not_sweep_a_longer_one() {
    let db = dynamodb().await;
    for (byte, days) in [(1, 90), (2, 1), (3, 30), (4, 91)] {
        let ends = NOW.saturating_add(Seconds::new(days * 86_400));
        let added =
            db.store.activity.add_entry(&user(), &app(), &Entry { sid: sid(byte), ends }, &BTreeMap::new(), 8).await;
        assert_eq!(added, Ok(NewEntry::Added));
        check(&db, NOW, &format!("{days} days")).await;
    }
    let full = Entry { sid: sid(9), ends: NOW.saturating_add(DAY) };
    let refused = db.store.activity.add_entry(&user(), &app(), &full, &BTreeMap::new(), 4).await.unwrap();
    assert!(matches!(refused, NewEntry::Full(entries) if entries.len() == 4));
}

#[tokio::test]
async fn a_session_is_kept_to_its_end_and_a_day() {
    let db = dynamodb().await;
    let one = session(1);
    db.store.sessions.create(&one).await.unwrap();
    let mut now = NOW;
    let mut current = one;
    for turn in 0..5 {
        let until = now.saturating_add(Seconds::new(30));
        let rotation = turn.to_string();
        assert_eq!(db.store.sessions.lease(&current, &rotation, until, now).await, Ok(true));
        check(&db, now, "leased").await;
        let family: Family = current.family.rotated(None, DAY, now);
        let next = Session { family, tokens: BTreeMap::from([(legacy(), token(turn + 2))]), ..current.clone() };
        assert_eq!(db.store.sessions.rotate(&next, &rotation, true, now).await, Ok(true));
        check(&db, now, "rotated").await;
        (current, now) = (next, now.saturating_add(Seconds::new(80_000)));
    }
}

/// A mail is kept until its last attempt, and a note of an address as long as it keeps mail back.
#[tokio::test]
async fn a_mail_and_a_note_are_kept_as_long_as_they_mean_something() {
    let db = dynamodb().await;
    let (outbox, mail) = (&db.store.outbox, outbox::mail(1));
    outbox.add(&mail).await.unwrap();
    outbox.defer(Kind::Mail, &mail.id, next_attempt(100, mail.until)).await.unwrap();
    let noted = Undeliverable { reason: Reason::Bounce, until: NOW.saturating_add(DAY) };
    outbox.note_undeliverable("hash", &noted).await.unwrap();
    check(&db, NOW, "the outbox").await;
}
