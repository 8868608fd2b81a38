//! Proofs of possession (RFC 9449): a client signs each of its requests with a key that it alone has, so that a token that somebody copied is of
//! no use to them.

mod nonce;
pub mod seen;

use crate::event::ApiRequest;
use crate::holder_key::{ALGORITHM, HolderKey, Thumbprint};
use crate::jwt::{self, Compact};
use crate::one_use::OneUse;
use crate::sealing::SealingKeys;
use crate::secret::sha256;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::Value;

pub use nonce::DpopNonce;

/// The header that has a proof.
pub const HEADER: &str = "DPoP";
/// The header that has a nonce for the next proof (RFC 9449 §8).
pub const NONCE_HEADER: &str = "DPoP-Nonce";
/// The media type of a proof (RFC 9449 §4.2).
const TYP: &str = "dpop+jwt";
/// How old a proof without a nonce may be.
pub const WINDOW: Seconds = Seconds::new(60);
/// How far the clock of a client without a nonce may be ahead.
pub const AHEAD: Seconds = Seconds::new(30);
/// The longest proof, in bytes.
const MAX_LENGTH: usize = 4096;
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 255;

/// Why a proof is none. The text is for developers, and never has what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidProof(pub &'static str);

/// RFC 9449 §4.3, item 1.
pub(crate) const REPEATED: InvalidProof = InvalidProof("there must be one DPoP header");

/// The request that a proof has to be for.
#[derive(Debug, Clone, Copy)]
pub struct ProvedRequest<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its URL, as the client knows it.
    pub url: &'a str,
    /// The access token that it presents, if it does.
    pub access_token: Option<&'a str>,
}

/// A proof whose signature verifies, and which is for a request. Whether it is of now, and was not used before, is for the caller to find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The key that signed it.
    pub key: HolderKey,
    /// Its id, unique for the key.
    pub jti: String,
    /// When it was made, by the client's clock.
    pub iat: Timestamp,
    /// What this server gave out for it, if the client had that.
    pub nonce: Option<String>,
}

impl Proof {
    /// The proof of a request to this URL that presents no access token, if it has one: that its client holds a key.
    pub fn of_request(request: &ApiRequest, url: &str) -> Result<Option<Self>, InvalidProof> {
        let text = request.header(HEADER).map_err(|_| REPEATED)?;
        let proved = ProvedRequest { method: &request.method, url, access_token: None };
        text.map(|text| Self::verify(text, &proved)).transpose()
    }

    /// Verifies a proof (RFC 9449 §4.3), all but its time, its nonce and its use.
    pub fn verify(text: &str, request: &ProvedRequest<'_>) -> Result<Self, InvalidProof> {
        const MALFORMED: InvalidProof = InvalidProof("the DPoP proof is not a JWT");
        if text.len() > MAX_LENGTH {
            return Err(InvalidProof("the DPoP proof must not exceed 4096 bytes"));
        }
        let parts = Compact::parse(text).map_err(|_| MALFORMED)?;
        let header = jwt::object(parts.header).map_err(|_| MALFORMED)?;
        let of_header = |name: &str| header.get(name).and_then(Value::as_str);
        if !of_header("typ").is_some_and(|typ| typ.eq_ignore_ascii_case(TYP)) {
            return Err(InvalidProof("typ of the DPoP proof must be dpop+jwt"));
        }
        if of_header("alg") != Some(ALGORITHM) {
            return Err(InvalidProof("alg of the DPoP proof must be ES256"));
        }
        // What is critical is not understood here (RFC 7515 §4.1.11).
        if header.contains_key("crit") {
            return Err(InvalidProof("the DPoP proof has critical header parameters"));
        }
        let jwk = header.get("jwk").and_then(Value::as_object);
        let key = HolderKey::from_jwk(jwk.ok_or(InvalidProof("the DPoP proof has no jwk in its header"))?);
        let key = key.map_err(|invalid| InvalidProof(invalid.0))?;
        if !key.signed(&parts) {
            return Err(InvalidProof("the signature of the DPoP proof does not verify"));
        }
        let claims = jwt::object(parts.payload).map_err(|_| MALFORMED)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("htm") != Some(request.method) {
            return Err(InvalidProof("htm of the DPoP proof is not the method of the request"));
        }
        if !text("htu").is_some_and(|htu| is_same(htu, request.url)) {
            return Err(InvalidProof("htu of the DPoP proof is not the URL of the request"));
        }
        if text("ath") != request.access_token.map(hash).as_deref() {
            return Err(InvalidProof("ath of the DPoP proof is not the hash of the access token"));
        }
        let iat = jwt::date(&claims, "iat").ok().flatten().ok_or(InvalidProof("the DPoP proof has no iat"))?;
        let jti = text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
        let jti = jti.ok_or(InvalidProof("the DPoP proof needs a jti of at most 255 bytes"))?.to_owned();
        let nonce = match claims.get("nonce") {
            None => None,
            Some(nonce) => Some(nonce.as_str().ok_or(InvalidProof("nonce of the DPoP proof is no text"))?.to_owned()),
        };
        Ok(Self { key, jti, iat, nonce })
    }

    /// The name of the key.
    pub fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint()
    }

    /// How long it can be used where tokens are given out, if it is of now: by the nonce, if it has one, whatever the client's clock says, and
    /// else by that clock. The keys must be those of the nonce.
    pub fn at_issuer(&self, keys: &SealingKeys, now: Timestamp) -> Option<OneUse> {
        match &self.nonce {
            None => self.by_its_clock(now),
            Some(nonce) => {
                let until = DpopNonce::parse(nonce)?.until(keys, now)?;
                Some(OneUse { jti: self.jti.clone(), until })
            }
        }
    }

    /// How long it can be used, if it was made now by the client's clock. A nonce is nothing here: who has no key for nonces cannot tell.
    pub fn by_its_clock(&self, now: Timestamp) -> Option<OneUse> {
        let until = self.iat.saturating_add(WINDOW);
        let is_of_now = self.iat <= now.saturating_add(AHEAD) && now < until;
        is_of_now.then(|| OneUse { jti: self.jti.clone(), until })
    }
}

/// `ath` (RFC 9449 §4.2).
fn hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(access_token.as_bytes()))
}

/// Whether `htu` names this URL (RFC 9449 §4.3, item 9): without query and fragment, in any spelling of scheme, host, port and percent-encoding.
fn is_same(htu: &str, url: &str) -> bool {
    let before = |text: &str| text.split(['?', '#']).next().map(str::to_owned);
    match (before(htu).as_deref().and_then(Place::of), before(url).as_deref().and_then(Place::of)) {
        (Some(htu), Some(url)) => htu == url,
        (Some(_) | None, Some(_) | None) => false,
    }
}

#[derive(PartialEq)]
struct Place {
    scheme: String,
    authority: String,
    path: Vec<u8>,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let authority = authority.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let authority = authority.strip_suffix(default).unwrap_or(&authority).to_owned();
        Some(Self { scheme, authority, path: percent_decode_str(path).collect() })
    }
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
