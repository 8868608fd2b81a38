//! Builds the portal function when a container starts.

use crate::Portal;
use crate::documents::Documents;
use gateway_config::Gateway;
use gateway_credentials::{BrowserSessions, CodeAttempts, DeveloperAttempts, Proofs};
use gateway_domain::keys::PublicKeys;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::sealing::LetterKeys;
use gateway_invoke::OutboxFunction;
use gateway_runtime::{Platform, StartError};
use gateway_store::{
    Activity, Apps, Audit, BrowserLogins, Deliveries, Developers, Devices, LoginAttempts, Organizations, Outbox,
    Sessions, Usage, Users,
};
use std::convert::Infallible;
use std::sync::Arc;

/// Reads the configuration and the public keys.
pub async fn start(platform: Platform) -> Result<Portal, StartError> {
    let gateway = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let documents =
        platform.environment.config_file()?.load(|path| Ok::<_, Infallible>(Documents::load(&gateway, path)))?;
    let (public, pepper, letters) = tokio::try_join!(
        platform.keys("PUBLIC_KEYS_SECRET", PublicKeys::parse_jwks),
        platform.keys("PEPPER_SECRET", |json: &str| Passwords::new(json, Cost::default())),
        platform.keys("LETTER_KEYS_SECRET", LetterKeys::parse),
    )?;
    let users = platform.table("USERS_TABLE", Users::new)?;
    let endings = platform.table("OUTBOX_TABLE", Outbox::new)?;
    let lifetimes = gateway.lifetimes();
    let ends = (lifetimes.browser_idle, lifetimes.browser_absolute);
    let browser_logins = platform.table("BROWSER_LOGINS_TABLE", BrowserLogins::new)?;
    let browsers =
        BrowserSessions::new(browser_logins, users.clone(), ends, endings.clone(), Arc::clone(&platform.entropy));
    let attempts = platform.table("LOGIN_ATTEMPTS_TABLE", LoginAttempts::new)?;
    Ok(Portal {
        developers: Developers::new(
            platform.aws.dynamodb(),
            platform.table("APPS_TABLE", Apps::new)?,
            platform.table("ORGANIZATIONS_TABLE", Organizations::new)?,
            endings.clone(),
        ),
        documents,
        users,
        activity: platform.table("ACTIVITY_TABLE", Activity::new)?,
        sessions: platform.table("SESSIONS_TABLE", Sessions::new)?,
        devices: platform.table("DEVICES_TABLE", Devices::new)?,
        audit: platform.table("AUDIT_TABLE", Audit::new)?,
        usage: platform.table("USAGE_TABLE", Usage::new)?,
        counts: platform.environment.get("USAGE") == Some("counted"),
        endings,
        deliveries: platform.table("OUTBOX_TABLE", Deliveries::new)?,
        browsers,
        attempts: CodeAttempts::new(attempts.clone()),
        proofs: Proofs::new(attempts.clone()),
        developer_attempts: DeveloperAttempts::new(attempts),
        letters,
        pepper,
        outbox: OutboxFunction::new(&platform.environment, &platform.aws)?,
        public: public.guarded(PublicKeys::may_follow),
        gateway,
        clock: platform.clock,
        entropy: platform.entropy,
    })
}
