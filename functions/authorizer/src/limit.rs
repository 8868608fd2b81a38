//! Counts a call against its limits: one write tells both whether the session lives and how many calls its user made. Another follows
//! where a limit is shared by all users of the application, and this container has nothing leased for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use gateway_domain::access_token::AccessClaims;
use gateway_domain::call_context::TokenRef;
use gateway_domain::clock::Reading;
use gateway_domain::dpop::Proof;
use gateway_domain::dpop::seen::{self, SeenProof};
use gateway_domain::ids::ConnectorName;
use gateway_domain::rate_limit::{CounterName, Decision, Granted, Leases, Limits, Quota, Refusals, Refused, Take};
use gateway_store::{ActivityView, Counted, StoreError};
use gateway_telemetry::{Ended, Metric, Remote};

use crate::Authorizer;

/// What counting a call led to.
pub(crate) enum Counting {
    /// The session has ended, so its access token is no longer valid.
    SessionEnded,
    /// The proof of the call was seen before; the call is not counted.
    Replayed,
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
        proof: Option<&Proof>,
        limits: &Limits<'_>,
        now: Reading,
    ) -> Result<Counting, StoreError> {
        let (user, app) = (&claims.sub, &claims.client_id);
        if let Some(refused) = self.refusals().standing(user, app, limits, now) {
            return Ok(Counting::Over(refused));
        }
        if let Some(refused) = self.leases().standing(app, limits, now) {
            return Ok(Counting::Over(refused));
        }
        let (counters, weight) = (limits.counters(now), limits.weight());
        // Where a plan lets too many calls through for all their proofs to be noted, a proof is good for as long as its time says.
        let seen = proof.filter(|_| limits.most_calls_in(seen::KEPT).is_some_and(|most| most <= seen::MOST));
        let seen = seen.map(|proof| SeenProof::of(&claims.sid, proof, self.clock.now()));
        let view = match self.count_user(claims, seen.as_ref(), (&counters, weight)).await? {
            Counted::SessionEnded => return Ok(Counting::SessionEnded),
            Counted::Replayed => return Ok(Counting::Replayed),
            Counted::Live(view) => view,
        };
        let outcome = match limits.decide(now, &view.counters) {
            Decision::Admit(quotas) => match self.share(claims, limits, now).await {
                Ok(None) => Ok(Counting::Within(quotas, view.tokens.clone())),
                Ok(Some(refused)) => Ok(Counting::Over(refused)),
                Err(error) => Err(error),
            },
            Decision::Refuse(refused) => {
                self.refusals().remember(user, app, limits, &refused, now);
                Ok(Counting::Over(refused))
            }
        };
        if !matches!(outcome, Ok(Counting::Within(..))) {
            self.refund(claims, (&counters, weight)).await;
        }
        self.clean(claims, limits, now, &view).await;
        outcome
    }

    async fn count_user(
        &self,
        claims: &AccessClaims,
        proof: Option<&SeenProof>,
        counted: (&BTreeSet<CounterName>, u32),
    ) -> Result<Counted, StoreError> {
        let traced = gateway_telemetry::exchange(Remote::Aws { service: "DynamoDB", operation: "UpdateItem" });
        let now = self.clock.now();
        let (user, app, sid) = (&claims.sub, &claims.client_id, &claims.sid);
        let result = match proof {
            None => self.activity.count_call(user, app, sid, counted, now).await,
            Some(proof) => self.activity.count_proved_call(user, app, sid, counted, proof, now).await,
        };
        traced.ended(if result.is_ok() { Ended::Done } else { Ended::Failed });
        if let Ok(Counted::Live(view)) = &result {
            gateway_telemetry::count(Metric::WriteUnits(view.capacity_units));
        }
        result
    }

    /// Takes what the call uses of the limits that all users share. Where this container has too little, it leases it, and some more.
    /// Returns the refusal, if there is no room.
    async fn share(
        &self,
        claims: &AccessClaims,
        limits: &Limits<'_>,
        now: Reading,
    ) -> Result<Option<Refused>, StoreError> {
        let app = &claims.client_id;
        let taken = self.leases().take(app, limits, now);
        let request = match taken {
            Take::Held => return Ok(None),
            Take::Refused(refused) => return Ok(Some(refused)),
            Take::Wanting(request) => request,
        };
        let traced = gateway_telemetry::exchange(Remote::Aws { service: "DynamoDB", operation: "UpdateItem" });
        let counters = self.activity.lease(app, &request.add).await;
        traced.ended(if counters.is_ok() { Ended::Done } else { Ended::Failed });
        let counters = counters.inspect_err(|_| self.leases().failed(app, limits, &request))?;
        let Granted { refused, refund, stale } = self.leases().granted(app, limits, &request, now, &counters);
        self.settle(claims, &refund, &stale).await;
        Ok(refused)
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
        let mut stale = limits.stale(now, &view.counters);
        if !view.proofs.is_empty() {
            stale.extend(seen::stale(&view.proofs, self.clock.now()));
        }
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
