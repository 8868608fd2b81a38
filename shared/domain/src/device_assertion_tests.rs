use super::*;
use crate::ids::ClientId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example.com";
const ENDPOINT: &str = "https://auth.example.com/oauth2/token";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Device {
    pair: EcdsaKeyPair,
    key: HolderKey,
    id: UserId,
}

impl Device {
    fn new() -> Self {
        let random = SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let key = HolderKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        let id = UserId::of_device(&ClientId::parse("app").unwrap(), &key.thumbprint());
        Self { pair, key, id }
    }

    fn claims(&self) -> Value {
        json!({ "iss": self.id, "sub": self.id, "aud": ISSUER, "jti": "j-1", "exp": NOW.as_secs() + 300 })
    }

    fn sign(&self, header: &Value, claims: &Value) -> DeviceAssertion {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        DeviceAssertion::parse(Secret::new(token)).unwrap()
    }

    fn verify(&self, assertion: &DeviceAssertion) -> Result<OneUse, InvalidAssertion> {
        self.verify_for(Purpose::Grant, assertion)
    }

    fn verify_for(&self, purpose: Purpose, assertion: &DeviceAssertion) -> Result<OneUse, InvalidAssertion> {
        if !assertion.is_signed_by(&self.key) {
            return Err(InvalidAssertion("the signature"));
        }
        assertion.check(&self.id, purpose, &[ISSUER, ENDPOINT], NOW)
    }
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

#[test]
fn an_assertion_of_the_devices_key_is_taken_and_names_the_device() {
    let device = Device::new();
    for header in [
        json!({ "alg": "ES256" }),
        json!({ "alg": "ES256", "typ": "JWT", "kid": "ignored", "jwk": Device::new().key.to_jwk() }),
        json!({ "alg": "ES256", "typ": "Authorization-Grant+JWT" }),
    ] {
        let assertion = device.sign(&header, &with(device.claims(), "aud", json!([ENDPOINT])));
        assert_eq!(assertion.device().as_ref(), Some(&device.id));
        let until = Timestamp::from_secs(NOW.as_secs() + 300);
        assert_eq!(device.verify(&assertion), Ok(OneUse { jti: "j-1".to_owned(), until }), "{header}");
    }
}

#[test]
fn what_the_device_did_not_sign_as_an_assertion_is_none() {
    let (device, other) = (Device::new(), Device::new());
    let good = json!({ "alg": "ES256", "typ": "JWT" });
    for header in [
        with(good.clone(), "typ", json!("dpop+jwt")),
        with(good.clone(), "typ", json!("client-authentication+jwt")),
        with(good.clone(), "typ", json!("at+jwt")),
        with(good.clone(), "alg", json!("none")),
        with(good.clone(), "alg", json!("RS256")),
        with(good.clone(), "crit", json!(["exp"])),
    ] {
        assert!(device.verify(&device.sign(&header, &device.claims())).is_err(), "{header}");
    }
    assert!(device.verify(&other.sign(&good, &device.claims())).is_err(), "another key");
    for claims in [
        other.claims(),
        with(device.claims(), "iss", json!(other.id)),
        with(device.claims(), "aud", json!("https://elsewhere.example")),
        with(device.claims(), "aud", json!([ISSUER, ENDPOINT])),
        with(device.claims(), "exp", json!(NOW.as_secs())),
        with(device.claims(), "exp", json!(NOW.as_secs() + 331)),
        with(device.claims(), "iat", json!(NOW.as_secs() + 31)),
        with(device.claims(), "nbf", json!(NOW.as_secs() + 31)),
        with(device.claims(), "jti", json!("")),
    ] {
        assert!(device.verify(&device.sign(&good, &claims)).is_err(), "{claims}");
    }
}

/// What a device has signed to get a token links it to nobody, and the other way round.
#[test]
fn an_assertion_is_for_one_purpose() {
    let device = Device::new();
    for (typ, purpose) in [
        (None, Purpose::Grant),
        (Some("JWT"), Purpose::Grant),
        (Some("authorization-grant+jwt"), Purpose::Grant),
        (Some("device-link+jwt"), Purpose::Link),
        (Some("Device-Link+JWT"), Purpose::Link),
    ] {
        let mut header = json!({ "alg": "ES256" });
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let assertion = device.sign(&header, &device.claims());
        for other in [Purpose::Grant, Purpose::Link] {
            assert_eq!(device.verify_for(other, &assertion).is_ok(), other == purpose, "{typ:?} {other:?}");
        }
    }
}

/// The clock of a phone may be as far ahead as with a proof of possession.
#[test]
fn a_clock_may_be_half_a_minute_ahead() {
    let device = Device::new();
    let header = json!({ "alg": "ES256" });
    for name in ["iat", "nbf"] {
        let claims = with(device.claims(), name, json!(NOW.as_secs() + 30));
        assert!(device.verify(&device.sign(&header, &claims)).is_ok(), "{name}");
    }
    let claims = with(device.claims(), "exp", json!(NOW.as_secs() + 330));
    assert!(device.verify(&device.sign(&header, &claims)).is_ok());
}

/// Checklist Y-06: neither a person nor an application can be what an assertion is of.
#[test]
fn only_the_id_of_a_device_is_one() {
    let device = Device::new();
    for sub in [json!("u_1"), json!("app:app"), json!("device"), json!("device: x"), json!(7), Value::Null] {
        let assertion = device.sign(&json!({ "alg": "ES256" }), &with(device.claims(), "sub", sub.clone()));
        assert_eq!(assertion.device(), None, "{sub}");
    }
}
