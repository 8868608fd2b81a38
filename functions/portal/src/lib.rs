//! Applications, subscriptions, users, sessions and devices, for those who develop and administer them: as pages under `/gateway`, as JSON under
//! `/gateway/api/v1`; and the registration of applications by RFC 7591 under `/oauth2/register`.

mod admin;
mod app_fields;
mod devices;
mod documents;
mod error;
mod letters;
mod organizations;
mod own_apps;
mod pages;
mod people;
mod principal;
mod registration;
mod requests;
mod start;
mod usage;

use crate::error::Failure;
use gateway_administration::{Acts, AppActs, Catalogue, Replays};
use gateway_config::Gateway;
use gateway_credentials::{BrowserSessions, CodeAttempts, DeveloperAttempts, Proofs};
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::event::{ApiRequest, ApiResponse, ApiVersion};
use gateway_domain::keys::PublicKeys;
use gateway_domain::password::Passwords;
use gateway_domain::problem::{MEDIA_TYPE, Problem};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::time::Timestamp;
use gateway_invoke::OutboxFunction;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Activity, Audit, Deliveries, Developers, Devices, Outbox, Sessions, Usage, Users};
use gateway_telemetry::Metric;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;

pub use documents::Documents;
pub use start::start;

/// Where the admin API is.
pub(crate) const ADMIN: &str = "/gateway/api/v1";
/// Where applications register (RFC 7591 §3).
pub(crate) const REGISTER: &str = "/oauth2/register";

/// Everything the function works with.
pub struct Portal {
    /// The parsed configuration.
    pub gateway: Arc<Gateway>,
    /// Applications, and the organizations of their developers.
    pub developers: Developers,
    /// The documents that describe offered APIs.
    pub documents: Documents,
    /// Users.
    pub users: Users,
    /// Live sessions.
    pub activity: Activity,
    /// What there is to see of sessions.
    pub sessions: Sessions,
    /// Devices of applications, and whose they are.
    pub devices: Devices,
    /// Who did what.
    pub audit: Audit,
    /// How often applications have called.
    pub usage: Usage,
    /// Whether that is counted.
    pub counts: bool,
    /// Sessions to be ended.
    pub endings: Outbox,
    /// Events on their way to destinations.
    pub deliveries: Deliveries,
    /// Asks for sessions to be ended.
    pub outbox: OutboxFunction,
    /// Knows who is logged in in a browser.
    pub browsers: BrowserSessions,
    /// Counts codes of authenticator apps.
    pub attempts: CodeAttempts,
    /// Counts what developers do.
    pub developer_attempts: DeveloperAttempts,
    /// Seals letters.
    pub letters: Fresh<LetterKeys>,
    /// Makes the seeds of authenticator apps.
    pub pepper: Fresh<Passwords>,
    /// Verifies access tokens.
    pub public: Fresh<PublicKeys>,
    /// Notes which proofs of possession were used.
    pub proofs: Proofs,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// For ids and secrets.
    pub entropy: Arc<dyn Entropy>,
}

/// A request with what is known of it.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a ApiRequest,
    pub(crate) now: Timestamp,
}

impl Portal {
    async fn answer(&self, request: &ApiRequest) -> ApiResponse {
        let answered = match self.clock.reading().map_err(StartError::from) {
            Ok(_) => {
                let asked = Asked { request, now: self.clock.now() };
                let is_page = ![ADMIN, REGISTER].iter().any(|json| request.path.starts_with(json));
                if is_page {
                    return Box::pin(self.page(&asked)).await;
                }
                Box::pin(self.routed(&asked)).await
            }
            Err(error) => Err(error.into()),
        };
        answered.unwrap_or_else(|failure| {
            let registers = request.path.starts_with(REGISTER);
            told(&failure, if registers { registration::refused(&failure) } else { failure.response() })
        })
    }

    async fn routed(&self, asked: &Asked<'_>) -> Result<ApiResponse, Failure> {
        let path = asked.request.path.as_str();
        if let Some(path) = path.strip_prefix(ADMIN) {
            return Box::pin(self.administered(asked, path)).await;
        }
        match path.strip_prefix(REGISTER) {
            Some(path) => Box::pin(self.registered(asked, path)).await,
            None => Err(Failure::NotFound),
        }
    }

    /// Records what is done in this name.
    pub(crate) fn acts(&self, who: String) -> Acts<'_> {
        Acts { audit: &self.audit, clock: &*self.clock, entropy: &*self.entropy, who }
    }

    /// What is done with applications by programs, each of which has a part of the admin API alone.
    pub(crate) fn app_acts<'a>(&'a self, acts: &'a Acts<'a>) -> AppActs<'a> {
        AppActs {
            acts,
            developers: &self.developers,
            member: None,
            by: None,
            mails: Vec::new(),
            on_request: None,
            names: self.names(),
            only_at: None,
            gives_admin_scopes: false,
        }
    }

    /// How events are sent again.
    pub(crate) fn replays<'a>(&'a self, acts: &'a Acts<'a>) -> Replays<'a> {
        Replays { acts, deliveries: &self.deliveries, names: self.names() }
    }

    fn names(&self) -> Catalogue<'_> {
        Catalogue { gateway: Some(&self.gateway), name: "the gateway" }
    }
}

/// Logs and counts a failure, and returns its response.
fn told(failure: &Failure, response: ApiResponse) -> ApiResponse {
    let (kind, status) = (failure.kind(), response.status);
    if status >= 500 {
        tracing::error!(kind, status, reason = %failure, "a request fails");
    } else {
        tracing::info!(kind, status, reason = %failure, "a request is refused");
    }
    gateway_telemetry::count(Metric::Refusal { reason: kind });
    response
}

/// Handles an event, even while the function cannot start.
pub async fn handle(started: Result<&Portal, StartError>, event: Value) -> Result<Value, Infallible> {
    let version = ApiVersion::of(&event);
    let response = match (started, ApiRequest::from_value(event)) {
        (Ok(portal), Ok(request)) => Box::pin(portal.answer(&request)).await,
        (Err(error), _) => {
            let failure = Failure::Start(error);
            told(&failure, failure.response())
        }
        (_, Err(error)) => {
            let status = error.status().unwrap_or(500);
            tracing::warn!(kind = "event", status, reason = %error, "a request is refused");
            let problem = Problem::new(status, "The request was refused", "The request cannot be read.");
            ApiResponse::json(status, MEDIA_TYPE, &problem.to_value())
        }
    };
    Ok(response.into_value(version))
}
