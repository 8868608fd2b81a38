//! Authorization endpoint (RFC 6749 §3.1): the pages on which users log in and give their consent. It issues codes; the
//! token function redeems them.

mod authorize;
mod browser_login;
mod challenge;
mod consent;
mod end_session;
mod error;
mod hint;
mod login;
mod logout;
mod passkey;
mod proof;
mod redirect;
mod start;
mod steps;

use crate::error::Failure;
use crate::steps::Origin;
use gateway_config::Gateway;
use gateway_credentials::{BrowserSessions, PasskeyLogin, PasswordCheck, Proofs};
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::event::{ApiRequest, ApiResponse, ApiVersion};
use gateway_domain::form::Form;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_invoke::{Function, OutboxFunction};
use gateway_runtime::StartError;
use gateway_sessions::PendingSessions;
use gateway_store::{Apps, Consents, Users};
use gateway_web::{Browser, Site, same_origin};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;

pub use start::start;

/// Everything the authorize function works with. It has no key that signs or makes a token.
pub struct AuthorizationEndpoint {
    /// The parsed configuration.
    pub config: Arc<Gateway>,
    /// Registered applications.
    pub apps: Apps,
    /// Users.
    pub users: Users,
    /// Checks passwords.
    pub passwords: PasswordCheck,
    /// Checks logins by passkeys.
    pub passkeys: PasskeyLogin,
    /// Notes which proofs of possession were used.
    pub proofs: Proofs,
    /// Begins pending sessions and issues their codes.
    pub pending: PendingSessions,
    /// Browsers in which a user is logged in.
    pub browsers: BrowserSessions,
    /// What users let applications do.
    pub consents: Consents,
    /// The token function, which reads ID tokens.
    pub token: Function,
    /// The outbox function, which ends sessions.
    pub outbox: OutboxFunction,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes for ids and cookies.
    pub entropy: Arc<dyn Entropy>,
    /// Whether mails are sent, without which nobody can replace a forgotten password.
    pub mails: bool,
}

/// What every handler needs to know of a request. The clock is read once, for `now`.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) api: &'a ApiRequest,
    pub(crate) issuer: &'a str,
    pub(crate) site: &'a Site,
    pub(crate) browser: &'a Browser,
    pub(crate) query: &'a Form,
    pub(crate) now: Timestamp,
}

impl AuthorizationEndpoint {
    /// Handles one event of a REST API or an HTTP API.
    pub async fn handle(&self, event: Value) -> Value {
        let version = ApiVersion::of(&event);
        let response = match ApiRequest::from_value(event) {
            Ok(request) => self.response(&request).await,
            Err(error) => error::plain(&Failure::Event(error)),
        };
        response.into_value(version)
    }

    async fn response(&self, api: &ApiRequest) -> ApiResponse {
        let parties = match self.config.token_parties(&api.stage_variables) {
            Ok(parties) => parties,
            Err(error) if api.path == challenge::PATH => return challenge::not_ready(error.into()),
            Err(error) => return error::plain(&error.into()),
        };
        if api.path == challenge::PATH {
            return Box::pin(self.challenge(api, parties.issuer())).await;
        }
        // A query that cannot be read says no language; the failure is worded in that of the browser.
        let query = Form::of_query(&api.query);
        let locales = query.as_ref().ok().and_then(|query| query.get("ui_locales"));
        let site = Site::of(&self.config, parties.issuer(), api, locales);
        let outcome = async {
            let query = &query.map_err(Failure::Form)?;
            let browser = Browser::of(&site, api, &*self.entropy)?;
            self.freshen().await?;
            let now = self.clock.now();
            let issuer = parties.issuer();
            let request = Request { api, issuer, site: &site, browser: &browser, query, now };
            let response = Box::pin(self.dispatch(&request)).await?;
            // A form of another site comes without the cookie, which must not be replaced by it.
            let ours = matches!(api.method.as_str(), "GET" | "HEAD") || same_origin(parties.issuer(), api);
            Ok(match browser.set_cookie().filter(|_| ours) {
                Some(cookie) => response.header("Set-Cookie", cookie),
                None => response,
            })
        };
        let outcome: Result<ApiResponse, Failure> = outcome.await;
        outcome.unwrap_or_else(|failure| error::page(&failure, &site, api))
    }

    /// Reads keys again that are old, and fails while the clock is known to be wrong.
    async fn freshen(&self) -> Result<(), Failure> {
        self.passwords.freshen().await?;
        self.pending.tokens().freshen().await?;
        self.clock.reading().map_err(StartError::from)?;
        Ok(())
    }

    async fn dispatch(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let api = request.api;
        match (api.method.as_str(), api.path.as_str()) {
            ("GET" | "HEAD", "/oauth2/authorize") => self.authorize(request).await,
            // OpenID Connect Core §3.1.2.1 permits the request by POST as well: then its parameters are in the body.
            ("POST", "/oauth2/authorize") if request.query.is_empty() => authorize::by_post(request),
            ("POST", "/oauth2/authorize") => self.log_in(request).await,
            ("GET" | "HEAD", "/oauth2/consent") => self.ask_for_consent(request).await,
            ("POST", "/oauth2/consent") => self.decide(request).await,
            ("GET" | "HEAD", "/oauth2/logout") => self.end_session(request).await,
            ("POST", "/oauth2/logout") => self.log_out(request).await,
            (_, "/oauth2/authorize" | "/oauth2/consent" | "/oauth2/logout") => {
                Err(Failure::MethodNotAllowed("GET, HEAD, POST"))
            }
            _ => Err(Failure::NotFound),
        }
    }
}

impl Request<'_> {
    /// Where a step comes from that this browser takes.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let source = Source::of(self.api.source_ip.as_deref());
        Origin { issuer: self.issuer, source, browser: self.browser.form_token("pending session"), now: self.now }
    }

    /// The form in the body.
    pub(crate) fn form(&self) -> Result<Form, Failure> {
        let content_type = self.api.header("content-type").map_err(|_| Failure::RepeatedHeader)?;
        Ok(Form::parse(content_type, &self.api.body)?)
    }

    /// Whether the form was made by this site, for this browser and purpose.
    pub(crate) fn is_ours(&self, form: &Form, purpose: &str) -> bool {
        same_origin(self.issuer, self.api) && self.browser.check(purpose, form.get("form_token"))
    }
}

/// Handles an event, even while the function cannot start.
pub async fn handle(started: Result<&AuthorizationEndpoint, StartError>, event: Value) -> Result<Value, Infallible> {
    Ok(match started {
        Ok(endpoint) => Box::pin(endpoint.handle(event)).await,
        Err(error) => {
            let (version, failure) = (ApiVersion::of(&event), Failure::Start(error));
            let of_app = ApiRequest::from_value(event).is_ok_and(|request| request.path == challenge::PATH);
            let response = if of_app { challenge::not_ready(failure) } else { error::plain(&failure) };
            response.into_value(version)
        }
    })
}
