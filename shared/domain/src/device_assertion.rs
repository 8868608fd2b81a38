//! The assertion by which a device of an application shows who it is: as a grant (RFC 7523 §2.1), and at a login that links the device to
//! who logs in.

use crate::assertion::{Assertion, InvalidAssertion};
use crate::holder_key::{ALGORITHM, HolderKey};
use crate::ids::{SubjectKind, UserId};
use crate::one_use::OneUse;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The value of `grant_type` (RFC 7523 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The types of an assertion of a device. A proof of possession, which the same key signs, has another one.
const TYPES: [&str; 2] = ["JWT", "authorization-grant+jwt"];

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

    /// Verifies the assertion of this device: that its key signed it, that it is meant for one of these audiences alone, and that it is
    /// neither over nor valid for long. Whether it was used before, the caller finds out.
    pub fn verify(
        &self,
        device: &UserId,
        key: &HolderKey,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<OneUse, InvalidAssertion> {
        self.0.check_header(&TYPES)?;
        if self.0.header("alg") != Some(ALGORITHM) {
            return Err(InvalidAssertion("alg of the assertion is not ES256"));
        }
        if !key.signed(&self.0.parts()?) {
            return Err(InvalidAssertion("the signature of the assertion does not verify"));
        }
        self.0.check_claims(device.as_str(), audiences, now)
    }
}

#[cfg(test)]
#[path = "device_assertion_tests.rs"]
mod tests;
