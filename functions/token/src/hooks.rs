//! The hooks of a configuration, and those that have a say in tokens: whether a session may be refreshed, and what an access token may say.

use crate::error::Failure;
use crate::{AuthorizationServer, Request};
use gateway_config::{Gateway, Hook as Settings, WhenDown};
use gateway_domain::access_token::OwnClaims;
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::session::Session;
use gateway_domain::time::Timestamp;
use gateway_hooks::Hook;
use gateway_runtime::{Platform, StartError};
use gateway_telemetry::{Ended, Remote};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

const ALLOW_REFRESH: &str = "allow_refresh";
const MAP_SCOPE: &str = "map_scope";

/// The hooks of one configuration.
#[derive(Default)]
pub struct TokenHooks {
    allow_refresh: Option<Asked>,
    map_scope: Option<Asked>,
    registered: Option<Hook>,
    /// What the names of claims begin with.
    claims: Option<String>,
}

/// A hook, and what happens while it does not answer.
struct Asked {
    hook: Hook,
    when_down: WhenDown,
}

/// Whom a token is for, as hooks are told it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Whom<'a> {
    pub(crate) grant: &'static str,
    pub(crate) user_id: &'a UserId,
    pub(crate) client_id: &'a ClientId,
    /// `None` of an application that acts for itself, and of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<&'a SessionId>,
    pub(crate) scope: &'a Scope,
}

/// What an access token says beyond whom it is for.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) scope: Scope,
    pub(crate) claims: OwnClaims,
}

/// A member that is not known is a mistake: what was meant to narrow something must not be ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshAnswer {
    allow: bool,
}

/// Likewise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeAnswer {
    allow: bool,
    #[serde(default, deserialize_with = "present")]
    scope: Option<Scope>,
    #[serde(default)]
    claims: Map<String, Value>,
}

/// A scope that is there: `null` is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scope>, D::Error> {
    Scope::deserialize(deserializer).map(Some)
}

impl<'a> Whom<'a> {
    /// The user and the application of a session.
    pub(crate) fn of(grant: &'static str, session: &'a Session, scope: &'a Scope) -> Self {
        Self { grant, user_id: &session.user_id, client_id: &session.client_id, session: Some(&session.sid), scope }
    }
}

impl TokenHooks {
    /// Reads the keys and certificates of the hooks.
    pub(crate) async fn start(platform: &Platform, gateway: &Gateway) -> Result<Self, StartError> {
        let asked = async |settings: &Option<Settings>| match settings {
            None => Ok::<_, StartError>(None),
            Some(settings) => {
                let hook = Hook::start(platform, gateway, settings).await?;
                Ok(Some(Asked { hook, when_down: settings.when_down.unwrap_or(WhenDown::Refuse) }))
            }
        };
        let hooks = gateway.hooks();
        Ok(Self {
            allow_refresh: asked(&hooks.allow_refresh).await?,
            map_scope: asked(&hooks.map_scope).await?,
            registered: match &hooks.registered {
                Some(settings) => Some(Hook::start(platform, gateway, settings).await?),
                None => None,
            },
            claims: hooks.claims.as_ref().map(|prefix| prefix.as_str().to_owned()),
        })
    }
}

impl TokenHooks {
    /// The one that is told of new users.
    pub(crate) fn registered(&self) -> Option<&Hook> {
        self.registered.as_ref()
    }
}

impl AuthorizationServer {
    /// Refuses a refresh that the company does not allow.
    pub(crate) async fn check_refresh(&self, session: &Session, scope: &Scope, now: Timestamp) -> Result<(), Failure> {
        let Some(asked) = &self.hooks.allow_refresh else { return Ok(()) };
        let whom = Whom::of("refresh_token", session, scope);
        match asked.decided(ALLOW_REFRESH, whom, now, |answer: &RefreshAnswer| answer.allow).await? {
            Some(RefreshAnswer { allow: false }) => Err(Failure::HookRefused(ALLOW_REFRESH)),
            Some(RefreshAnswer { allow: true }) | None => Ok(()),
        }
    }

    /// The scope and the claims that an access token gets: of the scope no more than was to be given, and claims of the company's
    /// own names alone.
    pub(crate) async fn mapped(&self, request: &Request<'_>, whom: Whom<'_>) -> Result<Mapped, Failure> {
        let unchanged = || Mapped { scope: whom.scope.clone(), claims: OwnClaims::default() };
        let Some(asked) = &self.hooks.map_scope else { return Ok(unchanged()) };
        let answer = asked.decided(MAP_SCOPE, whom, request.now, |answer: &ScopeAnswer| answer.allow).await?;
        let Some(answer) = answer else { return Ok(unchanged()) };
        if !answer.allow {
            return Err(Failure::HookRefused(MAP_SCOPE));
        }
        let scope = answer.scope.unwrap_or_else(|| whom.scope.clone());
        if scope.is_empty() && !whom.scope.is_empty() {
            return Err(Failure::Scope);
        }
        // What is wider than it may be is no answer at all: who wrote the hook has to know.
        let wrong =
            |reason: &str| Err(Failure::BackEnd(format!("{MAP_SCOPE} answered otherwise than documented: {reason}")));
        if !scope.is_subset(whom.scope) {
            return wrong("`scope` has what the token was not to have");
        }
        let prefix = self.hooks.claims.as_deref();
        match OwnClaims::of(answer.claims, prefix) {
            Ok(claims) => Ok(Mapped { scope, claims }),
            Err(reason) => wrong(&reason.to_string()),
        }
    }
}

impl Asked {
    /// What the hook decides; `None` if it goes on as if there were none.
    async fn decided<A: DeserializeOwned>(
        &self,
        kind: &'static str,
        whom: Whom<'_>,
        now: Timestamp,
        allows: impl FnOnce(&A) -> bool,
    ) -> Result<Option<A>, Failure> {
        let traced = gateway_telemetry::exchange(Remote::Connector(kind));
        let answer = self.hook.ask::<A>(kind, whom, now).await;
        traced.ended(match answer.as_ref().map(allows) {
            Ok(true) => Ended::Done,
            Ok(false) => Ended::Refused,
            Err(_) => Ended::Failed,
        });
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if self.when_down == WhenDown::Refuse || error.is_mistake() => {
                Err(Failure::BackEnd(format!("{kind}: {error}")))
            }
            Err(error) => {
                tracing::warn!(hook = kind, reason = %error, "the hook does not answer: it goes on without");
                Ok(None)
            }
        }
    }
}
