//! Builds the authorizer from the environment of its function.

use std::path::Path;
use std::sync::Arc;

use config::Gateway;
use domain::clock::Clock;
use domain::ids::ClientId;
use domain::keys::PublicKeys;
use runtime::{Aws, CorrectedClock, Environment, Fresh, Secrets, StartError, SystemClock};
use store::{Apps, Grants};

use crate::Authorizer;

/// Reads configuration and public keys, and opens the connection to DynamoDB while Lambda gives a full processor.
pub async fn start(environment: Environment) -> Result<Authorizer, StartError> {
    let file = environment.require("GATEWAY_CONFIG", "the path of gateway.yaml")?;
    let gateway = Gateway::load(Path::new(file))
        .map_err(|error| StartError::Invalid { what: file.to_owned(), reason: error.to_string() })?;
    let apps = environment.require("APPS_TABLE", "the name of the table of applications")?;
    let grants = environment.require("GRANTS_TABLE", "the name of the table of grants")?;
    let corrected = CorrectedClock::new(Arc::new(SystemClock));
    let aws = Aws::dated(&environment, &corrected)?;
    let (dynamodb, secrets) = (aws.dynamodb(), Secrets::new(&aws));
    let (apps, grants) = (Apps::new(dynamodb.clone(), apps), Grants::new(dynamodb, grants));
    let clock: Arc<dyn Clock> = corrected;
    let keys = Fresh::read(&secrets, &environment, "PUBLIC_KEYS_SECRET", &clock, PublicKeys::parse_jwks);
    let (keys, ()) = tokio::join!(keys, connect(&apps));
    Ok(Authorizer::new(Arc::new(gateway), keys?.guarded(PublicKeys::may_follow), apps, grants, clock))
}

/// One read of an application that does not exist: the handshake is done before the first call waits for it.
async fn connect(apps: &Apps) {
    if let Ok(nobody) = ClientId::parse("-")
        && let Err(error) = apps.get(&nobody).await
    {
        tracing::warn!(%error, "DynamoDB does not answer yet");
    }
}
