//! Randomness of the device.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Error;

/// So many random bytes, as base64url: text that is unlike any other, and with 32 bytes a verifier (RFC 7636 §4.1).
pub(crate) fn random<const BYTES: usize>() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    #[expect(clippy::disallowed_methods, reason = "an app has no part of the gateway: this is its own source")]
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|_| Error::Storage(std::io::Error::other("no random numbers")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
