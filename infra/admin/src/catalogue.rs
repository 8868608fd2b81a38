//! Checks names of APIs, connectors, plans and scopes against gateway.yaml, if there is one.

use crate::connection::above;
use crate::error::Error;
use gateway_administration as administration;
use gateway_config::Gateway;
use gateway_domain::ids::ConnectorName;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// How a name is checked against another file.
pub(crate) const OTHER_FILE: &str = "Another file is named with --config FILE";

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

    /// Refuses a connector that is not configured.
    pub(crate) fn check_connector(&self, connector: &ConnectorName) -> Result<(), Error> {
        let Some(gateway) = self.gateway()? else { return Ok(()) };
        if gateway.connector(connector).is_some() {
            return Ok(());
        }
        let known: Vec<_> = gateway.connectors().map(|(name, _)| name.as_str()).collect();
        let file = self.path.as_deref().unwrap_or(Path::new("gateway.yaml")).display();
        let known = known.join(", ");
        Err(Error::Invalid(format!("{file} has no connector {connector}; it has {known}. {OTHER_FILE}")))
    }

    /// The names that there are, if there is a configuration.
    pub(crate) fn names(&self) -> Result<administration::Catalogue<'_>, Error> {
        let file = self.path.as_deref().unwrap_or(Path::new("gateway.yaml"));
        Ok(administration::Catalogue { gateway: self.gateway()?, name: file.to_str().unwrap_or("gateway.yaml") })
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
}
