//! Builds the proxy when a container starts.

use gateway_config::Gateway;
use gateway_connectors::back_end::BackEndClients;
use gateway_domain::sealing::SealingKeys;
use gateway_invoke::Function;
use gateway_runtime::{Platform, StartError};
use gateway_store::{Jars, Sessions, Turns};

use crate::Proxy;

/// Reads the configuration, the sealing keys and the TLS secrets of back ends, the secrets concurrently.
pub async fn start(platform: Platform) -> Result<Proxy, StartError> {
    let gateway = platform.environment.config_file()?.load(Gateway::load)?;
    let sessions = platform.table("SESSIONS_TABLE", Sessions::new)?;
    let jars = platform.table("SESSIONS_TABLE", Jars::new)?;
    let turns = platform.table("SESSIONS_TABLE", Turns::new)?;
    let (named, expected) = ("RENEWAL_FUNCTION", "the name of the renewal function");
    let renewal = Function::of(&platform.environment, &platform.aws, named, expected)?;
    let (keys, clients) = tokio::try_join!(
        platform.keys("SEALING_KEYS_SECRET", SealingKeys::parse),
        platform.secrets.build("TLS for back ends", gateway.tls_secrets(), |tls| BackEndClients::new(&gateway, tls)),
    )?;
    Ok(Proxy::new(gateway, (sessions, turns, jars), keys, renewal, clients, platform.clock, &platform.entropy))
}
