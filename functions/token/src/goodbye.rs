//! The end of internal tokens: told to the legacy systems, as far as they can be told.

use crate::App;
use crate::connect::Tokens;
use connectors::Connector;
use domain::ids::{ConnectorName, SessionId};
use domain::session::InternalToken;
use futures_util::future::join_all;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a legacy system may take to end a session.
const GOODBYE: Duration = Duration::from_secs(3);

impl App {
    /// Tells the legacy systems that the session is over, as far as they can be told.
    pub(crate) async fn end_tokens(&self, sid: &SessionId, tokens: &Tokens) {
        let ends = tokens.iter().map(|(name, token)| async move {
            let (Ok(connector), Ok(keys)) = (self.connector(name), self.sealing_for(&token.sealed).await) else {
                return;
            };
            let Ok(state) = keys.open(sid, name, token.version, &token.sealed) else { return };
            self.end_one(name, &**connector, &state).await;
        });
        join_all(ends).await;
    }

    /// The same for those that another login or renewal has replaced. Some systems give the same token every time: to
    /// end it would end the new one.
    pub(crate) async fn end_replaced(&self, sid: &SessionId, replaced: &Tokens, kept: &Tokens) {
        let mut superfluous = Tokens::new();
        for (name, token) in replaced {
            if let Some(kept) = kept.get(name) {
                let (old, new) = (self.state(sid, name, token).await, self.state(sid, name, kept).await);
                if old.is_none() || old == new {
                    continue;
                }
            }
            superfluous.insert(name.clone(), token.clone());
        }
        self.end_tokens(sid, &superfluous).await;
    }

    async fn state(&self, sid: &SessionId, name: &ConnectorName, token: &InternalToken) -> Option<Zeroizing<Vec<u8>>> {
        let keys = self.sealing_for(&token.sealed).await.ok()?;
        keys.open(sid, name, token.version, &token.sealed).ok()
    }

    /// A goodbye that takes long is left unsaid: somebody waits for the answer.
    pub(crate) async fn end_one(&self, name: &ConnectorName, connector: &dyn Connector, state: &[u8]) {
        let ending = tokio::time::timeout(GOODBYE, self.measured(name, connector.end(state)));
        let reason = match ending.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(connector = %name, reason, "the legacy session could not be ended");
    }
}
