//! Failed logins, counted before the password is looked at. Key: `pk`, a hash of what is counted.

use crate::error::{Item, StoreError, held, refused_item};
use crate::{Store, number, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::guess::{Limit, may_guess, wait};
use domain::time::{Seconds, Timestamp};

/// Whether a guess may be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It is counted; evaluate it. `known` when this very key has led to a successful login before.
    Granted {
        /// Whether a login succeeded under this key before.
        known: bool,
    },
    /// It must wait this long.
    Wait(Seconds),
}

struct Counter {
    failures: u64,
    next_at: Timestamp,
    lapses: Timestamp,
    known_until: Timestamp,
}

impl Store {
    /// Reserves one guess under a key. However many ask at once, at most `limit.free` are granted without a wait and
    /// one per wait after that.
    pub async fn reserve_guess(&self, key: &str, limit: Limit, now: Timestamp) -> Result<Reservation, StoreError> {
        const OPERATION: &str = "reserve_guess";
        let lapses = number(now.saturating_add(limit.memory).as_secs());
        let update = self.update_guess(key);
        let sent = version::guarded(update, "attribute_not_exists(failures) OR failures < :free")
            .update_expression(
                "ADD failures :one SET lapses = :lapses, #ttl = if_not_exists(known_until, :lapses), \
                 v = if_not_exists(v, :version)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":free", number(limit.free))
            .expression_attribute_values(":lapses", lapses.clone())
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let counter = match sent {
            Ok(answer) => {
                let counter = Counter::of(&answer.attributes.unwrap_or_default());
                return Ok(Reservation::Granted { known: now < counter.known_until });
            }
            Err(error) => Counter::of(&refused_item(error, OPERATION)?),
        };
        if let Err(length) = may_guess(limit, counter.failures, counter.next_at, counter.lapses, now) {
            return Ok(Reservation::Wait(length));
        }
        // One of those who wait goes on: the one that finds the counter as it was seen.
        let failures = if now >= counter.lapses { 1 } else { counter.failures + 1 };
        let as_seen =
            "failures = :seen AND lapses = :seen_lapses AND (attribute_not_exists(next_at) OR next_at = :seen_next)";
        let sent = version::guarded(self.update_guess(key), as_seen)
            .update_expression(
                "SET failures = :failures, next_at = :next, lapses = :lapses, #ttl = if_not_exists(known_until, :lapses)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":failures", number(failures))
            .expression_attribute_values(":next", number(now.saturating_add(wait(limit, failures)).as_secs()))
            .expression_attribute_values(":lapses", lapses)
            .expression_attribute_values(":seen", number(counter.failures))
            .expression_attribute_values(":seen_lapses", number(counter.lapses.as_secs()))
            .expression_attribute_values(":seen_next", number(counter.next_at.as_secs()))
            .send()
            .await;
        if held(sent, OPERATION)? {
            Ok(Reservation::Granted { known: now < counter.known_until })
        } else {
            Ok(Reservation::Wait(Seconds::new(1)))
        }
    }

    /// A login succeeded: the failures under this key are forgotten, and the key is known from now on.
    pub async fn forget_guesses(&self, key: &str, known_until: Timestamp) -> Result<(), StoreError> {
        let sent = version::guarded_always(self.update_guess(key))
            .update_expression(
                "SET known_until = :until, #ttl = :until, v = if_not_exists(v, :version) \
                 REMOVE failures, next_at, lapses",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", number(known_until.as_secs()))
            .send()
            .await;
        held(sent, "forget_guesses").map(drop)
    }

    /// Takes one reservation back: it was not a failure, or it was never evaluated.
    pub async fn return_guess(&self, key: &str) -> Result<(), StoreError> {
        let sent = version::guarded(self.update_guess(key), "failures >= :one")
            .update_expression("ADD failures :less")
            .expression_attribute_values(":less", number(-1))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        held(sent, "return_guess").map(drop)
    }

    fn update_guess(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.tables.guesses).key("pk", AttributeValue::S(key.to_owned()))
    }
}

impl Counter {
    fn of(item: &Item) -> Self {
        let value = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
        Self {
            failures: value("failures").and_then(|count: i64| u64::try_from(count).ok()).unwrap_or(0),
            next_at: Timestamp::from_secs(value("next_at").unwrap_or(0)),
            lapses: Timestamp::from_secs(value("lapses").unwrap_or(0)),
            known_until: Timestamp::from_secs(value("known_until").unwrap_or(0)),
        }
    }
}
