//! Builds the function from its environment: configuration, tables, keys, connectors.

use crate::App;
use crate::keys::InForce;
use config::Gateway;
use connectors::Connectors;
use connectors::back_end::BackEndClients;
use credentials::{ClientAuthentication, PasswordCheck};
use domain::clock::Clock;
use domain::entropy::Entropy;
use domain::keys::{PublicKeys, SigningKey};
use domain::password::{Cost, Passwords};
use domain::refresh_token::RefreshKeys;
use domain::sealing::SealingKeys;
use runtime::{Aws, CorrectedClock, Environment, Fresh, Secrets, StartError, SystemClock, SystemEntropy};
use sessions::{InternalTokens, Sessions};
use std::path::Path;
use std::sync::Arc;
use store::{Apps, Grants, LoginAttempts, Users};

/// Reads everything once. The secrets are fetched side by side.
pub async fn start(environment: Environment) -> Result<App, StartError> {
    let environment = &environment;
    let path = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
    let config = Gateway::load(Path::new(path))
        .map_err(|error| StartError::Invalid { what: path.to_owned(), reason: error.to_string() })?;
    let table = |name| environment.require(name, "the name of a table");
    let corrected = CorrectedClock::new(Arc::new(SystemClock));
    let aws = Aws::dated(environment, &corrected)?;
    let (dynamodb, secrets) = (aws.dynamodb(), Secrets::new(&aws));
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
    let config = Arc::new(config);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let connectors = Connectors::from_config(&config, &clients, &own, &entropy);
    let users = Users::new(dynamodb.clone(), table("USERS_TABLE")?);
    let grants = Grants::new(dynamodb.clone(), table("GRANTS_TABLE")?);
    let of_sessions = store::Sessions::new(dynamodb.clone(), table("SESSIONS_TABLE")?);
    let apps = Apps::new(dynamodb.clone(), table("APPS_TABLE")?);
    let attempts = LoginAttempts::new(dynamodb, table("GUESSES_TABLE")?);
    let tokens =
        InternalTokens::new(Arc::clone(&config), connectors, sealing, Arc::clone(&clock), Arc::clone(&entropy));
    Ok(App {
        sessions: Sessions::new(users.clone(), of_sessions, grants, tokens),
        config,
        clients: ClientAuthentication::new(apps, attempts.clone()),
        passwords: PasswordCheck::new(users, passwords, attempts, Arc::clone(&entropy)),
        signing,
        public: public.guarded(PublicKeys::may_follow),
        in_force: InForce::default(),
        refresh,
        clock,
        entropy,
    })
}
