//! Calls: counted in one write each, taken back, and leased ahead where all users of an application share a limit.

use super::item::{counters_of, entries_of, entry_name, proofs_of, tokens_of};
use super::{Activity, ActivityView, Counted};
use crate::error::StoreError;
use crate::refusal::{held, refused_item};
use crate::{number, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use aws_smithy_types::retry::RetryConfig;
use gateway_domain::dpop::seen::SeenProof;
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::rate_limit::CounterName;
use gateway_domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl Activity {
    /// Counts a call if its session is alive: adds its weight to these counters, in one conditional write. The write is never
    /// retried, since a retry could count the call twice.
    pub async fn count_call(
        &self,
        user: &UserId,
        client: &ClientId,
        sid: &SessionId,
        counted: (&BTreeSet<CounterName>, u32),
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        self.count((user, client, sid), counted, None, now).await
    }

    /// The same of a call that came with this proof, which is noted in the same write, and was not seen before: of concurrent calls with one
    /// proof at most one is counted.
    pub async fn count_proved_call(
        &self,
        user: &UserId,
        client: &ClientId,
        sid: &SessionId,
        counted: (&BTreeSet<CounterName>, u32),
        proof: &SeenProof,
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        self.count((user, client, sid), counted, Some(proof), now).await
    }

    async fn count(
        &self,
        (user, client, sid): (&UserId, &ClientId, &SessionId),
        (counters, weight): (&BTreeSet<CounterName>, u32),
        proof: Option<&SeenProof>,
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        const LIVE: &str = "attribute_exists(#s) AND #s.e > :now";
        let units = counters.iter().map(|counter| (counter, weight.into()));
        let update = match proof {
            None => added(self.update_item(user, client, LIVE), units),
            Some(proof) => {
                let update = self.update_item(user, client, &format!("{LIVE} AND NOT contains(#j, :mark)"));
                noted(update, units, proof)
            }
        };
        let sent = update
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
                    proofs: proof.map(|_| proofs_of(&item)).unwrap_or_default(),
                    capacity_units,
                }))
            }
            Err(error) => {
                let item = refused_item(error, "count_call")?;
                let is_live = || entries_of(&item).iter().any(|entry| entry.sid == *sid && entry.ends > now);
                // Of a session that is alive, the proof alone can be what was refused.
                Ok(if proof.is_some() && is_live() { Counted::Replayed } else { Counted::SessionEnded })
            }
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

    /// Removes counters that no limit needs any more, and sets of proofs that are over.
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

/// The same that also notes a proof and removes sets that are over. A set that is not there holds nothing, and is none to remove.
fn noted<'c>(
    update: UpdateItemFluentBuilder,
    units: impl Iterator<Item = (&'c CounterName, i64)>,
    proof: &SeenProof,
) -> UpdateItemFluentBuilder {
    let (mut update, terms) = terms(update, units);
    let mark = Blob::new(proof.mark);
    let mut over = Vec::with_capacity(proof.over.len());
    for (position, set) in proof.over.iter().enumerate() {
        update = update.expression_attribute_names(format!("#o{position}"), set.name());
        over.push(format!("#o{position}"));
    }
    update
        .update_expression(format!("{terms}, #j :marks REMOVE {}", over.join(", ")))
        .expression_attribute_names("#j", proof.set.name())
        .expression_attribute_values(":mark", AttributeValue::B(mark.clone()))
        .expression_attribute_values(":marks", AttributeValue::Bs(vec![mark]))
        .return_values(ReturnValue::AllNew)
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
