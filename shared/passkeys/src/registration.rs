//! What an authenticator says of a new passkey: `RegistrationResponseJSON` (WebAuthn §5.1).

use crate::Refused;
use crate::response::{TYPE, challenge, decoded};
use gateway_domain::passkey::{Algorithm, CredentialId, Passkey, PasskeyChallenge, PublicKey, uuid};
use gateway_domain::time::Timestamp;
use passki::{Passki, RegistrationCredential, RegistrationState};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The most bytes of a response. Some have certificates in them, although none were asked for.
const MAX_BYTES: usize = 16 * 1024;

/// The response of an authenticator to [`crate::RelyingParty::creation_options`]. Nothing of it is proved before it is checked.
#[derive(Debug)]
pub struct Registration {
    id: CredentialId,
    challenge: PasskeyChallenge,
    response: Attested,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attested {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: Attested,
}

/// A passkey that was made just now, without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasskey {
    id: CredentialId,
    public_key: PublicKey,
    sign_count: u32,
    backed_up: bool,
    aaguid: String,
}

impl NewPasskey {
    /// It as it is kept.
    pub fn named(self, name: String, since: Timestamp) -> Passkey {
        let Self { id, public_key, sign_count, backed_up, aaguid } = self;
        Passkey { id, public_key, sign_count, name, since, used_at: None, backed_up, aaguid }
    }
}

impl Registration {
    /// Reads a response of at most 16 KiB.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::Unreadable);
        }
        let Written { raw_id, kind, response } = serde_json::from_str(text).map_err(|_| Refused::Unreadable)?;
        if kind != TYPE {
            return Err(Refused::Unreadable);
        }
        let id = CredentialId::parse(&raw_id).map_err(|_| Refused::Unreadable)?;
        decoded(&response.attestation_object)?;
        let challenge = challenge(&response.client_data)?;
        Ok(Self { id, challenge, response })
    }

    /// The challenge that it says it answers.
    pub fn challenge(&self) -> &PasskeyChallenge {
        &self.challenge
    }

    pub(crate) fn check(&self, passki: &Passki, challenge: &PasskeyChallenge) -> Result<NewPasskey, Refused> {
        let written = json!({ "rawId": self.id.to_string(), "response": self.response });
        let written: RegistrationCredential = serde_json::from_value(written).map_err(|_| Refused::Unreadable)?;
        let state = json!({
            "challenge": challenge.as_bytes(),
            // The library does not compare it: the challenge is of one user.
            "user": { "id": "", "name": "", "displayName": "" },
            "user_verification": "required",
        });
        let state: RegistrationState = serde_json::from_value(state).map_err(|_| Refused::Unreadable)?;
        let made = passki.finish_passkey_registration(&written, &state)?;
        let algorithm = Algorithm::of_number(made.algorithm).ok_or(Refused::Algorithm)?;
        Ok(NewPasskey {
            id: CredentialId::of_bytes(made.credential_id).map_err(|_| Refused::Unreadable)?,
            public_key: PublicKey::new(algorithm, made.public_key).map_err(|_| Refused::Algorithm)?,
            sign_count: made.counter,
            backed_up: made.bs,
            aaguid: uuid(made.aaguid),
        })
    }
}
