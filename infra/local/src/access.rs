//! Who may do what: the credentials of this start, and the roles of the template, held against every request to
//! `DynamoDB`, Secrets Manager and Lambda.
//!
//! A function signs with credentials of its own, so a request says whose it is. The owner of the account (the seed, an
//! operator, a test) may do anything. Nobody else is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::clock::Clock as _;
use http::StatusCode;
use http::request::Parts;
use runtime::{StartError, SystemClock};
use serde_json::{Value, json};

use crate::credentials;
use crate::signature::{Signature, Unsigned};
use crate::template::{Role, Template};

/// An action on a table, secret or function, such as `dynamodb:GetItem` on `UsersTable`.
pub type Right = (String, String);

/// Checks requests, and remembers which rights were used. Clones share what they remember.
#[derive(Debug, Clone)]
pub struct Access {
    known: Arc<Known>,
    used: Arc<Mutex<BTreeMap<String, BTreeSet<Right>>>>,
}

#[derive(Debug)]
enum Known {
    /// Whoever asks is the owner.
    Everybody,
    /// These alone.
    Credentials { owner: Credentials, functions: BTreeMap<String, (Credentials, Role)> },
}

/// The secrets that gateway.yaml names, by the policy of template.yaml that lets functions read them.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Under `tls`: `BackEndSecretsPolicy`.
    pub back_ends: BTreeSet<String>,
    /// For what connectors log in with: `ConnectorSecretsPolicy`.
    pub connectors: BTreeSet<String>,
}

impl Access {
    /// For this owner, and for the functions of this template with credentials made now, their roles, and the secrets
    /// that some of them may read besides.
    pub fn of(template: &Template, named: &Named, owner: Credentials) -> Result<Self, StartError> {
        let policies = [("BackEndSecretsPolicy", &named.back_ends), ("ConnectorSecretsPolicy", &named.connectors)];
        let role = |id: &str| {
            let mut role = template.roles.get(id).cloned().unwrap_or_default();
            let right = |name: &String| ("secretsmanager:GetSecretValue".to_owned(), name.clone());
            for (policy, secrets) in policies {
                if role.managed.contains(policy) {
                    role.allowed.extend(secrets.iter().map(right));
                }
            }
            role
        };
        let functions = template.functions.iter();
        let functions = functions
            .map(|function| Ok((function.id.clone(), (credentials::of_role()?, role(&function.role)))))
            .collect::<Result<_, StartError>>()?;
        Ok(Self::knowing(Known::Credentials { owner, functions }))
    }

    /// For this owner alone.
    pub fn of_owner(owner: Credentials) -> Self {
        Self::knowing(Known::Credentials { owner, functions: BTreeMap::new() })
    }

    /// For whoever asks. No stack uses it: it is for tests of what stands behind.
    pub fn of_everybody() -> Self {
        Self::knowing(Known::Everybody)
    }

    fn knowing(known: Known) -> Self {
        Self { known: Arc::new(known), used: Arc::default() }
    }

    /// The credentials of a function of the template.
    pub(crate) fn of_function(&self, id: &str) -> Option<&Credentials> {
        match &*self.known {
            Known::Everybody => None,
            Known::Credentials { functions, .. } => functions.get(id).map(|(credentials, _)| credentials),
        }
    }

    /// The rights that each function has used so far, denied ones included.
    pub fn used(&self) -> BTreeMap<String, BTreeSet<Right>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer to a request that is nobody's or not allowed; nothing for one that is.
    pub(crate) fn refusal(&self, parts: &Parts, body: &[u8], rights: Vec<Right>) -> Option<Response> {
        let now = SystemClock.now_millis().div_euclid(1000);
        match self.caller(parts, body, now) {
            Ok(None) => None,
            Ok(Some((caller, role))) => self.denied(caller, role, rights),
            Err(unsigned) => Some(refused(StatusCode::FORBIDDEN, unsigned.kind(), &unsigned.to_string())),
        }
    }

    /// The function that signed, and its role; `None` is the owner.
    fn caller(&self, parts: &Parts, body: &[u8], now: i64) -> Result<Option<(&str, &Role)>, Unsigned> {
        let Known::Credentials { owner, functions } = &*self.known else { return Ok(None) };
        let signature = Signature::of(parts)?;
        let is = |credentials: &Credentials| credentials.access_key_id() == signature.access_key_id;
        if is(owner) {
            return signature.verify(parts, body, owner, now).map(|()| None);
        }
        let function = functions.iter().find(|(_, (credentials, _))| is(credentials));
        let (id, (credentials, role)) = function.ok_or(Unsigned::Unknown)?;
        signature.verify(parts, body, credentials, now).map(|()| Some((id.as_str(), role)))
    }

    fn denied(&self, caller: &str, role: &Role, rights: Vec<Right>) -> Option<Response> {
        let denied = rights.iter().find(|(action, resource)| !role.allows(action, resource)).cloned();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).entry(caller.to_owned()).or_default().extend(rights);
        let (action, resource) = denied?;
        let message = format!("{caller} is not authorized to perform: {action} on resource: {resource}");
        Some(refused(StatusCode::BAD_REQUEST, "AccessDeniedException", &message))
    }
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "__type": kind, "message": message });
    (status, [("x-amzn-errortype", kind)], Json(body)).into_response()
}

/// The rights that an operation of `DynamoDB` needs.
pub(crate) fn dynamodb_rights(operation: &str, body: &[u8]) -> Vec<Right> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let table = |request: &Value| request.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let members = |name: &str| body.get(name).and_then(Value::as_array).into_iter().flatten();
    match operation {
        // A transaction needs the right to each thing it does.
        "TransactWriteItems" | "TransactGetItems" => members("TransactItems")
            .filter_map(Value::as_object)
            .flatten()
            .map(|(kind, request)| {
                let kind =
                    if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
                (format!("dynamodb:{kind}"), table(request))
            })
            .collect(),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body.get("RequestItems").and_then(Value::as_object);
            tables.into_iter().flatten().map(|(name, _)| (format!("dynamodb:{operation}"), name.clone())).collect()
        }
        _ => vec![(format!("dynamodb:{operation}"), table(&body))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let template = include_str!("../../../template.yaml");
        let template = Template::read(template, &crate::template::Inputs::default()).unwrap();
        Access::of(&template, &Named::default(), credentials::of_owner().unwrap()).unwrap()
    }

    impl Access {
        /// Whether a function of the template may do this.
        fn allows(&self, id: &str, action: &str, resource: &str) -> bool {
            let Known::Credentials { functions, .. } = &*self.known else { panic!("everybody") };
            self.denied(id, &functions[id].1, vec![(action.to_owned(), resource.to_owned())]).is_none()
        }
    }

    #[test]
    fn a_function_does_what_its_role_allows_and_nothing_else() {
        let access = access();
        assert!(access.allows("ProxyFunction", "dynamodb:GetItem", "SessionsTable"));
        assert!(!access.allows("ProxyFunction", "dynamodb:PutItem", "SessionsTable"));
        assert!(!access.allows("ProxyFunction", "dynamodb:GetItem", "UsersTable"));
        assert!(!access.allows("AuthorizerFunction", "dynamodb:Scan", "GrantsTable"));
        assert!(access.allows("ProxyFunction", "lambda:InvokeFunction", "RenewalFunction"));
        assert!(!access.allows("ProxyFunction", "lambda:InvokeFunction", "KeysFunction"));
        assert!(!access.allows("AuthorizerFunction", "lambda:InvokeFunction", "RenewalFunction"));
        let used = access.used();
        assert!(used["ProxyFunction"].contains(&("dynamodb:PutItem".to_owned(), "SessionsTable".to_owned())));
        assert!(!used.contains_key("TokenFunction"));
    }

    #[test]
    fn every_function_has_credentials_of_its_own() {
        let access = access();
        let ids = ["TokenFunction", "AuthorizerFunction", "ProxyFunction", "RenewalFunction", "KeysFunction"];
        let keys: BTreeSet<_> = ids.iter().map(|id| access.of_function(id).unwrap().access_key_id()).collect();
        assert_eq!(keys.len(), ids.len());
        assert!(access.of_function("OtherFunction").is_none());
    }

    #[test]
    fn a_transaction_needs_every_right_in_it() {
        let body = json!({ "TransactItems": [
            { "Put": { "TableName": "A" } }, { "ConditionCheck": { "TableName": "B" } },
        ]});
        let rights = dynamodb_rights("TransactWriteItems", body.to_string().as_bytes());
        let right = |action: &str, on: &str| (action.to_owned(), on.to_owned());
        assert_eq!(rights, [right("dynamodb:PutItem", "A"), right("dynamodb:ConditionCheckItem", "B")]);
    }
}
