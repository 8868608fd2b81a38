//! An authenticator for tests, whose every byte a test can change.

use crate::response::encoded;
use ciborium::Value as Cbor;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

/// User present, user verified, attested credential data (WebAuthn §6.1).
pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// What it signs, and how.
pub(crate) struct Made<'a> {
    pub(crate) kind: &'a str,
    pub(crate) challenge: &'a [u8],
    pub(crate) origin: &'a str,
    pub(crate) relying_party: &'a str,
    pub(crate) flags: u8,
    pub(crate) count: u32,
    /// Members of the client data beside those above.
    pub(crate) extra: &'a str,
}

impl<'a> Made<'a> {
    pub(crate) fn login(challenge: &'a [u8]) -> Self {
        let (origin, relying_party) = ("https://login.example.com", "example.com");
        Self { kind: "webauthn.get", challenge, origin, relying_party, flags: PRESENT | VERIFIED, count: 0, extra: "" }
    }

    pub(crate) fn enrolment(challenge: &'a [u8]) -> Self {
        Self { kind: "webauthn.create", ..Self::login(challenge) }
    }

    fn client_data(&self) -> String {
        let (kind, challenge, origin) = (self.kind, encoded(self.challenge), self.origin);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{}}}"#, self.extra)
    }

    fn header(&self, more: u8) -> Vec<u8> {
        let mut bytes = digest(&SHA256, self.relying_party.as_bytes()).as_ref().to_vec();
        bytes.push(self.flags | more);
        bytes.extend(self.count.to_be_bytes());
        bytes
    }
}

pub(crate) struct Authenticator {
    pair: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) user: Vec<u8>,
    /// The algorithm that it says its key is of.
    pub(crate) algorithm: i64,
}

impl Authenticator {
    pub(crate) fn new(user: &str) -> Self {
        let random = SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private.as_ref(), &random).unwrap();
        Self { pair, id: vec![7; 32], user: user.as_bytes().to_vec(), algorithm: -7 }
    }

    fn key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let pair = |name: i64, value: Cbor| (Cbor::Integer(name.into()), value);
        let key = Cbor::Map(vec![
            pair(1, Cbor::Integer(2.into())),
            pair(3, Cbor::Integer(self.algorithm.into())),
            pair(-1, Cbor::Integer(1.into())),
            pair(-2, Cbor::Bytes(point[1..33].to_vec())),
            pair(-3, Cbor::Bytes(point[33..].to_vec())),
        ]);
        written(&key)
    }

    /// `RegistrationResponseJSON`.
    pub(crate) fn create(&self, made: &Made<'_>) -> String {
        let mut data = made.header(ATTESTED);
        data.extend([0xAA; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.key());
        let text = |text: &str| Cbor::Text(text.to_owned());
        let object = Cbor::Map(vec![
            (text("fmt"), text("none")),
            (text("attStmt"), Cbor::Map(Vec::new())),
            (text("authData"), Cbor::Bytes(data)),
        ]);
        let response = json!({
            "clientDataJSON": encoded(made.client_data().as_bytes()),
            "attestationObject": encoded(&written(&object)),
            "transports": ["internal", "hybrid"],
        });
        self.response(&response)
    }

    /// `AuthenticationResponseJSON`.
    pub(crate) fn get(&self, made: &Made<'_>) -> String {
        let data = made.header(0);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, made.client_data().as_bytes()).as_ref());
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "clientDataJSON": encoded(made.client_data().as_bytes()),
            "authenticatorData": encoded(&data),
            "signature": encoded(signature.as_ref()),
            "userHandle": encoded(&self.user),
        });
        self.response(&response)
    }

    fn response(&self, response: &serde_json::Value) -> String {
        let id = encoded(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }
}

fn written(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}
