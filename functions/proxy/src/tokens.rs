//! Opens internal tokens, each for one session, connector and version. In the clear they are kept only in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_connectors::Moved;
use gateway_domain::call_context::TokenRef;
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::renewal::{NextToken, RenewalRequest, RenewalResponse, ReplaceRequest, ReplaceResponse};
use gateway_domain::sealing::{SealedToken, SealingKeys};
use gateway_domain::session::{Idle, InternalToken};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_invoke::Function;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Jars, Sessions, Turns};
use gateway_telemetry::Metric;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::renewal::{renew, replace};

/// The most tokens that a container remembers; the oldest is forgotten first.
const REMEMBERED: usize = 256;

/// A token that is refused although it was renewed within this time is not dead: the user lacks a right, and another token
/// would be refused too.
const YOUNG: Seconds = Seconds::new(10);

/// After a renewal that failed, none is requested for the same session and connector within this time: every call that
/// waits for a renewal occupies two functions.
const REST: Seconds = Seconds::new(5);

/// How long a turn lasts beyond the longest time that its call can take.
const BEYOND: u64 = 2;

/// How long a call waits for its turn: the client may repeat it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Between the first two attempts to take a turn; each later pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The longest pause between two attempts, each of which costs a write.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// The right to be the one call of a session at a back end, by the name under which it was taken.
pub(crate) struct Turn(String);

/// An opened internal token.
#[derive(Clone)]
pub(crate) struct OpenToken {
    /// Raised whenever the token is replaced.
    pub(crate) version: u64,
    /// The connector's state in the clear.
    pub(crate) state: Arc<Zeroizing<Vec<u8>>>,
    /// When it ends, however much it is used.
    ends: Option<Timestamp>,
    /// When it ends for want of use.
    idle: Option<Idle>,
    /// When it was renewed, if it can be renewed again. `None` for a token that only a login replaces: if that one is
    /// refused, a login is needed.
    renewed: Option<Timestamp>,
}

impl OpenToken {
    /// Whether a refusal of this token is about the user's rights, and not about the session.
    pub(crate) fn is_young(&self, now: Timestamp) -> bool {
        self.renewed.is_some_and(|at| now < at.saturating_add(YOUNG))
    }

    /// Whether it has ended, so that it must not be sent.
    fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| now >= ends) || self.idle.is_some_and(|idle| now >= idle.ends)
    }
}

/// Opens internal tokens, from the call context or with one read of the session.
pub(crate) struct Tokens {
    sessions: Sessions,
    keys: Fresh<SealingKeys>,
    renewal: Function,
    turns: Turns,
    jars: Jars,
    entropy: Arc<dyn Entropy>,
    memory: Mutex<Memory>,
}

impl Tokens {
    pub(crate) fn new(
        (sessions, turns, jars): (Sessions, Turns, Jars),
        keys: Fresh<SealingKeys>,
        renewal: Function,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { sessions, turns, jars, keys, renewal, entropy, memory: Mutex::default() }
    }

    pub(crate) fn jars(&self) -> &Jars {
        &self.jars
    }

    pub(crate) fn keys(&self) -> &Fresh<SealingKeys> {
        &self.keys
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Reads the keys again if they are old. A failure is not reported here, but where the keys are needed.
    pub(crate) async fn freshen(&self) {
        let _ = self.keys.fresh().await;
    }

    /// The token that the authorizer referred to, or the one that has replaced it since.
    pub(crate) async fn of(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        reference: &TokenRef,
        now: Timestamp,
    ) -> Result<OpenToken, Failure> {
        // This container may have seen a renewal that the authorizer did not know of.
        if let Some(token) = self.memory().get(session, connector)
            && token.version >= reference.version
            && !token.is_over(now)
        {
            return Ok(token);
        }
        if let Some(sealed) = &reference.sealed
            && reference.ends.is_none_or(|ends| now < ends)
        {
            let state = self.open(session, connector, reference.version, sealed).await?;
            let (version, ends) = (reference.version, reference.ends);
            return Ok(OpenToken { version, state, ends, idle: None, renewed: None });
        }
        self.current(session, connector, None, now).await
    }

    /// The session's token as the store has it now, not as it is remembered. If it is over, or has the version that the back
    /// end has just refused, the renewal function renews it, provided that this needs no password.
    pub(crate) async fn current(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        refused: Option<u64>,
        now: Timestamp,
    ) -> Result<OpenToken, Failure> {
        self.memory().forget(session, connector);
        let mut stored = self.read(session, connector).await?;
        let useless = |stored: &InternalToken| stored.is_over(now) || refused == Some(stored.version);
        if useless(&stored) {
            if !stored.is_renewable(now) {
                return Err(Failure::SessionOver);
            }
            if !stored.is_over(now) && renewed(&stored, now).is_some_and(|at| now < at.saturating_add(YOUNG)) {
                return Err(Failure::NotAllowed);
            }
            if self.memory().rests(session, connector, now) {
                return Err(Failure::NotRenewed);
            }
            let (session, connector, version) = (session.clone(), connector.clone(), stored.version);
            let request_id = gateway_telemetry::correlation_id();
            let request = RenewalRequest { session, connector, version, request_id };
            match renew(&self.renewal, &request).await {
                RenewalResponse::Renewed => stored = self.read(&request.session, &request.connector).await?,
                RenewalResponse::Over => return Err(Failure::SessionOver),
                RenewalResponse::Later => {
                    self.memory().rest(&request.session, &request.connector, now.saturating_add(REST));
                    return Err(Failure::NotRenewed);
                }
            }
            if useless(&stored) {
                return Err(Failure::SessionOver);
            }
        }
        let renewed = renewed(&stored, now);
        let InternalToken { version, sealed, ends, idle, .. } = stored;
        let state = self.open(session, connector, version, &sealed).await?;
        let token = OpenToken { version, state, ends, idle, renewed };
        self.memory().remember(session, connector, token.clone());
        Ok(token)
    }

    /// Notes that the back end has accepted this token, if use keeps it alive and was not noted lately. A failure to note it
    /// does not fail the call: the next call notes it.
    pub(crate) async fn used(&self, session: &SessionId, connector: &ConnectorName, token: &OpenToken, now: Timestamp) {
        let Some(idle) = token.idle.and_then(|idle| idle.moved(now)) else { return };
        match self.sessions.note_use(session, connector, token.version, idle.ends).await {
            Ok(()) => {
                let token = OpenToken { idle: Some(idle), ..token.clone() };
                self.memory().remember(session, connector, token);
            }
            Err(error) => tracing::warn!(%session, %connector, %error, "a use of an internal token was not noted"),
        }
    }

    /// Has what a response has made of a token kept, so that the next call uses it. Of concurrent responses the first counts. A
    /// failure does not fail the call, which has been carried; the next one then meets the session as it was. It takes no longer than
    /// `within`.
    pub(crate) async fn moved(
        &self,
        (session, connector): (&SessionId, &ConnectorName),
        token: &OpenToken,
        moved: Moved,
        within: Duration,
    ) -> Result<(), Failure> {
        let version = token.version.saturating_add(1);
        let (next, sealed, ends) = match moved {
            Moved::Same => return Ok(()),
            Moved::Ended => (None, None, None),
            Moved::To { state, ends } => {
                let nonce = self.entropy.bytes().map_err(StartError::from)?;
                let sealed = self.keys.value().seal(session, connector, version, nonce, &state)?;
                (Some(state), Some(NextToken { sealed, ends }), ends)
            }
        };
        let request = ReplaceRequest {
            session: session.clone(),
            connector: connector.clone(),
            version: token.version,
            token: sealed,
            request_id: gateway_telemetry::correlation_id(),
        };
        let outcome = replace(&self.renewal, &request, within).await;
        match (outcome, next) {
            (ReplaceResponse::Replaced, Some(state)) => {
                let token = OpenToken { version, state: Arc::new(state), ends: ends.or(token.ends), ..token.clone() };
                self.memory().remember(session, connector, token);
            }
            (ReplaceResponse::Replaced | ReplaceResponse::Kept | ReplaceResponse::Failed, _) => {
                self.memory().forget(session, connector);
            }
        }
        gateway_telemetry::count(Metric::MovedSession { outcome: outcome.name() });
        Ok(())
    }

    /// Waits for the turn of a call at a back end that takes the calls of a session one at a time.
    pub(crate) async fn turn(
        &self,
        (session, connector): (&SessionId, &ConnectorName),
        longest: Duration,
        clock: &dyn Clock,
    ) -> Result<Turn, Failure> {
        let length = Seconds::new(longest.as_secs().saturating_add(BEYOND));
        let holder = u128::from_be_bytes(self.entropy.bytes().map_err(StartError::from)?).to_string();
        let mut waited = Duration::ZERO;
        let mut pause = FIRST_PAUSE;
        loop {
            let now = clock.now();
            if self.turns.take(session, connector, &holder, now.saturating_add(length), now).await? {
                return Ok(Turn(holder));
            }
            if waited >= LONGEST_WAIT {
                return Err(Failure::Busy);
            }
            tokio::time::sleep(pause).await;
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Gives a turn back. If that fails, it lapses.
    pub(crate) async fn give_back(&self, session: &SessionId, connector: &ConnectorName, Turn(holder): Turn) {
        if let Err(error) = self.turns.give_back(session, connector, &holder).await {
            tracing::warn!(%session, %connector, %error, "a turn was not given back");
        }
    }

    async fn read(&self, session: &SessionId, connector: &ConnectorName) -> Result<InternalToken, Failure> {
        let mut tokens = self.sessions.internal_tokens(session).await?.ok_or(Failure::SessionOver)?;
        tokens.remove(connector).ok_or(Failure::SessionOver)
    }

    /// Opens a token. If it was sealed with an unknown key, the keys are read again; if its key is gone, only a login can
    /// replace it.
    async fn open(
        &self,
        session: &SessionId,
        connector: &ConnectorName,
        version: u64,
        sealed: &SealedToken,
    ) -> Result<Arc<Zeroizing<Vec<u8>>>, Failure> {
        self.keys.fresh().await?;
        let keys = self.keys.having(|keys| keys.knows(sealed)).await?;
        if !keys.knows(sealed) {
            tracing::warn!(%session, %connector, "an internal token was sealed with a key that is gone");
            return Err(Failure::SessionOver);
        }
        Ok(Arc::new(keys.open(session, connector, version, sealed)?))
    }

    /// Ignores poisoning: a panic cannot leave half an entry behind the lock.
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a token was renewed, if it was renewed and can be renewed again.
fn renewed(token: &InternalToken, now: Timestamp) -> Option<Timestamp> {
    (token.version > 1 && token.is_renewable(now)).then_some(token.since)
}

type Key = (SessionId, ConnectorName);

/// The tokens opened lately, by session and connector.
#[derive(Default)]
struct Memory {
    tokens: BTreeMap<Key, OpenToken>,
    order: VecDeque<Key>,
    /// Until when no renewal is asked for.
    resting: BTreeMap<Key, Timestamp>,
}

impl Memory {
    fn get(&self, session: &SessionId, connector: &ConnectorName) -> Option<OpenToken> {
        self.tokens.get(&(session.clone(), connector.clone())).cloned()
    }

    fn rests(&self, session: &SessionId, connector: &ConnectorName, now: Timestamp) -> bool {
        self.resting.get(&(session.clone(), connector.clone())).is_some_and(|until| now < *until)
    }

    fn rest(&mut self, session: &SessionId, connector: &ConnectorName, until: Timestamp) {
        if self.resting.len() >= REMEMBERED {
            self.resting.clear();
        }
        self.resting.insert((session.clone(), connector.clone()), until);
    }

    fn forget(&mut self, session: &SessionId, connector: &ConnectorName) {
        let key = (session.clone(), connector.clone());
        if self.tokens.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
        }
    }

    fn remember(&mut self, session: &SessionId, connector: &ConnectorName, token: OpenToken) {
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
