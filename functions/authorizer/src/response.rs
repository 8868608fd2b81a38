//! Builds the authorizer's response: an IAM policy for a REST API, a simple response for an HTTP API.

use gateway_domain::call_context::{CallContext, ContextError, Outcome, Refusal};
use gateway_domain::event::{ApiRequest, ApiVersion};
use gateway_domain::scope::Scope;
use gateway_domain::usage::Caller;
use serde_json::{Map, Value, json};

/// The largest response that API Gateway takes from an authorizer, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// The longest method ARN that API Gateway authorizes, in bytes; it responds 414 to a longer one. This and the next bound:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>.
const MAX_ARN_BYTES: usize = 1_600;
/// The longest resource in a policy, in characters.
const MAX_RESOURCE: usize = 512;

/// What the authorizer decided about a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Finding {
    /// There is no valid token: a REST API responds 401 by itself.
    InvalidToken,
    /// The token is valid but not for this call: a REST API responds 403 by itself.
    InsufficientScope {
        /// The user of the token.
        principal: String,
        /// The scope that the route requires.
        required: Scope,
    },
    /// The call goes on to the proxy, which carries it, or refuses it with a status that an authorizer cannot set.
    Decided {
        /// The user of the token.
        principal: String,
        /// The decision.
        outcome: Outcome,
        /// Whose call it is, as far as it is known.
        caller: Option<Caller>,
    },
}

impl Finding {
    /// The decision for the metric, in one word from a closed set.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::Decided { outcome: Outcome::Admitted(_), .. } => gateway_telemetry::ADMITTED,
            Self::Decided { outcome: Outcome::Refused(refusal), .. } => refusal.kind(),
        }
    }
}

/// Why there is no JSON response to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoResponse {
    /// REST API: the one error that becomes 401.
    Unauthorized,
    /// The event of a REST API has no method ARN.
    NoArn,
    /// The context cannot be written.
    Context(ContextError),
    /// The response is larger than [`MAX_BYTES`].
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

/// Whether the method ARN is longer than a REST API authorizes.
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
        Finding::Decided { principal, outcome, caller } => {
            let context = context(request, outcome, caller).map_err(NoResponse::Context)?;
            Ok(policy(&principal, "Allow", arn, &context))
        }
    }
}

fn http_api(request: &ApiRequest, finding: Finding) -> Result<Value, NoResponse> {
    let (outcome, caller) = match finding {
        Finding::InvalidToken => (Outcome::Refused(Refusal::InvalidToken), None),
        Finding::InsufficientScope { required, .. } => {
            (Outcome::Refused(Refusal::InsufficientScope { required }), None)
        }
        Finding::Decided { outcome, caller, .. } => (outcome, caller),
    };
    let context = context(request, outcome, caller).map_err(NoResponse::Context)?;
    Ok(json!({ "isAuthorized": true, "context": context }))
}

fn context(request: &ApiRequest, outcome: Outcome, caller: Option<Caller>) -> Result<Value, ContextError> {
    let values = CallContext::new(request, outcome).of(caller).to_map()?;
    let context: Map<String, Value> =
        values.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    Ok(Value::Object(context))
}

/// The context of a 403: the gateway response puts `challenge` into `WWW-Authenticate` (RFC 6750 §3.1) and the rest into
/// the body. Nothing is escaped, since scope tokens cannot hold a quote (RFC 6749 §3.3).
fn refusal(error: &str, scope: &str) -> Value {
    let challenge = format!(r#"Bearer realm="gateway", error="{error}", scope="{scope}""#);
    json!({ "error": error, "scope": scope, "challenge": challenge })
}

/// An IAM policy for the method and path of this ARN.
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

/// The resource of a policy: the ARN itself, if it is short enough and has no `*`, `?` or `${` from the client, which a
/// policy would read as wildcards and variables. Otherwise it is every path of this method in this stage. That allows no
/// other call: decisions are not cached (`ReauthorizeEvery: 0`), and the proxy compares the method and path that the
/// decision in the context is for.
fn resource(arn: &str) -> String {
    let is_plain = !arn.contains(['*', '?']) && !arn.contains("${");
    if is_plain && arn.chars().count() <= MAX_RESOURCE { arn.to_owned() } else { format!("{}/*", method_of(arn)) }
}

/// The part of an ARN up to and including the method, before the path.
fn method_of(arn: &str) -> &str {
    let end = arn.match_indices('/').nth(2).map_or(arn.len(), |(position, _)| position);
    arn.get(..end).unwrap_or(arn)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
