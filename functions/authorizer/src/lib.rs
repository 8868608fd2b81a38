//! The REQUEST authorizer of API Gateway: decides whether a call may go on to the proxy.

mod apps;
mod limit;
mod response;
mod start;

use std::sync::{Arc, Mutex};

use gateway_config::{Gateway, NoRoute};
use gateway_domain::access_token::{self, AccessClaims, InvalidToken};
use gateway_domain::call_context::{Admitted, Outcome, Refusal};
use gateway_domain::clock::Clock;
use gateway_domain::dpop::Proof;
use gateway_domain::event::ApiRequest;
use gateway_domain::keys::PublicKeys;
use gateway_domain::path::{CheckedPath, PathRefused};
use gateway_domain::presented_token::{NotTheHolder, PresentedToken};
use gateway_domain::rate_limit::{Leases, Refusals, Refused};
use gateway_domain::time::Timestamp;
use gateway_domain::usage::Caller;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Activity, Apps, CallingApp};
use gateway_telemetry::Metric;
use lambda_runtime::Diagnostic;
use serde_json::Value;
use thiserror::Error;

use apps::CachedApps;
use limit::Counting;
use response::{Finding, NoResponse};

pub use start::start;

/// In whose name a call is refused whose caller has not proved to be the holder of its token.
const NOBODY: &str = "nobody";

/// What a request has proved: a token, and the proof of its key if it is bound to one.
type Held = (AccessClaims, Option<Proof>);

/// Everything one container needs to decide.
pub struct Authorizer {
    gateway: Arc<Gateway>,
    keys: Fresh<PublicKeys>,
    apps: CachedApps,
    activity: Activity,
    clock: Arc<dyn Clock>,
    refusals: Mutex<Refusals>,
    leases: Mutex<Leases>,
}

/// The two ways in which a call gets no policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorizerError {
    /// Only this exact text makes a REST API respond 401.
    #[error("Unauthorized")]
    Unauthorized,
    /// Any other text is `AUTHORIZER_FAILURE`, for which the template sets 503: a failure must not look like a bad token.
    #[error("the authorizer could not decide: {0}")]
    Failed(String),
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        let error_type = match error {
            AuthorizerError::Unauthorized => "Unauthorized",
            AuthorizerError::Failed(_) => "AuthorizerFailure",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

impl Authorizer {
    /// An authorizer with empty caches.
    pub fn new(
        gateway: Arc<Gateway>,
        keys: Fresh<PublicKeys>,
        apps: Apps,
        activity: Activity,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            gateway,
            keys,
            apps: CachedApps::new(apps),
            activity,
            clock,
            refusals: Mutex::default(),
            leases: Mutex::default(),
        }
    }

    /// Handles an authorizer event of a REST API or an HTTP API.
    pub async fn authorize(&self, event: Value) -> Result<Value, AuthorizerError> {
        let decided = self.decide(event).await;
        let outcome = match &decided {
            Ok((outcome, _)) => outcome,
            Err(AuthorizerError::Unauthorized) => "invalid_token",
            Err(AuthorizerError::Failed(_)) => "failed",
        };
        gateway_telemetry::count(Metric::Decision { outcome });
        decided.map(|(_, response)| response)
    }

    /// The response, with the outcome in one word for the metric.
    async fn decide(&self, event: Value) -> Result<(&'static str, Value), AuthorizerError> {
        let request = match ApiRequest::from_value(event) {
            Ok(request) => request,
            // The client caused this error, for example by headers that are ambiguous: no token in them is trusted.
            Err(error) if error.status().is_some() => {
                tracing::info!(%error, "refused");
                return Err(AuthorizerError::Unauthorized);
            }
            Err(error) => return Err(failed(error)),
        };
        let finding = self.find(&request).await?;
        let outcome = finding.outcome();
        let response = response::response(&request, finding).map_err(|reason| match reason {
            NoResponse::Unauthorized => AuthorizerError::Unauthorized,
            NoResponse::NoArn => failed("the event lacks methodArn"),
            NoResponse::Context(error) => failed(error),
            NoResponse::TooLarge => failed("the response is larger than API Gateway takes"),
        })?;
        Ok((outcome, response))
    }

    /// Decides about a call. The signature is checked first, and the store is read only after path and scope, so that a
    /// refusal costs little.
    async fn find(&self, request: &ApiRequest) -> Result<Finding, AuthorizerError> {
        // Keys come before the clock: a clock that was found wrong, or that jumped, makes the keys look old, and the
        // response to reading them shows whether it is right again. Otherwise a container would refuse for ever.
        let keys = self.keys.fresh().await;
        self.clock.reading().map_err(|off| failed(StartError::from(off)))?;
        let now_ms = self.clock.now_millis();
        let now = Timestamp::from_secs(now_ms.div_euclid(1_000));
        let (claims, proof) = match self.held(request, keys, now).await? {
            Ok(held) => held,
            Err(finding) => return Ok(finding),
        };
        let decided = |outcome, caller| Finding::Decided { principal: claims.sub.to_string(), outcome, caller };
        let refused = |refusal| Ok(decided(Outcome::Refused(refusal), None));

        if response::is_too_long(request) {
            return refused(Refusal::PathTooLong);
        }
        let path = match CheckedPath::parse(&request.path) {
            Ok(path) => path,
            Err(PathRefused::TooLong) => return refused(Refusal::PathTooLong),
            Err(_) => return refused(Refusal::BadRequest),
        };
        let Ok(method) = http::Method::from_bytes(request.method.as_bytes()) else {
            return refused(Refusal::BadRequest);
        };
        let route = match self.gateway.route(&method, &path) {
            Ok(route) => route,
            Err(NoRoute::Ambiguous(_)) => return refused(Refusal::BadRequest),
            Err(NoRoute::NotFound | NoRoute::MethodNotAllowed { .. }) => return refused(Refusal::NotFound),
        };
        let insufficient =
            || Finding::InsufficientScope { principal: claims.sub.to_string(), required: route.scopes.clone() };
        if !route.scopes.is_subset(&claims.scope) {
            return Ok(insufficient());
        }

        let app = self.apps.get(&claims.client_id, now_ms).await.map_err(failed)?;
        let Some(app) = app.filter(|app| app.enabled) else {
            tracing::info!(app = %claims.client_id, "the application is unknown or disabled");
            return Ok(Finding::InvalidToken);
        };
        let Some(subscription) = app.subscriptions.get(route.api).filter(|subscription| subscription.enabled) else {
            return Ok(insufficient());
        };
        let limits = self.gateway.limits(&app.plan, subscription.plan.as_ref(), &route);
        let limits = limits.map_err(|plan| failed(format!("the configuration has no plan {plan}")))?;

        let plan = subscription.plan.as_ref().unwrap_or(&app.plan).clone();
        let caller = Caller { app: claims.client_id.clone(), api: route.api.clone(), plan };
        // Read again: the store's response may have corrected the clock since.
        let now = self.clock.reading().map_err(|off| failed(StartError::from(off)))?;
        match self.count(&claims, proof.as_ref(), &limits, now).await.map_err(failed)? {
            Counting::SessionEnded => {
                tracing::info!(session = %claims.sid, "the session has ended");
                Ok(Finding::InvalidToken)
            }
            Counting::Replayed => Ok(not_proved(NotTheHolder::Again)),
            Counting::Over(over) => {
                gateway_telemetry::count(Metric::ThrottledCall);
                let violated = over.policies();
                let Refused { quotas, retry_after, .. } = over;
                let refusal = Refusal::RateLimited { quotas, violated, retry_after };
                Ok(decided(Outcome::Refused(refusal), Some(caller)))
            }
            Counting::Within(quotas, tokens) => {
                let admitted = Admitted {
                    user: claims.sub.clone(),
                    app: claims.client_id.clone(),
                    app_name: name_of(&app),
                    subscription: subscription.id.clone(),
                    scope: claims.scope.clone(),
                    session: claims.sid.clone(),
                    api: route.api.clone(),
                    route: route.route.to_owned(),
                    tokens,
                    quotas,
                };
                Ok(decided(Outcome::Admitted(Box::new(admitted)), Some(caller)))
            }
        }
    }

    /// The request's access token, and the proof of its key if it is bound to one; or what there is to say of a request without.
    async fn held(
        &self,
        request: &ApiRequest,
        keys: Result<Arc<PublicKeys>, StartError>,
        now: Timestamp,
    ) -> Result<Result<Held, Finding>, AuthorizerError> {
        let parties = self.gateway.token_parties(&request.stage_variables).map_err(failed)?;
        let presented = match PresentedToken::of(request) {
            Ok(presented) => presented,
            Err(reason) => {
                tracing::info!(%reason, "no usable token");
                return Ok(Err(Finding::InvalidToken));
            }
        };
        let verify = |keys: &PublicKeys| {
            access_token::verify(presented.token(), keys, parties.issuer(), parties.audience(), now)
        };
        let mut verified = verify(&*keys.map_err(failed)?);
        if matches!(verified, Err(InvalidToken::UnknownKey)) {
            verified = verify(&*self.keys.again().await.map_err(failed)?);
        }
        match verified {
            Ok(token) => {
                let url = format!("{}{}", parties.issuer(), request.path);
                let held = token.presented(&presented, &request.method, &url);
                let of_now = |(_, proof): &Held| proof.as_ref().is_none_or(|proof| proof.by_its_clock(now).is_some());
                let held = held.and_then(|held| if of_now(&held) { Ok(held) } else { Err(NotTheHolder::Again) });
                Ok(held.map_err(not_proved))
            }
            // Not a 401, on which every client would discard a token that may be good.
            Err(reason @ InvalidToken::UnusableKey) => Err(failed(self.keys.unusable(&reason))),
            Err(reason) => {
                tracing::info!(%reason, "invalid token");
                Ok(Err(Finding::InvalidToken))
            }
        }
    }
}

/// What there is to say of a token whose holder is somebody else, or has sent a proof that is none. It is a decision of its own where the client
/// can do something about it: a bound token that comes as a bearer token, or the other way round, is as good as any bad token.
fn not_proved(reason: NotTheHolder) -> Finding {
    tracing::info!(%reason, "the token is not its holder's");
    match reason {
        NotTheHolder::NotProved | NotTheHolder::NotBound => Finding::InvalidToken,
        NotTheHolder::Proof(_) | NotTheHolder::Again => Finding::Decided {
            principal: NOBODY.to_owned(),
            outcome: Outcome::Refused(Refusal::InvalidProof { detail: format!("{reason}.") }),
            caller: None,
        },
    }
}

/// The application's display name, or its id if it has none.
fn name_of(app: &CallingApp) -> String {
    if app.name.is_empty() { app.client_id.to_string() } else { app.name.clone() }
}

/// Handles an event, even while the function cannot start.
pub async fn handle(started: Result<&Authorizer, StartError>, event: Value) -> Result<Value, AuthorizerError> {
    Box::pin(started.map_err(|error| not_ready(&error))?.authorize(event)).await
}

/// The error while the function cannot start, for which a REST API responds 503.
fn not_ready(error: &StartError) -> AuthorizerError {
    gateway_telemetry::count(Metric::Decision { outcome: "failed" });
    failed(error)
}

fn failed(reason: impl std::fmt::Display) -> AuthorizerError {
    let reason = reason.to_string();
    tracing::error!(reason, "the authorizer could not decide");
    AuthorizerError::Failed(reason)
}
