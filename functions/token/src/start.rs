//! Builds the token function when a container starts.

use crate::AuthorizationServer;
use crate::hooks::TokenHooks;
use crate::keys::InForce;
use gateway_config::Gateway;
use gateway_credentials::{
    ClientAuthentication, DeviceCheck, Directory, PasswordCheck, Proofs, SignOnAttempts, TradeInAttempts,
};
use gateway_directory::OwnDirectory;
use gateway_domain::id_token::IdTokenKeys;
use gateway_domain::keys::{PublicKeys, SigningKey};
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::refresh_token::RefreshKeys;
use gateway_issuers::Issuers;
use gateway_runtime::{Platform, StartError};
use gateway_sessions::Sessions;
use gateway_store::{Apps, Audit, Consents, Devices, LoginAttempts, PendingSessions, TradeIns, Users};
use std::sync::Arc;

/// Reads the configuration and all secrets, the secrets concurrently.
pub async fn start(platform: Platform) -> Result<AuthorizationServer, StartError> {
    let config = Arc::new(platform.environment.config_file()?.load(Gateway::load)?);
    let apps = platform.table("APPS_TABLE", Apps::new)?;
    let users = platform.table("USERS_TABLE", Users::new)?;
    let pending = platform.table("PENDING_SESSIONS_TABLE", PendingSessions::new)?;
    let consents = platform.table("CONSENTS_TABLE", Consents::new)?;
    let audit = platform.table("AUDIT_TABLE", Audit::new)?;
    let trade_ins = platform.table("SESSIONS_TABLE", TradeIns::new)?;
    let devices = platform.table("DEVICES_TABLE", Devices::new)?;
    let attempts = platform.table("LOGIN_ATTEMPTS_TABLE", LoginAttempts::new)?;
    let (signing, public, id_tokens, refresh, hasher, sessions) = tokio::try_join!(
        platform.keys("SIGNING_KEYS_SECRET", SigningKey::parse),
        platform.keys("PUBLIC_KEYS_SECRET", PublicKeys::parse_jwks),
        platform.keys("ID_TOKEN_KEYS_SECRET", IdTokenKeys::parse),
        platform.keys("REFRESH_KEYS_SECRET", RefreshKeys::parse),
        platform.keys("PEPPER_SECRET", |json: &str| Passwords::new(json, Cost::default())),
        Sessions::start(&platform, &config),
    )?;
    let directory = OwnDirectory::start(&platform, &config, &users, sessions.tokens()).await?;
    let directory = directory.map(|directory| Arc::new(directory) as Arc<dyn Directory>);
    let passwords = PasswordCheck::new(users.clone(), hasher, attempts.clone(), Arc::clone(&platform.entropy));
    let passwords = match &directory {
        Some(directory) => passwords.with_directory(Arc::clone(directory), config.directory_domain()),
        None => passwords,
    };
    let issuers = Issuers::start(&platform, &config).await?;
    let hooks = TokenHooks::start(&platform, &config).await?;
    Ok(AuthorizationServer {
        config,
        hooks,
        directory,
        clients: ClientAuthentication::new(apps.clone(), attempts.clone()),
        device_check: DeviceCheck::new(devices.clone(), attempts.clone()),
        proofs: Proofs::new(attempts.clone()),
        sign_on_attempts: SignOnAttempts::new(attempts.clone()),
        issuers,
        trade_ins,
        trade_in_attempts: TradeInAttempts::new(attempts),
        devices,
        apps,
        passwords,
        users,
        signing,
        public: public.guarded(PublicKeys::may_follow),
        id_tokens,
        refresh,
        in_force: InForce::default(),
        sessions,
        pending,
        consents,
        audit,
        clock: platform.clock,
        entropy: platform.entropy,
    })
}
