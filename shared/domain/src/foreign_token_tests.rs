use super::*;
use crate::rotation::pair::Pair;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::json;

const ISSUER: &str = "https://sso.example/realms/shop";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const RSA: &[u8] = include_bytes!("rs256_tests/rsa-2048.pk8");

/// Another issuer with an EC and an RSA key.
struct Issuer {
    ec: Pair,
    jwks: Value,
}

impl Issuer {
    fn new() -> Self {
        let ec = Pair::generate().unwrap();
        let mut rsa = Pair::of_rsa(RSA).unwrap().jwk("r");
        rsa.as_object_mut().unwrap().remove("alg");
        let jwks = json!({ "keys": [ec.jwk("e"), rsa, { "kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "o" }] });
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

    fn subject(&self, token: &str) -> Result<String, InvalidIdToken> {
        let keys = IssuerKeys::parse(self.jwks.to_string().as_bytes()).unwrap();
        subject(token, &keys, (ISSUER, "shop"), NOW)
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "f:1:ada", "aud": "shop", "email": "bob@example.com", "email_verified": true,
        "iat": NOW.as_secs(), "exp": NOW.as_secs() + 300,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn each_algorithm_that_issuers_use_tells_the_subject_and_nothing_else_does() {
    let issuer = Issuer::new();
    for (kid, alg) in [("e", "ES256"), ("r", "RS256"), ("r", "PS256")] {
        let token = issuer.sign(&json!({ "alg": alg, "kid": kid, "typ": "JWT" }), &claims());
        assert_eq!(issuer.subject(&token), Ok("f:1:ada".to_owned()), "{alg}");
    }
    let header = json!({ "alg": "ES256", "kid": "e" });
    for good in [
        with("aud", json!(["shop"])),
        with("azp", json!("shop")),
        with("iat", json!(NOW.as_secs() + 60)),
        with("exp", json!(NOW.as_secs() - 59)),
    ] {
        assert_eq!(issuer.subject(&issuer.sign(&header, &good)), Ok("f:1:ada".to_owned()), "{good}");
    }
    let mut several = with("aud", json!(["account", "shop"]));
    several["azp"] = json!("shop");
    assert_eq!(issuer.subject(&issuer.sign(&header, &several)), Ok("f:1:ada".to_owned()));
}

/// Abuse case N3: for another client.
#[test]
fn an_id_token_of_another_client_is_refused() {
    let issuer = Issuer::new();
    let header = json!({ "alg": "ES256", "kid": "e" });
    for bad in [
        with("aud", json!("other")),
        with("aud", json!([])),
        without("aud"),
        with("aud", json!(["shop", "other"])),
        with("azp", json!("other")),
    ] {
        let refused = issuer.subject(&issuer.sign(&header, &bad));
        assert!(matches!(refused, Err(InvalidIdToken::Refused(_))), "{bad}: {refused:?}");
    }
}

/// Abuse case N3: of another issuer, of another time, by another algorithm or key, or of another kind. Whose it is cannot be told then, and
/// that is nothing that whoever has the refresh token has done.
#[test]
fn what_cannot_be_verified_tells_nothing() {
    let issuer = Issuer::new();
    let header = json!({ "alg": "ES256", "kid": "e" });
    for bad in [
        with("iss", json!("https://sso.example/realms/other")),
        with("iss", json!(format!("{ISSUER}/"))),
        with("iss", json!([ISSUER])),
        without("iss"),
        with("iat", json!(NOW.as_secs() + 61)),
        without("iat"),
        without("exp"),
        with("exp", json!("never")),
        with("nbf", json!(NOW.as_secs() + 61)),
    ] {
        let refused = issuer.subject(&issuer.sign(&header, &bad));
        assert!(matches!(refused, Err(InvalidIdToken::Unverified(_))), "{bad}: {refused:?}");
    }
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "none", "kid": "e" }),
        json!({ "alg": "HS256", "kid": "e" }),
        json!({ "alg": "RS256", "kid": "e" }),
        json!({ "alg": "ES256", "kid": "r" }),
        json!({ "alg": "ES256", "kid": "e", "typ": "at+jwt" }),
        json!({ "alg": "ES256", "kid": "e", "typ": "logout+jwt" }),
        json!({ "alg": "ES256", "kid": "e", "crit": ["x"] }),
        json!({ "alg": "ES256", "kid": 1 }),
    ] {
        let refused = issuer.subject(&issuer.sign(&header, &claims()));
        assert!(matches!(refused, Err(InvalidIdToken::Unverified(_))), "{header}: {refused:?}");
    }
    for text in ["", "a.b", "a.b.c.d", "x"] {
        assert!(matches!(issuer.subject(text), Err(InvalidIdToken::Unverified(_))), "{text}");
    }
    // Whatever it claims: nothing of it is read before its signature holds.
    let stranger = Issuer::new().sign(&header, &with("aud", json!("other")));
    assert_eq!(issuer.subject(&stranger), Err(InvalidIdToken::UnknownKey));
    let unsigned = stranger.rsplit_once('.').unwrap().0.to_owned() + ".";
    assert_eq!(issuer.subject(&unsigned), Err(InvalidIdToken::UnknownKey));
}

/// Abuse case N4: whoever has an address here is nobody by it.
#[test]
fn an_address_is_no_subject() {
    let issuer = Issuer::new();
    let header = json!({ "alg": "ES256", "kid": "e" });
    for bad in [without("sub"), with("sub", json!("")), with("sub", json!(7)), with("sub", json!("x".repeat(256)))] {
        let refused = issuer.subject(&issuer.sign(&header, &bad));
        assert_eq!(refused, Err(InvalidIdToken::Refused("it has no sub")), "{bad}");
    }
}

/// A token with every group of its user logs in as any other, as long as the answer that brought it was read.
#[test]
fn an_id_token_is_as_long_as_an_answer_may_be() {
    let issuer = Issuer::new();
    let header = json!({ "alg": "ES256", "kid": "e" });
    let groups = |length: usize| issuer.sign(&header, &with("groups", json!("g".repeat(length))));
    assert_eq!(issuer.subject(&groups(46 * 1024)), Ok("f:1:ada".to_owned()));
    assert_eq!(issuer.subject(&groups(49 * 1024)), Err(InvalidIdToken::Unverified("it is too long")));
}

#[test]
fn a_newer_key_and_an_end_are_told_apart() {
    let issuer = Issuer::new();
    let newer = issuer.sign(&json!({ "alg": "ES256", "kid": "e2" }), &claims());
    assert_eq!(issuer.subject(&newer), Err(InvalidIdToken::UnknownKey));
    let unnamed = issuer.sign(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(issuer.subject(&unnamed), Err(InvalidIdToken::UnknownKey), "of two keys, none is meant");
    let over = issuer.sign(&json!({ "alg": "ES256", "kid": "e" }), &with("exp", json!(NOW.as_secs() - 60)));
    assert_eq!(issuer.subject(&over), Err(InvalidIdToken::Expired));
}

#[test]
fn keys_that_prove_nothing_are_skipped_and_a_set_without_others_is_none() {
    let issuer = Issuer::new();
    let mut leaked = issuer.ec.jwk("e");
    leaked["d"] = json!("AA");
    for keys in [json!([]), json!([leaked]), json!([{ "kty": "oct", "k": "AA", "kid": "h" }]), json!([{}])] {
        assert!(IssuerKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).is_err(), "{keys}");
    }
    assert!(IssuerKeys::parse(b"<html>").is_err());
    let mut of_encryption = issuer.ec.jwk("e");
    of_encryption["use"] = json!("enc");
    let set = json!({ "keys": [of_encryption, issuer.ec.jwk("e")] }).to_string();
    assert!(IssuerKeys::parse(set.as_bytes()).is_ok());
}
