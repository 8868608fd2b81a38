use super::*;
use crate::keys::InvalidKeys;
use crate::rotation::pair::Pair;
use crate::time::Seconds;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::json;

const ISSUER: &str = "https://auth.example.com";
const ENDPOINT: &str = "https://auth.example.com/oauth2/token";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const RSA: &[u8] = include_bytes!("rs256_tests/rsa-2048.pk8");

/// An application with an EC and an RSA key.
struct Client {
    ec: Pair,
    jwks: Value,
}

impl Client {
    fn new() -> Self {
        let ec = Pair::generate().unwrap();
        let mut rsa = Pair::of_rsa(RSA).unwrap().jwk("r");
        rsa.as_object_mut().unwrap().remove("alg");
        let jwks = json!({ "keys": [ec.jwk("e"), rsa] });
        Self { ec, jwks }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let rsa = |padding: &'static dyn RsaEncoding| {
            let key = RsaKeyPair::from_pkcs8(RSA).unwrap();
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match header["alg"].as_str() {
            Some("RS256") => rsa(&RSA_PKCS1_SHA256),
            Some("PS256") => rsa(&RSA_PSS_SHA256),
            _ => {
                let der = base64::engine::general_purpose::STANDARD.decode(self.ec.private().unwrap()).unwrap();
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random).unwrap();
                key.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verify(&self, token: &str) -> Result<OneUse, InvalidAssertion> {
        let keys = ClientKeys::parse(&self.jwks.to_string()).unwrap();
        let assertion = ClientAssertion::parse(Secret::new(token.to_owned()))?;
        assertion.verify(&ClientId::parse("partner").unwrap(), &keys, &[ISSUER, ENDPOINT], NOW)
    }
}

fn claims() -> Value {
    json!({
        "iss": "partner", "sub": "partner", "aud": ENDPOINT, "jti": "j-1",
        "iat": NOW.as_secs(), "exp": NOW.as_secs() + 60,
    })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

#[test]
fn each_algorithm_of_a_registered_key_authenticates() {
    let client = Client::new();
    let until = NOW.saturating_add(Seconds::new(60));
    for (kid, alg) in [("e", "ES256"), ("r", "RS256"), ("r", "PS256")] {
        let token = client.sign(&json!({ "alg": alg, "kid": kid, "typ": "JWT" }), &claims());
        assert_eq!(client.verify(&token), Ok(OneUse { jti: "j-1".to_owned(), until }), "{alg}");
    }
    let header = json!({ "alg": "ES256", "kid": "e", "typ": "client-authentication+jwt", "x5t": "ignored" });
    for audience in [json!(ISSUER), json!([ISSUER]), json!([ENDPOINT])] {
        client.verify(&client.sign(&header, &with(claims(), "aud", audience))).unwrap();
    }
    let token = client.sign(&json!({ "alg": "ES256", "kid": "e" }), &claims());
    assert_eq!(ClientAssertion::parse(Secret::new(token)).unwrap().client_id(), Some("partner"));
}

/// OpenID Connect Core §10.1: without a choice there is no need to choose.
#[test]
fn an_application_with_one_key_need_not_name_it() {
    let client = Client::new();
    let only = client.jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == "e").unwrap();
    let one = ClientKeys::parse(&json!({ "keys": [only] }).to_string()).unwrap();
    let verify = |header: &Value, keys: &ClientKeys| {
        let assertion = ClientAssertion::parse(Secret::new(client.sign(header, &claims()))).unwrap();
        assertion.verify(&ClientId::parse("partner").unwrap(), keys, &[ENDPOINT], NOW).is_ok()
    };
    assert!(verify(&json!({ "alg": "ES256" }), &one));
    assert!(!verify(&json!({ "alg": "ES256", "kid": "other" }), &one));
    assert!(!verify(&json!({ "alg": "ES256", "kid": 7 }), &one));
    assert!(!verify(&json!({ "alg": "ES256" }), &ClientKeys::parse(&client.jwks.to_string()).unwrap()));
}

#[test]
fn a_header_that_is_not_exact_is_refused() {
    let client = Client::new();
    let good = json!({ "alg": "ES256", "kid": "e", "typ": "JWT" });
    client.verify(&client.sign(&good, &claims())).unwrap();
    for header in [
        with(good.clone(), "alg", json!("none")),
        with(good.clone(), "alg", json!("HS256")),
        with(good.clone(), "alg", json!("RS256")),
        without(good.clone(), "alg"),
        with(good.clone(), "kid", json!("E")),
        with(good.clone(), "kid", json!("r")),
        without(good.clone(), "kid"),
        with(good.clone(), "typ", json!("at+jwt")),
        with(good.clone(), "typ", json!(1)),
        with(good.clone(), "crit", json!(["exp"])),
    ] {
        assert!(client.verify(&client.sign(&header, &claims())).is_err(), "{header}");
    }
    // Another application's key of the same kid, and a signature over something else.
    assert!(client.verify(&Client::new().sign(&good, &claims())).is_err());
    let (token, other) = (client.sign(&good, &claims()), client.sign(&good, &with(claims(), "jti", json!("j-2"))));
    let (message, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert!(client.verify(&format!("{message}.{signature}")).is_err());
    for token in ["", "a.b", "a.b.c", "a.b.c.d", message, &format!("{message}."), &"a".repeat(5_000)] {
        assert!(client.verify(token).is_err(), "{token}");
    }
}

#[test]
fn claims_that_are_not_those_of_the_client_here_and_now_are_refused() {
    let client = Client::new();
    let header = json!({ "alg": "ES256", "kid": "e" });
    let at = |seconds: i64| json!(NOW.as_secs() + seconds);
    for good in [
        with(claims(), "exp", at(1)),
        with(claims(), "exp", at(305)),
        with(claims(), "iat", at(5)),
        with(claims(), "nbf", at(5)),
        without(claims(), "iat"),
    ] {
        assert!(client.verify(&client.sign(&header, &good)).is_ok(), "{good}");
    }
    for bad in [
        with(claims(), "iss", json!("other")),
        with(claims(), "sub", json!("other")),
        without(claims(), "iss"),
        with(claims(), "aud", json!("https://auth.example.com/oauth2/revoke")),
        with(claims(), "aud", json!([ISSUER, ENDPOINT])),
        with(claims(), "aud", json!([])),
        without(claims(), "aud"),
        with(claims(), "exp", at(0)),
        with(claims(), "exp", at(306)),
        with(claims(), "exp", json!("later")),
        without(claims(), "exp"),
        with(claims(), "iat", at(6)),
        with(claims(), "nbf", at(6)),
        with(claims(), "jti", json!("")),
        with(claims(), "jti", json!("j".repeat(256))),
        with(claims(), "jti", json!(7)),
        without(claims(), "jti"),
    ] {
        assert!(client.verify(&client.sign(&header, &bad)).is_err(), "{bad}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_when_it_is_registered() {
    let client = Client::new();
    let parse = |keys: Value| ClientKeys::parse(&json!({ "keys": keys }).to_string()).map(|keys| keys.check_points());
    let ec = client.jwks["keys"][0].clone();
    let rsa = client.jwks["keys"][1].clone();
    assert_eq!(parse(json!([ec, rsa])).unwrap(), Ok(()));
    for (bad, reason) in [
        (json!([]), "1 to 16 keys"),
        (json!([ec, ec]), "distinct"),
        (json!([without(ec.clone(), "kid")]), "kid must be"),
        (json!([with(ec.clone(), "d", json!("AA"))]), "private key"),
        (json!([with(ec.clone(), "use", json!("enc"))]), "use must be sig"),
        (json!([with(ec.clone(), "crv", json!("P-384"))]), "kty must be"),
        (json!([with(ec.clone(), "alg", json!("RS256"))]), "alg must be"),
        (json!([with(rsa.clone(), "alg", json!("HS256"))]), "alg must be"),
        (json!([with(rsa.clone(), "n", json!(URL_SAFE_NO_PAD.encode([0xff; 128])))]), "length"),
    ] {
        let refused = parse(bad.clone()).map(drop).unwrap_err().to_string();
        assert!(refused.contains(reason), "{bad}: {refused}");
    }
    let many: Vec<_> = (0..17).map(|index| with(ec.clone(), "kid", json!(format!("k{index}")))).collect();
    assert!(matches!(parse(many.into()).map(drop), Err(InvalidKeys::Missing("1 to 16 keys"))));
    let off = with(ec, "x", json!(URL_SAFE_NO_PAD.encode([1; 32])));
    assert!(parse(json!([off])).unwrap().unwrap_err().to_string().contains("not on the curve"));
    // A registered `alg` leaves the key no other one.
    let only = Client { jwks: json!({ "keys": [with(rsa, "alg", json!("PS256"))] }), ..client };
    let token = |alg: &str| only.sign(&json!({ "alg": alg, "kid": "r" }), &claims());
    assert!(only.verify(&token("PS256")).is_ok() && only.verify(&token("RS256")).is_err());
}
