//! A mail is sent at least once and, as far as the outbox knows, not again; what cannot be sent is tried until it makes no sense.

use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::{Kind, deliver_event};
use gateway_mail::{NotSent, Notice};
use gateway_outbox::{Failure, handle};
use gateway_runtime::StartError;
use gateway_store::QueuedMail;
use serde_json::json;

use crate::fixture::{Fixture, reset};

fn down() -> NotSent {
    NotSent::Unavailable("it is down".to_owned())
}

#[tokio::test]
async fn a_mail_is_sent_once_and_is_gone() {
    let fixture = Fixture::new().await;
    let id = fixture.written(1, reset()).await;
    assert_eq!(fixture.send(&id).await, "done");
    assert_eq!(fixture.carried(), [id.to_string()]);
    assert_eq!(fixture.send(&id).await, "not_due");
    assert_eq!(fixture.send_due().await, 0);
    assert_eq!((fixture.carried().len(), fixture.left().await), (1, 0));
}

/// Lambda may bring one event twice, and the schedule may find what an event has brought.
#[tokio::test]
async fn of_concurrent_attempts_one_sends() {
    let fixture = Fixture::new().await;
    let id = fixture.written(1, reset()).await;
    let outcomes = tokio::join!(fixture.send(&id), fixture.send(&id), fixture.send_due());
    assert_eq!(fixture.carried().len(), 1, "{outcomes:?}");
}

#[tokio::test]
async fn the_schedule_finds_what_nobody_asked_for() {
    let fixture = Fixture::new().await;
    for byte in 1..4 {
        fixture.written(byte, reset()).await;
    }
    assert_eq!(fixture.send_due().await, 3);
    assert_eq!((fixture.carried().len(), fixture.left().await), (3, 0));
}

#[tokio::test]
async fn the_table_shows_neither_code_nor_address() {
    let fixture = Fixture::new().await;
    fixture.written(1, reset()).await;
    let scan = fixture.db.client.scan().table_name(&fixture.db.tables.outbox).send().await.unwrap();
    let shown = format!("{:?}", scan.items());
    assert!(shown.contains("sealed"), "{shown}");
    for secret in ["12345678", "ada@", "api.example.com", "reset"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_is_tried_after_growing_waits_and_then_given_up() {
    let fixture = Fixture::new().await;
    let id = fixture.written(1, reset()).await;
    fixture.fail(Some(down()));
    for wait in [60, 120, 240] {
        assert_eq!(fixture.send(&id).await, "deferred");
        fixture.forward(wait - 1);
        assert_eq!(fixture.send(&id).await, "not_due");
        fixture.forward(1);
    }
    fixture.fail(None);
    assert_eq!(fixture.send(&id).await, "done");

    let id = fixture.written(2, reset()).await;
    fixture.fail(Some(down()));
    assert_eq!(fixture.send(&id).await, "deferred");
    fixture.forward(3_600);
    fixture.fail(None);
    assert_eq!(fixture.send(&id).await, "given_up", "its code is over");
    assert_eq!((fixture.carried().len(), fixture.left().await), (1, 0));
}

/// The function can die behind each of its steps; the lease makes the mail due again.
#[tokio::test]
async fn a_mail_whose_attempt_died_is_due_again_when_its_lease_ends() {
    let fixture = Fixture::new().await;
    let id = fixture.written(1, reset()).await;
    let leased = fixture.now().saturating_add(gateway_domain::outbox::LEASE);
    fixture.db.store.outbox.claim::<QueuedMail>(&id, leased, fixture.now()).await.unwrap().unwrap();
    assert_eq!(fixture.send_due().await, 0);
    fixture.forward(60);
    assert_eq!(fixture.send_due().await, 1);
    assert_eq!(fixture.left().await, 0);
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_not_tried_again() {
    let fixture = Fixture::new().await;
    let id = fixture.written(1, reset()).await;
    fixture.fail(Some(NotSent::Refused("no such user".to_owned())));
    assert_eq!(fixture.send(&id).await, "refused");
    assert_eq!(fixture.left().await, 0);
}

/// What is written where there is nobody to tell takes the same way and tells nothing.
#[tokio::test]
async fn a_letter_of_nothing_is_removed_and_not_sent() {
    let fixture = Fixture::new().await;
    let id = fixture.written(1, Notice::Nothing).await;
    assert_eq!(fixture.send(&id).await, "nothing");
    assert_eq!((fixture.carried().len(), fixture.left().await), (0, 0));
}

#[tokio::test]
async fn a_mail_that_does_not_open_is_given_up_and_keeps_back_no_other() {
    let fixture = Fixture::new().await;
    let (one, _other) = (fixture.written(1, reset()).await, fixture.written(2, reset()).await);
    let update = fixture.db.client.update_item().table_name(&fixture.db.tables.outbox);
    let update = update.key("kind", AttributeValue::S("mail".into())).key("id", AttributeValue::S(one.to_string()));
    let update =
        update.update_expression("SET sealed = :x").expression_attribute_values(":x", AttributeValue::S("k1.x".into()));
    update.send().await.unwrap();
    assert_eq!(fixture.send_due().await, 1);
    assert_eq!((fixture.carried().len(), fixture.left().await), (1, 0));
}

#[tokio::test]
async fn an_address_that_bounced_gets_no_mail_until_its_time_is_over() {
    let fixture = Fixture::new().await;
    let bounce = json!({ "bounceType": "Permanent", "bouncedRecipients": [{ "emailAddress": "Ada@example.com" }] });
    let message = json!({ "eventType": "Bounce", "bounce": bounce }).to_string();
    let event = json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Message": message } }] });
    assert_eq!(fixture.handle(event).await.unwrap(), json!({ "noted": 1 }));
    let id = fixture.written(1, reset()).await;
    assert_eq!(fixture.send(&id).await, "suppressed");
    fixture.forward(30 * 86_400);
    let id = fixture.written(2, reset()).await;
    assert_eq!(fixture.send(&id).await, "done");
}

#[tokio::test]
async fn an_event_that_is_not_understood_or_cannot_be_handled_fails() {
    let fixture = Fixture::new().await;
    assert!(matches!(fixture.handle(json!({ "send": {} })).await, Err(Failure::Unknown)));
    let error = StartError::Missing { name: "MAIL_FROM", expected: "an address" };
    let event = deliver_event(Kind::Mail, &OutboxId::from_random([1; 16]));
    assert!(matches!(handle(Err(error), event).await, Err(Failure::NotReady(_))));
}
