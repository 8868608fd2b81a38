//! The connectors of one configuration, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_config::Gateway;
use gateway_config::connector::ConnectorConfig;
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::ConnectorName;
use gateway_domain::secret::Secret;

use crate::back_end::BackEndClients;
#[cfg(not(feature = "kerberos"))]
use crate::without_kerberos::WithoutKerberos;
use crate::{Connector, HttpLogin, SamlEcp, WsTrust};
#[cfg(feature = "kerberos")]
use crate::{KerberosPassword, KerberosS4u};

/// All configured connectors.
#[derive(Clone, Default)]
pub struct Connectors(BTreeMap<ConnectorName, Arc<dyn Connector>>);

impl Connectors {
    /// Builds every connector of the configuration. Connectors with the same TLS setting share one HTTP client.
    ///
    /// `secrets` are the texts of [`Gateway::connector_secrets`]. A connector without its secret can only inject, which is
    /// all that the proxy does.
    pub fn from_config(
        gateway: &Gateway,
        clients: &BackEndClients,
        secrets: &BTreeMap<String, Secret>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        #[cfg(feature = "kerberos")]
        let secret = |name: &gateway_config::SecretName| {
            secrets.get(name.as_str()).map(|text| Secret::new(text.expose().to_owned()))
        };
        #[cfg(not(feature = "kerberos"))]
        let _ = secrets;
        let entropy = || Arc::clone(entropy);
        let build = |config: &ConnectorConfig| match config {
            ConnectorConfig::HttpLogin(settings) => {
                let client = clients.get(settings.tls.as_ref()).clone();
                Arc::new(HttpLogin::new((**settings).clone(), client)) as Arc<dyn Connector>
            }
            ConnectorConfig::SsoSession(settings) => {
                let client = clients.get(settings.tls.as_ref()).clone();
                Arc::new(HttpLogin::at_portal(settings, client))
            }
            #[cfg(feature = "kerberos")]
            ConnectorConfig::KerberosS4u(settings) => {
                Arc::new(KerberosS4u::new(settings, secret(&settings.secret), entropy()))
            }
            #[cfg(feature = "kerberos")]
            ConnectorConfig::KerberosPassword(settings) => Arc::new(KerberosPassword::new(settings, entropy())),
            #[cfg(not(feature = "kerberos"))]
            ConnectorConfig::KerberosS4u(_) | ConnectorConfig::KerberosPassword(_) => {
                Arc::new(WithoutKerberos::default())
            }
            ConnectorConfig::SamlEcp(settings) => {
                let client = clients.get(settings.tls.as_ref()).clone();
                Arc::new(SamlEcp::new(settings.as_ref().clone(), client, entropy()))
            }
            ConnectorConfig::WsTrust(settings) => {
                let client = clients.get(settings.tls.as_ref()).clone();
                Arc::new(WsTrust::new(settings.clone(), client, entropy()))
            }
        };
        Self(gateway.connectors().map(|(name, config)| (name.clone(), build(config))).collect())
    }

    /// The connector of that name.
    pub fn get(&self, name: &ConnectorName) -> Option<&Arc<dyn Connector>> {
        self.0.get(name)
    }
}

/// A registry of connectors that were built elsewhere.
impl FromIterator<(ConnectorName, Arc<dyn Connector>)> for Connectors {
    fn from_iter<I: IntoIterator<Item = (ConnectorName, Arc<dyn Connector>)>>(named: I) -> Self {
        Self(named.into_iter().collect())
    }
}
