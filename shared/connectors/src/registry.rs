//! The connectors of one configuration, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::Gateway;
use config::connector::ConnectorConfig;
use domain::ids::ConnectorName;

use crate::back_end::BackEndClients;
use crate::{Connector, HttpLogin};

/// All configured connectors.
#[derive(Clone, Default)]
pub struct Connectors(BTreeMap<ConnectorName, Arc<dyn Connector>>);

impl Connectors {
    /// Builds every connector of the configuration. Those with the same TLS setting share one HTTP client.
    pub fn from_config(gateway: &Gateway, clients: &BackEndClients) -> Self {
        let build = |config: &ConnectorConfig| match config {
            ConnectorConfig::HttpLogin(settings) => {
                let client = clients.get(settings.tls.as_ref()).clone();
                Arc::new(HttpLogin::new((**settings).clone(), client)) as Arc<dyn Connector>
            }
            ConnectorConfig::SsoSession(settings) => {
                let client = clients.get(settings.tls.as_ref()).clone();
                Arc::new(HttpLogin::at_portal(settings, client))
            }
        };
        Self(gateway.connectors().map(|(name, config)| (name.clone(), build(config))).collect())
    }

    /// The connector of that name.
    pub fn get(&self, name: &ConnectorName) -> Option<&Arc<dyn Connector>> {
        self.0.get(name)
    }
}

/// Connectors built elsewhere.
impl FromIterator<(ConnectorName, Arc<dyn Connector>)> for Connectors {
    fn from_iter<I: IntoIterator<Item = (ConnectorName, Arc<dyn Connector>)>>(named: I) -> Self {
        Self(named.into_iter().collect())
    }
}
