//! Builds the proxy from the environment of its function.

use std::path::Path;
use std::sync::Arc;

use config::Gateway;
use connectors::back_end::BackEndClients;
use domain::clock::Clock;
use domain::entropy::Entropy;
use domain::sealing::SealingKeys;
use runtime::{Aws, CorrectedClock, Environment, Fresh, Secrets, StartError, SystemClock, SystemEntropy};
use store::Sessions;

use crate::{Proxy, Renewer};

/// Reads configuration and sealing keys.
pub async fn start(environment: Environment) -> Result<Proxy, StartError> {
    let path = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
    let gateway = Gateway::load(Path::new(path)).map_err(|error| unusable("the configuration", &error))?;
    let sessions = environment.require("SESSIONS_TABLE", "the name of the table of sessions")?;
    let corrected = CorrectedClock::new(Arc::new(SystemClock));
    let aws = Aws::dated(&environment, &corrected)?;
    let sessions = Sessions::new(aws.dynamodb(), sessions);
    let (secrets, clock) = (Secrets::new(&aws), corrected as Arc<dyn Clock>);
    let keys = Fresh::read(&secrets, &environment, "SEALING_KEYS_SECRET", &clock, SealingKeys::parse).await?;
    let tls = secrets.texts(gateway.tls_secrets()).await?;
    let clients = BackEndClients::new(&gateway, &tls).map_err(|error| unusable("TLS for back ends", &error))?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    Ok(Proxy::new(gateway, sessions, keys, Renewer::new(&environment, &aws)?, clients, clock, &entropy))
}

fn unusable(what: &str, reason: &dyn std::fmt::Display) -> StartError {
    StartError::Invalid { what: what.to_owned(), reason: reason.to_string() }
}
