//! Identifiers. Each is parsed where it enters, so no other code checks raw strings.

use crate::holder_key::Thumbprint;
use crate::secret::sha256;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The text is not a valid identifier of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: expected {expected}")]
pub struct InvalidId {
    kind: &'static str,
    expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $expected:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Parses ", $expected, ".")]
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let allowed: fn(u8) -> bool = $allowed;
                // Only [`HeaderText`] allows spaces, but not at its ends: a field value cannot have them there (RFC 9110
                // §5.5).
                if text.is_empty() || text.trim() != text || text.len() > $max || !text.bytes().all(allowed) {
                    return Err(InvalidId { kind: $kind, expected: $expected });
                }
                Ok(Self(text.to_owned()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A user, a device (`device:` and a hash), or an application acting for itself (`app:` and its client id): the `sub` of a token (RFC 9068
    /// §2.2).
    UserId, "user id", 128, "1 to 128 characters of A-Z a-z 0-9 _ . : @ -",
    |b| b.is_ascii_alphanumeric() || b"_.:@-".contains(&b)
);
id!(
    /// A registered application (RFC 6749 §2.2).
    ClientId, "client id", 64, "1 to 64 characters of A-Z a-z 0-9 _ . -",
    |b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)
);
id!(
    /// An API of the gateway's configuration.
    ApiName, "API name", 32, "1 to 32 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// A connector of the gateway's configuration.
    ConnectorName, "connector name", 32, "1 to 32 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// Who is told of events, in the gateway's configuration.
    DestinationName, "destination name", 32, "1 to 32 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// Another issuer whose refresh tokens are traded in, in the gateway's configuration.
    IssuerName, "issuer name", 32, "1 to 32 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// A plan of the gateway's configuration.
    PlanName, "plan name", 32, "1 to 32 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// A family of applications in the gateway's configuration.
    FamilyName, "family name", 32, "1 to 32 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// A limit of a plan.
    LimitName, "limit name", 16, "1 to 16 characters of a-z 0-9 -",
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
);
id!(
    /// One login of one user in one application: 128 random bits, base64url.
    SessionId, "session id", 22, "22 characters of base64url",
    |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
);
id!(
    /// Something that waits in the outbox: 128 random bits, base64url.
    OutboxId, "outbox id", 22, "22 characters of base64url",
    |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
);
id!(
    /// One code that was sent by mail: 128 random bits, base64url.
    CodeId, "code id", 22, "22 characters of base64url",
    |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
);
id!(
    /// Developers who share applications: 128 random bits, base64url, behind `org_`.
    OrganizationId, "organization id", 26, "org_ and 22 characters of base64url",
    |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
);
id!(
    /// A text that back ends get in a header: an application's name, or the id of a subscription.
    HeaderText, "name", 128, "1 to 128 printable ASCII characters without space at either end",
    |b| (b' '..=b'~').contains(&b)
);

impl ClientId {
    /// The gateway's own account pages, where attempts to log in are counted by application. An application of this id would
    /// share that count, and nothing else.
    pub fn of_account_pages() -> Self {
        Self("gateway-account".to_owned())
    }
}

impl DestinationName {
    /// The hook `registered`, which is told of new users and answers. The configuration gives the name to no other.
    pub fn of_registered() -> Self {
        Self("registered".to_owned())
    }

    /// The webhooks of applications, each of which is told of itself. The configuration gives the name to no other.
    pub fn of_apps() -> Self {
        Self("apps".to_owned())
    }
}

impl IssuerName {
    /// Under which name a user's links have the subject that this issuer knows the user by. No connector has the name of an issuer.
    pub fn as_link(&self) -> ConnectorName {
        ConnectorName(self.0.clone())
    }
}

impl SessionId {
    /// The identifier of a new session, from 128 bits of the system's randomness. It never begins with a hyphen: an operator's
    /// command line would take it for options.
    pub fn from_random(mut bits: [u8; 16]) -> Self {
        use base64::Engine as _;
        // The first six bits are the first character: 62 is the hyphen, 30 a letter (RFC 4648 §5).
        if bits[0] >> 2 == 62 {
            bits[0] ^= 0x80;
        }
        Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits))
    }
}

impl CodeId {
    /// The identifier of a new code, from 128 bits of the system's randomness.
    pub fn from_random(bits: [u8; 16]) -> Self {
        use base64::Engine as _;
        Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits))
    }
}

impl OutboxId {
    /// The identifier of what follows the end of a session: the session's own, so that it waits once however often the end is
    /// tried.
    pub fn of_session(sid: &SessionId) -> Self {
        Self(sid.0.clone())
    }

    /// The identifier of something new in the outbox, from 128 bits of the system's randomness.
    pub fn from_random(bits: [u8; 16]) -> Self {
        use base64::Engine as _;
        Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits))
    }
}

impl OrganizationId {
    /// The identifier of a new organization, from 128 bits of the system's randomness.
    pub fn from_random(bits: [u8; 16]) -> Self {
        use base64::Engine as _;
        Self(format!("org_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits)))
    }
}

/// Whom a token speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// A person who has logged in.
    User,
    /// A device of an application, whoever uses it.
    Device,
    /// An application that acts for itself.
    Application,
}

impl SubjectKind {
    /// Its name, as back ends are told it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Application => "application",
        }
    }
}

const OF_APP: &str = "app:";
const OF_DEVICE: &str = "device:";

impl UserId {
    /// The subject of an application that acts for itself. The prefix distinguishes it from every user (RFC 9068 §5).
    pub fn of_app(client: &ClientId) -> Self {
        Self(format!("{OF_APP}{client}"))
    }

    /// The subject of the device of an application that has this key: the same however often it is registered, and another one for
    /// another application.
    pub fn of_device(client: &ClientId, key: &Thumbprint) -> Self {
        use base64::Engine as _;
        // No client id has a space, so that no two pairs are one text.
        let digest = sha256(format!("{client} {key}").as_bytes());
        Self(format!("{OF_DEVICE}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)))
    }

    /// The subject of a new user, from 128 bits of the system's randomness.
    pub fn from_random(bits: [u8; 16]) -> Self {
        use base64::Engine as _;
        Self(format!("u_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits)))
    }

    /// Whom it names. No user has an id that begins as those of devices and applications do.
    pub fn kind(&self) -> SubjectKind {
        if self.0.starts_with(OF_APP) {
            SubjectKind::Application
        } else if self.0.starts_with(OF_DEVICE) {
            SubjectKind::Device
        } else {
            SubjectKind::User
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_a_foreign_character_is_refused_and_says_what_is_expected() {
        let error = ClientId::parse("demo app").unwrap_err().to_string();
        assert!(error.contains("A-Z a-z 0-9 _ . -"), "{error}");
        assert!(ClientId::parse("demo-app").is_ok());
    }

    #[test]
    fn a_text_for_a_header_is_printable_ascii() {
        assert!(HeaderText::parse("Demo App (2)").is_ok());
        for text in ["", " a", "a ", "caf\u{e9}", "a\nb", "a\tb", &"x".repeat(129)] {
            assert!(HeaderText::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_new_session_begins_with_a_hyphen() {
        let ids: std::collections::BTreeSet<_> = (0..=255).map(|first| SessionId::from_random([first; 16])).collect();
        assert_eq!(ids.len(), 256);
        assert!(ids.iter().all(|id| !id.as_str().starts_with('-') && SessionId::parse(id.as_str()).as_ref() == Ok(id)));
    }

    /// Checklist A-04, S-08: the subject of a client cannot be the subject of a user.
    #[test]
    fn the_subject_of_an_app_is_no_subject_of_a_person() {
        let app = UserId::of_app(&ClientId::parse("u_x").unwrap());
        assert_eq!(app.kind(), SubjectKind::Application);
        assert_eq!(UserId::from_random([7; 16]).kind(), SubjectKind::User);
        assert!(ClientId::parse("app:x").is_err());
    }

    /// Checklist Y-06: it is of the key and of the application, and of nobody else's.
    #[test]
    fn the_subject_of_a_device_follows_from_its_application_and_its_key() {
        let client = |id| ClientId::parse(id).unwrap();
        let key = |sign: &str| Thumbprint::parse(&sign.repeat(43)).unwrap();
        let device = UserId::of_device(&client("one"), &key("A"));
        assert_eq!((device.kind(), device.as_str().len()), (SubjectKind::Device, 50));
        assert_eq!(device, UserId::of_device(&client("one"), &key("A")));
        assert_eq!(UserId::parse(device.as_str()), Ok(device.clone()));
        assert_ne!(device, UserId::of_device(&client("two"), &key("A")));
        assert_ne!(device, UserId::of_device(&client("one"), &key("Q")));
        assert!(ClientId::parse(device.as_str()).is_err());
    }
}
