//! Events on their way to destinations, and what became of them: what is shown, and how events are sent again.

use crate::app_acts::subject as app_subject;
use crate::{Act, ActError, Acts, Catalogue, Problem, WrongField, text};
use futures_util::{TryStreamExt as _, stream};
use gateway_config::Gateway;
use gateway_domain::domain_event::{DomainEvent, Subject};
use gateway_domain::ids::{ClientId, DestinationName};
use gateway_domain::time::Timestamp;
use gateway_store::{Deliveries, Delivery, DeliveryOutcome, Page, StoreError, WaitingQueue, day_and_time};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

const DAY_MILLIS: i64 = 86_400_000;
/// The most deliveries that one question reads, and how many of them at once.
const MOST_LOOKED_AT: usize = 10_000;
const PIECE: usize = 1_000;
/// The most events that are sent again at once: more would take longer than a request may.
const MOST_SENT: usize = 1_000;
/// Of how many subjects events are added at the same time.
const AT_ONCE: usize = 8;
/// The longest part of a key that a delivery can have, in bytes.
const LONGEST: usize = 254;
/// What the audit table calls it.
const REPLAY: &str = "events replay";

/// The names of those who are told of events, the hook `registered` and the webhooks of applications among them.
pub fn destinations(gateway: &Gateway) -> BTreeSet<DestinationName> {
    let registered = gateway.hooks().registered.as_ref().map(|_| DestinationName::of_registered());
    let apps = gateway.has_app_webhooks().then(DestinationName::of_apps);
    gateway.destinations().keys().cloned().chain(registered).chain(apps).collect()
}

/// The name of a destination, which need not be there.
///
/// # Errors
/// [`ActError::Fields`] if it is no name.
pub fn destination_of(text: &str) -> Result<DestinationName, ActError> {
    DestinationName::parse(text).map_err(|error| malformed("destination", error.to_string()))
}

fn malformed(field: &str, text: impl Into<String>) -> ActError {
    ActError::Fields(vec![WrongField { field: field.to_owned(), problem: Problem::Malformed(text.into()) }])
}

/// Which deliveries are looked for.
#[derive(Debug, Default)]
pub struct DeliveryFilter {
    /// Only those to this destination.
    pub destination: Option<DestinationName>,
    /// Only those that ended so.
    pub outcome: Option<DeliveryOutcome>,
}

impl DeliveryFilter {
    /// What these parameters ask for.
    ///
    /// # Errors
    /// [`ActError::Fields`] with the parameter that is wrong.
    pub fn of(destination: Option<&str>, outcome: Option<&str>) -> Result<Self, ActError> {
        let parse = |text: &str| {
            let found = DeliveryOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
            found.ok_or_else(|| malformed("outcome", "it is `delivered` or `given_up`"))
        };
        Ok(Self { destination: destination.map(destination_of).transpose()?, outcome: outcome.map(parse).transpose()? })
    }

    fn takes(&self, delivery: &Delivery) -> bool {
        self.destination.as_ref().is_none_or(|destination| delivery.destination == *destination)
            && self.outcome.is_none_or(|outcome| delivery.outcome == outcome)
    }
}

/// Deliveries, and where to go on.
pub struct FoundDeliveries {
    /// Those that are wanted, the latest first.
    pub items: Vec<Delivery>,
    /// [`Delivery::at`] of the one after which to go on, if not all of the day was looked at.
    pub next: Option<String>,
}

/// The deliveries of a day that are wanted, the latest first, at most `most`, and after another one if its [`Delivery::at`] is
/// given. It looks at a bounded number, so that it may find fewer though there are more.
///
/// # Errors
/// The table did not answer.
pub async fn deliveries_of(
    deliveries: &Deliveries,
    day: &str,
    (after, most): (Option<&str>, usize),
    filter: &DeliveryFilter,
) -> Result<FoundDeliveries, StoreError> {
    let (mut items, mut looked_at) = (Vec::new(), 0_usize);
    let mut before = after.unwrap_or("~").to_owned();
    loop {
        let page = deliveries.of_day(day, &before, PIECE).await?;
        looked_at = looked_at.saturating_add(page.items.len());
        let last = page.items.last().map(|one| one.at.clone()).filter(|_| page.more);
        for one in page.items.into_iter().filter(|one| filter.takes(one)) {
            let at = one.at.clone();
            items.push(one);
            if items.len() == most {
                return Ok(FoundDeliveries { items, next: Some(at) });
            }
        }
        match last {
            Some(at) if looked_at < MOST_LOOKED_AT => before = at,
            next => return Ok(FoundDeliveries { items, next }),
        }
    }
}

/// Of whom or what events wait at these destinations, at most `most` subjects at each.
///
/// # Errors
/// The table did not answer.
pub async fn waiting_at(
    deliveries: &Deliveries,
    destinations: &BTreeSet<DestinationName>,
    most: usize,
) -> Result<Page<(DestinationName, WaitingQueue)>, StoreError> {
    let mut waiting = Page { items: Vec::new(), more: false };
    for destination in destinations {
        let page = deliveries.queues(destination, most).await?;
        waiting.more |= page.more;
        waiting.items.extend(page.items.into_iter().map(|queue| (destination.clone(), queue)));
    }
    Ok(waiting)
}

/// When an event was delivered or given up, in UTC, to the millisecond.
pub fn time_of(delivery: &Delivery) -> String {
    let time = delivery.at.split_once('#').map_or(delivery.at.as_str(), |(time, _)| time);
    format!("{}T{time}", delivery.day)
}

/// What became of an event, as it is shown.
pub fn shown_delivery(delivery: &Delivery) -> Json {
    json!({
        "day": delivery.day,
        "at": delivery.at,
        "time": time_of(delivery),
        "destination": delivery.destination,
        "outcome": delivery.outcome,
        "attempts": delivery.attempts,
        "event": delivery.event,
    })
}

/// What waits of a subject, as it is shown.
pub fn shown_queue(destination: &DestinationName, queue: &WaitingQueue) -> Json {
    json!({
        "destination": destination,
        "subject": queue.subject,
        "attempts": queue.attempts,
        "due_at": text(queue.due_at),
        "reason": queue.reason,
    })
}

/// What was sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// How many events.
    pub sent: usize,
    /// The time from which to go on, if not all of the time was looked at.
    pub next: Option<String>,
}

/// Sends events again: with their ids, so that a receiver knows that it has had them, and in their order.
pub struct Replays<'a> {
    /// Who sends, and where that is recorded.
    pub acts: &'a Acts<'a>,
    /// Where events wait.
    pub deliveries: &'a Deliveries,
    /// Who is told of events.
    pub names: Catalogue<'a>,
}

impl Replays<'_> {
    /// Sends the event of a delivery again. `None` if there is no such delivery, or not any more.
    ///
    /// # Errors
    /// [`ActError::Fields`] if its destination is there no more; and those of [`Acts::audited`].
    pub async fn one(&self, day: &str, at: &str) -> Result<Option<Delivery>, ActError> {
        let is_key = day.len() <= LONGEST && (1..=LONGEST).contains(&at.len());
        let found = if is_key { self.deliveries.delivery(day, at).await? } else { None };
        self.again(found, |event| format!("event {}", event.id)).await
    }

    async fn again(
        &self,
        found: Option<Delivery>,
        subject: impl FnOnce(&DomainEvent) -> String,
    ) -> Result<Option<Delivery>, ActError> {
        let Some(delivery) = found else { return Ok(None) };
        let Delivery { destination, order, event, .. } = &delivery;
        self.is_there(destination)?;
        let act = Act {
            act: REPLAY,
            subject: subject(event),
            before: None,
            after: Some(json!({
                "event": event.id, "destination": destination, "type": event.kind, "subject": event.subject,
            })),
        };
        let add = async {
            let added = self.deliveries.add(destination, (order.as_str(), event), self.acts.now()).await;
            added.map_err(ActError::from)
        };
        self.acts.audited(act, add).await?;
        Ok(Some(delivery))
    }

    /// The same of an event that this application was told of, by its day, a `T` and its time there.
    ///
    /// # Errors
    /// As [`Replays::one`].
    pub async fn one_of_app(&self, client_id: &ClientId, place: &str) -> Result<Option<Delivery>, ActError> {
        let is_key = (1..=LONGEST).contains(&place.len());
        let subject = Subject::of_app(client_id);
        let found = if is_key { self.deliveries.told_at(&subject, place).await? } else { None };
        self.again(found, |_| app_subject(client_id)).await
    }

    /// Sends again what a destination was told of between two times in milliseconds since 1970, which are at most a day apart,
    /// and what it was not told of because it was given up. It sends a bounded number, the earliest first.
    ///
    /// # Errors
    /// [`ActError::Fields`] for another time, or if the destination is not there; and those of [`Acts::audited`].
    pub async fn all(&self, destination: &DestinationName, (from, to): (i64, i64)) -> Result<Replayed, ActError> {
        if !(0..=DAY_MILLIS).contains(&to.saturating_sub(from)) {
            return Err(malformed("from", "it lies at most a day before `to`"));
        }
        self.is_there(destination)?;
        let (begins, ends) = (moment(from), moment(to));
        let act = Act {
            act: REPLAY,
            subject: format!("events at {destination}"),
            before: None,
            after: Some(json!({ "from": begins, "to": ends })),
        };
        let after = |replayed: &Replayed| {
            let Replayed { sent, next } = replayed;
            Some(json!({ "from": begins, "to": ends, "sent": sent, "next": next }))
        };
        self.acts.audited_as(act, Box::pin(self.add_again(destination, (from, to))), after).await
    }

    async fn add_again(&self, destination: &DestinationName, (from, to): (i64, i64)) -> Result<Replayed, ActError> {
        let (by_subject, replayed) = self.found(destination, (from, to)).await?;
        let now = self.acts.now();
        let each = stream::iter(by_subject.into_values().map(Ok::<_, StoreError>));
        each.try_for_each_concurrent(AT_ONCE, |events| self.add_in_order(destination, events, now)).await?;
        Ok(replayed)
    }

    /// The events of this time, by subject and in their order: what was delivered twice is sent once.
    async fn found(
        &self,
        destination: &DestinationName,
        (from, to): (i64, i64),
    ) -> Result<(BTreeMap<Subject, InOrder>, Replayed), StoreError> {
        let ((first_day, first_time), (last_day, last_time)) = (day_and_time(from), day_and_time(to));
        let end = format!("{last_time}~");
        let days = if first_day == last_day {
            vec![(first_day.as_str(), first_time.as_str(), end.as_str())]
        } else {
            vec![(first_day.as_str(), first_time.as_str(), "~"), (last_day.as_str(), "0", end.as_str())]
        };
        let (mut found, mut replayed) = (BTreeMap::<Subject, InOrder>::new(), Replayed { sent: 0, next: None });
        for (day, low, high) in days {
            let page = self.deliveries.within(day, (low, high), MOST_LOOKED_AT).await?;
            let last = page.items.last().filter(|_| page.more).map(time_of);
            for one in page.items.into_iter().filter(|one| one.destination == *destination) {
                if replayed.sent == MOST_SENT {
                    replayed.next = Some(time_of(&one));
                    return Ok((found, replayed));
                }
                let of_subject = found.entry(one.event.subject.clone()).or_default();
                if of_subject.insert(one.order, one.event).is_none() {
                    replayed.sent = replayed.sent.saturating_add(1);
                }
            }
            if last.is_some() {
                replayed.next = last;
                break;
            }
        }
        Ok((found, replayed))
    }

    async fn add_in_order(
        &self,
        destination: &DestinationName,
        events: InOrder,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (order, event) in events {
            self.deliveries.add(destination, (order.as_str(), &event), now).await?;
        }
        Ok(())
    }

    fn is_there(&self, destination: &DestinationName) -> Result<(), ActError> {
        let wrong = self.names.destination("destination", destination);
        wrong.map_or(Ok(()), |wrong| Err(ActError::Fields(vec![wrong])))
    }
}

/// Events of one subject, by where they stand among them.
type InOrder = BTreeMap<String, DomainEvent>;

/// A time in milliseconds since 1970, as it is shown.
fn moment(millis: i64) -> String {
    let (day, time) = day_and_time(millis);
    format!("{day}T{time}")
}
