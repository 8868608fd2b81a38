//! Checks every request to `DynamoDB`, Secrets Manager and Lambda against the credentials of this start and the roles of the
//! template.
//!
//! Each function signs with credentials of its own, so a request shows which function sent it. The owner of the account (the
//! seed, an operator, a test) may do anything. Any other request is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use axum::Json;
use axum::response::{IntoResponse, Response};
use gateway_domain::clock::Clock as _;
use gateway_runtime::{StartError, SystemClock};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use crate::credentials;
use crate::signature::{Signature, Unsigned};
use crate::template::condition::{Keys, NAMING};
use crate::template::{Right, Role, Template};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The right that it needs.
    pub right: Right,
    /// The values of its condition keys.
    pub keys: Keys,
}

impl Asked {
    /// A request for a right to which no condition applies.
    pub(crate) fn plain(right: Right) -> Self {
        Self { right, keys: Keys::new() }
    }
}

/// The rights that a function asked for, each with the attributes and partition keys that its requests named.
pub type Used = BTreeMap<Right, Keys>;

/// Checks requests and remembers the rights that were asked for. Clones share this memory.
#[derive(Debug, Clone)]
pub struct Access {
    known: Arc<Known>,
    used: Arc<Mutex<BTreeMap<String, Used>>>,
}

#[derive(Debug)]
enum Known {
    /// Every request counts as the owner's.
    Everybody,
    /// Only requests signed with one of these.
    Credentials { owner: Credentials, functions: BTreeMap<String, (Credentials, Role)> },
}

/// The secrets that gateway.yaml names, grouped by the policy of template.yaml that lets functions read them.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Those under `tls`: `BackEndSecretsPolicy`.
    pub back_ends: BTreeSet<String>,
    /// Those with which connectors log in: `ConnectorSecretsPolicy`.
    pub connectors: BTreeSet<String>,
    /// Those with which hooks are signed: `HookSecretsPolicy`.
    pub hooks: BTreeSet<String>,
    /// Those with which messages of events are signed: `EventSecretsPolicy`.
    pub events: BTreeSet<String>,
}

impl Access {
    /// Access for this owner, and for each function of the template with new credentials, its role, and the named secrets if
    /// a policy of its role covers them.
    pub fn of(template: &Template, named: &Named, owner: Credentials) -> Result<Self, StartError> {
        let policies = [
            ("BackEndSecretsPolicy", &named.back_ends),
            ("ConnectorSecretsPolicy", &named.connectors),
            ("HookSecretsPolicy", &named.hooks),
            ("EventSecretsPolicy", &named.events),
        ];
        let role = |id: &str| {
            let mut role = template.roles.get(id).cloned().unwrap_or_default();
            let right = |name: &String| (("secretsmanager:GetSecretValue".to_owned(), name.clone()), Vec::new());
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

    /// Access for this owner alone.
    pub fn of_owner(owner: Credentials) -> Self {
        Self::knowing(Known::Credentials { owner, functions: BTreeMap::new() })
    }

    /// Access for every request. No stack uses it: it is for tests of the services behind it.
    pub fn of_everybody() -> Self {
        Self::knowing(Known::Everybody)
    }

    fn knowing(known: Known) -> Self {
        Self { known: Arc::new(known), used: Arc::default() }
    }

    /// The credentials of a function of the template.
    pub fn of_function(&self, id: &str) -> Option<&Credentials> {
        match &*self.known {
            Known::Everybody => None,
            Known::Credentials { functions, .. } => functions.get(id).map(|(credentials, _)| credentials),
        }
    }

    /// What each function has asked for so far, including what was denied.
    pub fn used(&self) -> BTreeMap<String, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The response to a request that is not signed by a known caller or not allowed; `None` if it is allowed.
    pub(crate) fn refusal(&self, parts: &Parts, body: &[u8], asked: &[Asked]) -> Option<Response> {
        let now = SystemClock.now_millis().div_euclid(1000);
        match self.caller(parts, body, now) {
            Ok(None) => None,
            Ok(Some((caller, role))) => self.denied(caller, role, asked),
            Err(unsigned) => Some(refused(StatusCode::FORBIDDEN, unsigned.kind(), &unsigned.to_string())),
        }
    }

    /// The function that signed the request, and its role; `None` for the owner.
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

    fn denied(&self, caller: &str, role: &Role, asked: &[Asked]) -> Option<Response> {
        self.remember(caller, asked);
        let denied = asked.iter().find(|asked| !role.allows(&asked.right, &asked.keys))?;
        let (action, resource) = &denied.right;
        // The role may have this right under conditions: what the request names shows why one does not hold.
        let conditions = role.allowed.get(&denied.right).into_iter().flatten();
        let named: Vec<_> = conditions.flat_map(|condition| condition.broken_by(&denied.keys)).collect();
        let named = if named.is_empty() { String::new() } else { format!(", naming {}", named.join(", ")) };
        let message = format!("{caller} is not authorized to perform: {action} on resource: {resource}{named}");
        Some(refused(StatusCode::BAD_REQUEST, "AccessDeniedException", &message))
    }

    fn remember(&self, caller: &str, asked: &[Asked]) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used = used.entry(caller.to_owned()).or_default();
        for asked in asked {
            let used = used.entry(asked.right.clone()).or_default();
            for key in NAMING {
                used.entry(key).or_default().extend(asked.keys.get(key).into_iter().flatten().cloned());
            }
        }
    }
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "__type": kind, "message": message });
    (status, [("x-amzn-errortype", kind)], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::condition::{ATTRIBUTES, SELECT};

    fn template() -> Template {
        Template::read(include_str!("../../../template.yaml"), &crate::template::Inputs::default()).unwrap()
    }

    fn access() -> Access {
        Access::of(&template(), &Named::default(), credentials::of_owner().unwrap()).unwrap()
    }

    impl Access {
        /// Whether a function of the template may do this with a request that names the attribute `tokens` alone.
        fn allows(&self, id: &str, action: &str, resource: &str) -> bool {
            let Known::Credentials { functions, .. } = &*self.known else { panic!("everybody") };
            let said = |text: &str| BTreeSet::from([text.to_owned()]);
            let keys = Keys::from([(ATTRIBUTES, said("tokens")), (SELECT, said("SPECIFIC_ATTRIBUTES"))]);
            let asked = Asked { right: (action.to_owned(), resource.to_owned()), keys };
            self.denied(id, &functions[id].1, &[asked]).is_none()
        }
    }

    #[test]
    fn a_function_does_what_its_role_allows_and_nothing_else() {
        let access = access();
        assert!(access.allows("ProxyFunction", "dynamodb:GetItem", "SessionsTable"));
        assert!(!access.allows("ProxyFunction", "dynamodb:PutItem", "SessionsTable"));
        assert!(!access.allows("ProxyFunction", "dynamodb:GetItem", "UsersTable"));
        assert!(!access.allows("AuthorizerFunction", "dynamodb:Scan", "ActivityTable"));
        assert!(access.allows("ProxyFunction", "lambda:InvokeFunction", "RenewalFunction"));
        assert!(!access.allows("ProxyFunction", "lambda:InvokeFunction", "KeysFunction"));
        assert!(!access.allows("AuthorizerFunction", "lambda:InvokeFunction", "RenewalFunction"));
        let used = access.used();
        assert!(used["ProxyFunction"].contains_key(&("dynamodb:PutItem".to_owned(), "SessionsTable".to_owned())));
        assert!(!used.contains_key("TokenFunction"));
    }

    #[test]
    fn every_function_has_credentials_of_its_own() {
        let (access, functions) = (access(), template().functions);
        let keys = functions.iter().map(|function| access.of_function(&function.id).unwrap().access_key_id());
        assert_eq!(keys.collect::<BTreeSet<_>>().len(), functions.len());
        assert!(access.of_function("OtherFunction").is_none());
    }
}
