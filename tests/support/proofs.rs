//! A key of a client, the proofs of possession that it signs (RFC 9449 §4.2), and the assertions (RFC 7523 §3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::holder_key::HolderKey;
use gateway_domain::secret::sha256;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value as Json, json};

/// A key on P-256 that nobody else has.
pub struct ClientKey(EcdsaKeyPair);

/// A proof that is not signed yet.
#[derive(Clone)]
pub struct Unsigned<'k> {
    key: &'k ClientKey,
    claims: Json,
}

impl ClientKey {
    /// A new key.
    #[expect(clippy::new_without_default, reason = "no two are the same")]
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random);
        Self(pair.expect("a key"))
    }

    /// Its public half (RFC 7517 §4).
    pub fn jwk(&self) -> Json {
        let point = self.0.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    /// Its name: `jkt`.
    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let key = HolderKey::from_jwk(jwk.as_object().expect("an object")).expect("a key");
        key.thumbprint().to_string()
    }

    /// A proof for a request, made at this time (Unix seconds), with an id of its own.
    pub fn proof(&self, method: &str, url: &str, now: i64) -> Unsigned<'_> {
        let claims = json!({ "htm": method, "htu": url, "iat": now, "jti": unique() });
        Unsigned { key: self, claims }
    }

    /// The claims of an assertion by which this device shows itself to this server, made at this time (Unix seconds), with an id of its own.
    pub fn claims_of(device: &str, audience: &str, now: i64) -> Json {
        json!({ "iss": device, "sub": device, "aud": audience, "exp": now + 60, "jti": unique() })
    }

    /// A JWT with this header and these claims, by this key.
    pub fn jwt(&self, header: &Json, claims: &Json) -> String {
        let part = |value: &Json| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The assertion by which a device with this key shows itself to this server at a login, made at this time (Unix seconds).
    pub fn link_assertion(&self, device: &str, audience: &str, now: i64) -> String {
        self.jwt(&json!({ "alg": "ES256", "typ": "device-link+jwt" }), &Self::claims_of(device, audience, now))
    }

    /// The assertion by which a device with this key asks for a token of this server, made at this time (Unix seconds).
    pub fn assertion(&self, device: &str, audience: &str, now: i64) -> String {
        self.jwt(&json!({ "alg": "ES256" }), &Self::claims_of(device, audience, now))
    }
}

fn unique() -> String {
    let mut id = [0; 16];
    SystemRandom::new().fill(&mut id).expect("random bytes");
    URL_SAFE_NO_PAD.encode(id)
}

impl Unsigned<'_> {
    /// The same with this access token.
    #[must_use]
    pub fn of_token(self, access_token: &str) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(sha256(access_token.as_bytes()));
        self.with("ath", hash)
    }

    /// The same with this nonce.
    #[must_use]
    pub fn with_nonce(self, nonce: &str) -> Self {
        self.with("nonce", nonce)
    }

    /// The same with this claim.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Json>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// The value of the header `DPoP`.
    pub fn signed(&self) -> String {
        self.key.jwt(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.jwk() }), &self.claims)
    }
}
