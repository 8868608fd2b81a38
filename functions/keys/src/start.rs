//! Builds the keys function when a container starts.

use std::future::{Ready, ready};

use gateway_invoke::Function;
use gateway_runtime::fresh::key_timing;
use gateway_runtime::secret_versions::SecretVersions;
use gateway_runtime::{Platform, StartError};

use crate::Keys;
use crate::key_secret::Names;

/// Reads the environment, and no secret: this function must start even while a secret still lacks its value.
pub fn start(platform: Platform) -> Ready<Result<Keys, StartError>> {
    ready(keys(platform))
}

fn keys(platform: Platform) -> Result<Keys, StartError> {
    Ok(Keys {
        secrets: SecretVersions::new(&platform.aws),
        names: Names::from_environment(&platform.environment)?,
        timing: key_timing(&platform.environment)?,
        config: platform.environment.config_file()?,
        events: Function::of(
            &platform.environment,
            &platform.aws,
            "EVENTS_FUNCTION",
            "the name of the events function",
        )?,
        clock: platform.clock,
        entropy: platform.entropy,
    })
}
