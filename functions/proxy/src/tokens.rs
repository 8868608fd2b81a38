//! Internal tokens in the clear: opened for one session, one connector and one version, and kept only in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use domain::call_context::TokenRef;
use domain::ids::{ConnectorName, SessionId};
use domain::sealing::{SealedToken, SealingKeys};
use domain::time::Timestamp;
use startup::Fresh;
use store::Store;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Tokens a container remembers; the oldest goes first.
const REMEMBERED: usize = 256;

/// An opened internal token.
#[derive(Clone)]
pub(crate) struct InternalToken {
    /// Raised whenever the token is replaced.
    pub(crate) version: u64,
    /// The connector's state.
    pub(crate) state: Arc<Zeroizing<Vec<u8>>>,
    /// When it stops working for certain.
    ends: Option<Timestamp>,
}

impl InternalToken {
    /// Never a stale injection: what has ended is not sent.
    fn alive(self, now: Timestamp) -> Result<Self, Failure> {
        if self.ends.is_some_and(|ends| ends <= now) { Err(Failure::SessionOver) } else { Ok(self) }
    }
}

/// Opens internal tokens, from the call context or with one read of the session.
pub(crate) struct Tokens {
    store: Store,
    keys: Fresh<SealingKeys>,
    memory: Mutex<Memory>,
}

impl Tokens {
    pub(crate) fn new(store: Store, keys: Fresh<SealingKeys>) -> Self {
        Self { store, keys, memory: Mutex::default() }
    }

    /// The token the authorizer referred to, or the one that has replaced it since.
    pub(crate) async fn of(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        reference: Option<&TokenRef>,
        now: Timestamp,
    ) -> Result<InternalToken, Failure> {
        let reference = reference.ok_or(Failure::SessionOver)?;
        if let Some(sealed) = &reference.sealed {
            let state = self.open(session, connector, reference.version, sealed).await?;
            return Ok(InternalToken { version: reference.version, state, ends: None });
        }
        if let Some(token) = self.memory().get(session, connector)
            && token.version == reference.version
        {
            return token.alive(now);
        }
        self.current(session, connector, now).await
    }

    /// The session's token as the store has it now, whatever is remembered.
    pub(crate) async fn current(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        now: Timestamp,
    ) -> Result<InternalToken, Failure> {
        self.memory().forget(session, connector);
        let mut tokens = self.store.sealed_tokens(session).await?.ok_or(Failure::SessionOver)?;
        let (version, sealed, ends) = tokens.remove(connector).ok_or(Failure::SessionOver)?;
        let state = self.open(session, connector, version, &sealed).await?;
        let token = InternalToken { version, state, ends }.alive(now)?;
        self.memory().remember(session, connector, token.clone());
        Ok(token)
    }

    /// Opens a token, with keys read again if it was sealed with one that is not here. One whose key is gone for good
    /// can only be replaced by a login.
    async fn open(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        version: u64,
        sealed: &SealedToken,
    ) -> Result<Arc<Zeroizing<Vec<u8>>>, Failure> {
        let mut keys = self.keys.fresh().await?;
        if !keys.knows(sealed) {
            keys = self.keys.again().await?;
        }
        if !keys.knows(sealed) {
            tracing::warn!(%session, %connector, "an internal token was sealed with a key that is gone");
            return Err(Failure::SessionOver);
        }
        Ok(Arc::new(keys.open(session, connector, version, sealed)?))
    }

    /// A panic while the lock was held cannot leave half an entry behind.
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Key = (SessionId, ConnectorName);

/// What was opened lately, by session and connector.
#[derive(Default)]
struct Memory {
    tokens: BTreeMap<Key, InternalToken>,
    order: VecDeque<Key>,
}

impl Memory {
    fn get(&self, session: &SessionId, connector: &ConnectorName) -> Option<InternalToken> {
        self.tokens.get(&(session.clone(), connector.clone())).cloned()
    }

    fn forget(&mut self, session: &SessionId, connector: &ConnectorName) {
        let key = (session.clone(), connector.clone());
        if self.tokens.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
        }
    }

    fn remember(&mut self, session: &SessionId, connector: &ConnectorName, token: InternalToken) {
        self.forget(session, connector);
        if self.tokens.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
        let key = (session.clone(), connector.clone());
        self.order.push_back(key.clone());
        self.tokens.insert(key, token);
    }
}
