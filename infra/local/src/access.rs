//! Who may do what: the roles of the template, held against every request to `DynamoDB`, Secrets Manager and Lambda.
//!
//! A function signs with its logical id as access key, so a request says whose it is. Whoever is no function of the
//! template (the seed, a test, an operator) may do anything, as the owner of an account may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::template::{Role, Template};

/// An action on a table, secret or function, such as `dynamodb:GetItem` on `UsersTable`.
pub type Right = (String, String);

/// Checks requests, and remembers which rights were used. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Roles by the logical id of the function that has them.
    roles: Arc<BTreeMap<String, Role>>,
    used: Arc<Mutex<BTreeMap<String, BTreeSet<Right>>>>,
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
    /// The roles of the functions of this template, and the secrets that some of them may read besides.
    pub fn of(template: &Template, named: &Named) -> Self {
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
        let roles = functions.map(|function| (function.id.clone(), role(&function.role))).collect();
        Self { roles: Arc::new(roles), used: Arc::default() }
    }

    /// The rights that each function has used so far, denied ones included.
    pub fn used(&self) -> BTreeMap<String, BTreeSet<Right>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer to a request that is not allowed; nothing for one that is.
    pub(crate) fn refusal(&self, headers: &HeaderMap, rights: Vec<Right>) -> Option<Response> {
        let caller = caller(headers)?;
        let role = self.roles.get(caller)?;
        let denied = rights.iter().find(|(action, resource)| !role.allows(action, resource)).cloned();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).entry(caller.to_owned()).or_default().extend(rights);
        let (action, resource) = denied?;
        let message = format!("{caller} is not authorized to perform: {action} on resource: {resource}");
        let body = json!({ "__type": "AccessDeniedException", "message": message });
        Some((StatusCode::BAD_REQUEST, Json(body)).into_response())
    }
}

/// The access key that signed (Signature Version 4).
fn caller(headers: &HeaderMap) -> Option<&str> {
    let (_, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once("Credential=")?;
    rest.split('/').next()
}

/// The rights that a request to `DynamoDB` needs.
pub(crate) fn dynamodb_rights(headers: &HeaderMap, body: &[u8]) -> Vec<Right> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
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

    fn headers(caller: &str, target: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={caller}/20260101/us-east-1/dynamodb/aws4_request, Signature=0");
        headers.insert(AUTHORIZATION, signed.parse().unwrap());
        headers.insert("x-amz-target", target.parse().unwrap());
        headers
    }

    fn access() -> Access {
        let template = include_str!("../../../template.yaml");
        Access::of(&Template::read(template, &crate::template::Inputs::default()).unwrap(), &Named::default())
    }

    #[test]
    fn a_function_does_what_its_role_allows_and_nothing_else() {
        let access = access();
        let ask = |caller: &str, operation: &str, table: &str| {
            let headers = headers(caller, &format!("DynamoDB_20120810.{operation}"));
            let body = json!({ "TableName": table }).to_string();
            access.refusal(&headers, dynamodb_rights(&headers, body.as_bytes())).map(|answer| answer.status())
        };
        assert_eq!(ask("ProxyFunction", "GetItem", "SessionsTable"), None);
        assert_eq!(ask("ProxyFunction", "PutItem", "SessionsTable"), Some(StatusCode::BAD_REQUEST));
        let invokes = |caller: &str, function: &str| {
            let right = ("lambda:InvokeFunction".to_owned(), function.to_owned());
            access.refusal(&headers(caller, ""), vec![right]).is_none()
        };
        assert!(invokes("ProxyFunction", "TokenFunction") && !invokes("ProxyFunction", "KeysFunction"));
        assert!(!invokes("AuthorizerFunction", "TokenFunction"));
        assert_eq!(ask("ProxyFunction", "GetItem", "UsersTable"), Some(StatusCode::BAD_REQUEST));
        assert_eq!(ask("AuthorizerFunction", "Scan", "GrantsTable"), Some(StatusCode::BAD_REQUEST));
        assert_eq!(ask("local", "Scan", "GrantsTable"), None);
        let used = access.used();
        assert!(used["ProxyFunction"].contains(&("dynamodb:PutItem".to_owned(), "SessionsTable".to_owned())));
        assert!(!used.contains_key("local"));
    }

    #[test]
    fn a_transaction_needs_every_right_in_it() {
        let body = json!({ "TransactItems": [
            { "Put": { "TableName": "A" } }, { "ConditionCheck": { "TableName": "B" } },
        ]});
        let rights =
            dynamodb_rights(&headers("x", "DynamoDB_20120810.TransactWriteItems"), body.to_string().as_bytes());
        let right = |action: &str, on: &str| (action.to_owned(), on.to_owned());
        assert_eq!(rights, [right("dynamodb:PutItem", "A"), right("dynamodb:ConditionCheckItem", "B")]);
    }
}
