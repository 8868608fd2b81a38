//! Random identifiers and keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use startup::{Clock as _, StartError, SystemClock, entropy};

/// A 256-bit secret in characters that need no encoding in forms, headers and shells.
pub(crate) fn secret() -> Result<String, StartError> {
    Ok(URL_SAFE_NO_PAD.encode(entropy::bytes::<32>()?))
}

/// A name that no one guesses, of 22 letters, digits, `-` and `_`.
pub(crate) fn name() -> Result<String, StartError> {
    Ok(URL_SAFE_NO_PAD.encode(entropy::bytes::<16>()?))
}

/// An identifier of a request, in the form of a UUID. Not a secret.
pub(crate) fn request_id() -> String {
    let random = u128::from_be_bytes(entropy::bytes::<16>().unwrap_or_default());
    let hex = format!("{random:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    // Version 4, variant 1 (RFC 9562 §5.4).
    format!("{}-{}-4{}-8{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

/// The id of a trace of X-Ray that begins now: `1-`, the seconds since 1970 and 96 random bits, in hexadecimal digits.
pub(crate) fn trace_root() -> String {
    let random = u128::from_be_bytes(entropy::bytes::<16>().unwrap_or_default()) >> 32;
    format!("1-{:08x}-{random:024x}", SystemClock.now().as_secs())
}

/// The id of a segment of X-Ray.
pub(crate) fn segment_id() -> String {
    format!("{:016x}", u64::from_be_bytes(entropy::bytes::<8>().unwrap_or_default()))
}
