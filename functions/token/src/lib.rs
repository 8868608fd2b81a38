//! OAuth 2.0 authorization server and OpenID provider: the endpoints for tokens, revocation, introspection, userinfo, metadata
//! and JWKS.

mod associations;
mod client;
mod client_credentials_grant;
mod code_grant;
mod devices;
mod dpop;
mod error;
mod hooks;
mod id_token;
mod introspect;
mod issue;
mod keys;
mod metadata;
mod native_sso_grant;
mod par;
mod parameters;
mod password_grant;
mod presented;
mod provider;
mod refresh_grant;
mod registered;
mod response;
mod revoke;
mod start;
mod token_exchange_grant;
mod trade_in;
mod userinfo;

use crate::client::may_use;
use crate::dpop::check_proof;
use crate::error::Failure;
use crate::parameters::{AccessTokenRequest, RefreshRequest, grant_type};
use crate::trade_in::Trading;
use gateway_config::{Gateway, TokenParties};
use gateway_credentials::{
    AuthenticatedApp, ClientAuthentication, DeviceCheck, Directory, PasswordCheck, Proofs, SignOnAttempts,
    TradeInAttempts,
};
use gateway_domain::clock::Clock;
use gateway_domain::dpop::Proof;
use gateway_domain::entropy::Entropy;
use gateway_domain::event::{ApiRequest, ApiResponse, ApiVersion};
use gateway_domain::form::Form;
use gateway_domain::id_token::IdTokenKeys;
use gateway_domain::keys::{PublicKeys, SigningKey};
use gateway_domain::provider_event::ProviderEvent;
use gateway_domain::refresh_token::RefreshKeys;
use gateway_domain::time::Timestamp;
use gateway_issuers::Issuers;
use gateway_runtime::{Fresh, StartError};
use gateway_sessions::{Sessions, TokenSource};
use gateway_store::{Apps, Audit, Consents, Devices, GrantType, PendingSessions, TradeIns, Users};
use gateway_telemetry::Metric;
use serde_json::Value;
use std::sync::Arc;

pub use hooks::TokenHooks;
pub use keys::InForce;
pub use provider::NotAnswered;
pub use start::start;

/// Everything the token function works with.
pub struct AuthorizationServer {
    /// The parsed configuration.
    pub config: Arc<Gateway>,
    /// Authenticates applications.
    pub clients: ClientAuthentication,
    /// Notes which proofs of possession were used.
    pub proofs: Proofs,
    /// Checks passwords.
    pub passwords: PasswordCheck,
    /// Who checks the passwords of people who have none here.
    pub directory: Option<Arc<dyn Directory>>,
    /// Systems of the company that have a say in tokens.
    pub hooks: TokenHooks,
    /// Registered applications.
    pub apps: Apps,
    /// The table of users, read for userinfo, and to see that credentials still hold.
    pub users: Users,
    /// Devices of applications.
    pub devices: Devices,
    /// Finds out which device made a request, and how many are registered.
    pub device_check: DeviceCheck,
    /// Counts what is shown for the login of another application and is none.
    pub sign_on_attempts: SignOnAttempts,
    /// Signs access tokens.
    pub signing: Fresh<SigningKey>,
    /// Verifies access tokens; published in the JWKS.
    pub public: Fresh<PublicKeys>,
    /// Signs ID tokens; its public keys are published in the JWKS.
    pub id_tokens: Fresh<IdTokenKeys>,
    /// Makes refresh tokens.
    pub refresh: Fresh<RefreshKeys>,
    /// The key that signs: one that the public set vouches for.
    pub in_force: InForce,
    /// Begins, changes and ends sessions, with their internal tokens.
    pub sessions: Sessions,
    /// The logins whose codes are redeemed here.
    pub pending: PendingSessions,
    /// Other issuers, whose refresh tokens are traded in.
    pub issuers: Issuers,
    /// What has become of their refresh tokens.
    pub trade_ins: TradeIns,
    /// Counts how often they are asked.
    pub trade_in_attempts: TradeInAttempts,
    /// What users let applications do.
    pub consents: Consents,
    /// Where it is written what services are given.
    pub audit: Audit,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes for ids and salts.
    pub entropy: Arc<dyn Entropy>,
}

/// What every handler needs to know of a request. The clock is read once, for `now`.
pub(crate) struct Request<'a> {
    pub(crate) api: &'a ApiRequest,
    pub(crate) parties: &'a TokenParties<'a>,
    /// That its client has a key.
    pub(crate) proof: Option<Proof>,
    pub(crate) now: Timestamp,
}

impl AuthorizationServer {
    /// Handles one event of a REST API or an HTTP API.
    pub async fn handle(&self, event: Value) -> Value {
        let version = ApiVersion::of(&event);
        let response = match ApiRequest::from_value(event) {
            Ok(request) => Box::pin(self.response(&request)).await,
            Err(error) => response::failure(&Failure::Event(error)),
        };
        response.into_value(version)
    }

    async fn response(&self, request: &ApiRequest) -> ApiResponse {
        let outcome = self.dispatch(request).await;
        let Some(cors) = self.config.cors() else {
            return self.with_nonce(request, outcome.unwrap_or_else(|failure| response::failure(&failure)));
        };
        let response = match outcome {
            // No endpoint has the method OPTIONS, so a preflight fails here, with the methods that its endpoint has.
            Err(Failure::MethodNotAllowed(methods)) if cors.is_preflight(request) => cors.permission(methods),
            outcome => outcome.unwrap_or_else(|failure| response::failure(&failure)),
        };
        cors.dress(request, self.with_nonce(request, response))
    }

    async fn dispatch(&self, api: &ApiRequest) -> Result<ApiResponse, Failure> {
        let parties = self.config.token_parties(&api.stage_variables)?;
        // Keys are read before the clock, since the responses to those reads correct the clock.
        self.freshen().await?;
        let proof = dpop::proof(api, parties.issuer())?;
        let request = Request { api, parties: &parties, proof, now: self.now()? };
        match (api.method.as_str(), api.path.as_str()) {
            ("POST", "/oauth2/token") => self.token(&request).await,
            ("POST", "/oauth2/revoke") => self.revoke(&request).await,
            ("POST", "/oauth2/introspect") => self.introspect(&request).await,
            ("POST", "/oauth2/par") => self.push(&request).await,
            ("POST", metadata::DEVICES) => self.register_device(&request).await,
            (_, "/oauth2/token" | "/oauth2/revoke" | "/oauth2/introspect" | "/oauth2/par" | metadata::DEVICES) => {
                Err(Failure::MethodNotAllowed("POST"))
            }
            // API Gateway responds to HEAD with the same fields, also Content-Length, and no body (RFC 9110 §9.3.2).
            ("GET" | "HEAD" | "POST", "/oauth2/userinfo") => self.userinfo(&request).await,
            (_, "/oauth2/userinfo") => Err(Failure::MethodNotAllowed("GET, HEAD, POST")),
            // One document for both kinds of client, so that the two always agree.
            ("GET" | "HEAD", metadata::OAUTH | metadata::OPENID) => Ok(self.metadata(parties.issuer())),
            ("GET" | "HEAD", metadata::JWKS) => {
                let keys = self.id_tokens.value().published_with(&self.public.value());
                Ok(response::public(keys.to_string()))
            }
            (method, path @ (associations::APPLE | associations::ANDROID | associations::PASSKEYS)) => {
                self.association(method, path, parties.issuer())
            }
            (_, metadata::OAUTH | metadata::OPENID | metadata::JWKS) => Err(Failure::MethodNotAllowed("GET, HEAD")),
            _ => Err(Failure::NotFound),
        }
    }

    /// The token endpoint (RFC 6749 §3.2).
    async fn token(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (app, form) = self.authenticated_form(request).await?;
        self.check_signing_key().await?;
        let grant = grant_type(&form, self.config.has_app_families())?;
        let mut is_trade_in = false;
        let outcome = async {
            self.supports(grant)?;
            may_use(&app, grant)?;
            check_proof(&app, grant, request)?;
            let asked = AccessTokenRequest::parse(grant, form, request.api)?;
            Box::pin(self.use_at_issuer(request)).await?;
            // Boxed: otherwise the futures of all grants would be nested into one very large future.
            match asked {
                AccessTokenRequest::AuthorizationCode(asked) => Box::pin(self.code_grant(request, &app, asked)).await,
                AccessTokenRequest::Password(asked) => Box::pin(self.password_grant(request, &app, asked)).await,
                AccessTokenRequest::RefreshToken(RefreshRequest { token, other, device, scope }) => {
                    let presented = (other.as_ref(), token.attempt.as_deref());
                    if let Some(trading) = Trading::of(&self.config, request, &app, presented) {
                        is_trade_in = true;
                        let asked = (scope.as_ref(), device.as_deref());
                        Box::pin(self.trade_in(request, &app, &trading, asked)).await
                    } else {
                        let source = TokenSource::Renewal;
                        Box::pin(self.refresh_grant(request, &app, &token, scope.as_ref(), source)).await
                    }
                }
                AccessTokenRequest::ClientCredentials(asked) => {
                    Box::pin(self.client_credentials_grant(request, &app, &asked)).await
                }
                AccessTokenRequest::TokenExchange(asked) => {
                    Box::pin(self.token_exchange_grant(request, &app, &asked)).await
                }
                AccessTokenRequest::Device(asked) => Box::pin(self.device_grant(request, &app, &asked)).await,
                AccessTokenRequest::NativeSso(asked) => Box::pin(self.native_sso_grant(request, &app, &asked)).await,
            }
        };
        let outcome = outcome.await;
        // A trade-in is counted as such alone.
        if let (GrantType::RefreshToken, false, Err(failure)) = (grant, is_trade_in, &outcome) {
            let outcome = if failure.response().status >= 500 { "failed" } else { "refused" };
            gateway_telemetry::count(Metric::Refresh { outcome });
        }
        outcome
    }

    /// Reads the form and authenticates the application, before any other parameter is used.
    async fn authenticated_form(&self, request: &Request<'_>) -> Result<(AuthenticatedApp, Form), Failure> {
        response::no_query(request.api)?;
        let content_type = request.api.header("content-type").map_err(|_| Failure::RepeatedHeader("Content-Type"))?;
        let mut form = Form::parse(content_type, &request.api.body)?;
        let app = self.authenticate(request, &mut form).await?;
        Ok((app, form))
    }

    /// The time, or an error while the clock is known to be wrong. Call it after [`AuthorizationServer::freshen`]: a clock
    /// that was found wrong, or that jumped, makes keys look old, and the response to reading them shows whether it is
    /// right again.
    pub(crate) fn now(&self) -> Result<Timestamp, StartError> {
        self.clock.reading()?;
        Ok(self.clock.now())
    }
}

/// Handles an event, even while the function cannot start: a request of a client, or what another function asks.
pub async fn handle(started: Result<&AuthorizationServer, StartError>, event: Value) -> Result<Value, NotAnswered> {
    match (started, ProviderEvent::parse(&event)) {
        (Ok(app), None) => Ok(Box::pin(app.handle(event)).await),
        (Ok(app), Some(asked)) => Box::pin(app.answer(asked)).await,
        (Err(error), None) => Ok(not_ready(&event, &error)),
        (Err(error), Some(_)) => Err(Failure::from(error).into()),
    }
}

/// The response while the function cannot start: 503. Only the log says what is missing.
fn not_ready(event: &Value, error: &StartError) -> Value {
    tracing::error!(%error, "the function cannot answer");
    response::failure(&Failure::NotReady).into_value(ApiVersion::of(event))
}
