//! Tests of the outbox: a mail is taken by one attempt at a time, and an address that takes none is remembered.

use crate::{DAY, NOW, at_once};
use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::{Kind, LEASE, Reason};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::Seconds;
use gateway_store::{NewMail, QueuedMail, Undeliverable};
use support::dynamodb;

pub(crate) fn mail(byte: u8) -> NewMail {
    let id = OutboxId::from_random([byte; 16]);
    NewMail { id, sealed: SealedToken::parse("k1.c2VhbGVk"), due: NOW, until: NOW.saturating_add(DAY) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_take_a_mail_at_once_one_gets_it() {
    let db = dynamodb().await;
    let outbox = db.store.outbox.clone();
    outbox.add(&mail(1)).await.unwrap();
    let taken = at_once(10, |_| {
        let outbox = outbox.clone();
        async move { outbox.claim::<QueuedMail>(&mail(1).id, NOW.saturating_add(LEASE), NOW).await.unwrap() }
    });
    let taken: Vec<_> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1);
    assert_eq!((&taken[0].id, &taken[0].sealed, taken[0].attempts), (&mail(1).id, &mail(1).sealed, 1));
    assert_eq!(taken[0].until, mail(1).until);
    let again =
        outbox.claim::<QueuedMail>(&mail(1).id, NOW.saturating_add(DAY), NOW.saturating_add(LEASE)).await.unwrap();
    assert_eq!(again.unwrap().attempts, 2, "its lease has ended");
}

#[tokio::test]
async fn what_is_due_is_found_and_what_is_gone_stays_gone() {
    let db = dynamodb().await;
    let outbox = &db.store.outbox;
    for byte in 1..4 {
        outbox.add(&mail(byte)).await.unwrap();
    }
    outbox.defer(Kind::Mail, &mail(2).id, NOW.saturating_add(Seconds::new(1))).await.unwrap();
    let mut due = outbox.due(Kind::Mail, NOW, 10).await.unwrap();
    due.sort();
    let mut expected = [mail(1).id, mail(3).id];
    expected.sort();
    assert_eq!(due, expected);
    assert_eq!(outbox.due(Kind::Mail, NOW, 1).await.unwrap().len(), 1);
    outbox.remove(Kind::Mail, &mail(1).id).await.unwrap();
    outbox.remove(Kind::Mail, &mail(1).id).await.unwrap();
    outbox.defer(Kind::Mail, &mail(1).id, NOW).await.unwrap();
    assert_eq!(outbox.claim::<QueuedMail>(&mail(1).id, NOW, NOW).await, Ok(None));
    assert_eq!(outbox.due(Kind::Mail, NOW, 10).await.unwrap(), [mail(3).id]);
}

#[tokio::test]
async fn an_address_takes_no_mail_until_the_longest_of_its_notes_ends() {
    let db = dynamodb().await;
    let outbox = &db.store.outbox;
    let until = |days: u64| NOW.saturating_add(Seconds::new(days * 86_400));
    assert_eq!(outbox.is_undeliverable("hash", NOW).await, Ok(false));
    for (reason, days) in [(Reason::Complaint, 180), (Reason::Bounce, 30)] {
        outbox.note_undeliverable("hash", &Undeliverable { reason, until: until(days) }).await.unwrap();
    }
    assert_eq!(outbox.is_undeliverable("hash", until(179)).await, Ok(true));
    assert_eq!(outbox.is_undeliverable("hash", until(180)).await, Ok(false));
    assert_eq!(outbox.is_undeliverable("other", NOW).await, Ok(false));
    assert!(outbox.due(until(200), 10).await.unwrap().is_empty(), "a note is no mail");
}
