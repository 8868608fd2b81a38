//! Call counters and live sessions of each pair of user and application. Key: `user_id`, `client_id`.
//!
//! An item has counters ([`CounterName`]), `s<sid>` entries `{e: absolute end, t: {connector: {v: version, x: sealed token, e:
//! its end}}}` (`x` and `e` may be absent), `n`, the number of entries, and `v`, the item's version. It stays under 1 KB,
//! so that the authorizer's one write per call costs one write unit. It is never part of a transaction, since a transaction
//! would make concurrent writes of authorizers fail.

mod item;

use crate::error::{Item, StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, projection, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use aws_smithy_types::retry::RetryConfig;
use gateway_domain::call_context::TokenRef;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::rate_limit::CounterName;
use gateway_domain::time::{Seconds, Timestamp};
use item::{counters_of, entries_of, entry_name, entry_value, live_sessions, number_of, tokens_of};
use std::collections::{BTreeMap, BTreeSet};

/// If a session's sealed tokens are longer than this in total, the entry holds none; the proxy reads them from the session.
const INLINE_BYTES: usize = 200;
/// How long an item is kept after its last session's end, so that a logout does not reset a limit, of a month neither.
const KEPT: Seconds = Seconds::new(32 * 86_400);

/// The result of counting a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Counted {
    /// The session is alive, and the call was counted.
    Live(ActivityView),
    /// The session has ended or never existed; nothing was counted.
    SessionEnded,
}

/// The activity item as it is after the call was counted.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityView {
    /// All counters by name.
    pub counters: BTreeMap<String, u64>,
    /// This session's internal tokens.
    pub tokens: BTreeMap<ConnectorName, TokenRef>,
    /// Write units that the write consumed.
    pub capacity_units: f64,
}

/// A live session of a user in an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The session.
    pub sid: SessionId,
    /// Its absolute end.
    pub ends: Timestamp,
}

/// A live session with its user and application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The user, or the application acting for itself.
    pub user_id: UserId,
    /// The application.
    pub client_id: ClientId,
    /// The session.
    pub entry: Entry,
}

/// The result of adding an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewEntry {
    /// The session is alive now.
    Added,
    /// There are already as many sessions as allowed, which are returned.
    Full(Vec<Entry>),
}

/// The table of call counters and live sessions.
#[derive(Debug, Clone)]
pub struct Activity {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Activity {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Counts a call if its session is alive: adds its weight to these counters, in one conditional write. The write is never
    /// retried, since a retry could count the call twice.
    pub async fn count_call(
        &self,
        user: &UserId,
        client: &ClientId,
        sid: &SessionId,
        (counters, weight): (&BTreeSet<CounterName>, u32),
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        let units = counters.iter().map(|counter| (counter, weight.into()));
        let sent = added(self.update_item(user, client, "attribute_exists(#s) AND #s.e > :now"), units)
            .expression_attribute_names("#s", entry_name(sid))
            .expression_attribute_values(":now", number(now.as_secs()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .config_override(once())
            .send()
            .await;
        match sent {
            Ok(response) => {
                let capacity_units =
                    response.consumed_capacity.and_then(|used| used.capacity_units).unwrap_or_default();
                let item = response.attributes.unwrap_or_default();
                let tokens = item.get(&entry_name(sid)).and_then(|entry| entry.as_m().ok()).map(tokens_of);
                Ok(Counted::Live(ActivityView {
                    counters: counters_of(&item),
                    tokens: tokens.unwrap_or_default(),
                    capacity_units,
                }))
            }
            Err(error) => refused_item(error, "count_call").map(|_| Counted::SessionEnded),
        }
    }

    /// Takes a counted call back, because it was over a limit. A counter never falls below zero.
    pub async fn refund_call(
        &self,
        user: &UserId,
        client: &ClientId,
        (counters, weight): (&BTreeSet<CounterName>, u32),
    ) -> Result<(), StoreError> {
        let units = counters.iter().map(|counter| (counter, weight.into()));
        refund(|condition| self.update_item(user, client, condition), units, "refund_call").await
    }

    /// Removes counters that no limit needs any more.
    pub async fn clean_counters(&self, user: &UserId, client: &ClientId, stale: &[String]) -> Result<(), StoreError> {
        clean(self.update_item(user, client, "attribute_exists(user_id)"), stale, "clean_counters").await
    }

    /// Adds to counters that all users of an application share, and returns all of them. Less than zero takes something out. The
    /// write is never retried, since a retry could count twice.
    pub async fn lease(
        &self,
        client: &ClientId,
        add: &BTreeMap<CounterName, i64>,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        const OPERATION: &str = "lease";
        let units = add.iter().map(|(counter, units)| (counter, *units));
        let (update, terms) = terms(version::guarded_always(self.update_shared(client)), units);
        let sent = update
            .update_expression(format!("SET v = if_not_exists(v, :version) {terms}"))
            .return_values(ReturnValue::AllNew)
            .customize()
            .config_override(once())
            .send()
            .await;
        match sent {
            Ok(response) => Ok(counters_of(&response.attributes.unwrap_or_default())),
            Err(error) => {
                refused_item(error, OPERATION)?;
                Err(StoreError::Unavailable { operation: OPERATION, cause: "the item kept changing".into() })
            }
        }
    }

    /// Takes out of counters that all users share what is over a limit. A counter never falls below zero.
    pub async fn refund_lease(&self, client: &ClientId, units: &BTreeMap<CounterName, u64>) -> Result<(), StoreError> {
        let units = units.iter().map(|(counter, units)| (counter, i64::try_from(*units).unwrap_or(i64::MAX)));
        refund(|condition| version::guarded(self.update_shared(client), condition), units, "refund_lease").await
    }

    /// Removes counters that all users share and no limit needs any more.
    pub async fn clean_shared(&self, client: &ClientId, stale: &[String]) -> Result<(), StoreError> {
        clean(version::guarded(self.update_shared(client), "attribute_exists(user_id)"), stale, "clean_shared").await
    }

    /// Makes a session alive. Refuses when there are `most` sessions already. Adding is idempotent.
    pub async fn add_entry(
        &self,
        user: &UserId,
        client: &ClientId,
        entry: &Entry,
        tokens: &BTreeMap<ConnectorName, TokenRef>,
        most: u32,
    ) -> Result<NewEntry, StoreError> {
        // Only the first session of an item has its sealed tokens inline, so that the item stays within one write unit.
        let inline = tokens.values().filter_map(|token| token.sealed.as_ref()).map(|token| token.as_str().len());
        if inline.sum::<usize>() <= INLINE_BYTES && self.try_add(user, client, entry, tokens, 1).await?.is_none() {
            return Ok(NewEntry::Added);
        }
        let references: BTreeMap<_, _> =
            tokens.iter().map(|(name, token)| (name.clone(), TokenRef::by_version(token.version))).collect();
        Ok(self.try_add(user, client, entry, &references, most).await?.map_or(NewEntry::Added, NewEntry::Full))
    }

    /// Adds the entry if there are fewer than `most`; otherwise returns the existing ones.
    async fn try_add(
        &self,
        user: &UserId,
        client: &ClientId,
        entry: &Entry,
        tokens: &BTreeMap<ConnectorName, TokenRef>,
        most: u32,
    ) -> Result<Option<Vec<Entry>>, StoreError> {
        const OPERATION: &str = "add_entry";
        let own = "attribute_not_exists(#s) AND (attribute_not_exists(n) OR n < :most)";
        let ttl = number(ttl::after([entry.ends.saturating_add(KEPT)]).as_secs());
        // The ttl is never lowered, since another session of this item may end later than the new one.
        for (kept, change) in [("attribute_not_exists(#ttl) OR #ttl <= :ttl", ", #ttl = :ttl"), ("#ttl > :ttl", "")] {
            let sent = self
                .update_item(user, client, &format!("{own} AND ({kept})"))
                .update_expression(format!("SET #s = :entry, v = if_not_exists(v, :version){change} ADD n :one"))
                .expression_attribute_names("#s", entry_name(&entry.sid))
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":entry", entry_value(entry.ends, tokens))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(most))
                .expression_attribute_values(":ttl", ttl.clone())
                .send()
                .await;
            let Err(error) = sent else { return Ok(None) };
            let item = refused_item(error, OPERATION)?;
            if item.contains_key(&entry_name(&entry.sid)) {
                return Ok(None);
            }
            if number_of(&item, "n") >= i64::from(most) {
                return Ok(Some(entries_of(&item)));
            }
        }
        Err(StoreError::Unavailable { operation: OPERATION, cause: "the item kept changing".into() })
    }

    /// Extends the one session of an application acting for itself if it is alive, otherwise begins it with the id `new`.
    /// Returns the session's id.
    pub async fn standing_entry(
        &self,
        user: &UserId,
        client: &ClientId,
        new: SessionId,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<SessionId, StoreError> {
        const OPERATION: &str = "standing_entry";
        let new = Entry { sid: new, ends };
        // Another round is needed when the entry has ended, or appears or disappears between two writes.
        for _ in 0..3 {
            let Some(held) = self.try_add(user, client, &new, &BTreeMap::new(), 1).await? else { return Ok(new.sid) };
            let Some(current) = held.first() else { break };
            if current.ends <= now {
                self.remove_entry(user, client, &current.sid).await?;
                continue;
            }
            let sent = self
                .update_item(user, client, "attribute_exists(#s) AND #s.e <= :ends")
                .update_expression("SET #s.e = :ends, #ttl = :ttl")
                .expression_attribute_names("#s", entry_name(&current.sid))
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ends", number(ends.as_secs()))
                .expression_attribute_values(":ttl", number(ttl::after([ends.saturating_add(KEPT)]).as_secs()))
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(current.sid.clone()),
                // It still exists, so another request has already extended it further.
                Err(error) => {
                    if refused_item(error, OPERATION)?.contains_key(&entry_name(&current.sid)) {
                        return Ok(current.sid.clone());
                    }
                }
            }
        }
        Err(StoreError::Unavailable { operation: OPERATION, cause: "the item kept changing".into() })
    }

    /// Replaces an entry's tokens after a renewal. A removed entry is not recreated, and an older token version never
    /// replaces a newer one.
    pub async fn update_entry(
        &self,
        user: &UserId,
        client: &ClientId,
        entry: &Entry,
        tokens: &BTreeMap<ConnectorName, TokenRef>,
    ) -> Result<(), StoreError> {
        let references: BTreeMap<_, _> =
            tokens.iter().map(|(name, token)| (name.clone(), TokenRef::by_version(token.version))).collect();
        let newer =
            (0..tokens.len()).map(|at| format!("(attribute_not_exists(#s.t.#c{at}) OR #s.t.#c{at}.v <= :v{at})"));
        let conditions: Vec<_> = std::iter::once("attribute_exists(#s)".to_owned()).chain(newer).collect();
        let mut update = self.update_item(user, client, &conditions.join(" AND "));
        for (position, (name, token)) in tokens.iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#c{position}"), name.as_str())
                .expression_attribute_values(format!(":v{position}"), number(token.version));
        }
        let sent = update
            .update_expression("SET #s = :entry")
            .expression_attribute_names("#s", entry_name(&entry.sid))
            .expression_attribute_values(":entry", entry_value(entry.ends, &references))
            .send()
            .await;
        held(sent, "update_entry").map(drop)
    }

    /// Ends a session for the authorizer: its next call is refused. Removing is idempotent.
    pub async fn remove_entry(&self, user: &UserId, client: &ClientId, sid: &SessionId) -> Result<(), StoreError> {
        let sent = self
            .update_item(user, client, "attribute_exists(#s)")
            .update_expression("REMOVE #s ADD n :less")
            .expression_attribute_names("#s", entry_name(sid))
            .expression_attribute_values(":less", number(-1))
            .send()
            .await;
        held(sent, "remove_entry").map(drop)
    }

    /// Whether the session is alive for the authorizer. One strongly consistent read of its entry alone.
    pub async fn entry_is_live(
        &self,
        user: &UserId,
        client: &ClientId,
        sid: &SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "entry_is_live";
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("user_id", AttributeValue::S(user.to_string()))
            .key("client_id", AttributeValue::S(client.to_string()))
            .consistent_read(true);
        let response = projection::of(read, &[&entry_name(sid)]).send().await.map_err(unavailable(OPERATION))?;
        let item = response.item.unwrap_or_default();
        version::of(&item, OPERATION)?;
        let entries = entries_of(&item);
        Ok(entries.iter().any(|entry| entry.sid == *sid && entry.ends > now))
    }

    /// The live sessions of a user in all applications. A strongly consistent query.
    pub async fn sessions_of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<LiveSession>, StoreError> {
        const OPERATION: &str = "sessions_of_user";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .key_condition_expression("user_id = :user")
                .expression_attribute_values(":user", AttributeValue::S(user.to_string()))
                .consistent_read(true)
        };
        let page = Page::query(usize::MAX, OPERATION, query, |item| live_sessions(&item, now, OPERATION)).await?;
        Ok(page.items.into_iter().flatten().collect())
    }

    /// The live sessions of one application or of all. Scans the whole table, strongly consistent.
    pub async fn sessions_of_app(
        &self,
        client: Option<&ClientId>,
        now: Timestamp,
    ) -> Result<Vec<LiveSession>, StoreError> {
        const OPERATION: &str = "sessions_of_app";
        let scan = || {
            let scan = self.client.scan().table_name(&self.table).consistent_read(true);
            match client {
                None => scan,
                Some(client) => scan
                    .filter_expression("client_id = :client")
                    .expression_attribute_values(":client", AttributeValue::S(client.to_string())),
            }
        };
        let read = |item: Item| live_sessions(&item, now, OPERATION);
        let page = Page::collect(None, usize::MAX, OPERATION, scan, read).await?;
        Ok(page.items.into_iter().flatten().collect())
    }

    fn update_item(&self, user: &UserId, client: &ClientId, condition: &str) -> UpdateItemFluentBuilder {
        version::guarded(self.update(user.to_string(), client), condition)
    }

    /// The item that all users of an application share. No user id begins with `#`, and each application has a partition of its
    /// own.
    fn update_shared(&self, client: &ClientId) -> UpdateItemFluentBuilder {
        self.update(format!("#{client}"), client)
    }

    fn update(&self, user: String, client: &ClientId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("user_id", AttributeValue::S(user))
            .key("client_id", AttributeValue::S(client.to_string()))
    }
}

fn once() -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder().retry_config(RetryConfig::disabled())
}

/// An update that adds to these counters and returns the item.
fn added<'c>(
    update: UpdateItemFluentBuilder,
    units: impl Iterator<Item = (&'c CounterName, i64)>,
) -> UpdateItemFluentBuilder {
    let (update, terms) = terms(update, units);
    update.update_expression(terms).return_values(ReturnValue::AllNew)
}

/// The clause that adds to these counters.
fn terms<'c>(
    mut update: UpdateItemFluentBuilder,
    units: impl Iterator<Item = (&'c CounterName, i64)>,
) -> (UpdateItemFluentBuilder, String) {
    let mut terms = Vec::new();
    for (position, (counter, units)) in units.enumerate() {
        update = update
            .expression_attribute_names(format!("#b{position}"), counter.as_str())
            .expression_attribute_values(format!(":b{position}"), number(units));
        terms.push(format!("#b{position} :b{position}"));
    }
    (update, format!("ADD {}", terms.join(", ")))
}

/// Takes something out of counters, if each has as much: one that was removed meanwhile is not made anew. The write is never retried,
/// since a retry could take out what others use.
async fn refund<'c>(
    update: impl FnOnce(&str) -> UpdateItemFluentBuilder,
    units: impl Iterator<Item = (&'c CounterName, i64)>,
    operation: &'static str,
) -> Result<(), StoreError> {
    let units: Vec<_> = units.collect();
    let conditions: Vec<_> = (0..units.len()).map(|at| format!("#b{at} >= :l{at}")).collect();
    let mut update = update(&conditions.join(" AND "));
    for (position, (_, units)) in units.iter().enumerate() {
        update = update.expression_attribute_values(format!(":l{position}"), number(*units));
    }
    let less = units.into_iter().map(|(counter, units)| (counter, units.saturating_neg()));
    let update = added(update, less).return_values(ReturnValue::None);
    held(update.customize().config_override(once()).send().await, operation).map(drop)
}

async fn clean(
    mut update: UpdateItemFluentBuilder,
    stale: &[String],
    operation: &'static str,
) -> Result<(), StoreError> {
    let mut names = Vec::with_capacity(stale.len());
    for (position, counter) in stale.iter().enumerate() {
        update = update.expression_attribute_names(format!("#b{position}"), counter);
        names.push(format!("#b{position}"));
    }
    if names.is_empty() {
        return Ok(());
    }
    held(update.update_expression(format!("REMOVE {}", names.join(", "))).send().await, operation).map(drop)
}
