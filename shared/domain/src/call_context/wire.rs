//! The names and values of the authorizer context, written and read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Admitted, CallContext, ContextError, Outcome, Refusal, TokenRef};
use crate::ids::{ApiName, ClientId, ConnectorName, SessionId, UserId};
use crate::scope::Scope;
use crate::time::Seconds;

const ADMITTED: &str = "admitted";
const BAD_REQUEST: &str = "bad_request";
const PATH_TOO_LONG: &str = "path_too_long";
const INVALID_TOKEN: &str = "invalid_token";
const INVALID_PROOF: &str = "invalid_dpop_proof";
const INSUFFICIENT_SCOPE: &str = "insufficient_scope";
const NOT_FOUND: &str = "not_found";
const RATE_LIMITED: &str = "rate_limited";

/// Writes every value as text. Sealed tokens are included only if `inline`, otherwise only their versions.
pub(super) fn write(context: &CallContext, inline: bool) -> BTreeMap<&'static str, String> {
    let mut map = BTreeMap::from([
        ("decision", decision(&context.outcome).to_owned()),
        ("method", context.method.clone()),
        ("path_digest", context.path_digest.clone()),
    ]);
    if let Some(caller) = &context.caller {
        map.extend([
            ("app", caller.app.to_string()),
            ("api", caller.api.to_string()),
            ("plan", caller.plan.to_string()),
        ]);
    }
    match &context.outcome {
        Outcome::Admitted(call) => {
            map.extend([
                ("user", call.user.to_string()),
                ("app", call.app.to_string()),
                ("app_name", call.app_name.clone()),
                ("subscription", call.subscription.clone()),
                ("scope", call.scope.to_string()),
                ("session", call.session.to_string()),
                ("api", call.api.to_string()),
                ("route", call.route.clone()),
                ("tokens", tokens(&call.tokens, inline)),
            ]);
            map.insert("quotas", json(&call.quotas));
        }
        Outcome::Refused(Refusal::RateLimited { quotas, violated, retry_after }) => {
            map.insert("quotas", json(quotas));
            map.insert("violated", json(violated));
            map.insert("retry_after", retry_after.as_u64().to_string());
        }
        Outcome::Refused(Refusal::InsufficientScope { required }) => {
            map.insert("scope", required.to_string());
        }
        Outcome::Refused(Refusal::InvalidProof { detail }) => {
            map.insert("detail", detail.clone());
        }
        Outcome::Refused(Refusal::BadRequest | Refusal::PathTooLong | Refusal::InvalidToken | Refusal::NotFound) => {}
    }
    map
}

fn decision(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Admitted(_) => ADMITTED,
        Outcome::Refused(Refusal::BadRequest) => BAD_REQUEST,
        Outcome::Refused(Refusal::PathTooLong) => PATH_TOO_LONG,
        Outcome::Refused(Refusal::InvalidToken) => INVALID_TOKEN,
        Outcome::Refused(Refusal::InvalidProof { .. }) => INVALID_PROOF,
        Outcome::Refused(Refusal::InsufficientScope { .. }) => INSUFFICIENT_SCOPE,
        Outcome::Refused(Refusal::NotFound) => NOT_FOUND,
        Outcome::Refused(Refusal::RateLimited { .. }) => RATE_LIMITED,
    }
}

fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

/// The internal tokens as JSON. It is built here, not derived, since sealed tokens and their ends go only if `inline`.
fn tokens(tokens: &BTreeMap<ConnectorName, TokenRef>, inline: bool) -> String {
    let entries = tokens.iter().map(|(connector, token)| {
        let mut entry = Map::from_iter([("v".to_owned(), Value::from(token.version))]);
        if let Some(sealed) = token.sealed.as_ref().filter(|_| inline) {
            entry.insert("x".to_owned(), Value::from(sealed.as_str()));
            if let Some(ends) = token.ends {
                entry.insert("e".to_owned(), Value::from(ends.as_secs()));
            }
        }
        (connector.to_string(), Value::Object(entry))
    });
    Value::Object(entries.collect()).to_string()
}

/// Reads what [`write`] wrote. Every value of the decision is required.
pub(super) fn read(values: &Map<String, Value>) -> Result<CallContext, ContextError> {
    let values = Values(values);
    let outcome = match values.text("decision")? {
        ADMITTED => Outcome::Admitted(Box::new(admitted(&values)?)),
        BAD_REQUEST => Outcome::Refused(Refusal::BadRequest),
        PATH_TOO_LONG => Outcome::Refused(Refusal::PathTooLong),
        INVALID_TOKEN => Outcome::Refused(Refusal::InvalidToken),
        INVALID_PROOF => Outcome::Refused(Refusal::InvalidProof { detail: values.text("detail")?.to_owned() }),
        INSUFFICIENT_SCOPE => Outcome::Refused(Refusal::InsufficientScope { required: values.scope()? }),
        NOT_FOUND => Outcome::Refused(Refusal::NotFound),
        RATE_LIMITED => Outcome::Refused(Refusal::RateLimited {
            quotas: values.json("quotas")?,
            violated: values.json("violated")?,
            retry_after: Seconds::new(values.number("retry_after")?),
        }),
        _ => return Err(ContextError::Invalid("decision")),
    };
    Ok(CallContext {
        method: values.text("method")?.to_owned(),
        path_digest: values.text("path_digest")?.to_owned(),
        outcome,
        caller: None,
    })
}

fn admitted(values: &Values<'_>) -> Result<Admitted, ContextError> {
    Ok(Admitted {
        user: values.id("user", UserId::parse)?,
        app: values.id("app", ClientId::parse)?,
        app_name: values.text("app_name")?.to_owned(),
        subscription: values.text("subscription")?.to_owned(),
        scope: values.scope()?,
        session: values.id("session", SessionId::parse)?,
        api: values.id("api", ApiName::parse)?,
        route: values.text("route")?.to_owned(),
        tokens: values.json("tokens")?,
        quotas: values.json("quotas")?,
    })
}

struct Values<'a>(&'a Map<String, Value>);

impl<'a> Values<'a> {
    /// A text, possibly empty.
    fn given(&self, name: &'static str) -> Result<&'a str, ContextError> {
        self.0.get(name).and_then(Value::as_str).ok_or(ContextError::Missing(name))
    }

    /// A text that is not empty.
    fn text(&self, name: &'static str) -> Result<&'a str, ContextError> {
        self.given(name).and_then(|text| if text.is_empty() { Err(ContextError::Missing(name)) } else { Ok(text) })
    }

    fn id<T, E>(&self, name: &'static str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, ContextError> {
        parse(self.text(name)?).map_err(|_| ContextError::Invalid(name))
    }

    /// A scope, possibly empty: a route may require none.
    fn scope(&self) -> Result<Scope, ContextError> {
        Scope::parse(self.given("scope")?).map_err(|_| ContextError::Invalid("scope"))
    }

    fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, ContextError> {
        self.text(name)?.parse().map_err(|_| ContextError::Invalid(name))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &'static str) -> Result<T, ContextError> {
        serde_json::from_str(self.text(name)?).map_err(|_| ContextError::Invalid(name))
    }
}
