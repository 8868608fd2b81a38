//! Builds [`Sessions`] at the start of a function.

use crate::{InternalTokens, PendingSessions, Sessions};
use gateway_config::Gateway;
use gateway_connectors::Connectors;
use gateway_connectors::back_end::BackEndClients;
use gateway_domain::sealing::SealingKeys;
use gateway_runtime::{Platform, StartError};
use gateway_store::{Activity, Users};
use std::sync::Arc;

impl Sessions {
    /// Uses the tables, keys and secrets that the environment and this configuration name. Keys and secrets are read
    /// concurrently.
    pub async fn start(platform: &Platform, gateway: &Arc<Gateway>) -> Result<Self, StartError> {
        let users = platform.table("USERS_TABLE", Users::new)?;
        let table = platform.table("SESSIONS_TABLE", gateway_store::Sessions::new)?;
        let activity = platform.table("ACTIVITY_TABLE", Activity::new)?;
        let tokens = Box::pin(InternalTokens::start(platform, gateway)).await?;
        Ok(Self::new(users, table, activity, Arc::new(tokens)))
    }
}

impl PendingSessions {
    /// Uses the table that the environment names, with these internal tokens.
    pub fn start(platform: &Platform, tokens: Arc<InternalTokens>) -> Result<Self, StartError> {
        let table = platform.table("PENDING_SESSIONS_TABLE", gateway_store::PendingSessions::new)?;
        Ok(Self::new(table, tokens))
    }
}

impl InternalTokens {
    /// Uses the keys and secrets that the environment and this configuration name.
    pub async fn start(platform: &Platform, gateway: &Arc<Gateway>) -> Result<Self, StartError> {
        let (sealing, clients, own) = futures_util::try_join!(
            platform.keys("SEALING_KEYS_SECRET", SealingKeys::parse),
            platform.secrets.build("TLS for back ends", gateway.tls_secrets(), |tls| BackEndClients::new(gateway, tls)),
            platform.secrets.texts(gateway.connector_secrets()),
        )?;
        let connectors = Connectors::from_config(gateway, &clients, &own, &platform.entropy);
        let (clock, entropy) = (Arc::clone(&platform.clock), Arc::clone(&platform.entropy));
        Ok(Self::new(Arc::clone(gateway), connectors, sealing, clock, entropy))
    }
}
