//! `/gateway/api/v1/apps/{client_id}/subscriptions`: to which APIs an application is subscribed.

use super::{Expected, allowed, only, shown};
use crate::app_fields::Fields;
use crate::error::Failure;
use crate::principal::Principal;
use crate::{Asked, Portal};
use gateway_administration::{ActError, SubscriptionChanges};
use gateway_domain::admin_scope::{SUBSCRIPTIONS_READ, SUBSCRIPTIONS_WRITE};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ApiName, ClientId, HeaderText, PlanName};
use gateway_domain::json_body::{self, nullable, present};
use gateway_store::App;
use serde::Deserialize;
use serde_json::{Value, json};

#[expect(clippy::option_option, reason = "absent, null and a value say three things")]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionBody {
    #[serde(default, deserialize_with = "present")]
    id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    plan: Option<Option<String>>,
}

impl Portal {
    pub(super) async fn subscriptions(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        client_id: &str,
        rest: &[&str],
    ) -> Result<ApiResponse, Failure> {
        let methods = match rest {
            [] => "GET",
            [_] => "GET, PUT, DELETE",
            _ => return Err(Failure::NotFound),
        };
        only(asked, methods)?;
        allowed(asked, principal, (SUBSCRIPTIONS_READ, SUBSCRIPTIONS_WRITE))?;
        let client_id = ClientId::parse(client_id).map_err(|_| Failure::NotFound)?;
        let acts = self.acts(principal.who());
        let expected = if asked.request.method == "GET" { Expected::Any } else { Expected::of(asked)? };
        let mut apps = self.app_acts(&acts);
        apps.only_at = expected.revision();
        let (app, _) = apps.registered(&client_id).await?;
        let Some(api) = rest.first() else {
            return Ok(shown(
                200,
                &json!({ "items": app.subscriptions.keys().filter_map(|api| one(&app, api)).collect::<Vec<_>>(), "next": null }),
            ));
        };
        let api = ApiName::parse(api).map_err(|_| Failure::NotFound)?;
        match asked.request.method.as_str() {
            "GET" => {
                let none = || ActError::NoSubscription { client_id: client_id.clone(), api: api.clone() };
                Ok(shown(200, &one(&app, &api).ok_or_else(none)?))
            }
            "PUT" => {
                let changes = changes(json_body::read(asked.request, json_body::MAX_BYTES)?)?;
                let is_new = !app.subscriptions.contains_key(&api);
                if expected == Expected::Absent {
                    expected.check(!is_new)?;
                }
                let app = if is_new {
                    apps.subscribe(&client_id, &api, changes).await.map_err(expected.stale())?
                } else {
                    apps.change_subscription(&client_id, &api, changes).await.map_err(expected.stale())?
                };
                Ok(shown(if is_new { 201 } else { 200 }, &one(&app, &api).unwrap_or_default()))
            }
            _ => {
                apps.unsubscribe(&client_id, &api).await.map_err(expected.stale())?;
                Ok(ApiResponse::new(204))
            }
        }
    }
}

fn changes(body: SubscriptionBody) -> Result<SubscriptionChanges, Failure> {
    let mut fields = Fields::default();
    let changes = SubscriptionChanges {
        id: fields.one("id", body.id.as_deref(), HeaderText::parse),
        enabled: body.enabled,
        plan: body.plan.map(|plan| fields.one("plan", plan.as_deref(), PlanName::parse)),
    };
    fields.done()?;
    Ok(changes)
}

fn one(app: &App, api: &ApiName) -> Option<Value> {
    let subscription = app.subscriptions.get(api)?;
    Some(json!({ "api": api, "id": subscription.id, "enabled": subscription.enabled, "plan": subscription.plan }))
}
