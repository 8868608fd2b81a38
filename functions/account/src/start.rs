//! Builds the account function when a container starts.

use crate::{Account, Limits};
use gateway_config::Gateway;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::sealing::SealingKeys;
use gateway_invoke::OutboxFunction;
use gateway_runtime::{Platform, StartError};
use gateway_store::{Accounts, Codes, LoginAttempts, Outbox, Users};
use std::sync::Arc;

/// Reads the configuration and keys, the keys concurrently.
pub async fn start(platform: Platform) -> Result<Account, StartError> {
    let gateway = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let users = platform.table("USERS_TABLE", Users::new)?;
    let codes = platform.table("CODES_TABLE", Codes::new)?;
    let limits = Limits::new(platform.table("LOGIN_ATTEMPTS_TABLE", LoginAttempts::new)?);
    let accounts = Accounts::new(
        platform.aws.dynamodb(),
        users.clone(),
        codes.clone(),
        platform.table("OUTBOX_TABLE", Outbox::new)?,
    );
    let outbox = OutboxFunction::new(&platform.environment, &platform.aws)?;
    let (passwords, sealing) = tokio::try_join!(
        platform.keys("PEPPER_SECRET", |json: &str| Passwords::new(json, Cost::default())),
        platform.keys("SEALING_KEYS_SECRET", SealingKeys::parse),
    )?;
    let (clock, entropy) = (platform.clock, platform.entropy);
    Ok(Account { gateway, users, codes, accounts, limits, passwords, sealing, outbox, clock, entropy })
}
