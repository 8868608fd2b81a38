//! Tests of RS256, which authorization servers and resource servers must support (RFC 9068 §2.1). The two keys are used in
//! these tests only.

use crate::access_token::{AccessClaims, OwnClaims, sign, verify};
use crate::ids::{ClientId, SessionId, UserId};
use crate::keys::{PublicKeys, SigningKey};
use crate::scope::Scope;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RsaKeyPair, RsaPublicKeyComponents};
use serde_json::json;

const KEY: &[u8] = include_bytes!("rs256_tests/rsa-2048.pk8");
const SHORT_KEY: &[u8] = include_bytes!("rs256_tests/rsa-1024.pk8");
const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn secret(private_key: &[u8], alg: &str) -> String {
    let private_key = STANDARD.encode(private_key);
    json!({ "keys": [{ "kid": "r1", "status": "current", "alg": alg, "private_key": private_key }] }).to_string()
}

fn jwks(alg: &str) -> String {
    let pair = RsaKeyPair::from_pkcs8(KEY).unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
    json!({ "keys": [{ "kty": "RSA", "kid": "r1", "alg": alg, "use": "sig", "n": n, "e": e }], "current": "r1" })
        .to_string()
}

fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        sub: UserId::parse("u_1").unwrap(),
        aud: vec![AUDIENCE.to_owned()],
        client_id: ClientId::parse("demo-app").unwrap(),
        scope: Scope::parse("orders:read").unwrap(),
        sid: SessionId::from_random([1; 16]),
        jti: "j".to_owned(),
        iat: NOW,
        exp: Timestamp::from_secs(NOW.as_secs() + 600),
        login: None,
        cnf: None,
        own: OwnClaims::default(),
    }
}

/// Checklist A-01.
#[test]
fn a_token_signed_with_rsa_is_accepted_with_all_its_claims() {
    let token = sign(&claims(), &SigningKey::parse(&secret(KEY, "RS256")).unwrap()).unwrap();
    let public = PublicKeys::parse_jwks(&jwks("RS256")).unwrap();
    assert_eq!(verify(&token, &public, ISSUER, AUDIENCE, NOW).unwrap().whoever_presents(), claims());

    let mut changed = token.into_bytes();
    let last = changed.len() - 10;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    assert!(verify(&String::from_utf8(changed).unwrap(), &public, ISSUER, AUDIENCE, NOW).is_err());
}

/// Checklist J-06, Z-41: no RSA key below 2048 bits signs or verifies.
#[test]
fn a_short_rsa_key_is_refused() {
    assert!(SigningKey::parse(&secret(SHORT_KEY, "RS256")).is_err());
    let short = |bytes: &[u8]| {
        let key = json!({ "kty": "RSA", "kid": "r1", "alg": "RS256", "n": URL_SAFE_NO_PAD.encode(bytes), "e": "AQAB" });
        PublicKeys::parse_jwks(&json!({ "keys": [key], "current": "r1" }).to_string())
    };
    assert!(short(&[0xff; 128]).is_err() && short(&[0xff; 256]).is_ok());
}

/// Checklist C-01, J-05: each key has one algorithm, which is never HMAC.
#[test]
fn a_key_signs_with_its_own_algorithm_only() {
    for alg in ["ES256", "HS256", "PS256", "none"] {
        assert!(SigningKey::parse(&secret(KEY, alg)).is_err(), "{alg}");
        assert!(PublicKeys::parse_jwks(&jwks(alg)).is_err(), "{alg}");
    }
}
