//! A container's memory of refusals, so that a refused client costs no write until the decision can change.

use std::collections::BTreeMap;

use super::limits::Rule;
use super::{Limit, Limits, Per, Refused};
use crate::clock::Reading;
use crate::ids::{ClientId, UserId};

/// The most refusals that are remembered; beyond that, each refusal costs its write again.
const CAPACITY: usize = 4_096;
/// How long a refusal is remembered at most, in milliseconds. An operator may have made room meanwhile.
const LONGEST_MS: i64 = 60_000;

/// Which user in which application was refused by which limits, and until when.
#[derive(Debug, Default)]
pub struct Refusals(BTreeMap<(UserId, ClientId), BTreeMap<String, Standing>>);

#[derive(Debug)]
struct Standing {
    limit: Limit,
    /// Lighter calls may fit.
    weight: u32,
    until_ms: i64,
    /// Until then the refusal is believed without another look.
    believed_ms: i64,
}

impl Refusals {
    /// Remembers a refusal.
    pub fn remember(
        &mut self,
        user: &UserId,
        app: &ClientId,
        limits: &Limits<'_>,
        refused: &Refused,
        now: impl Into<Reading>,
    ) {
        let now_ms = now.into().earliest_ms;
        if self.0.len() >= CAPACITY {
            self.0.retain(|_, of_pair| of_pair.values().any(|standing| standing.believed_ms > now_ms));
        }
        let key = (user.clone(), app.clone());
        if self.0.len() >= CAPACITY && !self.0.contains_key(&key) {
            return;
        }
        let of_pair = self.0.entry(key).or_default();
        for rule in limits.of(Per::User) {
            let until = refused.violated.iter().find(|(policy, _)| *policy == rule.policy);
            let Some(until_ms) = until.map(|(_, until_ms)| *until_ms) else { continue };
            let standing = Standing {
                limit: rule.limit.clone(),
                weight: limits.weight,
                until_ms,
                believed_ms: until_ms.min(now_ms.saturating_add(LONGEST_MS)),
            };
            of_pair.insert(rule.policy.clone(), standing);
        }
    }

    /// The refusal that still holds for such a call. It is forgotten once the decision can change, or if the limit changed.
    pub fn standing(
        &mut self,
        user: &UserId,
        app: &ClientId,
        limits: &Limits<'_>,
        now: impl Into<Reading>,
    ) -> Option<Refused> {
        let now = now.into();
        let key = (user.clone(), app.clone());
        let of_pair = self.0.get_mut(&key)?;
        of_pair.retain(|_, standing| standing.believed_ms > now.earliest_ms);
        if of_pair.is_empty() {
            self.0.remove(&key);
            return None;
        }
        let holds = |rule: &Rule<'_>| {
            let standing = of_pair.get(&rule.policy)?;
            (standing.limit == *rule.limit && standing.weight <= limits.weight).then_some(standing.until_ms)
        };
        let violated: Vec<_> =
            limits.of(Per::User).filter_map(|rule| Some((rule.policy.clone(), holds(rule)?))).collect();
        limits.refused(&violated, now)
    }
}
