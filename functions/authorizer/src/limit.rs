//! Counts a call against its limit: one write tells both whether the session lives and how many calls were made.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use gateway_domain::access_token::AccessClaims;
use gateway_domain::call_context::TokenRef;
use gateway_domain::clock::Reading;
use gateway_domain::ids::ConnectorName;
use gateway_domain::rate_limit::{Decision, Plan, Quota, Refused};
use gateway_store::{Counted, StoreError};
use gateway_telemetry::{Ended, Metric, Remote};

use crate::Authorizer;

/// What counting a call led to.
pub(crate) enum Counting {
    /// The session has ended, so its access token is no longer valid.
    SessionEnded,
    /// Over the limit; the call is not counted.
    Over(Refused),
    /// Within the limit, with the session's internal tokens.
    Within(Quota, BTreeMap<ConnectorName, TokenRef>),
}

impl Authorizer {
    /// Counts a call of this session. After a refusal, further calls cost no write until one could be admitted again.
    pub(crate) async fn count(&self, claims: &AccessClaims, plan: Plan, now: Reading) -> Result<Counting, StoreError> {
        let (user, app) = (&claims.sub, &claims.client_id);
        if let Some(refused) = self.refusals().standing(user, app, plan, now.earliest_ms) {
            return Ok(Counting::Over(refused));
        }
        let bucket = plan.bucket(now.latest_ms);
        let traced = gateway_telemetry::exchange(Remote::Aws { service: "DynamoDB", operation: "UpdateItem" });
        let counted = self.activity.count_call(user, app, &claims.sid, bucket.as_str(), self.clock.now()).await;
        traced.ended(if counted.is_ok() { Ended::Done } else { Ended::Failed });
        let view = match counted? {
            Counted::SessionEnded => return Ok(Counting::SessionEnded),
            Counted::Live(view) => view,
        };
        gateway_telemetry::count(Metric::WriteUnits(view.capacity_units));
        let counting = match plan.decide(now, &view.buckets) {
            Decision::Admit(quota) => Counting::Within(quota, view.tokens),
            Decision::Refuse(refused) => {
                self.refusals().remember(user, app, plan, &refused, now.earliest_ms);
                // Awaited, since a refused call must not stay counted. If this fails, the limit is stricter for one window.
                if let Err(error) = self.activity.refund_call(user, app, bucket.as_str()).await {
                    tracing::warn!(%error, "a refused call stays counted");
                }
                Counting::Over(refused)
            }
        };
        let stale = plan.stale(now, &view.buckets);
        if !stale.is_empty()
            && let Err(error) = self.activity.clean_buckets(user, app, &stale).await
        {
            tracing::warn!(%error, "stale counters stay until the next call");
        }
        Ok(counting)
    }

    fn refusals(&self) -> std::sync::MutexGuard<'_, gateway_domain::rate_limit::Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
