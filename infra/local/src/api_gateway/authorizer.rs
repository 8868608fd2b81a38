//! Decides from the result of an authorizer whether a call goes on.

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::policy::{self, Effect, InvalidPolicy};
use crate::limits;
use crate::process::InvokeError;

/// Why the call does not go on.
#[derive(Debug)]
pub(super) enum Refused {
    /// The authorizer said `Unauthorized`.
    Unauthorized,
    /// Its policy does not allow the call.
    Denied {
        /// Whether a statement denies it; otherwise no statement allows it.
        explicitly: bool,
        /// The context of the authorizer, for the gateway response.
        context: Map<String, Json>,
    },
    /// The authorizer failed, crashed or took too long.
    Failed(String),
    /// The authorizer returned something that is not a valid result.
    Malformed(String),
}

impl Refused {
    /// The line for the log, if it is the authorizer that is at fault.
    pub(super) fn to_log(&self) -> Option<String> {
        match self {
            Self::Failed(reason) => Some(format!("the authorizer failed: {reason}")),
            Self::Malformed(reason) => Some(format!("the authorizer's result is not usable: {reason}")),
            Self::Unauthorized | Self::Denied { .. } => None,
        }
    }
}

/// The context for the integration, if the call may go on. An `outcome` of `None` is a timeout.
pub(super) fn decide(
    outcome: Option<Result<Bytes, InvokeError>>,
    method_arn: &str,
) -> Result<Map<String, Json>, Refused> {
    let result = match outcome {
        Some(Ok(result)) => result,
        Some(Err(InvokeError::Reported(error))) if error.message == "Unauthorized" => {
            return Err(Refused::Unauthorized);
        }
        Some(Err(error)) => return Err(Refused::Failed(error.to_string())),
        None => return Err(Refused::Failed("it took too long".to_owned())),
    };
    let malformed = |reason: &str| Refused::Malformed(reason.to_owned());
    if result.len() > limits::AUTHORIZER_RESULT {
        return Err(Refused::Malformed(format!("{} bytes exceed {}", result.len(), limits::AUTHORIZER_RESULT)));
    }
    let result: Json = serde_json::from_slice(&result).map_err(|_| malformed("it is not JSON"))?;
    let principal = result.get("principalId").and_then(Json::as_str);
    let principal = principal.filter(|id| !id.is_empty()).ok_or_else(|| malformed("it has no principalId"))?;
    let document = result.get("policyDocument").ok_or_else(|| malformed("it has no policyDocument"))?;
    let effect =
        policy::evaluate(document, method_arn).map_err(|error: InvalidPolicy| Refused::Malformed(error.to_string()))?;
    let mut context = strings(result.get("context"))?;
    context.insert("principalId".to_owned(), json!(principal));
    match effect {
        Effect::Allow => {
            context.insert("integrationLatency".to_owned(), json!(0));
            Ok(context)
        }
        Effect::ExplicitDeny => Err(Refused::Denied { explicitly: true, context }),
        Effect::ImplicitDeny => Err(Refused::Denied { explicitly: false, context }),
    }
}

/// Turns the context values into text. Anything but text, numbers and booleans is an error.
fn strings(context: Option<&Json>) -> Result<Map<String, Json>, Refused> {
    let mut map = Map::new();
    match context {
        None | Some(Json::Null) => {}
        Some(Json::Object(context)) => {
            for (name, value) in context {
                let text = match value {
                    Json::String(text) => text.clone(),
                    Json::Number(number) => number.to_string(),
                    Json::Bool(flag) => flag.to_string(),
                    Json::Null | Json::Array(_) | Json::Object(_) => {
                        return Err(Refused::Malformed(format!(
                            "context value `{name}` is not text, number or boolean"
                        )));
                    }
                };
                map.insert(name.clone(), json!(text));
            }
        }
        Some(_) => return Err(Refused::Malformed("its context is not an object".to_owned())),
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime_api::FunctionError;

    const ARN: &str = "arn:aws:execute-api:r:1:api/v1/GET/orders";

    fn result(effect: &str, context: &Json) -> Json {
        let statement = json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": ARN });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        json!({ "principalId": "ada", "policyDocument": document, "context": context })
    }

    fn decided(result: &Json) -> Result<Map<String, Json>, Refused> {
        decide(Some(Ok(Bytes::from(result.to_string()))), ARN)
    }

    fn reported(message: &str) -> Result<Map<String, Json>, Refused> {
        let error = FunctionError { kind: "Error".to_owned(), message: message.to_owned() };
        decide(Some(Err(InvokeError::Reported(error))), ARN)
    }

    #[test]
    fn context_values_become_text() {
        let context = decided(&result("Allow", &json!({ "a": "x", "n": 7, "b": true }))).unwrap();
        assert_eq!((&context["a"], &context["n"], &context["b"]), (&json!("x"), &json!("7"), &json!("true")));
        assert_eq!(context["principalId"], "ada");
    }

    #[test]
    fn a_nested_context_value_is_malformed() {
        for value in [json!({ "a": {} }), json!({ "a": [] }), json!({ "a": null }), json!(["a"])] {
            assert!(matches!(decided(&result("Allow", &value)), Err(Refused::Malformed(_))), "{value}");
        }
    }

    #[test]
    fn a_denied_call_keeps_the_context_for_the_response() {
        let Err(Refused::Denied { explicitly: true, context }) = decided(&result("Deny", &json!({ "scope": "a" })))
        else {
            panic!("not denied");
        };
        assert_eq!(context["scope"], "a");
    }

    /// Only the exact message `Unauthorized` is a 401: any other error is a failure of the authorizer, not a bad token.
    #[test]
    fn only_the_word_unauthorized_is_unauthorized() {
        assert!(matches!(reported("Unauthorized"), Err(Refused::Unauthorized)));
        for message in ["unauthorized", "Unauthorized.", "the store is down", ""] {
            assert!(matches!(reported(message), Err(Refused::Failed(_))), "{message}");
        }
        assert!(matches!(decide(None, ARN), Err(Refused::Failed(_))));
    }

    #[test]
    fn a_result_over_eight_kilobytes_is_malformed() {
        let fitting = result("Allow", &json!({ "a": "x".repeat(7_900) }));
        assert!(decided(&fitting).is_ok());
        let large = result("Allow", &json!({ "a": "x".repeat(8_200) }));
        assert!(matches!(decided(&large), Err(Refused::Malformed(_))));
    }

    #[test]
    fn a_result_without_principal_or_policy_is_malformed() {
        for result in
            [json!({}), json!({ "principalId": "ada" }), json!({ "principalId": "", "policyDocument": {} }), json!([])]
        {
            assert!(matches!(decided(&result), Err(Refused::Malformed(_))), "{result}");
        }
    }
}
