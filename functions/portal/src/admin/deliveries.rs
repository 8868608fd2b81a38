//! `/gateway/api/v1/deliveries`: what became of events and what waits, and events that are sent again.

use super::{allowed, listed, only, paging, parameter, shown};
use crate::error::Failure;
use crate::principal::Principal;
use crate::usage::day_of;
use crate::{Asked, Portal};
use gateway_administration::{
    DeliveryFilter, Replayed, deliveries_of, destination_of, destinations, millis, shown_delivery, shown_queue,
    waiting_at,
};
use gateway_domain::admin_scope::{EVENTS_READ, EVENTS_WRITE};
use gateway_domain::event::ApiResponse;
use gateway_domain::json_body;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// How many subjects of each destination a response has.
const MOST_WAITING: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneBody {
    day: String,
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    destination: String,
    from: String,
    to: String,
}

impl Portal {
    pub(super) async fn events(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        rest: &[&str],
    ) -> Result<ApiResponse, Failure> {
        match rest {
            [] => only(asked, "GET, POST")?,
            ["waiting"] => only(asked, "GET")?,
            ["replay"] => only(asked, "POST")?,
            _ => return Err(Failure::NotFound),
        }
        allowed(asked, principal, (EVENTS_READ, EVENTS_WRITE))?;
        match (asked.request.method.as_str(), rest) {
            ("GET", []) => self.list_deliveries(asked).await,
            ("GET", _) => self.list_waiting(asked).await,
            (_, []) => Box::pin(self.replay_one(asked, principal)).await,
            _ => Box::pin(self.replay_all(asked, principal)).await,
        }
    }

    async fn list_deliveries(&self, asked: &Asked<'_>) -> Result<ApiResponse, Failure> {
        let (most, after) = paging(asked)?;
        if after.as_ref().is_some_and(String::is_empty) {
            return Err(Failure::malformed("after", "it is what the list before had as `next`"));
        }
        let day = day_of(asked, parameter(asked, "day")?.as_deref())?.to_string();
        let [destination, outcome] = [parameter(asked, "destination")?, parameter(asked, "outcome")?];
        let filter = DeliveryFilter::of(destination.as_deref(), outcome.as_deref())?;
        let found = deliveries_of(&self.deliveries, &day, (after.as_deref(), most), &filter).await?;
        let items: Vec<_> = found.items.iter().map(shown_delivery).collect();
        Ok(listed(&items, found.next.as_deref()))
    }

    async fn list_waiting(&self, asked: &Asked<'_>) -> Result<ApiResponse, Failure> {
        let wanted = parameter(asked, "destination")?.map(|name| destination_of(&name)).transpose()?;
        let of = wanted.map_or_else(|| destinations(&self.gateway), |one| BTreeSet::from([one]));
        let page = waiting_at(&self.deliveries, &of, MOST_WAITING).await?;
        let items: Vec<_> = page.items.iter().map(|(destination, queue)| shown_queue(destination, queue)).collect();
        Ok(shown(200, &json!({ "items": items, "more": page.more })))
    }

    async fn replay_one(&self, asked: &Asked<'_>, principal: &Principal) -> Result<ApiResponse, Failure> {
        let OneBody { day, at } = json_body::read(asked.request, json_body::MAX_BYTES)?;
        let acts = self.acts(principal.who());
        let sent = self.replays(&acts).one(&day, &at).await?.ok_or(Failure::NotFound)?;
        Ok(shown(202, &shown_delivery(&sent)))
    }

    async fn replay_all(&self, asked: &Asked<'_>, principal: &Principal) -> Result<ApiResponse, Failure> {
        let ReplayBody { destination, from, to } = json_body::read(asked.request, json_body::MAX_BYTES)?;
        let destination = destination_of(&destination)?;
        let time = |name: &str, text: &str| {
            millis(text).ok_or_else(|| Failure::malformed(name, "write it as 2026-03-01T09:30:00Z"))
        };
        let within = (time("from", &from)?, time("to", &to)?);
        let acts = self.acts(principal.who());
        let Replayed { sent, next } = self.replays(&acts).all(&destination, within).await?;
        Ok(shown(202, &json!({ "sent": sent, "more": next.is_some(), "next": next })))
    }
}
