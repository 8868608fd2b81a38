//! What responses of both kinds have in common: base64url in JSON, and the challenge in the client data.

use crate::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::passkey::PasskeyChallenge;
use serde::Deserialize;

/// The only type of credential (WebAuthn §5.8.2).
pub(crate) const TYPE: &str = "public-key";

#[derive(Deserialize)]
struct ClientData {
    challenge: String,
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decoded(text: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Unreadable)
}

/// What the response says that it signs. Nothing of it is proved.
pub(crate) fn challenge(client_data: &str) -> Result<PasskeyChallenge, Refused> {
    let data: ClientData = serde_json::from_slice(&decoded(client_data)?).map_err(|_| Refused::Unreadable)?;
    PasskeyChallenge::of_bytes(&decoded(&data.challenge)?).ok_or(Refused::Elsewhere)
}
