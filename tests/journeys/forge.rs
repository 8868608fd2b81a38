//! Tokens that look like the gateway's own, signed with its own key or with another one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value as Json, json};
use support::Gateway;

/// A P-256 key.
pub(crate) struct Key {
    pub(crate) kid: String,
    private: Vec<u8>,
}

/// Forges from a real token: its header and claims, changed as a test likes.
pub(crate) struct Forge {
    pub(crate) key: Key,
    header: Json,
    claims: Json,
}

impl Key {
    pub(crate) fn generate(kid: &str) -> Self {
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self { kid: kid.to_owned(), private: private.expect("a key").as_ref().to_vec() }
    }

    /// The first key of a signing secret.
    pub(crate) fn of_secret(secret: &str) -> Self {
        let secret: Json = serde_json::from_str(secret).expect("JSON");
        let key = &secret["keys"][0];
        let private = STANDARD.decode(key["private_key"].as_str().expect("a key")).expect("base64");
        Self { kid: key["kid"].as_str().expect("a kid").to_owned(), private }
    }

    fn pair(&self) -> EcdsaKeyPair {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.private, &SystemRandom::new());
        pair.expect("a P-256 key")
    }

    /// The public key as an uncompressed point.
    pub(crate) fn point(&self) -> Vec<u8> {
        self.pair().public_key().as_ref().to_vec()
    }

    pub(crate) fn jwk(&self) -> Json {
        let point = self.point();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig" })
    }

    /// As a member of a signing secret.
    pub(crate) fn private(&self, status: &str) -> Json {
        json!({ "kid": self.kid, "status": status, "alg": "ES256", "private_key": STANDARD.encode(&self.private) })
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair().sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Forge {
    /// With the key of the running gateway.
    pub(crate) fn new(gateway: &Gateway, access_token: &str) -> Self {
        Self::with(Key::of_secret(&gateway.stack.secrets().value("SigningKeys").expect("signing keys")), access_token)
    }

    pub(crate) fn with(key: Key, access_token: &str) -> Self {
        let part = |index: usize| -> Json {
            let part = URL_SAFE_NO_PAD.decode(access_token.split('.').nth(index).expect("a part")).expect("base64url");
            serde_json::from_slice(&part).expect("JSON")
        };
        Self { key, header: part(0), claims: part(1) }
    }

    pub(crate) fn header(&self) -> String {
        self.header.to_string()
    }

    pub(crate) fn claims(&self) -> String {
        self.claims.to_string()
    }

    pub(crate) fn claim(&self, name: &str) -> &Json {
        &self.claims[name]
    }

    /// The header with these members; `null` takes one away.
    pub(crate) fn header_with(&self, members: &Json) -> String {
        changed(&self.header, members)
    }

    /// The claims with these members; `null` takes one away.
    pub(crate) fn claims_with(&self, members: &Json) -> String {
        changed(&self.claims, members)
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        self.key.sign(header, claims)
    }
}

fn changed(object: &Json, members: &Json) -> String {
    let mut object = object.clone();
    for (name, value) in members.as_object().expect("an object") {
        match value {
            Json::Null => object.as_object_mut().expect("an object").remove(name),
            value => object.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
        };
    }
    object.to_string()
}
