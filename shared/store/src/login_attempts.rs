//! Login attempts, counted before the password is evaluated. Key: `pk`, what is counted: account (hashed), source, client.
//!
//! `empty_at` and `next_at` are those of [`Counter`]. `known_until` says that a login succeeded under this key, and
//! `known_for` with which credentials, so that a new password makes all keys of its user unknown without a search for them.
//! `used_until` is of a key that may be used once.

use crate::error::{Item, StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{CredentialVersion, number, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::login_attempts::{Counter, Limit, Permit, room};
use gateway_domain::time::{Seconds, Timestamp};

/// How often a reservation that met concurrent ones is tried. Each successful login meanwhile empties the counter and can
/// cost two rounds: 32 rounds let fifteen concurrent users with the right password pass without a wait. Wrong attempts
/// only fill the counter, which ends the rounds.
const ROUNDS: u32 = 32;

/// Whether an attempt may be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It is counted; evaluate it.
    Granted,
    /// It must wait this long.
    Wait(Seconds),
}

/// What is counted under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedAttempts {
    /// The attempts.
    pub counter: Counter,
    known_until: Option<Timestamp>,
    known_for: Option<String>,
}

impl CountedAttempts {
    /// Whether a login with these credentials succeeded under this key and is still remembered.
    pub fn is_known(&self, credentials: &CredentialVersion, now: Timestamp) -> bool {
        self.is_remembered(now) && self.known_for.as_deref() == Some(credentials.as_str())
    }

    /// Whether a login is remembered, also one with credentials that have changed since.
    fn is_remembered(&self, now: Timestamp) -> bool {
        self.known_until.is_some_and(|until| now < until)
    }

    fn of(item: &Item, operation: &'static str) -> Result<Self, StoreError> {
        version::of(item, operation)?;
        let time = |name: &str| match item.get(name) {
            None => Ok(None),
            // An unreadable counter must not count as an empty one.
            Some(value) => match value.as_n().ok().and_then(|text| text.parse().ok()) {
                Some(seconds) => Ok(Some(Timestamp::from_secs(seconds))),
                None => Err(StoreError::Corrupt { operation, cause: format!("its `{name}` is no time") }),
            },
        };
        let counter = Counter {
            empty_at: time("empty_at")?.unwrap_or(Counter::EMPTY.empty_at),
            next_at: time("next_at")?.unwrap_or(Counter::EMPTY.next_at),
        };
        let known_for = item.get("known_for").and_then(|value| value.as_s().ok()).cloned();
        Ok(Self { counter, known_until: time("known_until")?, known_for })
    }
}

/// The table of login attempts.
#[derive(Debug, Clone)]
pub struct LoginAttempts {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl LoginAttempts {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// What is counted under a key. One strongly consistent read.
    pub async fn get(&self, key: &str) -> Result<CountedAttempts, StoreError> {
        const OPERATION: &str = "login_attempts";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("pk", AttributeValue::S(key.to_owned())).send().await.map_err(unavailable(OPERATION))?;
        CountedAttempts::of(&read.item.unwrap_or_default(), OPERATION)
    }

    /// Reserves one attempt under a key that was read as `seen`. Concurrent reservations are granted no more attempts than
    /// [`Counter::permit`] allows in sequence. An attempt that must wait by what was `seen` sends no write.
    pub async fn reserve(
        &self,
        key: &str,
        limit: Limit,
        seen: &CountedAttempts,
        now: Timestamp,
    ) -> Result<Reservation, StoreError> {
        const OPERATION: &str = "reserve_login_attempt";
        let mut seen = seen.clone();
        for _ in 0..ROUNDS {
            let permit = match seen.counter.permit(limit, now) {
                Ok(permit) => permit,
                Err(length) => return Ok(Reservation::Wait(length)),
            };
            match self.counting(key, limit, &seen, permit, now).send().await {
                Ok(_) => return Ok(Reservation::Granted),
                Err(error) => seen = CountedAttempts::of(&refused_item(error, OPERATION)?, OPERATION)?,
            }
        }
        Ok(Reservation::Wait(Seconds::new(1)))
    }

    /// The write that counts an attempt. A free attempt only requires that there is room, so that concurrent ones all
    /// succeed.
    fn counting(
        &self,
        key: &str,
        limit: Limit,
        seen: &CountedAttempts,
        permit: Permit,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        let counted = seen.counter.counted(limit, permit, now);
        let (count, change) = match permit {
            Permit::First => ("(attribute_not_exists(empty_at) OR empty_at <= :now)", "empty_at = :counted"),
            Permit::Free => ("empty_at > :now AND empty_at <= :room", "empty_at = empty_at + :every"),
            Permit::Paced => (
                "empty_at = :seen AND (attribute_not_exists(next_at) OR next_at <= :now)",
                "empty_at = :counted, next_at = :next",
            ),
        };
        // While a login is remembered, its ttl stays: it is later than the end of any attempt counted until then.
        let (remembered, kept) = if seen.is_remembered(now) {
            ("known_until > :now", "")
        } else {
            ("(attribute_not_exists(known_until) OR known_until <= :now)", ", #ttl = :ttl")
        };
        let mut update = version::guarded(self.update_counter(key), &format!("{count} AND {remembered}"))
            .update_expression(format!("SET {change}{kept}, v = if_not_exists(v, :version)"))
            .expression_attribute_values(":now", number(now.as_secs()));
        if !kept.is_empty() {
            let latest = now.saturating_add(limit.memory());
            update = update.expression_attribute_names("#ttl", "ttl").expression_attribute_values(
                ":ttl",
                number(ttl::after([latest, counted.empty_at, counted.next_at]).as_secs()),
            );
        }
        match permit {
            Permit::First => update.expression_attribute_values(":counted", number(counted.empty_at.as_secs())),
            Permit::Free => {
                let full = now.saturating_add(room(limit.every, limit.free));
                update
                    .expression_attribute_values(":room", number(full.as_secs()))
                    .expression_attribute_values(":every", number(limit.every.as_u64()))
            }
            Permit::Paced => update
                .expression_attribute_values(":seen", number(seen.counter.empty_at.as_secs()))
                .expression_attribute_values(":counted", number(counted.empty_at.as_secs()))
                .expression_attribute_values(":next", number(counted.next_at.as_secs())),
        }
    }

    /// Records a successful login: the counter is emptied, and the key is known for these credentials until `known_until`.
    pub async fn remember_login(
        &self,
        key: &str,
        limit: Limit,
        credentials: &CredentialVersion,
        known_until: Timestamp,
    ) -> Result<(), StoreError> {
        let kept = ttl::after([known_until, known_until.saturating_add(limit.memory())]);
        let sent = version::guarded_always(self.update_counter(key))
            .update_expression(
                "SET known_until = :until, known_for = :credentials, #ttl = :ttl, v = if_not_exists(v, :version) \
                 REMOVE empty_at, next_at",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", number(known_until.as_secs()))
            .expression_attribute_values(":credentials", AttributeValue::S(credentials.as_str().to_owned()))
            .expression_attribute_values(":ttl", number(kept.as_secs()))
            .send()
            .await;
        held(sent, "remember_login").map(drop)
    }

    /// Takes a reservation back, because the password was right or never evaluated: as [`Counter::returned`].
    pub async fn give_back(&self, key: &str, limit: Limit) -> Result<(), StoreError> {
        let sent = version::guarded(self.update_counter(key), "attribute_exists(empty_at)")
            .update_expression("SET empty_at = empty_at - :every REMOVE next_at")
            .expression_attribute_values(":every", number(limit.every.as_u64()))
            .send()
            .await;
        held(sent, "return_login_attempt").map(drop)
    }

    /// Uses a key that may be used once before `until`; after that it means nothing. Of concurrent uses exactly one gets
    /// `true`. A repetition by the SDK of a write whose response was lost gets `false`: the one attempt then fails, and
    /// nobody gets two.
    pub async fn use_once(&self, key: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let unused = "attribute_not_exists(used_until) OR used_until <= :now";
        let sent = version::guarded(self.update_counter(key), unused)
            .update_expression("SET used_until = :until, #ttl = :ttl, v = if_not_exists(v, :version)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", number(until.as_secs()))
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":ttl", number(ttl::after([until]).as_secs()))
            .send()
            .await;
        held(sent, "use_once")
    }

    fn update_counter(&self, key: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", AttributeValue::S(key.to_owned()))
    }
}
