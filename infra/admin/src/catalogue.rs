//! Checks names of APIs, connectors, plans and scopes against gateway.yaml, if there is one.

use crate::connection::above;
use crate::error::Error;
use gateway_administration as administration;
use gateway_config::{ForeignUsers, Gateway};
use gateway_domain::ids::{ConnectorName, IssuerName};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// How a name is checked against another file.
pub(crate) const OTHER_FILE: &str = "Another file is named with --config FILE";

/// What a link of a user leads to.
pub(crate) enum LinkTo {
    /// A legacy system that a connector logs in to: the link is a name there.
    Connector,
    /// Another issuer: the link is the `sub` of its tokens, and nobody else may have it. And whom its subjects are here.
    Issuer(IssuerName, ForeignUsers),
}

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

    /// What a user's link of this name leads to. Without a configuration there is no telling, and a subject of an issuer that is kept as a
    /// name at a connector would not be found.
    pub(crate) fn link_to(&self, name: &ConnectorName) -> Result<LinkTo, Error> {
        let Some(gateway) = self.gateway()? else {
            let words =
                "whether a link leads to a connector or an issuer is said by gateway.yaml: name it with --config FILE";
            return Err(Error::Invalid(words.to_owned()));
        };
        if let Some((issuer, settings)) = gateway.issuers().find(|(issuer, _)| issuer.as_link() == *name) {
            return Ok(LinkTo::Issuer(issuer.clone(), settings.users));
        }
        if gateway.connector(name).is_some() {
            return Ok(LinkTo::Connector);
        }
        let issuers = gateway.issuers().map(|(issuer, _)| issuer.as_str());
        let known: Vec<_> = gateway.connectors().map(|(name, _)| name.as_str()).chain(issuers).collect();
        let (file, known) = (self.file(), known.join(", "));
        Err(Error::Invalid(format!("{file} has no connector or issuer {name}; it has {known}. {OTHER_FILE}")))
    }

    /// Whom the subjects of an issuer are here.
    pub(crate) fn users_of(&self, issuer: &IssuerName) -> Result<ForeignUsers, Error> {
        let Some(gateway) = self.gateway()? else {
            let words = "what the issuer's subjects are here is said by gateway.yaml: name it with --config FILE";
            return Err(Error::Invalid(words.to_owned()));
        };
        let found = gateway.issuers().find(|(name, _)| *name == issuer).map(|(_, found)| found.users);
        found.ok_or_else(|| {
            let known: Vec<_> = gateway.issuers().map(|(name, _)| name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::Invalid(format!("{} has no issuer {issuer}; it has {known}. {OTHER_FILE}", self.file()))
        })
    }

    fn file(&self) -> std::path::Display<'_> {
        self.path.as_deref().unwrap_or(Path::new("gateway.yaml")).display()
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
