//! Reads HTTP Basic credentials (RFC 7617 §2).

use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The id and the secret of `base64(id ":" secret)` in UTF-8, or `None`. Both are still form-encoded (RFC 6749 §2.3.1); the
/// caller decodes them.
pub fn decode(credentials: &str) -> Option<(String, Secret)> {
    let bytes = STANDARD.decode(credentials.trim()).ok()?;
    let text = Secret::new(String::from_utf8(bytes).ok()?);
    let (id, secret) = text.expose().split_once(':')?;
    Some((id.to_owned(), Secret::new(secret.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_separates_and_garbage_is_nothing() {
        let (id, secret) = decode(&STANDARD.encode("app:se:cret")).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("app", "se:cret"));
        for bad in ["", "!!!", &STANDARD.encode("nocolon"), &STANDARD.encode(b"\xff:\xff")] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }
}
