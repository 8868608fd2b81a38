//! People's own accounts: sign-up, proof of the address, another password for a forgotten one; and what owners see and
//! change. As pages and as JSON.

mod devices;
mod error;
mod fields;
mod flows;
mod json;
mod limits;
mod lists;
mod owner;
mod pages;
mod passkey_login;
mod passkeys;
mod start;
mod unlock;

use crate::error::Failure;
use gateway_config::Gateway;
use gateway_credentials::{AccountAttempts, BrowserSessions, PasskeyLogin, PasswordCheck, Proofs};
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::event::{ApiRequest, ApiResponse, ApiVersion};
use gateway_domain::keys::PublicKeys;
use gateway_domain::language::Language;
use gateway_domain::problem::{MEDIA_TYPE, Problem};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_invoke::OutboxFunction;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Accounts, Activity, Apps, Codes, Consents, Devices, Sessions, Users};
use gateway_telemetry::Metric;
use gateway_web::{Site, UI_LOCALES};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;

pub use limits::Limits;
pub use start::start;

/// Everything the function works with.
pub struct Account {
    /// The parsed configuration.
    pub gateway: Arc<Gateway>,
    /// Reads users.
    pub users: Users,
    /// Reads codes and counts tries.
    pub codes: Codes,
    /// Makes the changes.
    pub accounts: Accounts,
    /// Counts wrong passwords and codes.
    pub attempts: AccountAttempts,
    /// Checks logins by passkeys.
    pub passkeys: PasskeyLogin,
    /// Counts mails.
    pub limits: Limits,
    /// Checks and hashes passwords.
    pub credentials: PasswordCheck,
    /// Knows who is logged in in a browser.
    pub browsers: BrowserSessions,
    /// Live sessions.
    pub activity: Activity,
    /// What there is to see of sessions.
    pub sessions: Sessions,
    /// What users let applications do.
    pub consents: Consents,
    /// Devices of users.
    pub devices: Devices,
    /// The names of applications.
    pub apps: Apps,
    /// Verifies the access tokens of apps.
    pub public: Fresh<PublicKeys>,
    /// Notes which proofs of possession were used.
    pub proofs: Proofs,
    /// Seals letters.
    pub letters: Fresh<LetterKeys>,
    /// Asks for mails to be sent, and for sessions to be ended.
    pub outbox: OutboxFunction,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// For ids, codes, salts and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// Whether mails are sent.
    pub mails: bool,
}

/// A request with what is known of it.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a ApiRequest,
    issuer: String,
    pub(crate) site: Site,
    pub(crate) language: Language,
    pub(crate) source: Source,
    /// The query of the authorization request from whose login the person came, and to which the page leads back.
    pub(crate) onward: Option<String>,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// A complete URL of a path of the gateway, for a mail. It begins with the issuer, and with nothing that a client sent.
    pub(crate) fn link(&self, path: &str) -> String {
        self.site.spoken(&format!("{}{path}", self.issuer))
    }

    /// The host of the issuer, which stands for a service without a name.
    pub(crate) fn host(&self) -> String {
        self.issuer.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned()
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl Account {
    async fn answer(&self, request: &ApiRequest) -> ApiResponse {
        let asked = match self.asked(request).await {
            Ok(asked) => asked,
            Err(failure) => return told(&failure, json::refused(&failure)),
        };
        if let Some(path) = request.path.strip_prefix("/account/api/v1/") {
            let answered = Box::pin(self.json(&asked, path)).await;
            return self.for_pages(&asked, answered);
        }
        Box::pin(self.page(&asked)).await
    }

    async fn asked<'a>(&self, request: &'a ApiRequest) -> Result<Asked<'a>, Failure> {
        self.clock.reading().map_err(StartError::from)?;
        self.credentials.freshen().await?;
        self.letters.fresh().await?;
        let issuer = self.gateway.token_parties(&request.stage_variables)?.issuer().to_owned();
        let locales = request.parameter(UI_LOCALES).ok().flatten();
        let site = Site::of(&self.gateway, &issuer, request, locales.as_deref());
        let source = Source::of(request.source_ip.as_deref());
        let onward = pages::onward(request);
        let site = if onward.is_some() { site.on_the_way() } else { site };
        Ok(Asked { request, issuer, language: site.language(), site, source, onward, now: self.clock.now() })
    }
}

/// Logs and counts a failure, and returns its response.
pub(crate) fn told(failure: &Failure, response: ApiResponse) -> ApiResponse {
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
pub async fn handle(started: Result<&Account, StartError>, event: Value) -> Result<Value, Infallible> {
    let version = ApiVersion::of(&event);
    let response = match (started, ApiRequest::from_value(event)) {
        (Ok(account), Ok(request)) => Box::pin(account.answer(&request)).await,
        (Err(error), _) => told(&Failure::Start(error.clone()), json::refused(&Failure::Start(error))),
        (_, Err(error)) => {
            let status = error.status().unwrap_or(500);
            tracing::warn!(kind = "event", status, reason = %error, "a request is refused");
            let problem = Problem::new(status, "The request was refused", "The request cannot be read.");
            ApiResponse::json(status, MEDIA_TYPE, &problem.to_value())
        }
    };
    Ok(response.into_value(version))
}
