//! Internal tokens: got at login, renewed at refresh, sealed for one session, ended with it.

use crate::App;
use crate::error::Failure;
use connectors::{Acquired, Connector, ConnectorError, Credentials};
use domain::call_context::TokenRef;
use domain::ids::{ConnectorName, SessionId, UserId};
use domain::scope::Scope;
use domain::secret::Secret;
use domain::session::{Idle, InternalToken, Session};
use domain::time::{Seconds, Timestamp};
use futures_util::future::join_all;
use startup::{Ended, Metric, Remote};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// An access token ends this long before an internal token that can be renewed, so that a call never arrives with a
/// session that ends on the way.
const SKEW: Seconds = Seconds::new(30);

/// How long a legacy system may take to end a session.
const GOODBYE: Duration = Duration::from_secs(3);

/// Who logs in to the legacy systems.
#[derive(Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) username: &'a str,
    pub(crate) links: &'a BTreeMap<ConnectorName, String>,
    pub(crate) password: &'a Secret,
}

impl<'a> Person<'a> {
    fn at(&self, connector: &ConnectorName) -> Credentials<'a> {
        let link = self.links.get(connector).map(String::as_str);
        Credentials { username: self.username, link, password: self.password }
    }
}

/// Internal tokens by connector.
pub(crate) type Tokens = BTreeMap<ConnectorName, InternalToken>;

impl App {
    /// The connectors behind the APIs that this application reaches with this scope; `true` for those it can do
    /// without. The second value tells whether some API needs none, so that the session is good without any.
    fn connectors_for(&self, app: &store::App, scope: &Scope) -> (BTreeMap<ConnectorName, bool>, bool) {
        let mut needed = BTreeMap::new();
        let mut without = false;
        for (name, api) in self.config.apis_for_scope(scope) {
            if !app.subscriptions.get(name).is_some_and(|subscription| subscription.enabled) {
                continue;
            }
            match &api.connector {
                None => without = true,
                Some(connector) => {
                    let optional = needed.entry(connector.clone()).or_insert(true);
                    *optional = *optional && api.optional;
                }
            }
        }
        (needed, without || needed_is_empty(&self.config, scope))
    }

    /// Logs in to every legacy system of the session, side by side. One that fails sinks the login unless it is
    /// optional; what the others gave is then handed back to them. `before` are the tokens of the session that these
    /// are for, if it is there.
    pub(crate) async fn acquire(
        &self,
        sid: &SessionId,
        app: &store::App,
        scope: &Scope,
        person: Person<'_>,
        before: Option<&Tokens>,
        now: Timestamp,
    ) -> Result<Tokens, Failure> {
        let (needed, _) = self.connectors_for(app, scope);
        let attempts = needed.iter().map(|(name, optional)| async move {
            let acquired = async {
                let connector = self.connector(name)?;
                let acquired = self.measured(name, connector.acquire(person.at(name), now)).await;
                let acquired = acquired.map_err(|error| backend_failure(&error))?;
                let fits = self.fits(app, person.user, scope, (name, &**connector), &acquired.state);
                if let Err(failure) = fits {
                    self.end_one(name, &**connector, &acquired.state).await;
                    return Err(failure);
                }
                Ok(acquired)
            };
            (name, *optional, acquired.await)
        });
        let mut tokens = Tokens::new();
        let mut failure = None;
        for (name, optional, acquired) in join_all(attempts).await {
            match acquired {
                Ok(acquired) => {
                    // In a session that is there, a version that was taken away must not come again.
                    let version = before.map_or(1, |before| match before.get(name) {
                        Some(token) => token.version.saturating_add(1),
                        None => u64::try_from(now.as_secs()).unwrap_or(1),
                    });
                    tokens.insert(name.clone(), self.seal(sid, name, version, &acquired, now)?);
                }
                Err(error) if optional => tracing::warn!(connector = %name, reason = %error, "optional login failed"),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            None => Ok(tokens),
            Some(failure) => {
                self.end_tokens(sid, &tokens).await;
                Err(failure)
            }
        }
    }

    /// Renews what wants renewal. A system that refuses loses its token; one that does not answer keeps it, and is asked
    /// again by the next call that needs it. The second value tells of such a one whose token is over.
    pub(crate) async fn renew(&self, session: &Session, now: Timestamp) -> (Tokens, Option<Failure>) {
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
                Err(Failure::BackEndRefused) => {
                    tokens.remove(name);
                }
                Err(failure) => {
                    let over = token.is_over(now);
                    tracing::warn!(connector = %name, over, reason = %failure, "an internal token was not renewed");
                    unanswered = unanswered.or(over.then_some(failure));
                }
            }
        }
        (tokens, unanswered)
    }

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
    async fn end_one(&self, name: &ConnectorName, connector: &dyn Connector, state: &[u8]) {
        let ending = tokio::time::timeout(GOODBYE, self.measured(name, connector.end(state)));
        let reason = match ending.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(connector = %name, reason, "the legacy session could not be ended");
    }

    /// Whether an API of the session's scope has no internal token.
    pub(crate) fn lacks_tokens(&self, app: &store::App, session: &Session) -> bool {
        let (needed, _) = self.connectors_for(app, &session.scope);
        needed.keys().any(|name| !session.tokens.contains_key(name))
    }

    /// Whether the session is good for nothing any more: every API needs an internal token, and none of them lives.
    pub(crate) fn is_useless(&self, app: &store::App, scope: &Scope, tokens: &Tokens, now: Timestamp) -> bool {
        let (_, good_without) = self.connectors_for(app, scope);
        !good_without && tokens.values().all(|token| token.is_over(now))
    }

    /// Until when the session is good for anything at most: for ever if some API needs no connector, otherwise as long
    /// as any of its internal tokens may live or be renewed. Use may move an idle end, so it does not count here.
    fn useful_until(&self, app: &store::App, scope: &Scope, tokens: &Tokens) -> Option<Timestamp> {
        let (_, good_without) = self.connectors_for(app, scope);
        if good_without || tokens.values().any(|token| token.ends.is_none()) {
            return None;
        }
        let end = |token: &InternalToken| token.renew_until.max(token.ends);
        Some(tokens.values().filter_map(end).max().unwrap_or(Timestamp::from_secs(0)))
    }

    /// The latest end of an access token over these internal tokens: before the first renewable one ends, so that a
    /// refresh comes in time, and never after the session stops being good for anything.
    pub(crate) fn latest_access(
        &self,
        app: &store::App,
        session: &Session,
        scope: &Scope,
        now: Timestamp,
    ) -> Timestamp {
        let renewable = session.tokens.values().filter(|token| token.renew_until.is_some_and(|until| now < until));
        let first = renewable.filter_map(|token| token.ends).filter(|ends| *ends > now).min();
        let first = first.map(|ends| if ends.saturating_sub(SKEW) > now { ends.saturating_sub(SKEW) } else { ends });
        [Some(session.family.absolute_end), first, self.useful_until(app, scope, &session.tokens)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(session.family.absolute_end)
    }

    pub(crate) async fn renew_one(
        &self,
        session: &Session,
        name: &ConnectorName,
        token: &InternalToken,
        now: Timestamp,
    ) -> Result<InternalToken, Failure> {
        let connector = self.connector(name)?;
        let keys = self.sealing_for(&token.sealed).await?;
        if !keys.knows(&token.sealed) {
            // Its key was revoked: only a login can replace what was sealed with it.
            tracing::warn!(connector = %name, "an internal token was sealed with a key that is gone");
            return Err(Failure::BackEndRefused);
        }
        let state = keys
            .open(&session.sid, name, token.version, &token.sealed)
            .map_err(|_| Failure::Internal("an internal token does not open"))?;
        let renewed = self.measured(name, connector.renew(&state, now)).await;
        let renewed = renewed.map_err(|error| backend_failure(&error))?;
        self.seal(&session.sid, name, token.version.saturating_add(1), &renewed, now)
    }

    fn seal(
        &self,
        sid: &SessionId,
        name: &ConnectorName,
        version: u64,
        acquired: &Acquired,
        now: Timestamp,
    ) -> Result<InternalToken, Failure> {
        let sealed = self
            .sealing
            .value()
            .seal(sid, name, version, startup::entropy::bytes()?, &acquired.state)
            .map_err(|_| Failure::Internal("sealing failed"))?;
        let idle = acquired.idle.map(|after| Idle { after, ends: now.saturating_add(after) });
        let Acquired { ends, renew_until, .. } = *acquired;
        Ok(InternalToken { version, sealed, since: now, ends, idle, renew_until })
    }

    /// Waits for a legacy system, counts how long that took and tells the trace of it.
    async fn measured<T>(
        &self,
        name: &ConnectorName,
        asking: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        let traced = startup::exchange(Remote::Connector(name.as_str()));
        let begun = self.clock.now_millis();
        let outcome = asking.await;
        let ended = match &outcome {
            Ok(_) => Ended::Done,
            Err(ConnectorError::Refused | ConnectorError::NotLinked) => Ended::Refused,
            Err(ConnectorError::Unavailable(_) | ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_)) => {
                Ended::Failed
            }
        };
        traced.ended(ended);
        let failed = ended == Ended::Failed;
        let millis = self.clock.now_millis().saturating_sub(begun);
        startup::count(Metric::Connector { connector: name.as_str(), millis, failed });
        outcome
    }

    fn connector(&self, name: &ConnectorName) -> Result<&Arc<dyn Connector>, Failure> {
        self.connectors.get(name).ok_or(Failure::Internal("a connector is not built"))
    }
}

/// What the grant item keeps of these tokens.
pub(crate) fn references(tokens: &Tokens) -> BTreeMap<ConnectorName, TokenRef> {
    let reference = |token: &InternalToken| match token.idle {
        None => TokenRef { version: token.version, sealed: Some(token.sealed.clone()), ends: token.ends },
        // Whoever uses it is to know how long it may lie idle, and notes the use: only the session has that.
        Some(_) => TokenRef::by_version(token.version),
    };
    tokens.iter().map(|(name, token)| (name.clone(), reference(token))).collect()
}

/// A scope that leads to no API is good for what it is.
fn needed_is_empty(config: &config::Gateway, scope: &Scope) -> bool {
    config.apis_for_scope(scope).next().is_none()
}

fn backend_failure(error: &ConnectorError) -> Failure {
    match error {
        ConnectorError::Refused => Failure::BackEndRefused,
        ConnectorError::NotLinked => Failure::NotLinked,
        ConnectorError::Unavailable(_) | ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_) => {
            Failure::BackEnd(error.to_string())
        }
    }
}
