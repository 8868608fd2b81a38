//! `/gateway/api/v1/apis` and `/gateway/api/v1/plans`: what the configuration has.

use super::{listed, only};
use crate::error::Failure;
use crate::principal::Principal;
use crate::{Asked, Portal};
use gateway_config::Method;
use gateway_domain::admin_scope::{APIS_READ, PLANS_READ};
use gateway_domain::event::ApiResponse;
use gateway_domain::rate_limit::{Per, Period};
use gateway_domain::scope::Scope;
use serde_json::json;

impl Portal {
    pub(super) fn apis(&self, asked: &Asked<'_>, principal: &Principal) -> Result<ApiResponse, Failure> {
        only(asked, "GET")?;
        principal.may(APIS_READ)?;
        let items = self.gateway.apis().map(|(name, api)| {
            let routes = api.routes.iter().map(|route| {
                let scopes = |(method, scope): (&Method, &Scope)| {
                    (http::Method::from(*method).to_string(), json!(scope.iter().collect::<Vec<_>>()))
                };
                let methods: serde_json::Map<_, _> = route.methods.iter().map(scopes).collect();
                json!({ "path": route.written(), "methods": methods, "public": route.public, "weight": route.weight })
            });
            json!({ "name": name, "routes": routes.collect::<Vec<_>>() })
        });
        Ok(listed(&items.collect::<Vec<_>>(), None))
    }

    pub(super) fn plans(&self, asked: &Asked<'_>, principal: &Principal) -> Result<ApiResponse, Failure> {
        only(asked, "GET")?;
        principal.may(PLANS_READ)?;
        let items = self.gateway.plans().map(|(name, plan)| {
            let limits = plan.limits.iter().map(|(name, limit)| {
                json!({
                    "name": name,
                    "calls": limit.calls,
                    "seconds": limit.period.length().as_u64(),
                    "every": match limit.period {
                        Period::Window(_) => None,
                        Period::Day => Some("day"),
                        Period::Month => Some("month"),
                    },
                    "per": match limit.per {
                        Per::User => "user",
                        Per::App => "app",
                    },
                    "api": limit.api,
                })
            });
            json!({ "name": name, "limits": limits.collect::<Vec<_>>() })
        });
        Ok(listed(&items.collect::<Vec<_>>(), None))
    }
}
