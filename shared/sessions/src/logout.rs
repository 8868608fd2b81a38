//! Back-end logout: ends internal tokens at their legacy systems.

use crate::{InternalTokens, Tokens};
use futures_util::future::join_all;
use gateway_connectors::Connector;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::session::InternalToken;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a legacy system may take to end its session while a client waits for the gateway.
pub(crate) const WAITED_FOR: Duration = Duration::from_secs(3);
/// The same in an asynchronous invocation, where no client waits; the renewal function may run for 28 s.
pub(crate) const QUEUED: Duration = Duration::from_secs(20);

impl InternalTokens {
    /// Ends these tokens at their legacy systems, concurrently. Returns the connectors whose logout is done; a failure is
    /// logged.
    pub async fn log_out(&self, sid: &SessionId, tokens: &Tokens) -> Vec<ConnectorName> {
        self.log_out_within(WAITED_FOR, sid, tokens).await
    }

    /// The same, each within this time. A token past its end counts as logged out, and no logout is sent: the legacy system
    /// may have given its session id to another user by now.
    pub(crate) async fn log_out_within(&self, bound: Duration, sid: &SessionId, tokens: &Tokens) -> Vec<ConnectorName> {
        let now = self.clock.now();
        let logouts = tokens.iter().map(|(name, token)| async move {
            if token.ends.is_some_and(|ends| now >= ends) {
                return Some(name.clone());
            }
            let (Ok(connector), Some(state)) = (self.connector(name), self.open(sid, name, token).await) else {
                tracing::warn!(connector = %name, "the legacy session cannot be opened, and so not be ended");
                return None;
            };
            self.log_out_one(name, &**connector, &state, bound).await.then(|| name.clone())
        });
        join_all(logouts).await.into_iter().flatten().collect()
    }

    /// The same for tokens that were not kept after a login. A token equal to the one that is kept is not ended: some legacy
    /// systems give the same token at every login.
    pub(crate) async fn log_out_replaced(&self, sid: &SessionId, replaced: &Tokens, kept: &Tokens) {
        let mut superfluous = Tokens::new();
        for (name, token) in replaced {
            if let Some(kept) = kept.get(name) {
                let (old, new) = (self.open(sid, name, token).await, self.open(sid, name, kept).await);
                if old.is_none() || old == new {
                    continue;
                }
            }
            superfluous.insert(name.clone(), token.clone());
        }
        self.log_out(sid, &superfluous).await;
    }

    async fn open(&self, sid: &SessionId, name: &ConnectorName, token: &InternalToken) -> Option<Zeroizing<Vec<u8>>> {
        let keys = self.sealing_for(&token.sealed).await.ok()?;
        keys.open(sid, name, token.version, &token.sealed).ok()
    }

    /// Whether the legacy system has ended its session.
    pub(crate) async fn log_out_one(
        &self,
        name: &ConnectorName,
        connector: &dyn Connector,
        state: &[u8],
        bound: Duration,
    ) -> bool {
        let ending = tokio::time::timeout(bound, self.measured(name, connector.end(state)));
        let reason = match ending.await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(connector = %name, reason, "the legacy session could not be ended");
        false
    }
}
