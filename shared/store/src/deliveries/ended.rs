//! What became of events: delivered, or given up.

use super::{Deliveries, WaitingEvent, as_text, text};
use crate::audit::day_and_time;
use crate::codes::incomplete;
use crate::error::{StoreError, unavailable};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use gateway_domain::domain_event::{DomainEvent, KEPT, Queue, Subject};
use gateway_domain::ids::DestinationName;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of an event at a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// When, in UTC.
    #[serde(skip)]
    pub day: String,
    /// The time of that day, the destination and the event's id.
    #[serde(skip)]
    pub at: String,
    /// Who was told.
    pub destination: DestinationName,
    /// Where the event stood among those of its subject.
    pub order: String,
    /// The event.
    #[serde(with = "as_text")]
    pub event: DomainEvent,
    /// Whether it was delivered.
    pub outcome: DeliveryOutcome,
    /// After how many attempts.
    pub attempts: u32,
}

/// Whether an event was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// The destination has it.
    Delivered,
    /// It was tried as long as it is, and not delivered.
    GivenUp,
}

impl DeliveryOutcome {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Delivered, Self::GivenUp];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

#[derive(Deserialize)]
struct DeliveryItem {
    kind: String,
    id: String,
    #[serde(flatten)]
    delivery: Delivery,
}

impl Deliveries {
    /// What became of events on a day, the latest first, before this time of it.
    pub async fn of_day(&self, day: &str, before: &str, most: usize) -> Result<Page<Delivery>, StoreError> {
        const OPERATION: &str = "deliveries";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#kind = :kind AND id < :before")
                .scan_index_forward(false)
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_values(":kind", text(format!("delivery#{day}")))
                .expression_attribute_values(":before", text(before))
        };
        Ok(readable(Page::query(most, OPERATION, query, |item| delivery(item, OPERATION)).await?))
    }

    /// What became of events on a day between two times of it, the earliest first.
    pub async fn within(&self, day: &str, (from, to): (&str, &str), most: usize) -> Result<Page<Delivery>, StoreError> {
        const OPERATION: &str = "deliveries_within";
        let query = || {
            self.of_kind(format!("delivery#{day}"))
                .key_condition_expression("#kind = :kind AND id BETWEEN :from AND :to")
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":to", text(to))
        };
        Ok(readable(Page::query(most, OPERATION, query, |item| delivery(item, OPERATION)).await?))
    }

    /// What became of events that their subject is told of, the latest first.
    pub async fn told(&self, subject: &Subject, most: usize) -> Result<Page<Delivery>, StoreError> {
        const OPERATION: &str = "deliveries_to_subject";
        let at_once = i32::try_from(most).unwrap_or(i32::MAX).saturating_add(1);
        let query = || self.of_kind(told(subject)).scan_index_forward(false).limit(at_once);
        Ok(readable(Page::query(most, OPERATION, query, |item| delivery(item, OPERATION)).await?))
    }

    /// One of a day.
    pub async fn delivery(&self, day: &str, at: &str) -> Result<Option<Delivery>, StoreError> {
        self.one(format!("delivery#{day}"), at, "delivery").await
    }

    /// One that its subject is told of, by its day, a `T` and [`Delivery::at`].
    pub async fn told_at(&self, subject: &Subject, place: &str) -> Result<Option<Delivery>, StoreError> {
        self.one(told(subject), place, "delivery_to_subject").await
    }

    async fn one(&self, kind: String, id: &str, operation: &'static str) -> Result<Option<Delivery>, StoreError> {
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("kind", text(kind)).key("id", text(id));
        let item = read.send().await.map_err(unavailable(operation))?.item;
        Ok(item.map(|item| delivery(item, operation)).transpose()?.flatten())
    }
}

impl Delivery {
    /// What has become of an event now, in milliseconds since 1970.
    pub fn of(
        queue: &Queue,
        waiting: WaitingEvent,
        (outcome, attempts): (DeliveryOutcome, u32),
        now_millis: i64,
    ) -> Self {
        let (day, time) = day_and_time(now_millis);
        let WaitingEvent { order, event, .. } = waiting;
        let at = format!("{time}#{}#{}", queue.destination, event.id);
        Self { day, at, destination: queue.destination.clone(), order, event, outcome, attempts }
    }
}

/// The writes that note what became of an event. Applications see what they were told: theirs alone, without looking through a day.
pub(super) fn noted(
    table: &str,
    delivery: &Delivery,
    now: Timestamp,
    operation: &'static str,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    let Delivery { day, at, destination, event, .. } = delivery;
    let of_day = (format!("delivery#{day}"), at.clone());
    let of_subject =
        (*destination == DestinationName::of_apps()).then(|| (told(&event.subject), format!("{day}T{at}")));
    let write = |(kind, id)| {
        let mut item = version::written(delivery, operation)?;
        item.insert("kind".to_owned(), text(kind));
        item.insert("id".to_owned(), text(id));
        item.insert("ttl".to_owned(), number(ttl::after([now.saturating_add(KEPT)]).as_secs()));
        let put = Put::builder().table_name(table).set_item(Some(item)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(incomplete(operation))?).build())
    };
    std::iter::once(of_day).chain(of_subject).map(write).collect()
}

/// Those that this version can read.
fn readable(page: Page<Option<Delivery>>) -> Page<Delivery> {
    Page { items: page.items.into_iter().flatten().collect(), more: page.more }
}

/// What became of an event; `None` of one whose type a newer version has made up: it hides no other.
fn delivery(item: crate::error::Item, operation: &'static str) -> Result<Option<Delivery>, StoreError> {
    let text = item.get("event").and_then(|event| event.as_s().ok());
    if text.is_none_or(|text| DomainEvent::parse(text).is_none()) {
        return version::of(&item, operation).map(|_| None);
    }
    let DeliveryItem { kind, id, delivery } = version::read(item, operation)?;
    let (day, at) = match kind.strip_prefix("delivery#") {
        Some(day) => (day.to_owned(), id),
        None => id.split_once('T').map(|(day, at)| (day.to_owned(), at.to_owned())).unwrap_or_default(),
    };
    Ok(Some(Delivery { day, at, ..delivery }))
}

fn told(subject: &Subject) -> String {
    format!("told#{subject}")
}
