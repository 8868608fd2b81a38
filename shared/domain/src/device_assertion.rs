//! The assertion by which a device of an application shows who it is: as a grant (RFC 7523 §2.1), and at a login that links the device to
//! who logs in.

use crate::assertion::{Assertion, InvalidAssertion};
use crate::holder_key::{ALGORITHM, HolderKey};
use crate::ids::{SubjectKind, UserId};
use crate::one_use::OneUse;
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

/// The value of `grant_type` (RFC 7523 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How far the clock of a phone may be ahead: as far as with a proof of possession.
const AHEAD: Seconds = Seconds::new(30);

/// What a device shows an assertion for. One for a token is of no use at a login: a link is for good, and whoever has found a used
/// request must not be able to make one of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A token of the device's own.
    Grant,
    /// A login, which links it.
    Link,
}

impl Purpose {
    /// The values of `typ`. A proof of possession, which the same key signs, has another one.
    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Grant => &["JWT", "authorization-grant+jwt"],
            Self::Link => &["device-link+jwt"],
        }
    }
}

/// An assertion as it was sent. Nothing in it is proved before [`DeviceAssertion::verify`].
pub struct DeviceAssertion(Assertion);

impl DeviceAssertion {
    /// Reads an assertion. A repeated name in its header or claims is an error.
    pub fn parse(token: Secret) -> Result<Self, InvalidAssertion> {
        Assertion::parse(token).map(Self)
    }

    /// The device that it says it is from, if that can be one.
    pub fn device(&self) -> Option<UserId> {
        UserId::parse(self.0.subject()?).ok().filter(|id| id.kind() == SubjectKind::Device)
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &HolderKey) -> bool {
        self.0.header("alg") == Some(ALGORITHM) && self.0.parts().is_ok_and(|parts| key.signed(&parts))
    }

    /// Checks the assertion of this device, once its signature is verified: that it is for this purpose, that it is meant for one of
    /// these audiences alone, and that it is neither over nor valid for long. Whether it was used before, the caller finds out.
    pub fn check(
        &self,
        device: &UserId,
        purpose: Purpose,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<OneUse, InvalidAssertion> {
        self.0.check_header(purpose.types())?;
        if purpose == Purpose::Link && !self.0.has_header("typ") {
            return Err(InvalidAssertion("the assertion does not say that it is for a login"));
        }
        self.0.check_claims(device.as_str(), audiences, (now, AHEAD))
    }
}

#[cfg(test)]
#[path = "device_assertion_tests.rs"]
mod tests;
