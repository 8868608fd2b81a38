//! The server side of passkeys (W3C WebAuthn Level 3): options for browsers and apps, and the checks of what authenticators sign.
//!
//! A young library does the checks. It is known here alone, and gets nothing that was not bounded and read here before.

mod assertion;
mod refused;
mod registration;
mod response;

pub use assertion::{Assertion, Used};
pub use refused::{Refused, UnsupportedCpu};
pub use registration::{NewPasskey, Registration};

use gateway_domain::ids::UserId;
use gateway_domain::passkey::{Algorithm, CredentialId, LIFETIME, Passkey, PasskeyChallenge};
use passki::Passki;
use serde_json::{Value, json};

/// The most bytes of a user handle (WebAuthn §4, User Handle).
const MAX_HANDLE: usize = 64;

/// Whose passkeys these are: a domain, and the pages and apps that may use them.
pub struct RelyingParty {
    passki: Passki,
}

/// Who enrols a passkey.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The subject, which authenticators give back at a login. It may be no secret and no address (WebAuthn §14.6.1).
    pub id: &'a UserId,
    /// The address, by which people tell accounts apart.
    pub address: &'a str,
}

impl RelyingParty {
    /// The relying party of this id (a domain), with the origins of its pages and apps, and its name.
    ///
    /// # Errors
    /// If this machine lacks the instructions that the checks of signatures are written in. They would end the program there.
    pub fn new(id: &str, origins: &[impl AsRef<str>], name: &str) -> Result<Self, UnsupportedCpu> {
        if !graviola::util::is_cpu_supported() {
            return Err(UnsupportedCpu);
        }
        Ok(Self { passki: Passki::new(id, origins, name) })
    }

    /// `PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.9): a passkey that logs in without a username, and never without its person.
    ///
    /// # Errors
    /// [`Refused::LongUserId`] for a user whose id is no user handle.
    pub fn creation_options<'a>(
        &self,
        owner: Owner<'_>,
        existing: impl IntoIterator<Item = &'a CredentialId>,
        challenge: &PasskeyChallenge,
    ) -> Result<Value, Refused> {
        if owner.id.as_str().len() > MAX_HANDLE {
            return Err(Refused::LongUserId);
        }
        let algorithms = Algorithm::ALL.map(|one| json!({ "type": "public-key", "alg": one.number() }));
        let existing = existing.into_iter().map(|id| json!({ "type": "public-key", "id": id.to_string() }));
        Ok(json!({
            "rp": { "id": self.passki.rp_id, "name": self.passki.rp_name },
            "user": {
                "id": response::encoded(owner.id.as_str().as_bytes()),
                "name": owner.address,
                "displayName": owner.address,
            },
            "challenge": response::encoded(challenge.as_bytes()),
            "pubKeyCredParams": algorithms,
            "timeout": milliseconds(),
            "excludeCredentials": existing.collect::<Vec<_>>(),
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required",
            },
            "attestation": "none",
        }))
    }

    /// `PublicKeyCredentialRequestOptionsJSON` (WebAuthn §5.1.10). They name no passkey: nothing tells who has one.
    pub fn request_options(&self, challenge: &PasskeyChallenge) -> Value {
        json!({
            "challenge": response::encoded(challenge.as_bytes()),
            "timeout": milliseconds(),
            "rpId": self.passki.rp_id,
            "allowCredentials": [],
            "userVerification": "required",
        })
    }

    /// The passkey in the response of an authenticator, if that is one to this challenge (WebAuthn §7.1).
    pub fn registered(&self, registration: &Registration, challenge: &PasskeyChallenge) -> Result<NewPasskey, Refused> {
        registration.check(&self.passki, challenge)
    }

    /// Whether this passkey has signed this challenge, for one of these origins, with its person there and verified (WebAuthn §7.2).
    pub fn verified(
        &self,
        assertion: &Assertion,
        passkey: &Passkey,
        challenge: &PasskeyChallenge,
    ) -> Result<Used, Refused> {
        assertion.check(&self.passki, passkey, challenge)
    }
}

impl std::fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelyingParty {{ id: {:?}, origins: {:?} }}", self.passki.rp_id, self.passki.rp_origins)
    }
}

/// For how long a prompt stays.
fn milliseconds() -> u64 {
    LIFETIME.as_u64().saturating_mul(1000)
}

#[cfg(test)]
mod authenticator;
#[cfg(test)]
mod tests;
