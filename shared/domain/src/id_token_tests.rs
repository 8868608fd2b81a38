use super::*;
use crate::access_token::{self, InvalidToken};
use crate::id_token_hint;
use crate::logout_token::{self, LogoutClaims, LogoutEvent};
use crate::rotation::pair::Pair;
use crate::rotation::signing::jwks;
use crate::rotation::{Entry, Keep, Timing, id_token::IdTokenPairs};
use crate::time::Seconds;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};

const ISSUER: &str = "https://auth.example.com";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn pairs(name: u8) -> Entry<IdTokenPairs> {
    let rsa = Pair::of_rsa(include_bytes!("rs256_tests/rsa-2048.pk8")).unwrap();
    Entry::named([name; 16], IdTokenPairs::new(rsa, Pair::generate().unwrap()).unwrap())
}

fn ring() -> Ring<IdTokenPairs> {
    Ring::first(pairs(1), pairs(2), NOW)
}

fn access_keys() -> PublicKeys {
    let pair = |name| Entry::named([name; 16], Pair::generate().unwrap());
    PublicKeys::parse_jwks(jwks(&Ring::first(pair(8), pair(9), NOW), NOW, None, None).expose()).unwrap()
}

fn bytes(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// Verifies a token by ring directly, with the published key that its header names, and returns its header and claims.
fn verified(token: &str, set: &Value) -> (Value, Value) {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&bytes(header)).unwrap();
    let named = |key: &&Value| key["kid"] == header["kid"] && key["alg"] == header["alg"];
    let key = set["keys"].as_array().unwrap().iter().find(named).unwrap();
    let number = |name: &str| bytes(key[name].as_str().unwrap());
    match key["kty"].as_str().unwrap() {
        "RSA" => RsaPublicKeyComponents { n: number("n"), e: number("e") }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &bytes(signature))
            .unwrap(),
        _ => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], number("x"), number("y")].concat())
            .verify(message.as_bytes(), &bytes(signature))
            .unwrap(),
    }
    (header, serde_json::from_slice(&bytes(claims)).unwrap())
}

fn signed(keys: &IdTokenKeys, algorithm: SignatureAlgorithm) -> String {
    let claims = IdClaims {
        iss: ISSUER,
        sub: &UserId::parse("u_1").unwrap(),
        aud: &ClientId::parse("demo-app").unwrap(),
        iat: NOW,
        exp: NOW.saturating_add(Seconds::new(600)),
        auth_time: Some(NOW),
        nonce: Some("n-0S6_WzA2Mj"),
        acr: ACR,
        amr: amr(LoginMethod::Password),
        at_hash: at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        sid: &SessionId::from_random([1; 16]),
        ds_hash: None,
    };
    sign(&claims, keys, algorithm).unwrap()
}

/// The vector of OpenID Connect Core A.3.
#[test]
fn the_hash_of_an_access_token_is_the_left_half_of_its_sha_256() {
    assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
}

#[test]
fn either_algorithm_signs_what_its_published_key_verifies() {
    let keys = IdTokenKeys::parse(ring().to_secret().expose()).unwrap();
    let set = keys.published_with(&access_keys());
    for (algorithm, name) in [(SignatureAlgorithm::Rs256, "RS256"), (SignatureAlgorithm::Es256, "ES256")] {
        let (header, claims) = verified(&signed(&keys, algorithm), &set);
        assert_eq!((&header["alg"], &header["typ"]), (&name.into(), &"JWT".into()));
        assert_eq!((&claims["aud"], &claims["nonce"]), (&"demo-app".into(), &"n-0S6_WzA2Mj".into()));
        assert_eq!((&claims["amr"], &claims["auth_time"]), (&serde_json::json!(["pwd"]), &NOW.as_secs().into()));
    }
}

/// The authorizer has the keys of access tokens alone. Even if it had the others, the type of the token is another one.
#[test]
fn an_id_token_is_never_an_access_token() {
    let keys = IdTokenKeys::parse(ring().to_secret().expose()).unwrap();
    let access = access_keys();
    let mut both = keys.published_with(&access);
    both["current"] = both["keys"][0]["kid"].clone();
    let both = PublicKeys::parse_jwks(&both.to_string()).unwrap();
    for algorithm in ALGORITHMS {
        let token = signed(&keys, algorithm);
        // The header is looked at before the key.
        for keys in [&access, &both] {
            assert_eq!(access_token::verify(&token, keys, ISSUER, "demo-app", NOW), Err(InvalidToken::Header));
        }
    }
}

#[test]
fn a_rotation_moves_both_algorithms_and_keeps_the_keys_of_before_published() {
    let first = ring();
    let keep = Keep::For(Seconds::new(3_600));
    let later = NOW.saturating_add(Seconds::new(86_400));
    let before = IdTokenKeys::parse(first.to_secret().expose()).unwrap();
    let second = first.rotate(pairs(3), NOW, keep, Timing::default(), later).unwrap();
    let text = second.to_secret();
    assert_eq!(text.expose().matches("private_key").count(), 4, "previous pairs have none");
    assert_eq!(Ring::parse_id_token_pairs(text.expose()).unwrap().next, second.next);
    let after = IdTokenKeys::parse(text.expose()).unwrap();
    let (old, new) = (before.published_with(&access_keys()), after.published_with(&access_keys()));
    for algorithm in ALGORITHMS {
        verified(&signed(&before, algorithm), &new);
        verified(&signed(&after, algorithm), &old);
    }
    let kids: std::collections::BTreeSet<_> =
        new["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()).collect();
    assert_eq!(kids.len(), 2 + 6, "{kids:?}");
    assert!(!new.to_string().contains("private"));
}

#[test]
fn a_secret_of_other_keys_is_refused_by_name() {
    let text = ring().to_secret();
    let whole: Value = serde_json::from_str(text.expose()).unwrap();
    let wrong = |change: fn(&mut Value)| {
        let mut whole = whole.clone();
        change(&mut whole);
        IdTokenKeys::parse(&whole.to_string()).unwrap_err().to_string()
    };
    let swapped = wrong(|whole| {
        let key = &mut whole["keys"][0];
        let (rsa, ec) = (key["rs256"].take(), key["es256"].take());
        (key["rs256"], key["es256"]) = (ec, rsa);
    });
    assert!(swapped.contains("rs256 must have an RS256 key"), "{swapped}");
    let short = wrong(|whole| {
        let short = base64::engine::general_purpose::STANDARD.encode(include_bytes!("rs256_tests/rsa-1024.pk8"));
        whole["keys"][0]["rs256"]["private_key"] = short.into();
    });
    assert!(short.contains("2048"), "{short}");
    let without = wrong(|whole| drop(whole["keys"][0]["es256"].as_object_mut().unwrap().remove("private_key")));
    assert!(without.contains("with their private keys"), "{without}");
}

#[test]
fn a_hint_is_an_id_token_of_this_issuer_however_old() {
    let first = ring();
    let keys = IdTokenKeys::parse(first.to_secret().expose()).unwrap();
    let keep = Keep::For(Seconds::new(3_600));
    let later = NOW.saturating_add(Seconds::new(86_400));
    let second = first.rotate(pairs(3), NOW, keep, Timing::default(), later).unwrap();
    let rotated = IdTokenKeys::parse(second.to_secret().expose()).unwrap();
    for algorithm in ALGORITHMS {
        let token = signed(&keys, algorithm);
        for keys in [&keys, &rotated] {
            let hint = id_token_hint::verify(&token, keys, ISSUER).unwrap();
            assert_eq!((hint.client_id.as_str(), hint.user_id.as_str()), ("demo-app", "u_1"));
            assert_eq!(hint.sid, SessionId::from_random([1; 16]));
        }
        let elsewhere = IdTokenKeys::parse(Ring::first(pairs(4), pairs(5), NOW).to_secret().expose()).unwrap();
        for (token, keys, issuer) in [
            (token.as_str(), &elsewhere, ISSUER),
            (token.as_str(), &keys, "https://other.example.com"),
            (&token[1..], &keys, ISSUER),
            (&token[..token.len() - 6], &keys, ISSUER),
            ("", &keys, ISSUER),
            ("a.b.c", &keys, ISSUER),
        ] {
            assert!(id_token_hint::verify(token, keys, issuer).is_err(), "{token}");
        }
        // What is signed is not what is said.
        let (header, rest) = token.split_once('.').unwrap();
        let (claims, signature) = rest.split_once('.').unwrap();
        let other = String::from_utf8(bytes(claims)).unwrap().replace("u_1", "u_2");
        let forged = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(other));
        assert!(id_token_hint::verify(&forged, &keys, ISSUER).is_err());
        let unsigned = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"x"}"#));
        assert!(id_token_hint::verify(&unsigned, &keys, ISSUER).is_err());
    }
}

/// What passes is asked about; what cannot be an ID token of this server is told apart without its keys.
#[test]
fn what_cannot_be_an_id_token_of_this_issuer_is_no_hint_whoever_signed_it() {
    let keys = IdTokenKeys::parse(ring().to_secret().expose()).unwrap();
    let parse = |token: &str| id_token_hint::UnverifiedHint::parse(token, ISSUER);
    for algorithm in ALGORITHMS {
        let token = signed(&keys, algorithm);
        let verified = id_token_hint::verify(&token, &keys, ISSUER).unwrap();
        assert_eq!(parse(&token).unwrap().claims(), &verified);
        assert!(id_token_hint::UnverifiedHint::parse(&token, "https://other.example.com").is_err());
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let changed = |part: &str, from: &str, to: &str| {
            let text = String::from_utf8(bytes(part)).unwrap();
            assert!(text.contains(from), "{text}");
            URL_SAFE_NO_PAD.encode(text.replace(from, to))
        };
        let (name, ending) = match algorithm {
            SignatureAlgorithm::Es256 => ("ES256", "-es256"),
            SignatureAlgorithm::Rs256 => ("RS256", "-rs256"),
        };
        for other in [
            changed(header, "\"JWT\"", "\"at+jwt\""),
            changed(header, name, "none"),
            changed(header, name, "HS256"),
            changed(header, ending, ""),
            changed(header, ending, &format!("{}{ending}", "x".repeat(100))),
            changed(header, "\"kid\"", "\"jku\""),
        ] {
            assert!(parse(&format!("{other}.{claims}.{signature}")).is_err(), "{other}");
        }
        for other in [
            changed(claims, "demo-app", "demo app"),
            changed(claims, "\"demo-app\"", "[\"demo-app\"]"),
            changed(claims, "\"sid\"", "\"other\""),
            changed(claims, "\"sub\"", "\"other\""),
        ] {
            assert!(parse(&format!("{header}.{other}.{signature}")).is_err(), "{other}");
        }
        for other in ["", "AAAA", "=", &signature[4..], &format!("{signature}A"), &signature.repeat(5)] {
            assert!(parse(&format!("{header}.{claims}.{other}")).is_err(), "{other}");
        }
        let padded = format!("{header}.{claims}{}.{signature}", "A".repeat(access_token::MAX_LENGTH));
        assert!(parse(&padded).is_err());
    }
    for text in ["", ".", "..", "a.b.c", "a.b", "a.b.c.d", "\u{e9}.\u{e9}.\u{e9}"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

/// OpenID Connect Back-Channel Logout 1.0 §2.4.
#[test]
fn a_logout_token_says_which_session_has_ended_and_is_no_id_token() {
    let keys = IdTokenKeys::parse(ring().to_secret().expose()).unwrap();
    let claims = LogoutClaims {
        iss: ISSUER,
        sub: &UserId::parse("u_1").unwrap(),
        aud: &ClientId::parse("demo-app").unwrap(),
        iat: NOW,
        exp: NOW.saturating_add(logout_token::LIFETIME),
        jti: "j1".to_owned(),
        sid: &SessionId::from_random([1; 16]),
        events: LogoutEvent,
    };
    for algorithm in ALGORITHMS {
        let token = logout_token::sign(&claims, &keys, algorithm).unwrap();
        let (header, told) = verified(&token, &keys.published_with(&access_keys()));
        assert_eq!(header["typ"], "logout+jwt");
        let event = serde_json::json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        assert_eq!((&told["events"], &told["nonce"]), (&event, &Value::Null));
        assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 120);
        assert!(id_token_hint::verify(&token, &keys, ISSUER).is_err());
    }
}

/// What a token says of a login was so.
#[test]
fn a_login_by_a_passkey_is_told_apart_from_one_by_a_password() {
    assert_eq!((acr(LoginMethod::Password), amr(LoginMethod::Password)), (ACR, &["pwd"][..]));
    assert_eq!((acr(LoginMethod::Passkey), amr(LoginMethod::Passkey)), ("phr", &["pop", "user"][..]));
}
