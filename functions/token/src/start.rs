//! Builds the function from its environment: configuration, tables, keys, connectors.

use crate::App;
use crate::keys::InForce;
use config::Gateway;
use connectors::Connectors;
use connectors::back_end::BackEndClients;
use domain::keys::{PublicKeys, SigningKey};
use domain::password::{Cost, Passwords};
use domain::refresh_token::RefreshKeys;
use domain::sealing::SealingKeys;
use startup::{Aws, Clock, CorrectedClock, Environment, Fresh, Secrets, StartError, SystemClock};
use std::path::Path;
use std::sync::Arc;
use store::{Store, Tables};

impl App {
    /// Reads everything once. The secrets are fetched side by side.
    pub async fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let path = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
        let config = Gateway::load(Path::new(path))
            .map_err(|error| StartError::Invalid { what: path.to_owned(), reason: error.to_string() })?;
        let table = |name| environment.require(name, "the name of a table").map(str::to_owned);
        let tables = Tables {
            users: table("USERS_TABLE")?,
            apps: table("APPS_TABLE")?,
            sessions: table("SESSIONS_TABLE")?,
            grants: table("GRANTS_TABLE")?,
            guesses: table("GUESSES_TABLE")?,
            ..Tables::default()
        };
        let corrected = CorrectedClock::new(Arc::new(SystemClock));
        let aws = Aws::dated(environment, &corrected)?;
        let (store, secrets) = (Store::new(aws.dynamodb(), tables), Secrets::new(&aws));
        let clock: Arc<dyn Clock> = corrected;
        let passwords = |json: &str| Passwords::new(json, Cost::default());
        let (signing, public, sealing, refresh, passwords, tls, own) = futures_util::try_join!(
            Fresh::read(&secrets, environment, "SIGNING_KEYS_SECRET", &clock, SigningKey::parse),
            Fresh::read(&secrets, environment, "PUBLIC_KEYS_SECRET", &clock, PublicKeys::parse_jwks),
            Fresh::read(&secrets, environment, "SEALING_KEYS_SECRET", &clock, SealingKeys::parse),
            Fresh::read(&secrets, environment, "REFRESH_KEYS_SECRET", &clock, RefreshKeys::parse),
            Fresh::read(&secrets, environment, "PEPPER_SECRET", &clock, passwords),
            secrets.texts(config.tls_secrets()),
            secrets.texts(config.connector_secrets()),
        )?;
        let clients = BackEndClients::new(&config, &tls)
            .map_err(|error| StartError::Invalid { what: "TLS for back ends".into(), reason: error.to_string() })?;
        Ok(Self {
            connectors: Connectors::from_config(&config, &clients, &own),
            config,
            store,
            passwords,
            signing,
            public: public.guarded(PublicKeys::may_follow),
            in_force: InForce::default(),
            sealing,
            refresh,
            clock,
        })
    }
}
