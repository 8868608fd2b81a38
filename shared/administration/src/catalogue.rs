//! Checks names of APIs, plans and scopes against the configuration: an application with a plan that is not there could make no
//! call.

use crate::{Problem, WrongField, destinations};
use gateway_config::Gateway;
use gateway_domain::admin_scope;
use gateway_domain::id_token;
use gateway_domain::ids::{ApiName, DestinationName, PlanName};
use gateway_domain::scope::Scope;
use std::collections::BTreeSet;

/// The configuration that names are checked against.
#[derive(Clone, Copy)]
pub struct Catalogue<'a> {
    /// `None` if there is none to check against.
    pub gateway: Option<&'a Gateway>,
    /// What it is called in messages.
    pub name: &'a str,
}

impl Catalogue<'_> {
    pub(crate) fn api(&self, field: &str, api: &ApiName) -> Option<WrongField> {
        let gateway = self.gateway.filter(|gateway| gateway.api(api).is_none())?;
        let known: Vec<_> = gateway.apis().map(|(name, _)| name.as_str()).collect();
        Some(self.unknown(field, "API", api.as_str(), &known.join(", ")))
    }

    pub(crate) fn plan(&self, field: &str, plan: &PlanName) -> Option<WrongField> {
        self.gateway.filter(|gateway| gateway.plan(plan).is_none())?;
        Some(self.unknown(field, "plan", plan.as_str(), "those under `plans`"))
    }

    pub(crate) fn destination(&self, field: &str, destination: &DestinationName) -> Option<WrongField> {
        let known = self.gateway.map(destinations).filter(|known| !known.contains(destination))?;
        let known: Vec<_> = known.iter().map(DestinationName::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Some(self.unknown(field, "destination", destination.as_str(), &known))
    }

    /// The scope that is not declared, that no route requires, that OpenID Connect does not define and that the admin API does not
    /// have.
    pub(crate) fn scope(&self, field: &str, scope: &Scope) -> Option<WrongField> {
        let gateway = self.gateway?;
        let known: BTreeSet<_> = gateway.scopes().into_iter().chain(id_token::SCOPES).chain(admin_scope::ALL).collect();
        let token = scope.iter().find(|token| !known.contains(token))?;
        Some(self.unknown(field, "scope", token, &known.into_iter().collect::<Vec<_>>().join(", ")))
    }

    fn unknown(&self, field: &str, kind: &str, name: &str, known: &str) -> WrongField {
        let text = format!("{} has no {kind} {name}; it has {known}", self.name);
        WrongField { field: field.to_owned(), problem: Problem::Unknown(text) }
    }
}
