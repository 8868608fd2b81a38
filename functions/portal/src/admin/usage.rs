//! `/gateway/api/v1/usage` and `/gateway/api/v1/apps/{client_id}/usage`: how often applications have called.

use super::{only, parameter, shown};
use crate::error::Failure;
use crate::principal::Principal;
use crate::usage::{day_of, time_of};
use crate::{Asked, Portal};
use gateway_administration::shown_usage;
use gateway_domain::admin_scope::USAGE_READ;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::ClientId;
use serde_json::json;

impl Portal {
    /// All applications on a day.
    pub(super) async fn usage_on(&self, asked: &Asked<'_>, principal: &Principal) -> Result<ApiResponse, Failure> {
        only(asked, "GET")?;
        principal.may(USAGE_READ)?;
        let day = day_of(asked, parameter(asked, "day")?.as_deref())?;
        let after = parameter(asked, "after")?.map(|after| ClientId::parse(&after)).transpose();
        let after = after.map_err(|error| Failure::malformed("after", error.to_string()))?;
        let page = self.used_on(day, after.as_ref()).await?;
        let items: Vec<_> = page.rows.iter().map(shown_usage).collect();
        Ok(shown(200, &json!({ "counted": self.counts, "items": items, "next": page.next })))
    }

    /// One application over a time.
    pub(super) async fn usage_of(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        client_id: &str,
    ) -> Result<ApiResponse, Failure> {
        only(asked, "GET")?;
        principal.may(USAGE_READ)?;
        let client_id = ClientId::parse(client_id).map_err(|_| Failure::NotFound)?;
        let [by, from, to] = [parameter(asked, "by")?, parameter(asked, "from")?, parameter(asked, "to")?];
        let time = time_of(asked, by.as_deref(), from.as_deref(), to.as_deref())?;
        let rows = self.used(&client_id, time).await?;
        let items: Vec<_> = rows.iter().map(shown_usage).collect();
        Ok(shown(
            200,
            &json!({ "counted": self.counts, "from": time.from.to_string(), "to": time.to.to_string(), "items": items }),
        ))
    }
}
