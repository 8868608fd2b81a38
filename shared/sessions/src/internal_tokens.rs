//! Internal tokens: acquired at login, renewed later, sealed for one session.

use crate::SessionError;
use crate::logout::WAITED_FOR;
use futures_util::future::join_all;
use gateway_config::Gateway;
use gateway_config::connector::{ConnectorConfig, Whose};
use gateway_connectors::{Acquired, Connector, ConnectorError, Connectors, Credentials};
use gateway_domain::acquired::{Begun, Handover};
use gateway_domain::call_context::TokenRef;
use gateway_domain::clock::Clock;
use gateway_domain::dpop::{DpopNonce, Proof};
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::{ConnectorName, SessionId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::sealing::{SealedToken, SealingKeys};
use gateway_domain::secret::Secret;
use gateway_domain::session::{Idle, InternalToken, LoginMethod, Session};
use gateway_domain::time::Timestamp;
use gateway_runtime::{Fresh, StartError};
use gateway_telemetry::{Ended, Metric, Remote};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The login of a user at the legacy systems. Without a password it reaches those alone that need none: the others are left out, and a call
/// that needs one of them asks for the password (RFC 9470).
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The user's address in its normal form.
    pub username: &'a str,
    /// The user's names at legacy systems that use names of their own.
    pub links: &'a BTreeMap<ConnectorName, String>,
    /// The password that the user has just shown, if that is how the user logged in.
    pub password: Option<&'a Secret>,
    /// The session that a directory began at one of them when it checked the password.
    pub begun: &'a Handover,
    /// The passwords that the user has just shown for legacy systems that have one of their own.
    pub separate: &'a BTreeMap<ConnectorName, Secret>,
}

/// Internal tokens by connector.
pub type Tokens = BTreeMap<ConnectorName, InternalToken>;

/// Acquires, renews, seals and opens internal tokens.
pub struct InternalTokens {
    gateway: Arc<Gateway>,
    connectors: Connectors,
    sealing: Fresh<SealingKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl InternalTokens {
    /// Acquired by these connectors, sealed with these keys. The clock measures how long legacy systems take, and tells
    /// which tokens have ended.
    pub fn new(
        gateway: Arc<Gateway>,
        connectors: Connectors,
        sealing: Fresh<SealingKeys>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { gateway, connectors, sealing, clock, entropy }
    }

    pub(crate) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    pub(crate) fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// Reads the sealing keys again if they are older than the cache age.
    pub async fn freshen(&self) -> Result<(), StartError> {
        self.sealing.fresh().await.map(drop)
    }

    /// The sealing keys, as they were last read.
    pub fn sealing(&self) -> Arc<SealingKeys> {
        self.sealing.value()
    }

    /// The sealing keys for the nonce of this proof, if it has one.
    pub async fn sealing_for_proof(&self, proof: &Proof) -> Result<Arc<SealingKeys>, StartError> {
        match proof.nonce.as_deref().and_then(DpopNonce::parse) {
            Some(nonce) => self.sealing_for(nonce.sealed()).await,
            None => Ok(self.sealing()),
        }
    }

    /// The sealing keys, read again if they lack the key of this token. They may still lack it: the key may be revoked.
    pub async fn sealing_for(&self, sealed: &SealedToken) -> Result<Arc<SealingKeys>, StartError> {
        self.sealing.having(|keys| keys.knows(sealed)).await
    }

    /// Logs in to every legacy system of a session that begins by this kind of login, as far as the login reaches it, concurrently.
    ///
    /// # Errors
    /// A login that is not optional failed, or the session would be of no use. The others are then logged out again. Where each optional one was
    /// refused, which asking again does not change, it is the refusal, as of one that is not optional; else [`SessionError::NoBackEnd`].
    pub async fn acquire_to_begin(
        &self,
        sid: &SessionId,
        (app, scope): (&gateway_store::App, &Scope),
        (login, by): (Login<'_>, LoginMethod),
        now: Timestamp,
    ) -> Result<Tokens, SessionError> {
        let (tokens, why) = self.acquire(sid, (app, scope), login, None, now).await?;
        if self.are_useless(app, (scope, by), &tokens, now) { Err(why) } else { Ok(tokens) }
    }

    /// Logs in to every legacy system of the session that this login reaches. `before` are the present tokens of a session that exists already.
    /// The error in the result is for a session that is of no use with these tokens.
    pub(crate) async fn acquire(
        &self,
        sid: &SessionId,
        (app, scope): (&gateway_store::App, &Scope),
        login: Login<'_>,
        before: Option<&Tokens>,
        now: Timestamp,
    ) -> Result<(Tokens, SessionError), SessionError> {
        let (needed, _) = self.required(app, scope);
        let reached = needed.iter().filter(|(name, _)| login.password.is_some() || !self.needs_password(name));
        let attempts = reached.map(|(name, optional)| async move {
            let acquired = async {
                let connector = self.connector(name)?;
                let acquired = match login.begun.take_of(name) {
                    Some(begun) => begun,
                    None => self.acquire_one(name, self.credentials(name, login)?, now).await?,
                };
                let fits = self.check_header_budget(app, login.user, scope, (name, &**connector), &acquired.state);
                if let Err(error) = fits {
                    self.log_out_one(name, &**connector, &acquired.state, WAITED_FOR).await;
                    return Err(error);
                }
                Ok(acquired)
            };
            (name, *optional, acquired.await)
        });
        let (mut tokens, mut failures) = (Tokens::new(), Vec::new());
        let mut refused = None;
        for (name, optional, acquired) in join_all(attempts).await {
            match acquired {
                Ok(acquired) => {
                    // A session that exists never uses a version of a token twice, not even that of a removed token: a
                    // higher version always means a newer token.
                    let version = before.map_or(1, |before| match before.get(name) {
                        Some(token) => token.version.saturating_add(1),
                        None => u64::try_from(now.as_secs()).unwrap_or(1),
                    });
                    tokens.insert(name.clone(), self.seal(sid, name, version, &acquired, now)?);
                }
                Err(error) if optional => {
                    tracing::warn!(connector = %name, reason = %error, "optional login failed");
                    failures.push(error);
                }
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            None => {
                let refuse = tokens.is_empty() && failures.iter().all(SessionError::is_refusal);
                // What the system of a password that was typed says of it helps more than that another was left out.
                failures.sort_by_key(|failure| matches!(failure, SessionError::PasswordNeeded(_)));
                let refusal = failures.into_iter().next().filter(|_| refuse);
                Ok((tokens, refusal.unwrap_or(SessionError::NoBackEnd)))
            }
            Some(error) => {
                self.log_out(sid, &tokens).await;
                Err(error)
            }
        }
    }

    /// Logs in to one legacy system.
    async fn acquire_one(
        &self,
        name: &ConnectorName,
        credentials: Credentials<'_>,
        now: Timestamp,
    ) -> Result<Acquired, SessionError> {
        let acquired = self.measured(name, self.connector(name)?.acquire(credentials, now)).await;
        acquired.map_err(|error| SessionError::of(name, &error))
    }

    /// Logs in to the legacy system that has the passwords of people. Whoever gets the session keeps it or ends it.
    pub async fn check(
        &self,
        name: &ConnectorName,
        credentials: Credentials<'_>,
        now: Timestamp,
    ) -> Result<Begun, SessionError> {
        Ok(Begun { connector: name.clone(), acquired: self.acquire_one(name, credentials, now).await? })
    }

    /// Ends the session that a directory began, unless it was kept.
    pub async fn end_begun(&self, handover: &Handover) {
        let Some(Begun { connector, acquired }) = handover.take() else { return };
        if let Ok(own) = self.connector(&connector) {
            self.log_out_one(&connector, &**own, &acquired.state, WAITED_FOR).await;
        }
    }

    /// What a connector logs in with. A system with a password of its own never gets that of the gateway, which is none of its
    /// business.
    fn credentials<'a>(&self, name: &ConnectorName, login: Login<'a>) -> Result<Credentials<'a>, SessionError> {
        let rule = self.gateway.connector(name).and_then(ConnectorConfig::password);
        let password = match rule.map(|rule| rule.whose) {
            Some(Whose::Separate) => {
                Some(login.separate.get(name).ok_or_else(|| SessionError::PasswordNeeded(name.clone()))?)
            }
            Some(Whose::Ours | Whose::Theirs) => login.password,
            // What is of no use there is not lent.
            None => None,
        };
        let link = login.links.get(name).map(String::as_str);
        Ok(Credentials { username: login.username, link, password })
    }

    /// Renews the tokens that are due. A token whose renewal is refused is removed. One whose renewal fails otherwise is
    /// kept, and the next call that needs it tries again; the second value is such a failure for a token that is over.
    pub(crate) async fn renew(&self, session: &Session, now: Timestamp) -> (Tokens, Option<SessionError>) {
        let mut unanswered = None;
        let mut tokens = session.tokens.clone();
        let due = session.tokens.iter().filter(|(_, token)| token.wants_renewal(now));
        let attempts =
            due.map(|(name, token)| async move { (name, token, self.renew_one(session, name, token, now).await) });
        for (name, token, renewed) in join_all(attempts).await {
            match renewed {
                Ok(renewed) => {
                    tokens.insert(name.clone(), renewed);
                }
                Err(SessionError::BackEndRefused(_)) => {
                    tokens.remove(name);
                }
                Err(error) => {
                    let over = token.is_over(now);
                    tracing::warn!(connector = %name, over, reason = %error, "an internal token was not renewed");
                    unanswered = unanswered.or(over.then_some(error));
                }
            }
        }
        (tokens, unanswered)
    }

    pub(crate) async fn renew_one(
        &self,
        session: &Session,
        name: &ConnectorName,
        token: &InternalToken,
        now: Timestamp,
    ) -> Result<InternalToken, SessionError> {
        let connector = self.connector(name)?;
        let keys = self.sealing_for(&token.sealed).await?;
        if !keys.knows(&token.sealed) {
            // Its key was revoked, so nothing can open it: only a login can replace it.
            tracing::warn!(connector = %name, "an internal token was sealed with a key that is gone");
            return Err(SessionError::BackEndRefused(name.clone()));
        }
        let state = keys
            .open(&session.sid, name, token.version, &token.sealed)
            .map_err(|_| SessionError::Internal("an internal token does not open"))?;
        let renewed = self.measured(name, connector.renew(&state, now)).await;
        let renewed = renewed.map_err(|error| SessionError::of(name, &error))?;
        self.seal(&session.sid, name, token.version.saturating_add(1), &renewed, now)
    }

    fn seal(
        &self,
        sid: &SessionId,
        name: &ConnectorName,
        version: u64,
        acquired: &Acquired,
        now: Timestamp,
    ) -> Result<InternalToken, SessionError> {
        let sealed = self
            .sealing
            .value()
            .seal(sid, name, version, self.entropy.bytes()?, &acquired.state)
            .map_err(|_| SessionError::Internal("sealing failed"))?;
        let idle = acquired.idle.map(|after| Idle { after, ends: now.saturating_add(after) });
        let Acquired { ends, renew_until, .. } = *acquired;
        Ok(InternalToken { version, sealed, since: now, ends, idle, renew_until })
    }

    /// Waits for a legacy system, and records the time and the outcome as a metric and in the trace.
    pub(crate) async fn measured<T>(
        &self,
        name: &ConnectorName,
        asking: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        let traced = gateway_telemetry::exchange(Remote::Connector(name.as_str()));
        let begun = self.clock.now_millis();
        let outcome = asking.await;
        let ended = match &outcome {
            Ok(_) => Ended::Done,
            Err(ConnectorError::Refused | ConnectorError::NotLinked | ConnectorError::PasswordNeeded) => Ended::Refused,
            Err(ConnectorError::Unavailable(_) | ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_)) => {
                Ended::Failed
            }
        };
        traced.ended(ended);
        let failed = ended == Ended::Failed;
        let millis = self.clock.now_millis().saturating_sub(begun);
        gateway_telemetry::count(Metric::Connector { connector: name.as_str(), millis, failed });
        outcome
    }

    pub(crate) fn connector(&self, name: &ConnectorName) -> Result<&Arc<dyn Connector>, SessionError> {
        self.connectors.get(name).ok_or(SessionError::Internal("a connector is not built"))
    }
}

/// The references to these tokens that the activity item keeps.
pub(crate) fn references(tokens: &Tokens) -> BTreeMap<ConnectorName, TokenRef> {
    let reference = |token: &InternalToken| match token.idle {
        None => TokenRef { version: token.version, sealed: Some(token.sealed.clone()), ends: token.ends },
        // The proxy must know the idle end of such a token and note its use. Only the session has it, so the reference
        // makes the proxy read the session.
        Some(_) => TokenRef::by_version(token.version),
    };
    tokens.iter().map(|(name, token)| (name.clone(), reference(token))).collect()
}
