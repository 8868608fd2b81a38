//! Checks names of APIs, plans and scopes against the configuration: an application with a plan that is not there could make no
//! call.

use crate::{ActError, Problem, WrongField, destinations};
use gateway_config::Gateway;
use gateway_domain::admin_scope;
use gateway_domain::id_token::{self, DEVICE_SSO};
use gateway_domain::ids::{ApiName, DestinationName, PlanName};
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::scope::Scope;
use gateway_store::AppWebhook;
use std::collections::{BTreeMap, BTreeSet};

/// The field of a webhook.
const WEBHOOK: &str = "webhook_uri";

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
        let own = id_token::SCOPES.into_iter().chain([DEVICE_SSO]).chain(admin_scope::ALL);
        let known: BTreeSet<_> = gateway.scopes().into_iter().chain(own).collect();
        let token = scope.iter().find(|token| !known.contains(token))?;
        Some(self.unknown(field, "scope", token, &known.into_iter().collect::<Vec<_>>().join(", ")))
    }

    /// Whether the configuration permits no webhooks. What apps have of that is kept, for the time when it does again.
    pub(crate) fn forbids_webhooks(&self) -> bool {
        self.gateway.is_some_and(|gateway| !gateway.has_app_webhooks())
    }

    /// A webhook that an app does not have, where the configuration does not permit any.
    pub(crate) fn webhook(&self, webhook: Option<&AppWebhook>, has: Option<&AppWebhook>) -> Option<WrongField> {
        let uri = |webhook: &AppWebhook| webhook.uri.clone();
        webhook.filter(|_| self.forbids_webhooks()).filter(|webhook| has.map(uri) != Some(webhook.uri.clone()))?;
        let text = "applications are told of nothing here: `portal.webhooks` in gateway.yaml permits it";
        Some(WrongField { field: WEBHOOK.to_owned(), problem: Problem::Rule(text.to_owned()) })
    }

    /// A webhook at this address, of the issuer of the configuration.
    ///
    /// # Errors
    /// [`ActError::Fields`] if the configuration has none: then each request says it, and only the admin API sees it.
    pub fn webhook_at(&self, uri: NotificationUri) -> Result<AppWebhook, ActError> {
        let none = BTreeMap::new();
        let parties = self.gateway.and_then(|gateway| gateway.token_parties(&none).ok());
        let issuer = parties.map(|parties| parties.issuer().to_owned());
        let unknown = "the token that tells an app names the issuer, and gateway.yaml has none: use --url";
        Ok(AppWebhook { uri, issuer: issuer.ok_or_else(|| ActError::rule(WEBHOOK, unknown))? })
    }

    fn unknown(&self, field: &str, kind: &str, name: &str, known: &str) -> WrongField {
        let text = format!("{} has no {kind} {name}; it has {known}", self.name);
        WrongField { field: field.to_owned(), problem: Problem::Unknown(text) }
    }
}
