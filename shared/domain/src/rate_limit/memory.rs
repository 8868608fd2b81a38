//! A container's memory of refusals, so that a refused caller costs no write until the decision can change.

use std::collections::BTreeMap;

use super::{Plan, Quota, Refused};
use crate::ids::{ClientId, UserId};

/// Callers remembered at most; beyond that a refusal simply costs its write again.
const CAPACITY: usize = 4_096;

/// Who was refused, until when.
#[derive(Debug, Default)]
pub struct Refusals(BTreeMap<(UserId, ClientId), (Plan, i64)>);

impl Refusals {
    /// Remembers a refusal.
    pub fn remember(&mut self, user: &UserId, app: &ClientId, plan: Plan, refused: &Refused, now_ms: i64) {
        if self.0.len() >= CAPACITY {
            self.0.retain(|_, (_, until_ms)| *until_ms > now_ms);
        }
        if self.0.len() < CAPACITY {
            self.0.insert((user.clone(), app.clone()), (plan, refused.until_ms));
        }
    }

    /// The refusal that still stands under this plan; it is forgotten once it can change, or when the plan did.
    pub fn standing(&mut self, user: &UserId, app: &ClientId, plan: Plan, now_ms: i64) -> Option<Refused> {
        let key = (user.clone(), app.clone());
        let (remembered, until_ms) = self.0.get(&key).copied()?;
        if remembered != plan || until_ms <= now_ms {
            self.0.remove(&key);
            return None;
        }
        let retry_after = super::whole_seconds(until_ms, now_ms);
        let quota = Quota { limit: plan.calls, window: plan.window, remaining: 0, reset: retry_after };
        Some(Refused { quota, retry_after, until_ms })
    }
}
