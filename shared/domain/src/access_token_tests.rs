//! Access tokens that must be refused, each beside one that must be accepted.

use super::*;
use crate::session::LoginMethod;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "https://api.example.com";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A key pair as the key secrets hold it, and in raw form to forge tokens with.
struct Server {
    signing: SigningKey,
    public: PublicKeys,
    pkcs8: Vec<u8>,
    point: Vec<u8>,
}

fn server(kid: &str) -> Server {
    let rng = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap().as_ref().to_vec();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &rng).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let secret = json!({"keys": [{"kid": kid, "status": "current", "private_key": STANDARD.encode(&pkcs8)}]});
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
    let jwks = json!({"keys": [
        {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y},
        {"kty": "MYSTERY", "kid": "other"}
    ], "current": kid});
    Server {
        signing: SigningKey::parse(&secret.to_string()).unwrap(),
        public: PublicKeys::parse_jwks(&jwks.to_string()).unwrap(),
        pkcs8,
        point,
    }
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "u_1", "aud": [AUDIENCE], "client_id": "demo-app", "scope": "orders:read",
        "sid": SessionId::from_random([1; 16]), "jti": "j", "iat": NOW.as_secs(), "exp": NOW.as_secs() + 600
    })
}

fn good_header() -> Value {
    json!({"typ": "at+jwt", "alg": "ES256", "kid": "k1"})
}

impl Server {
    /// Signs exactly these texts, valid or not.
    fn forge(&self, header: &str, claims: &str) -> String {
        let rng = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8, &rng).unwrap();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = pair.sign(&rng, message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn verify(&self, token: &str) -> Result<AccessClaims, InvalidToken> {
        verify(token, &self.public, ISSUER, AUDIENCE, NOW).map(VerifiedToken::whoever_presents)
    }

    fn with_header(&self, name: &str, value: Value) -> Result<AccessClaims, InvalidToken> {
        let mut header = good_header();
        header[name] = value;
        self.verify(&self.forge(&header.to_string(), &good_claims().to_string()))
    }

    fn with_claim(&self, name: &str, value: Value) -> Result<AccessClaims, InvalidToken> {
        let mut claims = good_claims();
        claims[name] = value;
        self.verify(&self.forge(&good_header().to_string(), &claims.to_string()))
    }

    fn without_claim(&self, name: &str) -> Result<AccessClaims, InvalidToken> {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().remove(name);
        self.verify(&self.forge(&good_header().to_string(), &claims.to_string()))
    }
}

/// The valid counterpart of every refusal below; checklist A-02, A-03, T-16.
#[test]
fn a_token_signed_here_is_accepted_with_all_its_claims() {
    let server = server("k1");
    let claims = server.verify(&server.forge(&good_header().to_string(), &good_claims().to_string())).unwrap();
    let token = sign(&claims, &server.signing).unwrap();
    assert_eq!(server.verify(&token), Ok(claims));
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header, good_header());
}

/// RFC 9470 §6.1: how the user logged in is told together or not at all.
#[test]
fn a_token_tells_when_and_how_its_user_logged_in() {
    let server = server("k1");
    let with = |more: Value| {
        let mut claims = good_claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.verify(&server.forge(&good_header().to_string(), &claims.to_string()))
    };
    let auth_time = NOW.as_secs() - 5;
    for by in [LoginMethod::Password, LoginMethod::Passkey] {
        let claims = with(json!({ "auth_time": auth_time, "acr": crate::id_token::acr(by) })).unwrap();
        assert_eq!(claims.login, Some(Authentication { auth_time: Timestamp::from_secs(auth_time), by }));
        let token = sign(&claims, &server.signing).unwrap();
        assert_eq!(server.verify(&token), Ok(claims));
    }
    for half in [json!({}), json!({ "auth_time": auth_time }), json!({ "acr": "phr" })] {
        assert_eq!(with(half).unwrap().login, None);
    }
    assert_eq!(with(json!({ "auth_time": auth_time, "acr": "of tomorrow" })).unwrap().login, None);
    assert_eq!(with(json!({ "auth_time": auth_time, "acr": 1 })), Err(InvalidToken::Claim("acr")));
    assert_eq!(with(json!({ "auth_time": "now", "acr": "phr" })), Err(InvalidToken::Claim("auth_time")));
}

/// Abuse case D1; checklist J-04, C-02.
#[test]
fn no_spelling_of_none_is_an_algorithm() {
    let server = server("k1");
    for alg in ["none", "None", "nOnE", ""] {
        let mut header = good_header();
        header["alg"] = json!(alg);
        let token = server.forge(&header.to_string(), &good_claims().to_string());
        assert_eq!(server.verify(&token), Err(InvalidToken::Header));
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert!(server.verify(&unsigned).is_err());
    }
    let good = server.forge(&good_header().to_string(), &good_claims().to_string());
    assert_eq!(server.verify(&format!("{}.", good.rsplit_once('.').unwrap().0)), Err(InvalidToken::Signature));
}

/// Abuse case D2; checklist C-01.
#[test]
fn the_public_key_is_no_shared_secret() {
    let server = server("k1");
    let mut der = vec![0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08];
    der.extend([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00]);
    der.extend(&server.point);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    for secret in [server.point.as_slice(), &der, pem.as_bytes(), server.public.as_jwks().as_bytes()] {
        for alg in ["HS256", "ES256"] {
            let header = json!({"typ": "at+jwt", "alg": alg, "kid": "k1"}).to_string();
            let message =
                format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(good_claims().to_string()));
            let mac = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), message.as_bytes());
            assert!(server.verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))).is_err());
        }
    }
}

/// Abuse cases D3, D4, D6; checklist J-01, C-09.
#[test]
fn a_header_that_brings_its_own_key_or_extension_is_refused() {
    let server = server("k1");
    let refused = [
        ("jwk", json!({"kty": "EC"})),
        ("jku", json!("http://127.0.0.1:1/jwks")),
        ("x5u", json!("http://127.0.0.1:1/cert")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("crit", json!(["alg"])),
        ("b64", json!(false)),
    ];
    for (name, value) in refused {
        assert_eq!(server.with_header(name, value), Err(InvalidToken::Header), "{name}");
    }
}

/// Abuse case D5; checklist C-09.
#[test]
fn a_kid_is_an_exact_look_up_and_nothing_else() {
    let server = server("k1");
    for kid in [json!("../../../dev/null"), json!("' OR '1'='1"), json!("x".repeat(2500)), json!(""), json!("K1")] {
        assert_eq!(server.with_header("kid", kid), Err(InvalidToken::UnknownKey));
    }
    assert_eq!(server.with_header("kid", json!({"S": "x"})), Err(InvalidToken::Header));
    assert_eq!(server.with_header("kid", json!("x".repeat(10_240))), Err(InvalidToken::Malformed));
}

/// Abuse case D7; checklist A-07, C-10, C-11.
#[test]
fn a_token_of_another_type_is_refused_even_when_signed_here() {
    let server = server("k1");
    for typ in [json!("JWT"), json!("dpop+jwt"), json!("id_token"), json!("application/jwt"), json!(null), json!(1)] {
        assert_eq!(server.with_header("typ", typ), Err(InvalidToken::Header));
    }
    let untyped = server.forge(r#"{"alg":"ES256","kid":"k1"}"#, &good_claims().to_string());
    assert_eq!(server.verify(&untyped), Err(InvalidToken::Header));
    assert!(server.with_header("typ", json!("application/AT+JWT")).is_ok());
}

/// Abuse case D8; checklist J-12, J-13, J-16.
#[test]
fn times_must_be_numbers_and_now_must_lie_between_them() {
    let server = server("k1");
    let now = NOW.as_secs();
    for exp in [json!((now + 60).to_string()), json!(-1), json!(1e308), json!(null), json!([now + 60])] {
        assert_eq!(server.with_claim("exp", exp), Err(InvalidToken::Claim("exp")));
    }
    assert_eq!(server.without_claim("exp"), Err(InvalidToken::Claim("exp")));
    assert_eq!(server.with_claim("exp", json!(now - 10)), Err(InvalidToken::Expired));
    assert_eq!(server.with_claim("exp", json!(now)), Err(InvalidToken::Expired));
    assert!(server.with_claim("exp", json!(now + 1)).is_ok());
    assert_eq!(server.with_claim("nbf", json!(now + 300)), Err(InvalidToken::Claim("nbf")));
    assert!(server.with_claim("nbf", json!(now)).is_ok());
    assert_eq!(server.with_claim("iat", json!(now + 300)), Err(InvalidToken::Claim("iat")));
    assert!(server.with_claim("iat", json!(now + 5)).is_ok());
}

/// With a leaked key a forged token can have any `exp`: it must not extend the time for which the key counts as in use.
#[test]
fn a_token_that_lives_longer_than_any_issued_is_refused_and_keeps_no_key_in_use() {
    let (ours, other) = (server("k1"), server("k2"));
    let issued = NOW.as_secs();
    let longest = NOW.saturating_add(MAX_LIFETIME).as_secs();
    for (iat, exp) in [(issued, longest + 1), (issued, 253_402_300_799), (0, longest), (issued - 2, longest - 1)] {
        let mut claims = good_claims();
        (claims["iat"], claims["exp"]) = (json!(iat), json!(exp));
        let refused = ours.verify(&ours.forge(&good_header().to_string(), &claims.to_string()));
        assert_eq!(refused, Err(InvalidToken::Claim("exp")), "{iat} {exp}");
    }
    assert_eq!(other.public.may_follow(&ours.public, NOW), Ok(()));
    assert!(ours.with_claim("exp", json!(longest)).is_ok());
    assert!(other.public.may_follow(&ours.public, NOW).is_err());
    assert_eq!(other.public.may_follow(&ours.public, Timestamp::from_secs(longest)), Ok(()));
}

/// Abuse case D9; checklist J-14, J-15, A-08, C-06, C-08.
#[test]
fn audience_issuer_and_subject_must_be_ours_and_of_their_type() {
    let server = server("k1");
    for aud in [json!(null), json!(5), json!([]), json!("https://other"), json!([AUDIENCE, 5]), json!({})] {
        assert_eq!(server.with_claim("aud", aud), Err(InvalidToken::Claim("aud")));
    }
    assert!(server.with_claim("aud", json!(AUDIENCE)).is_ok());
    assert!(server.with_claim("aud", json!(["https://other", AUDIENCE])).is_ok());
    for iss in [json!(1), json!([ISSUER]), json!("https://auth.example.com/"), json!(null)] {
        assert_eq!(server.with_claim("iss", iss), Err(InvalidToken::Claim("iss")));
    }
    for sub in [json!({}), json!(""), json!(null), json!("a b")] {
        assert_eq!(server.with_claim("sub", sub), Err(InvalidToken::Claim("sub")));
    }
    for name in ["iss", "sub", "aud", "client_id", "scope", "sid", "jti", "iat", "exp"] {
        assert_eq!(server.without_claim(name), Err(InvalidToken::Claim(name)));
    }
}

/// Abuse case D10; checklist J-03, J-11.
#[test]
fn a_repeated_name_is_refused() {
    let server = server("k1");
    let claims = good_claims().to_string();
    for extra in [r#""sub":"u_2""#, r#""exp":9"#, r#""scope":"x""#, r#""aud":"x""#, r#""new":1,"new":2"#] {
        let twice = format!("{{{extra},{}", &claims[1..]);
        assert_eq!(server.verify(&server.forge(&good_header().to_string(), &twice)), Err(InvalidToken::Malformed));
    }
    let header = r#"{"typ":"at+jwt","alg":"ES256","alg":"ES256","kid":"k1"}"#;
    assert_eq!(server.verify(&server.forge(header, &claims)), Err(InvalidToken::Malformed));
}

/// Abuse case D12.
#[test]
fn a_retired_key_is_unknown_and_a_published_one_works() {
    let (old, new) = (server("k1"), server("k2"));
    let token = old.forge(&good_header().to_string(), &good_claims().to_string());
    assert_eq!(new.verify(&token), Err(InvalidToken::UnknownKey));
    assert!(old.verify(&token).is_ok());
}

/// Checklist J-02, J-07.
#[test]
fn the_form_is_exact() {
    let server = server("k1");
    let good = server.forge(&good_header().to_string(), &good_claims().to_string());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let der_like = URL_SAFE_NO_PAD.encode([0x30; 70]);
    let bad = [
        String::new(),
        "a.b".into(),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good} "),
        format!("{message}.{der_like}"),
        format!("{message}.{}", &signature[1..]),
        format!("{message}.+{}", &signature[1..]),
        good.replacen('.', "..", 1),
    ];
    for token in bad {
        assert!(server.verify(&token).is_err(), "{token}");
    }
}

/// Checklist J-09, J-10, J-08.
#[test]
fn a_key_set_with_private_members_or_a_repeated_kid_is_refused() {
    let server = server("k1");
    let mut jwks: Value = serde_json::from_str(server.public.as_jwks()).unwrap();
    jwks["current"] = json!("k1");
    assert!(PublicKeys::parse_jwks(&jwks.to_string()).is_ok());
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1, "the unknown kty is skipped");
    let key = jwks["keys"][0].clone();
    jwks["keys"].as_array_mut().unwrap().push(key);
    assert!(PublicKeys::parse_jwks(&jwks.to_string()).is_err());
    jwks["keys"].as_array_mut().unwrap().pop();
    jwks["keys"][0]["d"] = json!("AAAA");
    assert!(PublicKeys::parse_jwks(&jwks.to_string()).is_err());
}

#[test]
fn a_token_bound_to_a_key_says_so_and_is_no_bearer_token() {
    let server = server("k1");
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let bound = |cnf: Value| {
        let mut claims = good_claims();
        claims["cnf"] = cnf;
        server.verify(&server.forge(&good_header().to_string(), &claims.to_string()))
    };
    let claims = bound(json!({ "jkt": jkt })).unwrap();
    assert_eq!(claims.cnf.as_ref().map(|cnf| cnf.jkt.as_str()), Some(jkt));
    assert_eq!(
        server.verify(&sign(&claims, &server.signing).unwrap()),
        Ok(claims.clone()),
        "it is signed as it is read"
    );
    assert_eq!((token_type(claims.cnf.as_ref()), token_type(None)), ("DPoP", "Bearer"));
    for other in [
        Value::Null,
        json!({}),
        json!(jkt),
        json!({ "jkt": "short" }),
        json!({ "jkt": 7 }),
        json!({ "x5t#S256": jkt }),
        json!({ "jkt": jkt, "x5t#S256": jkt }),
    ] {
        assert_eq!(bound(other.clone()), Err(InvalidToken::Claim("cnf")), "{other}");
    }
}
