//! Builds the authorize function when a container starts.

use crate::AuthorizationEndpoint;
use gateway_config::Gateway;
use gateway_credentials::{AtTokenFunction, BrowserSessions, PasskeyLogin, PasswordCheck, Proofs};
use gateway_domain::password::{Cost, Passwords};
use gateway_invoke::{Function, OutboxFunction};
use gateway_runtime::{Platform, StartError};
use gateway_sessions::{InternalTokens, PendingSessions};
use gateway_store::{Apps, BrowserLogins, Consents, LoginAttempts, Outbox, Users};
use std::sync::Arc;

/// Reads the configuration and all secrets, the secrets concurrently.
pub async fn start(platform: Platform) -> Result<AuthorizationEndpoint, StartError> {
    let config = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let users = platform.table("USERS_TABLE", Users::new)?;
    let attempts = platform.table("LOGIN_ATTEMPTS_TABLE", LoginAttempts::new)?;
    let (hasher, tokens) = tokio::try_join!(
        platform.keys("PEPPER_SECRET", |json: &str| Passwords::new(json, Cost::default())),
        InternalTokens::start(&platform, &config),
    )?;
    let lifetimes = config.lifetimes();
    let browsers = BrowserSessions::new(
        platform.table("BROWSER_LOGINS_TABLE", BrowserLogins::new)?,
        users.clone(),
        (lifetimes.browser_idle, lifetimes.browser_absolute),
        platform.table("OUTBOX_TABLE", Outbox::new)?,
        Arc::clone(&platform.entropy),
    );
    let (named, expected) = ("TOKEN_FUNCTION", "the name of the token function");
    let token = Function::of(&platform.environment, &platform.aws, named, expected)?;
    let outbox = OutboxFunction::new(&platform.environment, &platform.aws)?;
    let proofs = Proofs::new(attempts.clone());
    let passkeys = PasskeyLogin::new(users.clone(), attempts.clone(), config.directory().is_some());
    let mut passwords = PasswordCheck::new(users.clone(), hasher, attempts, Arc::clone(&platform.entropy));
    if config.directory().is_some() {
        let directory = AtTokenFunction { function: token.clone(), keep: true };
        passwords = passwords.with_directory(Arc::new(directory), config.directory_domain());
    }
    Ok(AuthorizationEndpoint {
        config,
        apps: platform.table("APPS_TABLE", Apps::new)?,
        users,
        passwords,
        passkeys,
        proofs,
        pending: PendingSessions::start(&platform, Arc::new(tokens))?,
        browsers,
        consents: platform.table("CONSENTS_TABLE", Consents::new)?,
        token,
        outbox,
        mails: platform.environment.get("MAIL_FROM").is_some(),
        clock: platform.clock,
        entropy: platform.entropy,
    })
}
