//! Random identifiers and keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use startup::{StartError, entropy};

/// A 256-bit key in base64.
pub(crate) fn key() -> Result<String, StartError> {
    Ok(STANDARD.encode(entropy::bytes::<32>()?))
}

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
    let (a, b, c) = (random >> 96, (random >> 80) & 0xffff, (random >> 68) & 0xfff);
    let (d, e) = ((random >> 56) & 0xfff, random & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-4{c:03x}-8{d:03x}-{e:012x}")
}
