//! An internal token, fresh from its legacy system and not sealed yet.

use crate::ids::ConnectorName;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// An internal token, fresh from its system.
#[derive(Serialize, Deserialize)]
pub struct Acquired {
    /// What the connector needs later to inject, renew or end it: opaque and secret, so it is sealed before it is stored.
    #[serde(serialize_with = "written", deserialize_with = "read")]
    pub state: Zeroizing<Vec<u8>>,
    /// When it stops working however much it is used, if the system said so.
    pub ends: Option<Timestamp>,
    /// How long without use it stops working, if the system said so.
    pub idle: Option<Seconds>,
    /// Until when it can be replaced without the password; `None` if it never can.
    pub renew_until: Option<Timestamp>,
}

impl fmt::Debug for Acquired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquired").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// The session that a legacy system began when it checked a password. Whoever takes it keeps it or ends it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Begun {
    /// Whose system it is.
    pub connector: ConnectorName,
    /// The token.
    pub acquired: Acquired,
}

/// A [`Begun`] that is taken once, or none.
#[derive(Debug, Default)]
pub struct Handover(Mutex<Option<Begun>>);

impl Handover {
    /// Hands this over.
    pub fn of(begun: Option<Begun>) -> Self {
        Self(Mutex::new(begun))
    }

    /// What is left to take.
    pub fn take(&self) -> Option<Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The token, if it is of this connector and was not taken yet.
    pub fn take_of(&self, connector: &ConnectorName) -> Option<Acquired> {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take_if(|begun| begun.connector == *connector).map(|begun| begun.acquired)
    }
}

fn written<S: Serializer>(state: &Zeroizing<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&**state)))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<Vec<u8>>, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    STANDARD.decode(&*text).map(Zeroizing::new).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Begun {
        let state = Zeroizing::new(b"a session\0of theirs".to_vec());
        let acquired =
            Acquired { state, ends: Some(Timestamp::from_secs(7)), idle: Some(Seconds::new(60)), renew_until: None };
        Begun { connector: ConnectorName::parse("shop").unwrap(), acquired }
    }

    #[test]
    fn it_is_taken_once_and_by_its_connector_alone() {
        let (shop, other) = (ConnectorName::parse("shop").unwrap(), ConnectorName::parse("other").unwrap());
        let handover = Handover::of(Some(begun()));
        assert!(handover.take_of(&other).is_none());
        assert_eq!(*handover.take_of(&shop).unwrap().state, b"a session\0of theirs");
        assert!(handover.take_of(&shop).is_none() && handover.take().is_none());
        assert!(Handover::of(Some(begun())).take().is_some());
    }

    #[test]
    fn it_is_read_as_it_was_written_and_shows_nothing_in_debug_output() {
        let read: Begun = serde_json::from_value(serde_json::json!(begun())).unwrap();
        assert_eq!(*read.acquired.state, *begun().acquired.state);
        assert_eq!((read.acquired.ends, read.acquired.idle), (begun().acquired.ends, begun().acquired.idle));
        assert!(!format!("{read:?}").contains("97"), "{read:?}");
    }
}
