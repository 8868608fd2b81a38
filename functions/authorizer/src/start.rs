//! Builds the authorizer when a container starts.

use std::sync::Arc;

use gateway_config::Gateway;
use gateway_domain::ids::ClientId;
use gateway_domain::keys::PublicKeys;
use gateway_runtime::{Platform, StartError};
use gateway_store::{Activity, Apps};

use crate::Authorizer;

/// Reads the configuration and public keys. It also connects to DynamoDB now, while Lambda gives a full processor.
pub async fn start(platform: Platform) -> Result<Authorizer, StartError> {
    let gateway = platform.environment.config_file()?.load(Gateway::load)?;
    let apps = platform.table("APPS_TABLE", Apps::new)?;
    let activity = platform.table("ACTIVITY_TABLE", Activity::new)?;
    let (keys, ()) = tokio::join!(platform.keys("PUBLIC_KEYS_SECRET", PublicKeys::parse_jwks), connect(&apps));
    Ok(Authorizer::new(Arc::new(gateway), keys?.guarded(PublicKeys::may_follow), apps, activity, platform.clock))
}

/// Reads an application that does not exist, so that the first call need not wait for the TLS handshake.
async fn connect(apps: &Apps) {
    if let Ok(nobody) = ClientId::parse("-")
        && let Err(error) = apps.calling(&nobody).await
    {
        tracing::warn!(%error, "DynamoDB does not answer yet");
    }
}
