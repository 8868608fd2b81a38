//! The same as JSON, for apps. A field that is not known is refused by its name.

mod owner;
mod passkeys;

use crate::error::{Failure, Wrong};
use crate::flows::Proof;
use crate::{Account, Asked, fields, told};
use gateway_config::Gateway;
use gateway_domain::code::{LIFETIME, Ticket, typed};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::CodeId;
use gateway_domain::json_body::{self, distinct};
use gateway_domain::problem::MEDIA_TYPE;
use gateway_domain::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;

/// The most bytes of a body.
const MOST: usize = 16 * 1024;
/// What access tokens are for here.
const REALM: &str = "gateway";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUpRequest {
    email: String,
    password: String,
    #[serde(default, deserialize_with = "distinct")]
    profile: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyRequest {
    verification: String,
    code: Option<String>,
    token: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgottenRequest {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetRequest {
    reset: String,
    code: Option<String>,
    token: Option<String>,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlockRequest {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmUnlockRequest {
    unlock: String,
    code: Option<String>,
    token: Option<String>,
}

impl Account {
    /// Answers a request to `/account/api/v1/…`.
    pub(crate) async fn json(&self, asked: &Asked<'_>, path: &str) -> Result<ApiResponse, Failure> {
        if let Some(path) = path.strip_prefix("me").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            if let (Some(methods), true) = (owner::methods(path), self.is_preflight(asked)) {
                return Err(Failure::MethodNotAllowed(methods));
            }
            return Box::pin(self.own(asked, path)).await;
        }
        match path {
            "sign-up" | "verify" | "forgotten" | "reset" | "unlock" | "unlock/confirm"
                if asked.request.method != "POST" =>
            {
                Err(Failure::MethodNotAllowed("POST"))
            }
            "sign-up" => {
                if !self.gateway.accounts().sign_up {
                    return Err(Failure::NotFound);
                }
                let SignUpRequest { email, password, profile } = body(asked)?;
                let password = Secret::new(password);
                let profile = declared(&self.gateway, &profile);
                let (email, profile) = self.may_sign_up(asked, Some(&email), &password, profile)?;
                let ticket = self.sign_up(asked, email, password, profile).await?;
                Ok(accepted("verification", &ticket))
            }
            "verify" => {
                let VerifyRequest { verification, code, token, password } = body(asked)?;
                let (id, secret) = ticket(&verification)?;
                let password = password.map(Secret::new);
                self.verify(asked, (&id, secret.as_ref()), &proof(code, token)?, password.as_ref()).await?;
                Ok(ApiResponse::new(204))
            }
            "forgotten" => {
                let ForgottenRequest { email } = body(asked)?;
                let ticket = self.forgotten(asked, &fields::address("email", Some(&email))?).await?;
                Ok(accepted("reset", &ticket))
            }
            "reset" => {
                let ResetRequest { reset, code, token, new_password } = body(asked)?;
                let (id, _) = ticket(&reset)?;
                let password = Secret::new(new_password);
                self.reset(asked, &id, &proof(code, token)?, ("new_password", &password)).await?;
                Ok(ApiResponse::new(204))
            }
            "unlock" => {
                let UnlockRequest { email } = body(asked)?;
                let ticket = self.unlock(asked, &fields::address("email", Some(&email))?).await?;
                Ok(accepted("unlock", &ticket))
            }
            "unlock/confirm" => {
                let ConfirmUnlockRequest { unlock, code, token } = body(asked)?;
                let (id, _) = ticket(&unlock)?;
                self.confirm_unlock(asked, &id, &proof(code, token)?).await?;
                Ok(ApiResponse::new(204))
            }
            _ => Err(Failure::NotFound),
        }
    }

    fn is_preflight(&self, asked: &Asked<'_>) -> bool {
        self.gateway.cors().is_some_and(|cors| cors.is_preflight(asked.request))
    }

    /// The response as a page of a listed origin may read it. A preflight fails as a method that the path does not have.
    pub(crate) fn for_pages(&self, asked: &Asked<'_>, outcome: Result<ApiResponse, Failure>) -> ApiResponse {
        let told = |failure: &Failure| told(failure, refused(failure));
        let Some(cors) = self.gateway.cors() else { return outcome.unwrap_or_else(|failure| told(&failure)) };
        let response = match outcome {
            Err(Failure::MethodNotAllowed(methods)) if cors.is_preflight(asked.request) => cors.permission(methods),
            outcome => outcome.unwrap_or_else(|failure| told(&failure)),
        };
        cors.dress(asked.request, response)
    }
}

/// The response to a failure.
pub(crate) fn refused(failure: &Failure) -> ApiResponse {
    let (problem, wait) = failure.problem();
    let response = ApiResponse::json(problem.status(), MEDIA_TYPE, &problem.to_value());
    let response = match wait {
        Some(wait) => response.header("Retry-After", wait.as_u64().to_string()),
        None => response,
    };
    let challenge = match failure {
        Failure::MethodNotAllowed(methods) => return response.header("Allow", *methods),
        Failure::NotTheHolder(reason) => return response.header("WWW-Authenticate", reason.challenge(REALM)),
        Failure::NotLoggedIn => r#"error="invalid_token""#,
        Failure::Scope => r#"error="insufficient_scope", scope="account""#,
        Failure::NoIssuer(_)
        | Failure::NotFound
        | Failure::Malformed(_)
        | Failure::OtherBrowser
        | Failure::Fields(_)
        | Failure::Form(_)
        | Failure::PasswordElsewhere(_)
        | Failure::AddressElsewhere
        | Failure::Directory(_)
        | Failure::WrongCode
        | Failure::TooMany(_)
        | Failure::TooManyAttempts(_)
        | Failure::Store(_)
        | Failure::Busy
        | Failure::Start(_)
        | Failure::NotVerified
        | Failure::WrongLogin
        | Failure::Hash(_)
        | Failure::Seal(_)
        | Failure::Passkey(_)
        | Failure::PasskeyChallenge
        | Failure::WrongPasskey
        | Failure::PasskeyTaken
        | Failure::TooManyPasskeys
        | Failure::LastPasskey
        | Failure::NoPasskeys
        | Failure::UnsupportedCpu(_) => return response,
    };
    response.header("WWW-Authenticate", format!(r#"Bearer realm="{REALM}", {challenge}"#))
}

/// The fields of a profile, as the configuration declares them; another one is refused by its name.
fn declared(gateway: &Gateway, profile: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Failure> {
    let known = |id: &str| gateway.accounts().fields.iter().any(|field| field.id.as_str() == id);
    if let Some(unknown) = profile.keys().find(|id| !known(id)) {
        return Err(Failure::Malformed(format!("`profile` has the unknown field `{unknown}`.")));
    }
    fields::profile(gateway, str::to_owned, |id: &str| profile.get(id).map(String::as_str))
}

fn accepted(name: &str, ticket: &Ticket) -> ApiResponse {
    let body = json!({ name: ticket.to_text(), "expires_in": LIFETIME.as_u64() });
    ApiResponse::json(202, "application/json", &body)
}

fn body<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Failure> {
    json_body::read(asked.request, MOST).map_err(|error| Failure::Malformed(error.to_string()))
}

fn ticket(text: &str) -> Result<(CodeId, Option<Secret>), Failure> {
    Ticket::parse(text).ok_or(Failure::WrongCode)
}

fn proof(code: Option<String>, token: Option<String>) -> Result<Proof, Failure> {
    match (code, token) {
        (Some(code), None) => typed(&code).map(Proof::Digits).ok_or(Failure::WrongCode),
        (None, Some(token)) => Ok(Proof::Link(Secret::new(token))),
        (None, None) => Err(Failure::field("code", Wrong::Required)),
        (Some(_), Some(_)) => Err(Failure::Malformed("Send `code` or `token`, not both.".to_owned())),
    }
}
