//! The HTTP clients of one configuration: one for each distinct TLS setting, so that no two settings share trust.

use std::collections::BTreeMap;

use gateway_config::Gateway;
use gateway_config::{SecretName, Tls};
use gateway_domain::secret::Secret;

use super::{BackEndClient, CannotSetUp, tls};

/// All clients. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BackEndClients {
    public: BackEndClient,
    own: BTreeMap<Tls, BackEndClient>,
    unknown: BackEndClient,
}

impl BackEndClients {
    /// The clients for this configuration. `secrets` are the texts of [`Gateway::tls_secrets`].
    ///
    /// If a secret is missing or unusable, calls to the systems that use it fail, and no others. The reason is logged here,
    /// with the field of the configuration, and at each call.
    pub fn new(gateway: &Gateway, secrets: &BTreeMap<String, Secret>) -> Result<Self, CannotSetUp> {
        let mut own = BTreeMap::new();
        for (field, setting) in gateway.tls() {
            own.entry(setting.clone()).or_insert_with(|| client(&field, setting, secrets));
        }
        let unknown = BackEndClient::closed("its TLS setting is not part of the configuration".to_owned());
        Ok(Self { public: BackEndClient::new()?, own, unknown })
    }

    /// The client for a system with this setting. Without a setting, it trusts the public certificate authorities.
    pub fn get(&self, setting: Option<&Tls>) -> &BackEndClient {
        match setting {
            None => &self.public,
            Some(setting) => self.own.get(setting).unwrap_or(&self.unknown),
        }
    }
}

fn client(field: &str, setting: &Tls, secrets: &BTreeMap<String, Secret>) -> BackEndClient {
    let text = |name: &Option<SecretName>| {
        name.as_ref().map(|name| secrets.get(name.as_str()).ok_or_else(|| format!("secret {name} was not read")))
    };
    let config = match (text(&setting.ca).transpose(), text(&setting.client_certificate).transpose()) {
        (Ok(ca), Ok(certificate)) => tls::config(ca, certificate).map_err(|(part, error)| {
            let secret = setting.secrets().find(|(name, _)| *name == part).map(|(_, secret)| secret.as_str());
            format!("{field}.{part}: secret {} is not usable: {error}", secret.unwrap_or_default())
        }),
        (Err(reason), _) | (_, Err(reason)) => Err(format!("{field}: {reason}")),
    };
    match config {
        Ok(config) => BackEndClient::over(config),
        Err(reason) => {
            tracing::error!(reason, "a back end cannot be called");
            BackEndClient::closed(reason)
        }
    }
}
