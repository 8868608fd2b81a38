//! Token exchange (RFC 8693): a service that was passed an access token gets the same user's token of a legacy system.

use crate::error::{Failure, NotExchanged};
use crate::parameters::ExchangeRequest;
use crate::{AuthorizationServer, Request, response};
use gateway_credentials::AuthenticatedApp;
use gateway_domain::access_token::AccessClaims;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ApiName, ConnectorName};
use gateway_domain::time::Seconds;
use gateway_domain::token_type::TokenType;
use gateway_sessions::{ForService, SessionError};
use gateway_store::{AuditRow, Outcome, Subscription};
use gateway_telemetry::Metric;
use serde_json::json;
use std::collections::BTreeMap;

/// How long it is kept what services were given.
const KEPT: Seconds = Seconds::new(400 * 86_400);

impl AuthorizationServer {
    /// Hands out a token of the session behind the access token: only to a service in its audience, only for an API that both the
    /// service and the app may call in every way, and only while the session lives.
    pub(crate) async fn token_exchange_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: &ExchangeRequest,
    ) -> Result<ApiResponse, Failure> {
        let outcome = self.exchange(request, app, asked).await;
        // A name that is none of the configuration's would be a dimension that a client chooses.
        if let Ok(api) = ApiName::parse(&asked.audience)
            && self.config.api(&api).is_some()
        {
            let outcome = match &outcome {
                Ok(_) => "handed_out",
                Err(failure) if failure.response().status >= 500 => "failed",
                Err(_) => "refused",
            };
            gateway_telemetry::count(Metric::Exchange { api: api.as_str(), outcome });
        }
        outcome
    }

    async fn exchange(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: &ExchangeRequest,
    ) -> Result<ApiResponse, Failure> {
        let token = asked.subject_token.expose();
        let claims = match self.verified(token, request.parties, request.now).await? {
            // Its holder has passed it on: the service has no key.
            Ok(token) => token.whoever_presents(),
            Err(reason) => return Err(NotExchanged::SubjectToken(reason.to_string()).into()),
        };
        if !self.is_passed_on(&claims, app.registered()) {
            return Err(not_passed_on().into());
        }
        let (api, connector) = self.target(app, &claims, asked).await?;
        let session = self.sessions.get(&claims.sid).await?;
        let session = session.filter(|session| session.user_id == claims.sub && session.client_id == claims.client_id);
        let over = || Failure::from(NotExchanged::SubjectToken("its session is over".to_owned()));
        let session = session.ok_or_else(over)?;
        let alive = self.sessions.is_live(&claims.sub, &claims.client_id, &claims.sid, request.now).await?;
        if session.family.ended || !alive || !self.sessions.credentials_hold(&session).await? {
            return Err(over());
        }
        if self.sessions.has_left_out(&session, connector) {
            return Err(NotExchanged::LeftOut(connector.clone()).into());
        }
        let handed_out = self.sessions.hand_out(session, connector, asked.requested, request.now).await;
        let ForService { handed_out, ends } = match handed_out {
            Err(SessionError::Over) => return Err(NotExchanged::Over(connector.clone()).into()),
            Err(SessionError::NotForServices(reason)) => {
                tracing::info!(%connector, reason, "not handed out");
                return Err(NotExchanged::Refused.into());
            }
            handed_out => handed_out?,
        };
        self.audit_exchange(request, app, &claims, (api, handed_out.kind)).await?;
        let mut body = json!({
            "access_token": handed_out.token.expose(),
            "issued_token_type": handed_out.kind.uri(),
            "token_type": handed_out.kind.token_type(),
        });
        if let Some(members) = body.as_object_mut() {
            if let Some(ends) = ends {
                members.insert("expires_in".into(), ends.since(request.now).as_u64().into());
            }
            if !handed_out.also.is_empty() {
                let also = handed_out.also.iter().map(|(name, value)| (name.clone(), value.expose().into()));
                members.insert("also".into(), serde_json::Value::Object(also.collect()));
            }
        }
        Ok(response::private(200, &body))
    }

    /// The API that is asked for, with its connector. What a session may do at a legacy system has no scopes there, so it is handed
    /// out only where both may do everything that the gateway lets anybody do with it: whatever API of the connector, by whatever
    /// method, the token opens it, the service has those scopes, and both are subscribed to it.
    async fn target(
        &self,
        app: &AuthenticatedApp,
        claims: &AccessClaims,
        asked: &ExchangeRequest,
    ) -> Result<(&ApiName, &ConnectorName), Failure> {
        let service = app.registered();
        let named = |(name, _): &(&ApiName, _)| name.as_str() == asked.audience;
        let (api, target) = self.config.apis_for_scope(&claims.scope).find(named).ok_or(NotExchanged::Target)?;
        let connector = target
            .connector
            .as_ref()
            .filter(|_| is_subscribed(&service.subscriptions, api))
            .ok_or(NotExchanged::Target)?;
        let caller = self.apps.calling(&claims.client_id).await?.filter(|caller| caller.enabled);
        let caller = caller.ok_or_else(|| NotExchanged::SubjectToken("its app is disabled".to_owned()))?;
        if !self
            .config
            .services(&claims.scope, |name| is_subscribed(&caller.subscriptions, name))
            .contains(&service.client_id)
        {
            return Err(not_passed_on().into());
        }
        if !is_subscribed(&caller.subscriptions, api) {
            return Err(NotExchanged::Target.into());
        }
        let scope = claims.scope.intersection(&service.scope);
        let may_do_all = self.config.apis_of_connector(connector).all(|(name, api)| {
            is_subscribed(&service.subscriptions, name)
                && is_subscribed(&caller.subscriptions, name)
                && api.needed().all(|needed| needed.is_subset(&scope))
        });
        if may_do_all { Ok((api, connector)) } else { Err(NotExchanged::Wider(connector.clone()).into()) }
    }

    /// Writes who gets what, for whom. Without the row nothing is handed out.
    async fn audit_exchange(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        claims: &AccessClaims,
        (api, kind): (&ApiName, TokenType),
    ) -> Result<(), Failure> {
        let (day, at) = AuditRow::key(self.clock.now_millis(), u64::from_be_bytes(self.entropy.bytes()?));
        let given = json!({
            "api": api, "type": kind.uri(), "session": claims.sid, "app": claims.client_id, "jti": claims.jti,
            "request_id": request.api.request_id,
        });
        let row = AuditRow {
            day,
            at,
            who: format!("app {}", app.registered().client_id),
            act: "token exchange".to_owned(),
            subject: format!("user {}", claims.sub),
            before: None,
            after: Some(given.to_string()),
            outcome: Outcome::Done,
            reason: None,
            ttl: Some(request.now.saturating_add(KEPT)),
        };
        Ok(self.audit.write(&row).await?)
    }
}

fn is_subscribed(subscriptions: &BTreeMap<ApiName, Subscription>, api: &ApiName) -> bool {
    subscriptions.get(api).is_some_and(|subscription| subscription.enabled)
}

fn not_passed_on() -> NotExchanged {
    NotExchanged::SubjectToken("not for this service".to_owned())
}
