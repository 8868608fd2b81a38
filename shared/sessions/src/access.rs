//! How long a session and its access tokens are of use: which APIs they reach, and which internal tokens live.

use crate::{InternalTokens, Sessions, Tokens};
use gateway_config::connector::ConnectorConfig;
use gateway_domain::ids::ConnectorName;
use gateway_domain::scope::Scope;
use gateway_domain::session::{InternalToken, LoginMethod, Session};
use gateway_domain::time::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// An access token ends this long before an internal token that can be renewed, so that no internal token ends while its
/// call is on the way.
const SKEW: Seconds = Seconds::new(30);

impl InternalTokens {
    /// The connectors behind the APIs that this application reaches with this scope; `true` if every API of the connector
    /// is optional. The second value is whether the session is of use without internal tokens: an API of it needs none, or
    /// it reaches none, since its scope has no API, or the application is not subscribed to it yet.
    pub(crate) fn required(&self, app: &gateway_store::App, scope: &Scope) -> (BTreeMap<ConnectorName, bool>, bool) {
        let mut needed = BTreeMap::new();
        let mut without = false;
        for (name, api) in self.gateway().apis_for_scope(scope) {
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
        let without = without || needed.is_empty();
        (needed, without)
    }
}

impl InternalTokens {
    /// Whether a login at this legacy system takes the password.
    pub(crate) fn needs_password(&self, name: &ConnectorName) -> bool {
        self.gateway().connector(name).is_none_or(ConnectorConfig::needs_password)
    }

    /// Whether a legacy system of this scope is reached with the password alone, so that a login without it leaves something out.
    pub fn need_password(&self, app: &gateway_store::App, scope: &Scope) -> bool {
        self.required(app, scope).0.keys().any(|name| self.needs_password(name))
    }

    /// Whether a session of this kind of login has left this legacy system out, so that it has no internal token of it until its user
    /// shows the password. This is the one rule for that: what else a session lacks, it had and lost, or it could not be had.
    pub(crate) fn is_left_out(&self, by: LoginMethod, name: &ConnectorName) -> bool {
        by != LoginMethod::Password && self.needs_password(name)
    }

    /// As [`InternalTokens::required`], for a session of this kind of login: one that has left a system out is of use without internal
    /// tokens, since the next call to that system tells its app to ask for the password.
    fn required_of(
        &self,
        app: &gateway_store::App,
        scope: &Scope,
        by: LoginMethod,
    ) -> (BTreeMap<ConnectorName, bool>, bool) {
        let (needed, without) = self.required(app, scope);
        let without = without || needed.keys().any(|name| self.is_left_out(by, name));
        (needed, without)
    }

    /// The connectors of a login with this scope whose systems have passwords of their own; `true` if the login succeeds
    /// without.
    pub fn separate_passwords(&self, app: &gateway_store::App, scope: &Scope) -> Vec<(ConnectorName, bool)> {
        let (needed, _) = self.required(app, scope);
        let separate = |name: &ConnectorName| self.gateway().separate_passwords().any(|(separate, _)| separate == name);
        needed.into_iter().filter(|(name, _)| separate(name)).collect()
    }

    /// Whether a session is of no use any more: each of its APIs needs an internal token, none of the tokens lives, and none was left out
    /// at a login without the password.
    pub fn are_useless(
        &self,
        app: &gateway_store::App,
        (scope, by): (&Scope, LoginMethod),
        tokens: &Tokens,
        now: Timestamp,
    ) -> bool {
        let (_, good_without) = self.required_of(app, scope, by);
        !good_without && tokens.values().all(|token| token.is_over(now))
    }
}

impl Sessions {
    /// Whether a session has no internal token of this legacy system because its login, without the password, has left it out.
    pub fn has_left_out(&self, session: &Session, name: &ConnectorName) -> bool {
        !session.tokens.contains_key(name) && self.tokens.is_left_out(session.origin.by, name)
    }

    /// Whether a connector that the session's scope needs, or could use, has no internal token in it, although the login reached it.
    pub(crate) fn lacks_tokens(&self, app: &gateway_store::App, session: &Session) -> bool {
        let (needed, _) = self.tokens.required(app, &session.scope);
        let mut reached = needed.keys().filter(|name| !self.tokens.is_left_out(session.origin.by, name));
        reached.any(|name| !session.tokens.contains_key(name))
    }

    /// Until when the session is of use at most; `None` if there is no such end: an API needs no connector, or one was left out, or an
    /// internal token has no stated end. Otherwise it is the last time at which an internal token lives or can be renewed. Idle ends
    /// do not count, since use moves them.
    fn useful_until(&self, app: &gateway_store::App, scope: &Scope, session: &Session) -> Option<Timestamp> {
        let (_, good_without) = self.tokens.required_of(app, scope, session.origin.by);
        let tokens = &session.tokens;
        if good_without || tokens.values().any(|token| token.ends.is_none()) {
            return None;
        }
        let end = |token: &InternalToken| token.renew_until.max(token.ends);
        Some(tokens.values().filter_map(end).max().unwrap_or(Timestamp::from_secs(0)))
    }

    /// The latest time at which an access token of this session may end: before the first renewable internal token ends, so
    /// that the refresh comes in time to renew it, and not after the session stops being of use.
    pub fn latest_access(
        &self,
        app: &gateway_store::App,
        session: &Session,
        scope: &Scope,
        now: Timestamp,
    ) -> Timestamp {
        let renewable = session.tokens.values().filter(|token| token.renew_until.is_some_and(|until| now < until));
        let first = renewable.filter_map(|token| token.ends).filter(|ends| *ends > now).min();
        let first = first.map(|ends| if ends.saturating_sub(SKEW) > now { ends.saturating_sub(SKEW) } else { ends });
        [Some(session.family.absolute_end), first, self.useful_until(app, scope, session)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(session.family.absolute_end)
    }
}
