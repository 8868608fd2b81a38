//! Destinations: systems that are told of events.

use crate::check::Findings;
use crate::file::File;
use crate::{HttpUrl, NotAllowed, SecretName, duration};
use gateway_domain::domain_event::EventType;
use gateway_domain::ids::DestinationName;
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The most destinations: each costs writes for each event.
const MOST: usize = 8;

/// A system that is told of events: over HTTP with a signature, or by an event bus of Amazon.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Where each event is posted to: an address of the public Internet.
    pub url: Option<HttpUrl>,
    /// With `url`: the secret with the key that signs requests, `whsec_` and base64.
    pub secret: Option<SecretName>,
    /// The name or ARN of an event bus of Amazon that gets them instead. IAM says who may put events there.
    pub event_bus: Option<EventBus>,
    /// Of what it is told. Without it, of everything.
    #[schemars(with = "Option<BTreeSet<TypeName>>", extend("minItems" = 1))]
    pub types: Option<BTreeSet<EventType>>,
    /// With `url`: how long the answer may take, 1 s to 10 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
}

const fn default_timeout() -> Seconds {
    Seconds::new(5)
}

impl Destination {
    /// Whether it is told of events of this type.
    pub fn wants(&self, kind: EventType) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
    }
}

/// The name of an event.
#[derive(JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(extend("enum" = EventType::ALL))]
struct TypeName(String);

/// The name or ARN of an event bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9./:_-]{1,256}$"))]
pub struct EventBus(String);

impl EventBus {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventBus {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"./:_-".contains(&byte);
        if text.is_empty() || text.len() > 256 || !text.bytes().all(known) {
            return Err(NotAllowed::new(format!(
                "`{text}` is no event bus: write its name, such as `default`, or its ARN"
            )));
        }
        Ok(Self(text))
    }
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    if file.events.len() > MOST {
        findings.add("events".to_owned(), format!("at most {MOST} are told: put events on a bus that more can read"));
    }
    for (name, destination) in &file.events {
        let field = format!("events.{name}");
        if *name == DestinationName::of_registered() {
            findings.add(field.clone(), "is the name of a hook: call it otherwise");
        }
        if *name == DestinationName::of_apps() {
            findings.add(field.clone(), "is the name of the webhooks of applications: call it otherwise");
        }
        match (&destination.url, &destination.event_bus) {
            (None, None) => findings.add(field.clone(), "tells nobody: write `url` or `event_bus`"),
            (Some(_), Some(_)) => {
                findings.add(format!("{field}.event_bus"), "one alone is told: keep this or `url`");
            }
            (Some(url), None) => {
                if destination.secret.is_none() {
                    let reason = "requests are signed: write `secret`, the name of the secret with the key";
                    findings.add(field.clone(), reason);
                }
                if url.origin().is_exposed() {
                    findings.add(format!("{field}.url"), "what is sent would travel unencrypted: write https");
                }
            }
            (None, Some(_)) if destination.secret.is_some() => {
                findings.add(format!("{field}.secret"), "is of a `url`: IAM guards an event bus. Remove it");
            }
            (None, Some(_)) => {}
        }
        if destination.types.as_ref().is_some_and(BTreeSet::is_empty) {
            findings.add(format!("{field}.types"), "is told of nothing: write events, or remove it for all");
        }
        findings.within(format!("{field}.timeout"), destination.timeout, 1, 10);
    }
}
