//! The events of the token function that no route brings. It alone holds the keys of ID tokens, reads what applications prove themselves by
//! and reaches the directory, so other functions ask it to read a hint, to sign what applications are told, to authenticate one, or to check a
//! password there. A client cannot send these events, since it does not choose the members of API Gateway's events: only a role that may
//! invoke the function can.

use crate::acquired::Begun;
use crate::address::Address;
use crate::domain_event::DomainEvent;
use crate::form::Form;
use crate::ids::{ClientId, ConnectorName, SessionId, UserId};
use crate::notification_uri::NotificationUri;
use crate::secret::Secret;
use crate::time::Seconds;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The only member of a hint's event.
const READ_HINT: &str = "read_id_token_hint";
/// The only member of a logout token's event.
const LOGOUT_TOKEN: &str = "sign_logout_token";
/// The only member of the event of an application.
const EVENT_TOKEN: &str = "sign_event_token";
/// The only member of a new user's event.
const REGISTERED: &str = "registered";
/// The only member of a password's event.
const VALIDATE: &str = "validate_user_pass";
/// The only member of the event of a client's credentials.
const AUTHENTICATE: &str = "authenticate_client";
/// The parameters of a request by which a client authenticates (RFC 6749 §2.3.1, RFC 7521 §4.2).
const CREDENTIALS: [&str; 4] = ["client_id", "client_secret", "client_assertion_type", "client_assertion"];

/// An event of the token function that is no request of a client.
#[derive(Debug)]
pub enum ProviderEvent {
    /// The authorize function waits for what an ID token says.
    ReadHint(HintRequest),
    /// The outbox function waits for a logout token.
    SignLogoutToken(LogoutTokenRequest),
    /// The outbox function waits for the token that tells an application of an event.
    SignEventToken(EventTokenRequest),
    /// The outbox function waits until the hook `registered` knows of a user, and for what it says.
    Registered(RegisteredRequest),
    /// A function with a login form waits for the directory's verdict.
    ValidateUserPass(ValidateUserPass),
    /// The authorize function waits for which client a request comes from.
    AuthenticateClient(AuthenticateClient),
}

/// The request to read an ID token that came as a hint. The response is a [`Hint`](crate::id_token_hint::Hint), or `null` for
/// a text that is no ID token of this issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HintRequest {
    /// The text.
    pub id_token: String,
    /// The issuer that the request came to.
    pub issuer: String,
}

/// The request for a logout token of an ended session. The response is a [`LogoutNotice`], or `null` if there is nobody to
/// tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutTokenRequest {
    /// The ended session.
    pub session: SessionId,
}

/// The request for the token that tells an application of an event of itself. The response is an [`EventNotice`], or `null` if there is
/// nobody to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTokenRequest {
    /// The event. Its subject is the application.
    pub event: DomainEvent,
}

/// The request to tell the hook `registered` of a new user. The response is [`Links`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredRequest {
    /// The user.
    pub user_id: UserId,
    /// The id of the event, which is the same whenever it is told again.
    pub event: String,
}

/// By which names legacy systems know a user, as the hook says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// By connector.
    #[serde(default)]
    pub links: BTreeMap<ConnectorName, String>,
}

/// The request to check a password at the directory. The response is [`Validated`].
#[derive(Debug)]
pub struct ValidateUserPass {
    /// Whose.
    pub address: Address,
    /// As it was typed.
    pub password: Secret,
    /// Whether whoever asks takes the session that a legacy system begins at the check. Otherwise it is ended.
    pub keep: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLogin {
    address: Address,
    password: String,
    keep: bool,
}

/// The request to authenticate the client of a request (RFC 6749 §2.3). The response is [`ClientAuthenticated`].
#[derive(Debug)]
pub struct AuthenticateClient {
    /// The `Authorization` header.
    pub authorization: Option<Secret>,
    /// Those of its parameters by which a client authenticates, and no others.
    pub credentials: Form,
    /// The issuer that it came to.
    pub issuer: String,
    /// The address that it came from, under which wrong proofs are counted.
    pub source_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCredentials {
    authorization: Option<String>,
    credentials: BTreeMap<String, String>,
    issuer: String,
    source_ip: Option<String>,
}

/// Which client a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthenticated {
    /// From this one, which has authenticated as its kind requires.
    Client(ClientId),
    /// Its proof does not hold, or there is no such client.
    Refused,
    /// Its credentials cannot be read, or there are two.
    Malformed,
    /// Its proof does not hold, and too many others from there did not: it has to wait this long.
    TooManyAttempts(Seconds),
}

/// What the directory says of a password.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validated {
    /// It is that of this user; with the session that the check began, if it is to be kept.
    User(UserId, Option<Begun>),
    /// It is not.
    Refused,
    /// It was not reached, for this reason.
    NotAsked(String),
    /// It says nothing, for this reason, and may have compared the password.
    Unavailable(String),
}

/// A logout token with the address that it goes to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutNotice {
    /// As the application registered it.
    pub uri: NotificationUri,
    /// The signed token.
    pub logout_token: String,
}

/// A security event token with the address that it goes to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventNotice {
    /// As the application registered it.
    pub uri: NotificationUri,
    /// The signed token.
    pub event_token: String,
}

impl ProviderEvent {
    /// The request in an event; `None` if the event is not one of these.
    pub fn parse(event: &Value) -> Option<Self> {
        let members = event.as_object().filter(|members| members.len() == 1)?;
        let (name, value) = members.iter().next()?;
        match name.as_str() {
            READ_HINT => HintRequest::deserialize(value).ok().map(Self::ReadHint),
            REGISTERED => RegisteredRequest::deserialize(value).ok().map(Self::Registered),
            EVENT_TOKEN => EventTokenRequest::deserialize(value).ok().map(Self::SignEventToken),
            LOGOUT_TOKEN => LogoutTokenRequest::deserialize(value).ok().map(Self::SignLogoutToken),
            VALIDATE => WrittenLogin::deserialize(value).ok().map(|WrittenLogin { address, password, keep }| {
                Self::ValidateUserPass(ValidateUserPass { address, password: Secret::new(password), keep })
            }),
            AUTHENTICATE => WrittenCredentials::deserialize(value).ok().map(|written| {
                let WrittenCredentials { authorization, credentials, issuer, source_ip } = written;
                let (authorization, credentials) = (authorization.map(Secret::new), Form::of_pairs(credentials));
                Self::AuthenticateClient(AuthenticateClient { authorization, credentials, issuer, source_ip })
            }),
            _ => None,
        }
    }
}

impl HintRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ READ_HINT: self })
    }
}

impl LogoutTokenRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ LOGOUT_TOKEN: self })
    }
}

impl EventTokenRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ EVENT_TOKEN: self })
    }
}

impl RegisteredRequest {
    /// The event of this request.
    pub fn to_event(&self) -> Value {
        serde_json::json!({ REGISTERED: self })
    }
}

impl ValidateUserPass {
    /// The event that asks for a verdict.
    pub fn to_event(address: &Address, password: &Secret, keep: bool) -> Value {
        serde_json::json!({ VALIDATE: { "address": address, "password": password.expose(), "keep": keep } })
    }
}

impl AuthenticateClient {
    /// The event that asks for the client of a request with this header and form.
    pub fn to_event(authorization: Option<&str>, form: &Form, issuer: &str, source_ip: Option<&str>) -> Value {
        let credentials: BTreeMap<_, _> = form.iter().filter(|(name, _)| CREDENTIALS.contains(name)).collect();
        serde_json::json!({
            AUTHENTICATE: {
                "authorization": authorization, "credentials": credentials, "issuer": issuer, "source_ip": source_ip,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_event::{EventType, Subject};
    use crate::time::Timestamp;
    use serde_json::json;

    #[test]
    fn a_request_is_read_as_it_was_written_and_no_event_of_api_gateway_is_one() {
        let hint = HintRequest { id_token: "a.b.c".to_owned(), issuer: "https://auth.example.com".to_owned() };
        let token = LogoutTokenRequest { session: SessionId::from_random([1; 16]) };
        assert!(matches!(ProviderEvent::parse(&hint.to_event()), Some(ProviderEvent::ReadHint(read)) if read == hint));
        let read = ProviderEvent::parse(&token.to_event());
        assert!(matches!(read, Some(ProviderEvent::SignLogoutToken(read)) if read == token));
        let (address, password) = (Address::parse("alice@example.com").unwrap(), Secret::new("correct horse".into()));
        let login = ValidateUserPass::to_event(&address, &password, true);
        let Some(ProviderEvent::ValidateUserPass(read)) = ProviderEvent::parse(&login) else { panic!("no login") };
        assert_eq!((read.address.clone(), read.password.expose()), (address, "correct horse"));
        assert!(!format!("{read:?}").contains("horse"));
        let user = RegisteredRequest { user_id: UserId::from_random([2; 16]), event: "evt_1".to_owned() };
        let read = ProviderEvent::parse(&user.to_event());
        assert!(matches!(read, Some(ProviderEvent::Registered(read)) if read == user));
        let event = DomainEvent {
            id: "evt_1".to_owned(),
            kind: EventType::ApplicationChanged,
            timestamp: Timestamp::from_secs(1),
            subject: Subject::new("application", "shop").unwrap(),
            data: serde_json::Map::new(),
        };
        let event = EventTokenRequest { event };
        let read = ProviderEvent::parse(&event.to_event());
        assert!(matches!(read, Some(ProviderEvent::SignEventToken(read)) if read == event));
        let form = Form::of_pairs(
            [("client_id", "shop"), ("client_secret", "s3cret"), ("password", "horse")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        );
        let client = AuthenticateClient::to_event(Some("Basic czpz"), &form, "https://a.example", Some("192.0.2.1"));
        let Some(ProviderEvent::AuthenticateClient(read)) = ProviderEvent::parse(&client) else { panic!("no client") };
        assert_eq!(read.authorization.as_ref().map(Secret::expose), Some("Basic czpz"));
        let credentials: Vec<_> = read.credentials.iter().collect();
        assert_eq!(credentials, [("client_id", "shop"), ("client_secret", "s3cret")], "and nothing of the user");
        assert_eq!((read.issuer.as_str(), read.source_ip.as_deref()), ("https://a.example", Some("192.0.2.1")));
        assert!(!format!("{read:?}").contains("s3cret") && !format!("{read:?}").contains("czpz"));
        for event in [hint.to_event(), token.to_event(), event.to_event(), user.to_event(), login, client] {
            assert!(ProviderEvent::parse(&json!({ "body": event })).is_none());
            let mut with_more = event.clone();
            with_more["requestContext"] = Value::Null;
            assert!(ProviderEvent::parse(&with_more).is_none());
        }
        assert!(ProviderEvent::parse(&json!({ LOGOUT_TOKEN: {} })).is_none());
        assert!(ProviderEvent::parse(&Value::Null).is_none());
    }
}
