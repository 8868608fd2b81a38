//! The authorizer's response: an IAM policy for a REST API, a simple response for an HTTP API.

use gateway_domain::call_context::{CallContext, ContextError, Outcome, Refusal};
use gateway_domain::event::{ApiRequest, ApiVersion};
use gateway_domain::scope::Scope;
use serde_json::{Map, Value, json};

/// Most bytes API Gateway takes from an authorizer.
const MAX_BYTES: usize = 8 * 1024;
/// Longest ARN of a method that API Gateway authorizes, in bytes; beyond it, it answers 414. This and the next bound:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>.
const MAX_ARN_BYTES: usize = 1_600;
/// Longest resource in a policy, in characters.
const MAX_RESOURCE: usize = 512;

/// What the authorizer found out about a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Finding {
    /// No token, or none that is valid: a REST API answers 401 by itself.
    InvalidToken,
    /// The token is valid but not for this call: a REST API answers 403 by itself.
    InsufficientScope {
        /// Whose token.
        principal: String,
        /// What the route asks for.
        required: Scope,
    },
    /// The call goes on, or is refused behind the authorizer, where every status can be said.
    Decided {
        /// Whose token.
        principal: String,
        /// The decision.
        outcome: Outcome,
    },
}

impl Finding {
    /// What was found, in a word of a closed set, for the metric.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::Decided { outcome: Outcome::Admitted(_), .. } => gateway_telemetry::ADMITTED,
            Self::Decided { outcome: Outcome::Refused(refusal), .. } => refusal.kind(),
        }
    }
}

/// Why a finding is not answered with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoResponse {
    /// REST API: the one error that becomes 401.
    Unauthorized,
    /// The event has no ARN to decide about.
    NoArn,
    /// The context is unusable.
    Context(ContextError),
    /// The response exceeds what API Gateway takes.
    TooLarge,
}

/// The response to a finding, in the shape of the API's version.
pub(crate) fn response(request: &ApiRequest, finding: Finding) -> Result<Value, NoResponse> {
    let response = match request.version {
        ApiVersion::Rest => rest(request, finding)?,
        ApiVersion::Http => http_api(request, finding)?,
    };
    if response.to_string().len() > MAX_BYTES { Err(NoResponse::TooLarge) } else { Ok(response) }
}

/// Whether a REST API carries no path of this length to what stands behind the authorizer.
pub(crate) fn is_too_long(request: &ApiRequest) -> bool {
    request.version == ApiVersion::Rest && request.method_arn.as_deref().is_some_and(|arn| arn.len() > MAX_ARN_BYTES)
}

fn rest(request: &ApiRequest, finding: Finding) -> Result<Value, NoResponse> {
    let arn = request.method_arn.as_deref().ok_or(NoResponse::NoArn)?;
    match finding {
        Finding::InvalidToken => Err(NoResponse::Unauthorized),
        Finding::InsufficientScope { principal, required } => {
            Ok(policy(&principal, "Deny", arn, &refusal("insufficient_scope", &required.to_string())))
        }
        Finding::Decided { principal, outcome } => {
            Ok(policy(&principal, "Allow", arn, &context(request, outcome).map_err(NoResponse::Context)?))
        }
    }
}

fn http_api(request: &ApiRequest, finding: Finding) -> Result<Value, NoResponse> {
    let outcome = match finding {
        Finding::InvalidToken => Outcome::Refused(Refusal::InvalidToken),
        Finding::InsufficientScope { required, .. } => Outcome::Refused(Refusal::InsufficientScope { required }),
        Finding::Decided { outcome, .. } => outcome,
    };
    Ok(json!({ "isAuthorized": true, "context": context(request, outcome).map_err(NoResponse::Context)? }))
}

fn context(request: &ApiRequest, outcome: Outcome) -> Result<Value, ContextError> {
    let values = CallContext::new(request, outcome).to_map()?;
    let context: Map<String, Value> =
        values.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    Ok(Value::Object(context))
}

/// What the 403 says: the gateway response puts `challenge` into `WWW-Authenticate` (RFC 6750 §3.1) and the rest into
/// the body. Scope tokens cannot hold a quote.
fn refusal(error: &str, scope: &str) -> Value {
    let challenge = format!(r#"Bearer realm="gateway", error="{error}", scope="{scope}""#);
    json!({ "error": error, "scope": scope, "challenge": challenge })
}

/// A policy for the method and path asked about.
fn policy(principal: &str, effect: &str, arn: &str, context: &Value) -> Value {
    json!({
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource(arn) }]
        },
        "context": context
    })
}

/// The ARN itself where a policy can say it and nothing else: within its length, and without a `*`, `?` or `${` of the
/// caller, which would be wildcards and variables. Otherwise every path of this method in this stage. Nothing is given
/// away: a policy is for one call, since decisions are not cached (`ReauthorizeEvery: 0`), and the decision in the
/// context is good for one method and path, which the proxy compares.
fn resource(arn: &str) -> String {
    let is_plain = !arn.contains(['*', '?']) && !arn.contains("${");
    if is_plain && arn.chars().count() <= MAX_RESOURCE { arn.to_owned() } else { format!("{}/*", method_of(arn)) }
}

/// The part of an ARN before the path, up to and including the method.
fn method_of(arn: &str) -> &str {
    let end = arn.match_indices('/').nth(2).map_or(arn.len(), |(position, _)| position);
    arn.get(..end).unwrap_or(arn)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
