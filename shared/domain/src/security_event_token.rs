//! Security event tokens (RFC 8417): an event of an application, as its webhook is told of it (RFC 8935).

use crate::domain_event::{DomainEvent, Subject};
use crate::id_token::{IdTokenKeys, NotSigned};
use crate::ids::ClientId;
use crate::keys::SignatureAlgorithm;
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of the token, and of the request that carries it (RFC 8935 §2). No other token has it, so that none is taken for
/// one (RFC 8417 §4).
pub const TYP: &str = "secevent+jwt";
/// What the name of an event's type follows in `events`, where names are URIs (RFC 8417 §2.2).
const EVENT: &str = "urn:mobile-api-gateway:event:";

/// The claims of a token. It has no `sub` and no `exp`, so that no other token is taken for it (§4.5, §4.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecurityEventClaims<'a> {
    /// The authorization server.
    pub iss: &'a str,
    /// The application.
    pub aud: &'a ClientId,
    /// When the token was issued: it is made anew for each delivery.
    pub iat: Timestamp,
    /// The id of the event, which is the same however often it is delivered.
    pub jti: &'a str,
    /// When it happened.
    pub toe: Timestamp,
    /// Whom it is about (RFC 9493 §3.2.4).
    pub sub_id: SubjectId<'a>,
    /// The type of the event, and more of it.
    pub events: Map<String, Value>,
}

/// An identifier that means something to its issuer alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "format", rename = "opaque")]
pub struct SubjectId<'a> {
    /// The subject of the event.
    pub id: &'a Subject,
}

impl<'a> SecurityEventClaims<'a> {
    /// Those of an event.
    pub fn of(event: &'a DomainEvent, (iss, aud): (&'a str, &'a ClientId), iat: Timestamp) -> Self {
        let events = Map::from_iter([(format!("{EVENT}{}", event.kind.as_str()), Value::Object(event.data.clone()))]);
        let sub_id = SubjectId { id: &event.subject };
        Self { iss, aud, iat, jti: &event.id, toe: event.timestamp, sub_id, events }
    }
}

/// Signs a token by this algorithm, that of the application's ID tokens.
pub fn sign(
    claims: &SecurityEventClaims<'_>,
    keys: &IdTokenKeys,
    algorithm: SignatureAlgorithm,
) -> Result<String, NotSigned> {
    keys.sign(Some(TYP), claims, algorithm)
}
