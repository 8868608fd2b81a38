//! `/gateway/api/v1/requests`: what developers wait for, and the decision on it.

use super::{Expected, allowed, listed, only, paging, shown};
use crate::error::Failure;
use crate::principal::Principal;
use crate::requests::Decision;
use crate::{Asked, Portal};
use gateway_administration as administration;
use gateway_domain::admin_scope::{REQUESTS_READ, REQUESTS_WRITE};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::ClientId;
use gateway_domain::json_body::{self, present};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    decision: String,
    #[serde(default, deserialize_with = "present")]
    reason: Option<String>,
}

impl Portal {
    pub(super) async fn requests(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        rest: &[&str],
    ) -> Result<ApiResponse, Failure> {
        match rest {
            [] => only(asked, "GET")?,
            [_] => only(asked, "GET, POST")?,
            _ => return Err(Failure::NotFound),
        }
        allowed(asked, principal, (REQUESTS_READ, REQUESTS_WRITE))?;
        let Some(client_id) = rest.first() else { return self.list_requests(asked).await };
        let client_id = ClientId::parse(client_id).map_err(|_| Failure::NotFound)?;
        if asked.request.method == "GET" {
            let found = self.developers.apps.get_to_change(&client_id).await?;
            let (app, revision) = found.filter(|(app, _)| app.requested.is_some()).ok_or(Failure::NotFound)?;
            let response = shown(200, &administration::shown(&app, revision));
            return Ok(response.header("ETag", format!("\"{revision}\"")));
        }
        let expected = Expected::of(asked)?;
        let body: DecisionBody = json_body::read(asked.request, json_body::MAX_BYTES)?;
        let decision = match (body.decision.as_str(), &body.reason) {
            ("approve", None) => Decision::Approve,
            ("approve", Some(_)) => return Err(Failure::malformed("reason", "only a refusal has one")),
            ("refuse", reason) => Decision::Refuse(reason.clone().unwrap_or_default()),
            _ => return Err(Failure::malformed("decision", "it is `approve` or `refuse`")),
        };
        let Some(seen) = expected.revision() else { return Err(Failure::PreconditionRequired) };
        let of = (&client_id, seen);
        let decided = Box::pin(self.decide(asked, principal.who(), of, &decision)).await;
        let (app, revision) = match decided {
            Err(Failure::Act(error)) => return Err(expected.stale()(error)),
            decided => decided?,
        };
        Ok(shown(200, &administration::shown(&app, revision)).header("ETag", format!("\"{revision}\"")))
    }

    async fn list_requests(&self, asked: &Asked<'_>) -> Result<ApiResponse, Failure> {
        let (most, after) = paging(asked)?;
        let after = after.map(|after| ClientId::parse(&after)).transpose();
        let after = after.map_err(|error| Failure::malformed("after", error.to_string()))?;
        let page = self.developers.organizations.waiting(after.as_ref(), most).await?;
        let next = page.items.last().filter(|_| page.more).map(|one| one.client_id.to_string());
        let mut items = Vec::new();
        for waiting in &page.items {
            let found = self.developers.apps.get_to_change(&waiting.client_id).await?;
            let found = found.filter(|(app, _)| app.requested.is_some());
            items.extend(found.map(|(app, revision)| administration::shown(&app, revision)));
        }
        Ok(listed(&items, next.as_deref()))
    }
}
