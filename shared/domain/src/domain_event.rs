//! Events: what has happened to users, sessions, applications and keys, as systems of the company are told of it.

use crate::ids::{ClientId, DestinationName};
use crate::time::{Seconds, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// How long an event is tried at a destination before it is given up.
pub const PATIENCE: Seconds = Seconds::new(3 * 86_400);
/// How long deliveries are shown, and can be made again.
pub const KEPT: Seconds = Seconds::new(30 * 86_400);
/// How long after its time an event that tells of many is told: until then the streams have brought what belongs to it.
const SETTLES: Seconds = Seconds::new(300);
/// What applications are called as subjects.
const APPLICATION: &str = "application";
/// The longest subject, in bytes.
const MAX_SUBJECT: usize = 160;

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What has happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType { $($(#[$doc])* $name,)* }

        impl EventType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

types! {
    /// There is an account, whose address is proved if it made itself.
    UserCreated = "user.created",
    /// An account is gone.
    UserDeleted = "user.deleted",
    /// An account can no longer log in.
    UserDisabled = "user.disabled",
    /// An account can log in again.
    UserEnabled = "user.enabled",
    /// An account has another address.
    UserAddressChanged = "user.address_changed",
    /// An account has another password, or none any more.
    UserPasswordChanged = "user.password_changed",
    /// An account may do other things in the portal.
    UserRolesChanged = "user.roles_changed",
    /// An account has a passkey that it had not.
    PasskeyAdded = "passkey.added",
    /// An account has lost a passkey.
    PasskeyRemoved = "passkey.removed",
    /// Logins to an account failed, from where nobody had logged in to it: one event for an hour.
    LoginFailed = "login.failed",
    /// A user has logged in at an application.
    SessionBegan = "session.began",
    /// A session was ended, before it ran out.
    SessionEnded = "session.ended",
    /// A person has logged in on a device, which is that person's from then on.
    DeviceLinked = "device.linked",
    /// A device is of no use any more.
    DeviceRevoked = "device.revoked",
    /// There is an application.
    ApplicationCreated = "application.created",
    /// An application is another.
    ApplicationChanged = "application.changed",
    /// An application is gone.
    ApplicationDeleted = "application.deleted",
    /// An application has another secret.
    ApplicationSecretRotated = "application.secret_rotated",
    /// Developers ask for an API.
    SubscriptionRequested = "subscription.requested",
    /// An application got the API that its developers had asked for.
    SubscriptionApproved = "subscription.approved",
    /// An application got an API without waiting for it.
    SubscriptionAdded = "subscription.added",
    /// An application lost an API.
    SubscriptionRemoved = "subscription.removed",
    /// The gateway signs or seals with another key.
    KeyRotated = "key.rotated",
}

impl EventType {
    /// The one with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text)
    }
}

impl Serialize for EventType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|one| one.as_str()).collect();
            serde::de::Error::custom(format!("`{text}` is no event: write one of {}", all.join(", ")))
        })
    }
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainEvent {
    /// Its id: the same however often it is delivered, so that a receiver knows what it has had.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When it happened.
    pub timestamp: Timestamp,
    /// To whom or what it happened, such as `user:u_…`. Those of one subject are delivered in their order.
    pub subject: Subject,
    /// More of it: ids and names, and no secrets.
    pub data: Map<String, Value>,
}

impl DomainEvent {
    /// What a receiver gets, as JSON in the envelope of Standard Webhooks.
    pub fn to_text(&self) -> String {
        json!(self).to_string()
    }

    /// Reads what [`DomainEvent::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// When an event that tells of many is told.
pub fn settled(event: &DomainEvent) -> Timestamp {
    event.timestamp.saturating_add(SETTLES)
}

/// To whom or what something happens: its kind, a colon, and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// The one of this kind with this id; `None` if that is no id.
    pub fn new(kind: &'static str, id: &str) -> Option<Self> {
        Self::parse(&format!("{kind}:{id}"))
    }

    /// Reads a subject. It has no `#`, so that keys which are made of it can be taken apart.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let sound = !kind.is_empty() && !id.is_empty() && text.len() <= MAX_SUBJECT && text.bytes().all(plain);
        sound.then(|| Self(text.to_owned()))
    }

    /// That of an application.
    pub fn of_app(client_id: &ClientId) -> Self {
        Self(format!("{APPLICATION}:{client_id}"))
    }

    /// The application that it is, if it is one.
    pub fn app(&self) -> Option<ClientId> {
        let (kind, id) = self.0.split_once(':')?;
        ClientId::parse(id).ok().filter(|_| kind == APPLICATION)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("no subject"))
    }
}

/// That a version of one of the gateway's keys is current, as the keys function tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotated {
    /// Which key: `signing`, `id-token`, `sealing`, `letters`, `refresh` or `pepper`.
    pub secret: String,
    /// The id of the version.
    pub version: String,
    /// When it became current, or was found to be.
    pub at: Timestamp,
}

const KEY_ROTATED: &str = "key_rotated";

impl KeyRotated {
    /// The event of the events function that says so.
    pub fn to_event(&self) -> Value {
        json!({ KEY_ROTATED: self })
    }

    /// Reads that event.
    pub fn parse(event: &Value) -> Option<Self> {
        Self::deserialize(event.get(KEY_ROTATED)?).ok()
    }
}

/// What waits for a destination about a subject: it is delivered in its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Who is told.
    pub destination: DestinationName,
    /// Of whom or what.
    pub subject: Subject,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_as_it_was_written() {
        for kind in EventType::ALL {
            let event = DomainEvent {
                id: "evt_1".to_owned(),
                kind: *kind,
                timestamp: Timestamp::from_secs(1_700_000_000),
                subject: Subject::new("user", "u_1").unwrap(),
                data: Map::from_iter([("user_id".to_owned(), json!("u_1"))]),
            };
            let body: Value = serde_json::from_str(&event.to_text()).unwrap();
            assert_eq!(body["type"], kind.as_str());
            assert_eq!(DomainEvent::parse(&event.to_text()), Some(event));
        }
        assert!(
            serde_json::from_value::<EventType>(json!("user.creatd")).unwrap_err().to_string().contains("user.created")
        );
    }

    #[test]
    fn a_subject_has_nothing_that_a_key_is_made_of() {
        for text in ["user:u_1", "session:-x_", "application:a.b", "logins:app:x@y", "device:-x_"] {
            assert_eq!(Subject::parse(text).unwrap().as_str(), text);
        }
        for text in
            ["", "user", ":x", "user:", "user:a#b", "user:a b", "user:\u{e9}", &format!("user:{}", "x".repeat(160))]
        {
            assert_eq!(Subject::parse(text), None, "{text}");
        }
        let app = ClientId::parse("shop").unwrap();
        assert_eq!((Subject::of_app(&app).as_str(), Subject::of_app(&app).app()), ("application:shop", Some(app)));
        assert_eq!(Subject::parse("user:shop").unwrap().app(), None);
    }
}
