//! Counts a call against its limits: one write tells both whether the session lives and how many calls its user made. Beside it goes
//! another where a limit is shared by all users of the application, and this container has nothing leased for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use gateway_domain::access_token::AccessClaims;
use gateway_domain::call_context::TokenRef;
use gateway_domain::clock::Reading;
use gateway_domain::ids::ConnectorName;
use gateway_domain::rate_limit::{
    CounterName, Decision, Granted, LeaseRequest, Leases, Limits, Quota, Refusals, Refused, Take,
};
use gateway_store::{ActivityView, Counted, StoreError};
use gateway_telemetry::{Ended, Metric, Remote};

use crate::Authorizer;

/// What counting a call led to.
pub(crate) enum Counting {
    /// The session has ended, so its access token is no longer valid.
    SessionEnded,
    /// Over a limit; the call is not counted.
    Over(Refused),
    /// Within the limits, with the session's internal tokens.
    Within(Vec<Quota>, BTreeMap<ConnectorName, TokenRef>),
}

impl Authorizer {
    /// Counts a call of this session. After a refusal, further calls cost no write until one could be admitted again.
    pub(crate) async fn count(
        &self,
        claims: &AccessClaims,
        limits: &Limits<'_>,
        now: Reading,
    ) -> Result<Counting, StoreError> {
        let (user, app) = (&claims.sub, &claims.client_id);
        if let Some(refused) = self.refusals().standing(user, app, limits, now) {
            return Ok(Counting::Over(refused));
        }
        let taken = self.leases().take(app, limits, now);
        let lease = match &taken {
            Take::Refused(refused) => return Ok(Counting::Over(refused.clone())),
            Take::Held => None,
            Take::Wanting(request) => Some(request),
        };
        let counters = limits.counters(now);
        let (counted, granted) =
            tokio::join!(self.count_user(claims, (&counters, limits.weight())), self.lease(claims, limits, lease, now));
        let (counted, granted) = (counted?, granted?);
        let Counted::Live(view) = counted else {
            self.give_back(claims, limits, granted).await;
            return Ok(Counting::SessionEnded);
        };
        let decision = limits.decide(now, &view.counters);
        self.clean(claims, limits, now, &view).await;
        match (decision, granted.refused.clone()) {
            (Decision::Admit(quotas), None) => {
                self.settle(claims, &granted.refund, &granted.stale).await;
                Ok(Counting::Within(quotas, view.tokens))
            }
            (Decision::Admit(_), Some(refused)) => {
                self.refund(claims, (&counters, limits.weight())).await;
                self.settle(claims, &granted.refund, &granted.stale).await;
                Ok(Counting::Over(refused))
            }
            (Decision::Refuse(refused), _) => {
                self.refusals().remember(user, app, limits, &refused, now);
                self.refund(claims, (&counters, limits.weight())).await;
                self.give_back(claims, limits, granted).await;
                Ok(Counting::Over(refused))
            }
        }
    }

    async fn count_user(
        &self,
        claims: &AccessClaims,
        counted: (&BTreeSet<CounterName>, u32),
    ) -> Result<Counted, StoreError> {
        let traced = gateway_telemetry::exchange(Remote::Aws { service: "DynamoDB", operation: "UpdateItem" });
        let now = self.clock.now();
        let result = self.activity.count_call(&claims.sub, &claims.client_id, &claims.sid, counted, now).await;
        traced.ended(if result.is_ok() { Ended::Done } else { Ended::Failed });
        if let Ok(Counted::Live(view)) = &result {
            gateway_telemetry::count(Metric::WriteUnits(view.capacity_units));
        }
        result
    }

    /// Leases what the call needs of the limits that all users share, and some more. Without a request, nothing is needed.
    async fn lease(
        &self,
        claims: &AccessClaims,
        limits: &Limits<'_>,
        request: Option<&LeaseRequest>,
        now: Reading,
    ) -> Result<Granted, StoreError> {
        let Some(request) = request else { return Ok(Granted::default()) };
        let traced = gateway_telemetry::exchange(Remote::Aws { service: "DynamoDB", operation: "UpdateItem" });
        let counters = self.activity.lease(&claims.client_id, &request.add).await;
        traced.ended(if counters.is_ok() { Ended::Done } else { Ended::Failed });
        Ok(self.leases().granted(&claims.client_id, limits, request, now, &counters?))
    }

    /// A call that another limit refuses, or whose session has ended, uses nothing of what all users share.
    async fn give_back(&self, claims: &AccessClaims, limits: &Limits<'_>, mut granted: Granted) {
        if granted.refused.is_none() {
            let back = self.leases().give_back(&claims.client_id, limits);
            for (counter, units) in back {
                let sum = granted.refund.entry(counter).or_default();
                *sum = sum.saturating_add(units);
            }
        }
        self.settle(claims, &granted.refund, &granted.stale).await;
    }

    /// Takes a refused call out of its user's counters. Awaited, since it must not stay counted. If this fails, the limit is
    /// stricter for one window.
    async fn refund(&self, claims: &AccessClaims, counted: (&BTreeSet<CounterName>, u32)) {
        if let Err(error) = self.activity.refund_call(&claims.sub, &claims.client_id, counted).await {
            tracing::warn!(%error, "a refused call stays counted");
        }
    }

    async fn settle(&self, claims: &AccessClaims, refund: &BTreeMap<CounterName, u64>, stale: &[String]) {
        let app = &claims.client_id;
        if !refund.is_empty()
            && let Err(error) = self.activity.refund_lease(app, refund).await
        {
            tracing::warn!(%error, "what is over a limit stays counted");
        }
        if !stale.is_empty()
            && let Err(error) = self.activity.clean_shared(app, stale).await
        {
            tracing::warn!(%error, "stale counters stay until the next lease");
        }
    }

    async fn clean(&self, claims: &AccessClaims, limits: &Limits<'_>, now: Reading, view: &ActivityView) {
        let stale = limits.stale(now, &view.counters);
        if !stale.is_empty()
            && let Err(error) = self.activity.clean_counters(&claims.sub, &claims.client_id, &stale).await
        {
            tracing::warn!(%error, "stale counters stay until the next call");
        }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
