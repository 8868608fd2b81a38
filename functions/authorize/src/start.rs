//! Builds the authorize function when a container starts.

use crate::AuthorizationEndpoint;
use gateway_config::Gateway;
use gateway_credentials::{BrowserSessions, PasswordCheck};
use gateway_domain::password::{Cost, Passwords};
use gateway_runtime::{Platform, StartError};
use gateway_sessions::{InternalTokens, PendingSessions};
use gateway_store::{Apps, BrowserLogins, Consents, LoginAttempts, Users};
use std::sync::Arc;

/// Reads the configuration and all secrets, the secrets concurrently.
pub async fn start(platform: Platform) -> Result<AuthorizationEndpoint, StartError> {
    let config = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let users = platform.table("USERS_TABLE", Users::new)?;
    let attempts = platform.table("LOGIN_ATTEMPTS_TABLE", LoginAttempts::new)?;
    let (passwords, tokens) = tokio::try_join!(
        platform.keys("PEPPER_SECRET", |json: &str| Passwords::new(json, Cost::default())),
        InternalTokens::start(&platform, &config),
    )?;
    let lifetimes = config.lifetimes();
    let browsers = BrowserSessions::new(
        platform.table("BROWSER_LOGINS_TABLE", BrowserLogins::new)?,
        users.clone(),
        (lifetimes.browser_idle, lifetimes.browser_absolute),
        Arc::clone(&platform.entropy),
    );
    Ok(AuthorizationEndpoint {
        config,
        apps: platform.table("APPS_TABLE", Apps::new)?,
        passwords: PasswordCheck::new(users, passwords, attempts, Arc::clone(&platform.entropy)),
        pending: PendingSessions::start(&platform, Arc::new(tokens))?,
        browsers,
        consents: platform.table("CONSENTS_TABLE", Consents::new)?,
        clock: platform.clock,
        entropy: platform.entropy,
    })
}
