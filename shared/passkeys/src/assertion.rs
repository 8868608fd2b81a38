//! What an authenticator signs at a login: `AuthenticationResponseJSON` (WebAuthn §5.1).

use crate::Refused;
use crate::response::{TYPE, challenge, decoded};
use gateway_domain::ids::{SubjectKind, UserId};
use gateway_domain::passkey::{CredentialId, Passkey, PasskeyChallenge};
use passki::{AuthenticationCredential, AuthenticationState, Passki, StoredPasskey};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The most bytes of a response.
const MAX_BYTES: usize = 8 * 1024;

/// The response of an authenticator to [`crate::RelyingParty::request_options`]. Nothing of it is proved before it is verified.
#[derive(Debug)]
pub struct Assertion {
    id: CredentialId,
    user: UserId,
    challenge: PasskeyChallenge,
    response: Signed,
}

/// What was signed, and by what.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default, skip_serializing)]
    user_handle: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: Signed,
}

/// A passkey that has logged its person in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// How often it has signed by now.
    pub sign_count: u32,
}

impl Assertion {
    /// Reads a response of at most 8 KiB, of a passkey that names a user of ours.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::Unreadable);
        }
        let Written { raw_id, kind, response } = serde_json::from_str(text).map_err(|_| Refused::Unreadable)?;
        if kind != TYPE {
            return Err(Refused::Unreadable);
        }
        let id = CredentialId::parse(&raw_id).map_err(|_| Refused::Unreadable)?;
        let handle = decoded(response.user_handle.as_deref().ok_or(Refused::NoUser)?)?;
        let user = std::str::from_utf8(&handle).ok().and_then(|text| UserId::parse(text).ok());
        let user = user.filter(|user| user.kind() == SubjectKind::User).ok_or(Refused::NoUser)?;
        let challenge = challenge(&response.client_data)?;
        Ok(Self { id, user, challenge, response })
    }

    /// The passkey that it says it is of.
    pub fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// The user that it says it is of.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The challenge that it says it signs.
    pub fn challenge(&self) -> &PasskeyChallenge {
        &self.challenge
    }

    pub(crate) fn check(
        &self,
        passki: &Passki,
        passkey: &Passkey,
        challenge: &PasskeyChallenge,
    ) -> Result<Used, Refused> {
        if passkey.id != self.id {
            return Err(Refused::Signature);
        }
        // Extensions are left out: none was asked for.
        let written = json!({ "rawId": self.id.to_string(), "response": self.response });
        let written: AuthenticationCredential = serde_json::from_value(written).map_err(|_| Refused::Unreadable)?;
        let state = json!({
            "challenge": challenge.as_bytes(),
            "allowed_credentials": [self.id.as_bytes()],
            "user_verification": "required",
        });
        let state: AuthenticationState = serde_json::from_value(state).map_err(|_| Refused::Unreadable)?;
        let used = passki.finish_passkey_authentication(&written, &state, &stored(passkey))?;
        Ok(Used { sign_count: used.counter })
    }
}

fn stored(passkey: &Passkey) -> StoredPasskey {
    let mut stored = StoredPasskey::default();
    stored.credential_id = passkey.id.as_bytes().to_vec();
    stored.public_key = passkey.public_key.cose().to_vec();
    stored.algorithm = passkey.public_key.algorithm().number();
    stored.counter = passkey.sign_count;
    stored
}
