//! Builds the account function when a container starts.

use crate::{Account, Limits};
use gateway_config::Gateway;
use gateway_credentials::{AccountAttempts, AtTokenFunction, BrowserSessions, PasskeyLogin, PasswordCheck, Proofs};
use gateway_domain::keys::PublicKeys;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::sealing::LetterKeys;
use gateway_invoke::{Function, OutboxFunction};
use gateway_runtime::{Platform, StartError};
use gateway_store::{
    Accounts, Activity, Apps, BrowserLogins, Codes, Consents, Devices, LoginAttempts, Outbox, Sessions, Users,
};
use std::sync::Arc;

/// Reads the configuration and keys, the keys concurrently.
pub async fn start(platform: Platform) -> Result<Account, StartError> {
    let gateway = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let users = platform.table("USERS_TABLE", Users::new)?;
    let codes = platform.table("CODES_TABLE", Codes::new)?;
    let attempts = platform.table("LOGIN_ATTEMPTS_TABLE", LoginAttempts::new)?;
    let browser_logins = platform.table("BROWSER_LOGINS_TABLE", BrowserLogins::new)?;
    let outbox = platform.table("OUTBOX_TABLE", Outbox::new)?;
    let accounts = Accounts::new(platform.aws.dynamodb(), users.clone(), codes.clone(), outbox.clone());
    let (hasher, letters, public) = tokio::try_join!(
        platform.keys("PEPPER_SECRET", |json: &str| Passwords::new(json, Cost::default())),
        platform.keys("LETTER_KEYS_SECRET", LetterKeys::parse),
        platform.keys("PUBLIC_KEYS_SECRET", PublicKeys::parse_jwks),
    )?;
    let lifetimes = gateway.lifetimes();
    let ends = (lifetimes.browser_idle, lifetimes.browser_absolute);
    let mut credentials = PasswordCheck::new(users.clone(), hasher, attempts.clone(), Arc::clone(&platform.entropy));
    if gateway.directory().is_some() {
        let (named, expected) = ("TOKEN_FUNCTION", "the name of the token function");
        let function = Function::of(&platform.environment, &platform.aws, named, expected)?;
        // Nobody here needs the session that a check begins at a legacy system.
        let directory = AtTokenFunction { function, keep: false };
        credentials = credentials.with_directory(Arc::new(directory), gateway.directory_domain());
    }
    Ok(Account {
        attempts: AccountAttempts::new(attempts.clone(), gateway.directory().is_some()),
        proofs: Proofs::new(attempts.clone()),
        passkeys: PasskeyLogin::new(users.clone(), attempts.clone(), gateway.directory().is_some()),
        limits: Limits::new(attempts),
        credentials,
        browsers: BrowserSessions::new(
            browser_logins,
            users.clone(),
            ends,
            outbox.clone(),
            Arc::clone(&platform.entropy),
        ),
        activity: platform.table("ACTIVITY_TABLE", Activity::new)?,
        sessions: platform.table("SESSIONS_TABLE", Sessions::new)?,
        consents: platform.table("CONSENTS_TABLE", Consents::new)?,
        devices: platform.table("DEVICES_TABLE", Devices::new)?,
        apps: platform.table("APPS_TABLE", Apps::new)?,
        outbox: OutboxFunction::new(&platform.environment, &platform.aws)?,
        gateway,
        users,
        codes,
        accounts,
        letters,
        public: public.guarded(PublicKeys::may_follow),
        mails: platform.environment.get("MAIL_FROM").is_some(),
        clock: platform.clock,
        entropy: platform.entropy,
    })
}
