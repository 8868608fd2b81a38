//! Call counters and live sessions of each pair of user and application. Key: `user_id`, `client_id`.
//!
//! An item has counters ([`CounterName`](gateway_domain::rate_limit::CounterName)), `s<sid>` entries `{e: absolute end, t: {connector: {v:
//! version, x: sealed token, e: its end}}}` (`x` and `e` may be absent), sets of proofs that were seen ([`ProofSet`]), `n`, the number of
//! entries, and `v`, the item's version. It stays under 1 KB, so that the authorizer's one write per call costs one write unit. It is never
//! part of a transaction, since a transaction would make concurrent writes of authorizers fail.

mod calls;
mod item;

use crate::error::{Item, StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, projection, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::call_context::TokenRef;
use gateway_domain::dpop::seen::ProofSet;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::time::{Seconds, Timestamp};
use item::{entries_of, entry_name, entry_value, live_sessions, number_of};
use std::collections::BTreeMap;

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
    /// The session is alive, and the proof of this call was seen before; nothing was counted.
    Replayed,
}

/// The activity item as it is after the call was counted.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityView {
    /// All counters by name.
    pub counters: BTreeMap<String, u64>,
    /// This session's internal tokens.
    pub tokens: BTreeMap<ConnectorName, TokenRef>,
    /// The sets of proofs with the number of proofs in each; empty unless this call has noted one.
    pub proofs: BTreeMap<ProofSet, usize>,
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
    /// The user, the device, or the application acting for itself.
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

    /// Extends the one session of an application acting for itself, or of a device, if it is alive, otherwise begins it with the id
    /// `new`. Returns the session's id.
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
