//! Checks names of APIs, connectors, plans and scopes against gateway.yaml, if there is one.

use crate::connection::above;
use crate::error::Error;
use gateway_config::Gateway;
use gateway_domain::id_token;
use gateway_domain::ids::{ApiName, ConnectorName, PlanName};
use gateway_domain::scope::Scope;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The configuration that names are checked against. It is read when it is first needed.
pub(crate) struct Catalogue {
    path: Option<PathBuf>,
    read: OnceCell<Option<Gateway>>,
}

impl Catalogue {
    /// Takes the file that was named, else that of the local stack, else that of this repository.
    pub(crate) fn find(named: Option<&Path>, of_stack: Option<&Path>) -> Self {
        let path = named.or(of_stack).map(Path::to_owned);
        let path = path.or_else(|| above(Path::new("infra/config/gateway.yaml")));
        Self { path, read: OnceCell::new() }
    }

    /// Refuses an API that is not configured.
    pub(crate) fn check_api(&self, api: &ApiName) -> Result<(), Error> {
        let Some(gateway) = self.gateway()? else { return Ok(()) };
        if gateway.api(api).is_some() {
            return Ok(());
        }
        let known: Vec<_> = gateway.apis().map(|(name, _)| name.as_str()).collect();
        Err(self.unknown("API", api.as_str(), &known.join(", ")))
    }

    /// Refuses a connector that is not configured.
    pub(crate) fn check_connector(&self, connector: &ConnectorName) -> Result<(), Error> {
        let Some(gateway) = self.gateway()? else { return Ok(()) };
        if gateway.connector(connector).is_some() {
            return Ok(());
        }
        let known: Vec<_> = gateway.connectors().map(|(name, _)| name.as_str()).collect();
        Err(self.unknown("connector", connector.as_str(), &known.join(", ")))
    }

    /// Refuses a plan that is not configured: an app with such a plan could make no call.
    pub(crate) fn check_plan(&self, plan: &PlanName) -> Result<(), Error> {
        match self.gateway()? {
            Some(gateway) if gateway.plan(plan).is_none() => {
                Err(self.unknown("plan", plan.as_str(), "those under `plans`"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a scope that is not declared, that no route requires and that OpenID Connect does not define.
    pub(crate) fn check_scope(&self, scope: &Scope) -> Result<(), Error> {
        let Some(gateway) = self.gateway()? else { return Ok(()) };
        let known: BTreeSet<_> = gateway.scopes().into_iter().chain(id_token::SCOPES).collect();
        match scope.iter().find(|token| !known.contains(token)) {
            Some(token) => Err(self.unknown("scope", token, &known.into_iter().collect::<Vec<_>>().join(", "))),
            None => Ok(()),
        }
    }

    fn gateway(&self) -> Result<Option<&Gateway>, Error> {
        if let Some(read) = self.read.get() {
            return Ok(read.as_ref());
        }
        let read = if let Some(path) = &self.path {
            Some(Gateway::load(path).map_err(|error| Error::Invalid(error.to_string()))?)
        } else {
            crate::output::note(
                "names of APIs, connectors, plans and scopes are not checked: name gateway.yaml with --config",
            );
            None
        };
        Ok(self.read.get_or_init(|| read).as_ref())
    }

    fn unknown(&self, kind: &str, name: &str, known: &str) -> Error {
        let file = self.path.as_deref().unwrap_or(Path::new("gateway.yaml")).display();
        Error::Invalid(format!("{file} has no {kind} {name}; it has {known}. Another file is named with --config FILE"))
    }
}
