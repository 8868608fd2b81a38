//! Random identifiers and keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::clock::Clock as _;
use gateway_runtime::{StartError, SystemClock, SystemEntropy};

/// A 256-bit secret in characters that need no encoding in forms, headers and shells.
pub(crate) fn secret() -> Result<String, StartError> {
    Ok(URL_SAFE_NO_PAD.encode(SystemEntropy.bytes::<32>()?))
}

/// A name of 128 random bits, which nobody can guess: 22 letters, digits, `-` and `_`.
pub(crate) fn name() -> Result<String, StartError> {
    Ok(URL_SAFE_NO_PAD.encode(SystemEntropy.bytes::<16>()?))
}

/// An identifier of a request, in the form of a UUID. Not a secret.
pub(crate) fn request_id() -> String {
    uuid::Builder::from_random_bytes(SystemEntropy.bytes().unwrap_or_default()).into_uuid().to_string()
}

/// The id of an X-Ray trace that begins now: `1-`, the seconds since 1970 and 96 random bits, in hexadecimal digits.
pub(crate) fn trace_root() -> String {
    let random = u128::from_be_bytes(SystemEntropy.bytes::<16>().unwrap_or_default()) >> 32;
    format!("1-{:08x}-{random:024x}", SystemClock.now().as_secs())
}

/// The id of an X-Ray segment.
pub(crate) fn segment_id() -> String {
    format!("{:016x}", u64::from_be_bytes(SystemEntropy.bytes::<8>().unwrap_or_default()))
}
