//! Builds the function from its environment: configuration, tables, sealing keys, connectors.

use crate::Renewal;
use config::Gateway;
use connectors::Connectors;
use connectors::back_end::BackEndClients;
use domain::clock::Clock;
use domain::entropy::Entropy;
use domain::sealing::SealingKeys;
use runtime::{Aws, CorrectedClock, Environment, Fresh, Secrets, StartError, SystemClock, SystemEntropy};
use sessions::{InternalTokens, Sessions};
use std::path::Path;
use std::sync::Arc;
use store::{Grants, Users};

/// Reads everything once. The secrets are fetched side by side.
pub async fn start(environment: Environment) -> Result<Renewal, StartError> {
    let path = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
    let gateway = Gateway::load(Path::new(path))
        .map_err(|error| StartError::Invalid { what: path.to_owned(), reason: error.to_string() })?;
    let table = |name| environment.require(name, "the name of a table");
    let corrected = CorrectedClock::new(Arc::new(SystemClock));
    let aws = Aws::dated(&environment, &corrected)?;
    let (dynamodb, secrets) = (aws.dynamodb(), Secrets::new(&aws));
    let clock: Arc<dyn Clock> = corrected;
    let users = Users::new(dynamodb.clone(), table("USERS_TABLE")?);
    let grants = Grants::new(dynamodb.clone(), table("GRANTS_TABLE")?);
    let of_sessions = store::Sessions::new(dynamodb, table("SESSIONS_TABLE")?);
    let (sealing, tls, own) = futures_util::try_join!(
        Fresh::read(&secrets, &environment, "SEALING_KEYS_SECRET", &clock, SealingKeys::parse),
        secrets.texts(gateway.tls_secrets()),
        secrets.texts(gateway.connector_secrets()),
    )?;
    let clients = BackEndClients::new(&gateway, &tls)
        .map_err(|error| StartError::Invalid { what: "TLS for back ends".into(), reason: error.to_string() })?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let connectors = Connectors::from_config(&gateway, &clients, &own, &entropy);
    let tokens = InternalTokens::new(Arc::new(gateway), connectors, sealing, Arc::clone(&clock), entropy);
    Ok(Renewal { sessions: Sessions::new(users, of_sessions, grants, tokens), clock })
}
