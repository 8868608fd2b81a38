//! The public key of a phone or of another client: by a signature of the private key it proves that it holds that. P-256 alone, which secure
//! hardware of phones has.

use crate::jose;
use crate::jwt::Compact;
use crate::keys::{ec_point, has_private_members, is_on_curve, uncompressed};
use crate::secret::sha256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// By which it signs (RFC 7518 §3.4).
pub const ALGORITHM: &str = "ES256";

/// The key of an example (RFC 9449 §4.1), which stands for that of nobody.
const X: &str = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs";
const Y: &str = "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA";

/// Why a key is none. The text may be shown to who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidHolderKey(pub &'static str);

/// A point of P-256 (RFC 7518 §6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderKey {
    x: String,
    y: String,
}

impl HolderKey {
    /// Takes a public JWK (RFC 7517 §4). Whether its point is on the curve is for [`HolderKey::check_point`].
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, InvalidHolderKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        if has_private_members(jwk) {
            return Err(InvalidHolderKey("jwk holds a private key, which must stay where it is"));
        }
        if (text("kty"), text("crv")) != ("EC", "P-256") {
            return Err(InvalidHolderKey("kty of jwk must be EC, and crv P-256"));
        }
        if jwk.get("alg").is_some_and(|alg| alg != ALGORITHM) {
            return Err(InvalidHolderKey("alg of jwk must be ES256"));
        }
        // Decoding is strict, so that a key has one spelling and one thumbprint.
        uncompressed(text("x"), text("y"))
            .ok_or(InvalidHolderKey("x and y of jwk must be the base64url of 32 bytes"))?;
        Ok(Self { x: text("x").to_owned(), y: text("y").to_owned() })
    }

    /// The key of nobody: a signature is verified with it where no key is known, so that it takes as long. What it verifies proves
    /// nothing.
    pub fn of_nobody() -> Self {
        Self { x: X.to_owned(), y: Y.to_owned() }
    }

    /// Checks that the point is on the curve, where a key is registered. A signature of a key that is not there never verifies.
    pub fn check_point(&self) -> Result<(), InvalidHolderKey> {
        let on_curve = uncompressed(&self.x, &self.y).is_some_and(|point| is_on_curve(&point));
        if on_curve { Ok(()) } else { Err(InvalidHolderKey("the point of jwk is not on the curve P-256")) }
    }

    /// The key as a JWK.
    pub fn to_jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y })
    }

    /// The name of the key (RFC 7638 §3).
    pub fn thumbprint(&self) -> Thumbprint {
        // The members that RFC 7638 §3.2 requires, in the order of their names and without white space.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        Thumbprint(URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())))
    }

    /// Whether the key signed this.
    pub(crate) fn signed(&self, Compact { message, signature, .. }: &Compact<'_>) -> bool {
        jose::install();
        let Ok(key) = ec_point(&self.x, &self.y) else { return false };
        // The library decodes leniently.
        URL_SAFE_NO_PAD.decode(signature).is_ok()
            && matches!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, Algorithm::ES256), Ok(true))
    }
}

/// The SHA-256 thumbprint of a key (RFC 7638), in base64url: `jkt` (RFC 9449 §6.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// Takes the base64url of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidHolderKey> {
        let digest = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
        let wrong =
            InvalidHolderKey("a thumbprint must be the base64url of a SHA-256 digest, 43 characters (RFC 7638 §3)");
        digest.map(|_| Self(text.to_owned())).ok_or(wrong)
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::pair::Pair;

    /// The thumbprint of the key of the RFC, of its figure 9.
    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn jwk(change: impl Fn(&mut Map<String, Value>)) -> Map<String, Value> {
        let mut jwk = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y }).as_object().cloned().unwrap();
        change(&mut jwk);
        jwk
    }

    #[test]
    fn the_key_of_the_rfc_has_its_thumbprint() {
        let key = HolderKey::from_jwk(&jwk(|_| {})).unwrap();
        assert_eq!(key.thumbprint().as_str(), JKT);
        assert_eq!(key.check_point(), Ok(()));
        assert_eq!(key, HolderKey::of_nobody());
        assert_eq!(HolderKey::from_jwk(key.to_jwk().as_object().unwrap()), Ok(key));
        assert!(Thumbprint::parse(JKT).is_ok());
        for bad in ["", "short", &format!("{JKT}="), &JKT.replace('I', "J"), &JKT[1..]] {
            assert!(Thumbprint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_public_key_on_p_256_is_refused() {
        let set = |name: &'static str, value: Value| jwk(move |jwk| drop(jwk.insert(name.to_owned(), value.clone())));
        let refused = [
            set("d", "AA".into()),
            set("k", "AA".into()),
            set("kty", "RSA".into()),
            set("kty", json!(["EC"])),
            set("crv", "P-384".into()),
            set("alg", "ES384".into()),
            set("x", "AA".into()),
            set("x", format!("{X}=").into()),
            set("y", Value::Null),
            // The same bytes, but for bits that nobody reads.
            set("x", X.replace("BFs", "BFt").into()),
        ];
        for jwk in refused {
            assert!(HolderKey::from_jwk(&jwk).is_err(), "{jwk:?}");
        }
        let off = HolderKey::from_jwk(&set("y", X.into())).unwrap();
        assert!(off.check_point().is_err());
        assert!(HolderKey::from_jwk(&set("alg", "ES256".into())).is_ok());
        let made = Pair::generate().unwrap().jwk("k");
        assert_eq!(HolderKey::from_jwk(made.as_object().unwrap()).unwrap().check_point(), Ok(()));
    }
}
