//! How long a session and its access tokens are good for anything: which back ends they lead to, and which of them live.

use crate::{InternalTokens, Sessions, Tokens};
use gateway_config::Gateway;
use gateway_domain::ids::ConnectorName;
use gateway_domain::scope::Scope;
use gateway_domain::session::{InternalToken, Session};
use gateway_domain::time::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// An access token ends this long before an internal token that can be renewed, so that a call never arrives with a
/// session that ends on the way.
const SKEW: Seconds = Seconds::new(30);

impl InternalTokens {
    /// The connectors behind the APIs that this application reaches with this scope; `true` for those it can do
    /// without. The second value tells whether some API needs none, so that the session is good without any.
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
        (needed, without || leads_nowhere(self.gateway(), scope))
    }
}

impl Sessions {
    /// Whether an API of the session's scope has no internal token.
    pub(crate) fn lacks_tokens(&self, app: &gateway_store::App, session: &Session) -> bool {
        let (needed, _) = self.tokens.required(app, &session.scope);
        needed.keys().any(|name| !session.tokens.contains_key(name))
    }

    /// Whether a session is good for nothing any more: every API needs an internal token, and none of them lives.
    pub fn is_useless(&self, app: &gateway_store::App, scope: &Scope, tokens: &Tokens, now: Timestamp) -> bool {
        let (_, good_without) = self.tokens.required(app, scope);
        !good_without && tokens.values().all(|token| token.is_over(now))
    }

    /// Until when the session is good for anything at most: for ever if some API needs no connector, otherwise as long
    /// as any of its internal tokens may live or be renewed. Use may move an idle end, so it does not count here.
    fn useful_until(&self, app: &gateway_store::App, scope: &Scope, tokens: &Tokens) -> Option<Timestamp> {
        let (_, good_without) = self.tokens.required(app, scope);
        if good_without || tokens.values().any(|token| token.ends.is_none()) {
            return None;
        }
        let end = |token: &InternalToken| token.renew_until.max(token.ends);
        Some(tokens.values().filter_map(end).max().unwrap_or(Timestamp::from_secs(0)))
    }

    /// The latest end of an access token over the session's internal tokens: before the first renewable one ends, so that
    /// a refresh comes in time, and never after the session stops being good for anything.
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
        [Some(session.family.absolute_end), first, self.useful_until(app, scope, &session.tokens)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(session.family.absolute_end)
    }
}

/// A scope that leads to no API is good for what it is.
fn leads_nowhere(gateway: &Gateway, scope: &Scope) -> bool {
    gateway.apis_for_scope(scope).next().is_none()
}
