//! A container's memory of refusals, so that a refused client costs no write until the decision can change.

use std::collections::BTreeMap;

use super::{Plan, Quota, Refused};
use crate::ids::{ClientId, UserId};

/// The most refusals that are remembered; beyond that, each refusal costs its write again.
const CAPACITY: usize = 4_096;

/// Which user in which application was refused, and until when.
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

    /// The refusal that still holds under this plan. It is forgotten once the decision can change, or if the plan changed.
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
