//! Builds the renewal function when a container starts.

use crate::Renewal;
use gateway_config::Gateway;
use gateway_runtime::{Platform, StartError};
use gateway_sessions::{PendingSessions, Sessions};
use std::sync::Arc;

/// Reads the configuration, keys and secrets.
pub async fn start(platform: Platform) -> Result<Renewal, StartError> {
    let gateway = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let sessions = Sessions::start(&platform, &gateway).await?;
    let pending = PendingSessions::start(&platform, Arc::clone(sessions.tokens()))?;
    Ok(Renewal { sessions, pending, clock: platform.clock })
}
