//! Where an application is told of what happens: addresses that its developers give, and the gateway calls.

use crate::redirect_uri::RedirectUri;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The URI cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the gateway calls an https URL without user and fragment, such as https://app.example.com/told, or http://127.0.0.1 or \
     http://[::1] on a developer's machine"
)]
pub struct InvalidNotificationUri;

/// A registered back-channel logout URI (OpenID Connect Back-Channel Logout 1.0 §2.2) or webhook: `https`, or a loopback address,
/// which only a local stack calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NotificationUri(String);

impl NotificationUri {
    /// Parses a URI as it is registered.
    pub fn parse(text: &str) -> Result<Self, InvalidNotificationUri> {
        let web = text.starts_with("https:") || text.starts_with("http:");
        // What codes may be sent to is as strict, but for the schemes of native applications, which nobody can call.
        if !web || RedirectUri::parse(text).is_err() {
            return Err(InvalidNotificationUri);
        }
        Ok(Self(text.to_owned()))
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NotificationUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NotificationUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_is_registered_and_nothing_else() {
        for uri in ["https://app.example.com/out", "https://app.example.com:8443/out?a=b", "http://127.0.0.1:9/out"] {
            assert_eq!(NotificationUri::parse(uri).map(|uri| uri.to_string()), Ok(uri.to_owned()));
        }
        for uri in [
            "",
            "http://app.example.com/out",
            "http://localhost/out",
            "https://app.example.com/out#there",
            "https://app@evil.example/",
            "com.example.app:/out",
            "file:///etc/passwd",
        ] {
            assert_eq!(NotificationUri::parse(uri), Err(InvalidNotificationUri), "{uri}");
        }
    }
}
