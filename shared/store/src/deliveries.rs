//! Events on their way to destinations, and what became of them: items of the outbox. Keys: `kind`, `id`.
//!
//! | `kind` | `id` | what it is |
//! |---|---|---|
//! | `event#<destination>#<subject>` | `<order>` | an event that waits to be delivered |
//! | `events#<destination>` | `<subject>` | that events of a subject wait there, and when they are tried next |
//! | `delivery#<day>` | `<time>#<destination>#<event id>` | what became of an event |
//! | `told#<subject>` | `<day>T<time>#<destination>#<event id>` | the same, of events whose subject is told of them |
//!
//! An event is written in one transaction with the item that says that some wait. That item counts what was added: whoever has delivered all
//! removes it only if nothing was added meanwhile.

mod ended;

use crate::accounts::is_refused;
use crate::codes::incomplete;
use crate::error::{StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use ended::noted;
use gateway_domain::domain_event::{DomainEvent, Queue, Subject, settled};
use gateway_domain::ids::DestinationName;
use gateway_domain::time::{Seconds, Timestamp};
use serde::Deserialize;

pub use ended::{Delivery, DeliveryOutcome};

/// What nobody delivers, because nothing runs or its destination is gone, is swept after this time.
const SWEPT: Seconds = Seconds::new(14 * 86_400);

/// An event that waits for a destination.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingEvent {
    /// Where it stands among those of its subject.
    pub order: String,
    /// The event.
    pub event: DomainEvent,
    /// How often it happened, of an event that tells of many.
    pub count: Option<i64>,
}

/// Events of a subject that an attempt has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ClaimedQueue {
    /// How many were added to it so far.
    pub added: u64,
    /// How many attempts have begun since the last one that delivered something.
    pub attempts: u32,
}

/// Events of a subject that wait, as they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WaitingQueue {
    /// Of whom or what.
    #[serde(rename = "id")]
    pub subject: Subject,
    /// When they are tried next.
    pub due_at: Timestamp,
    /// As [`ClaimedQueue::attempts`].
    #[serde(default)]
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An event is one attribute, so that no part of it is an attribute that roles would have to name.
mod as_text {
    use gateway_domain::domain_event::DomainEvent;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(event: &DomainEvent, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&event.to_text())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DomainEvent, D::Error> {
        DomainEvent::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("no event"))
    }
}

#[derive(Deserialize)]
struct WaitingItem {
    id: String,
    #[serde(with = "as_text")]
    event: DomainEvent,
    #[serde(default)]
    happened: Option<i64>,
}

#[derive(Deserialize)]
struct DueItem {
    id: Subject,
    due_at: Timestamp,
}

/// The part of the outbox that holds events.
#[derive(Debug, Clone)]
pub struct Deliveries {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Deliveries {
    /// In the table of this name, which is the outbox.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Adds an event to what waits. Adding it again changes nothing, unless it was delivered meanwhile: then it is delivered again.
    pub async fn add(
        &self,
        destination: &DestinationName,
        (order, event): (&str, &DomainEvent),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "add_event";
        let queue = Queue { destination: destination.clone(), subject: event.subject.clone() };
        let mut item = version::stamped(crate::error::Item::new());
        item.insert("kind".to_owned(), text(waiting(&queue)));
        item.insert("id".to_owned(), text(order));
        item.insert("event".to_owned(), text(event.to_text()));
        item.insert("ttl".to_owned(), number(ttl::after([now.saturating_add(SWEPT)]).as_secs()));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(version::KNOWN)
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(incomplete(OPERATION))?;
        let put = TransactWriteItem::builder().put(put).build();
        self.transact(vec![put, self.noting(&queue, now, now, OPERATION)?], OPERATION, None).await
    }

    /// Counts something that happened, or, with −1, that did not happen after all, in the event that tells of all of them. It is due some
    /// minutes after its own time. `token` is the same whenever the same is counted; then all that is written has to be the same,
    /// too, and so depends on no clock.
    pub async fn count(
        &self,
        destination: &DestinationName,
        (order, event): (&str, &DomainEvent),
        by: i64,
        token: &str,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "count_event";
        let queue = Queue { destination: destination.clone(), subject: event.subject.clone() };
        let update = Update::builder()
            .table_name(&self.table)
            .key("kind", text(waiting(&queue)))
            .key("id", text(order))
            .update_expression("SET event = :event, #ttl = :ttl, v = if_not_exists(v, :version) ADD happened :by")
            .condition_expression(version::KNOWN)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":event", text(event.to_text()))
            .expression_attribute_values(":ttl", number(ttl::after([event.timestamp.saturating_add(SWEPT)]).as_secs()))
            .expression_attribute_values(":by", number(by))
            .expression_attribute_values(":version", version::current())
            .build()
            .map_err(incomplete(OPERATION))?;
        let update = TransactWriteItem::builder().update(update).build();
        let writes = vec![update, self.noting(&queue, settled(event), event.timestamp, OPERATION)?];
        self.transact(writes, OPERATION, Some(token)).await
    }

    /// The write that says that events of a subject wait, which are due at this time unless others are before it.
    fn noting(
        &self,
        queue: &Queue,
        due: Timestamp,
        now: Timestamp,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("kind", text(queues(&queue.destination)))
            .key("id", text(queue.subject.as_str()))
            .update_expression(
                "SET due_at = if_not_exists(due_at, :due), #ttl = :ttl, v = if_not_exists(v, :version) ADD added :one",
            )
            .condition_expression(version::KNOWN)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":due", number(due.as_secs()))
            .expression_attribute_values(":ttl", number(ttl::after([now.saturating_add(SWEPT)]).as_secs()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":version", version::current())
            .build();
        Ok(TransactWriteItem::builder().update(update.map_err(incomplete(operation))?).build())
    }

    /// The subjects of which something is due at a destination, at most `most`, those first that have been due longest. It reads all that
    /// wait there, which are few unless it is down.
    pub async fn due(
        &self,
        destination: &DestinationName,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Subject>, StoreError> {
        const OPERATION: &str = "due_events";
        let query = || {
            self.of_kind(queues(destination))
                .filter_expression("due_at <= :now")
                .projection_expression("id, due_at, v")
                .expression_attribute_values(":now", number(now.as_secs()))
        };
        let page = Page::query(most, OPERATION, query, |item| version::read::<DueItem>(item, OPERATION)).await?;
        let mut due = page.items;
        due.sort_by_key(|found| found.due_at);
        Ok(due.into_iter().map(|found| found.id).collect())
    }

    /// Takes the events of a subject, until `leased`: no other attempt takes them before, so that they stay in their order. `None`
    /// if they are not due, or gone.
    pub async fn claim(
        &self,
        queue: &Queue,
        leased: Timestamp,
        now: Timestamp,
    ) -> Result<Option<ClaimedQueue>, StoreError> {
        const OPERATION: &str = "claim_events";
        let sent = version::guarded(self.update(queue), "due_at <= :now")
            .update_expression("SET due_at = :leased ADD attempts :one")
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":leased", number(leased.as_secs()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(updated) => updated.attributes.map(|item| version::read(item, OPERATION)).transpose(),
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// What waits of a subject, the first ones first.
    pub async fn waiting(&self, queue: &Queue, most: usize) -> Result<Vec<WaitingEvent>, StoreError> {
        const OPERATION: &str = "waiting_events";
        let query = || {
            self.of_kind(waiting(queue))
                .projection_expression("id, event, happened, v")
                .limit(i32::try_from(most).unwrap_or(i32::MAX).saturating_add(1))
        };
        let read = |item| {
            let WaitingItem { id, event, happened } = version::read(item, OPERATION)?;
            Ok(WaitingEvent { order: id, event, count: happened })
        };
        Ok(Page::query(most, OPERATION, query, read).await?.items)
    }

    /// Removes an event that waits no more, and notes what became of it, if anything did. One that tells of many stays if there are more
    /// by now than `count`: it is told again.
    pub async fn end(
        &self,
        queue: &Queue,
        (order, count): (&str, Option<i64>),
        delivery: Option<&Delivery>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "end_event";
        if let Some(count) = count {
            if let Some(delivery) = delivery {
                self.transact(noted(&self.table, delivery, now, OPERATION)?, OPERATION, None).await?;
            }
            let delete = self.client.delete_item().table_name(&self.table);
            let delete = delete
                .key("kind", text(waiting(queue)))
                .key("id", text(order))
                .condition_expression("happened = :count")
                .expression_attribute_values(":count", number(count))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            return held(delete.send().await, OPERATION).map(drop);
        }
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("kind", text(waiting(queue)))
            .key("id", text(order))
            .build()
            .map_err(incomplete(OPERATION))?;
        let mut writes = vec![TransactWriteItem::builder().delete(delete).build()];
        if let Some(delivery) = delivery {
            writes.extend(noted(&self.table, delivery, now, OPERATION)?);
        }
        self.transact(writes, OPERATION, None).await
    }

    /// Everything of a subject was delivered. If something was added since [`Deliveries::claim`], it is due at once, and the answer is `false`.
    pub async fn finish(&self, queue: &Queue, claimed: ClaimedQueue, now: Timestamp) -> Result<bool, StoreError> {
        const OPERATION: &str = "finish_events";
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("kind", text(queues(&queue.destination)))
            .key("id", text(queue.subject.as_str()))
            .condition_expression(version::condition("added = :added"))
            .expression_attribute_values(":added", number(claimed.added))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        if held(delete, OPERATION)? {
            return Ok(true);
        }
        self.put_off(queue, (now, 0), None).await?;
        Ok(false)
    }

    /// Puts off what waits of a subject, after this many attempts.
    pub async fn put_off(
        &self,
        queue: &Queue,
        (due, attempts): (Timestamp, u32),
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let update = version::guarded(self.update(queue), "attribute_exists(due_at)")
            .expression_attribute_names("#reason", "reason")
            .expression_attribute_values(":due", number(due.as_secs()))
            .expression_attribute_values(":attempts", number(attempts));
        let update = match reason {
            Some(reason) => update
                .update_expression("SET due_at = :due, attempts = :attempts, #reason = :reason")
                .expression_attribute_values(":reason", text(reason)),
            None => update.update_expression("SET due_at = :due, attempts = :attempts REMOVE #reason"),
        };
        held(update.send().await, "put_off_events").map(drop)
    }

    /// What waits of a subject, if anything does.
    pub async fn queue(&self, queue: &Queue) -> Result<Option<WaitingQueue>, StoreError> {
        const OPERATION: &str = "queue_of_events";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("kind", text(queues(&queue.destination))).key("id", text(queue.subject.as_str()));
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// Of whom or what something waits at a destination.
    pub async fn queues(&self, destination: &DestinationName, most: usize) -> Result<Page<WaitingQueue>, StoreError> {
        const OPERATION: &str = "queues_of_events";
        let query = || self.of_kind(queues(destination));
        Page::query(most, OPERATION, query, |item| version::read(item, OPERATION)).await
    }

    fn of_kind(&self, kind: String) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#kind = :kind")
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_values(":kind", AttributeValue::S(kind))
    }

    fn update(&self, queue: &Queue) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("kind", text(queues(&queue.destination))).key("id", text(queue.subject.as_str()))
    }

    /// Makes these writes, or none. One that met another transaction is an error: whoever brought the event brings it again.
    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &'static str,
        token: Option<&str>,
    ) -> Result<(), StoreError> {
        const ATTEMPTS: usize = 5;
        for attempt in 1..=ATTEMPTS {
            let sent = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            match sent.set_client_request_token(token.map(str::to_owned)).send().await {
                Ok(_) => return Ok(()),
                // Events of one subject meet whoever delivers those before.
                Err(error) if attempt < ATTEMPTS && is_refused(error.as_service_error()) => {
                    newer(error.as_service_error(), operation)?;
                    let wait = 20_u64.saturating_mul(1 << attempt);
                    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
                }
                Err(error) => return Err(unavailable(operation)(error)),
            }
        }
        Ok(())
    }
}

/// Fails if a condition was not met because of an item of a newer version.
pub(crate) fn newer(error: Option<&TransactWriteItemsError>, operation: &'static str) -> Result<(), StoreError> {
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error {
        for item in cancelled.cancellation_reasons().iter().filter_map(CancellationReason::item) {
            version::of(item, operation)?;
        }
    }
    Ok(())
}

fn waiting(Queue { destination, subject }: &Queue) -> String {
    format!("event#{destination}#{subject}")
}

fn queues(destination: &DestinationName) -> String {
    format!("events#{destination}")
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}
