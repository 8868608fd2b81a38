use super::*;
use crate::presented_token::{NotTheHolder, PresentedToken};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

const URL: &str = "https://api.example.com/oauth2/token";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Holder(EcdsaKeyPair);

/// Changes header and claims of a proof.
type Change = Box<dyn Fn(&mut Value, &mut Value)>;

impl Holder {
    fn new() -> Self {
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let random = SystemRandom::new();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    fn proof(&self, change: impl Fn(&mut Value, &mut Value)) -> String {
        let mut header = self.header();
        let mut claims = json!({ "htm": "POST", "htu": URL, "iat": NOW, "jti": "j-1" });
        change(&mut header, &mut claims);
        self.sign(&header, &claims)
    }
}

fn verify(proof: &str) -> Result<Proof, InvalidProof> {
    Proof::verify(proof, &ProvedRequest { method: "POST", url: URL, access_token: None })
}

/// Checklist D-02 to D-06, D-08: the valid counterpart of the refusals below.
#[test]
fn a_proof_for_the_request_is_taken_and_names_its_key() {
    let holder = Holder::new();
    let proof = verify(&holder.proof(|_, _| {})).unwrap();
    assert_eq!(proof.thumbprint(), HolderKey::from_jwk(holder.jwk().as_object().unwrap()).unwrap().thumbprint());
    assert_eq!((proof.jti.as_str(), proof.iat, proof.nonce), ("j-1", NOW, None));
    verify(&holder.proof(|header, claims| {
        header["typ"] = "DPoP+JWT".into();
        claims["htu"] = "HTTPS://API.Example.com:443/oauth2/%74oken?x=y#z".into();
        claims["iat"] = json!(1_800_000_000.5);
        claims["other"] = json!({});
    }))
    .unwrap();
}

/// Abuse case D14; checklist D-02 to D-08.
#[test]
fn a_proof_for_something_else_is_refused() {
    let (holder, other) = (Holder::new(), Holder::new());
    let of_header =
        |name: &'static str, value: Value| -> Change { Box::new(move |header, _| header[name] = value.clone()) };
    let of_claims =
        |name: &'static str, value: Value| -> Change { Box::new(move |_, claims| claims[name] = value.clone()) };
    let mut with_private = holder.jwk();
    with_private["d"] = "AA".into();
    let refused = [
        of_header("typ", "JWT".into()),
        of_header("typ", Value::Null),
        of_header("alg", "none".into()),
        of_header("alg", "HS256".into()),
        of_header("crit", json!(["x"])),
        of_header("jwk", Value::Null),
        of_header("jwk", other.jwk()),
        of_header("jwk", with_private),
        of_header("jwk", json!({ "kty": "oct", "k": "AA" })),
        of_claims("htm", "GET".into()),
        of_claims("htm", "post".into()),
        of_claims("htm", Value::Null),
        of_claims("htu", Value::Null),
        of_claims("htu", "https://api.example.com/oauth2/revoke".into()),
        of_claims("htu", "https://api.example.com/oauth2/token/".into()),
        of_claims("htu", "https://api.example.com/oauth2/Token".into()),
        of_claims("htu", "https://api.example.com:8443/oauth2/token".into()),
        of_claims("htu", "https://user@api.example.com/oauth2/token".into()),
        of_claims("htu", "https://evil.example/oauth2/token".into()),
        of_claims("htu", "http://api.example.com/oauth2/token".into()),
        of_claims("htu", "/oauth2/token".into()),
        of_claims("iat", Value::Null),
        of_claims("iat", "1800000000".into()),
        of_claims("jti", "".into()),
        of_claims("jti", 7.into()),
        of_claims("jti", "x".repeat(256).into()),
        of_claims("nonce", 7.into()),
        // A hash of a token, where none is presented.
        of_claims("ath", hash("token").into()),
    ];
    for change in refused {
        let proof = holder.proof(|header, claims| change(header, claims));
        assert!(verify(&proof).is_err(), "{proof}");
    }
    let good = holder.proof(|_, _| {});
    let (message, signature) = good.rsplit_once('.').unwrap();
    for text in [
        "",
        "x",
        message,
        &format!("{message}."),
        &format!("{good}A"),
        &format!("{good}."),
        &format!("{message}.{signature}="),
    ] {
        assert!(verify(text).is_err(), "{text}");
    }
    assert!(verify(&holder.proof(|_, claims| claims["x"] = "x".repeat(4096).into())).is_err());
    let twice =
        r#"{"htm":"POST","htm":"POST","htu":"https://api.example.com/oauth2/token","iat":1800000000,"jti":"j"}"#;
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(holder.header().to_string()), URL_SAFE_NO_PAD.encode(twice));
    let signature = holder.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    assert!(verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).is_err());
}

/// Checklist D-09, D-10.
#[test]
fn a_proof_is_of_now_by_its_clock_or_by_a_nonce() {
    let at = |seconds: i64| Timestamp::from_secs(NOW.as_secs() + seconds);
    let proof = Proof { jti: "j".to_owned(), ..verify(&Holder::new().proof(|_, _| {})).unwrap() };
    let once = OneUse { jti: "j".to_owned(), until: at(60) };
    assert_eq!(proof.by_its_clock(at(-30)), Some(once.clone()));
    assert_eq!(proof.by_its_clock(at(59)), Some(once.clone()));
    assert_eq!(proof.by_its_clock(at(-31)), None);
    assert_eq!(proof.by_its_clock(at(60)), None);
    let keys = json!({ "current": "k1", "keys": { "k1": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=" } });
    let keys = SealingKeys::parse(&keys.to_string()).unwrap();
    assert_eq!(proof.at_issuer(&keys, at(59)), Some(once));
    assert_eq!(proof.at_issuer(&keys, at(60)), None);
    // Its clock is a year behind.
    let issued = at(365 * 86_400);
    let nonce = DpopNonce::issue(&keys, [1; 12], issued).unwrap();
    let with_nonce = Proof { nonce: Some(nonce), ..proof.clone() };
    let until = issued.saturating_add(Seconds::new(300));
    assert_eq!(with_nonce.at_issuer(&keys, issued), Some(OneUse { jti: "j".to_owned(), until }));
    assert_eq!(with_nonce.at_issuer(&keys, until), None);
    // A nonce that nobody gave out is no reason to look at the clock.
    let foreign = Proof { nonce: Some("foreign".to_owned()), ..proof };
    assert_eq!(foreign.at_issuer(&keys, NOW), None);
}

/// Abuse cases D13, D14; checklist D-01, D-11, D-14.
#[test]
fn a_bound_token_is_for_its_holder_alone() {
    const TOKEN: &str = "abc.def.ghi";
    let (holder, other) = (Holder::new(), Holder::new());
    let key = |of: &Holder| HolderKey::from_jwk(of.jwk().as_object().unwrap()).unwrap().thumbprint();
    let proof = |of: &Holder, token: &str| of.proof(|_, claims| claims["ath"] = hash(token).into());
    let request = |scheme: &str, proofs: &[String]| {
        let event = json!({
            "httpMethod": "POST", "path": "/oauth2/token", "requestContext": {},
            "multiValueHeaders": { "Authorization": [format!("{scheme} {TOKEN}")], "dpop": proofs },
        });
        crate::event::ApiRequest::from_value(event).unwrap()
    };
    let judged = |scheme: &str, proofs: &[String], bound_to: Option<&Thumbprint>| {
        let request = request(scheme, proofs);
        PresentedToken::of(&request).unwrap().proof_of(bound_to, "POST", URL).map(|proof| proof.is_some())
    };
    let bound = key(&holder);
    assert_eq!(judged("DPoP", &[proof(&holder, TOKEN)], Some(&bound)), Ok(true));
    assert_eq!(judged("Bearer", &[], None), Ok(false));
    assert_eq!(judged("Bearer", &[proof(&holder, TOKEN)], None), Ok(false), "nothing is bound");
    assert_eq!(judged("Bearer", &[proof(&holder, TOKEN)], Some(&bound)), Err(NotTheHolder::NotProved));
    assert_eq!(judged("DPoP", &[proof(&holder, TOKEN)], None), Err(NotTheHolder::NotBound));
    for proofs in [
        vec![],
        vec![proof(&other, TOKEN)],
        vec![proof(&holder, "another")],
        vec![holder.proof(|_, _| {})],
        vec![proof(&holder, TOKEN), proof(&holder, TOKEN)],
    ] {
        assert!(matches!(judged("DPoP", &proofs, Some(&bound)), Err(NotTheHolder::Proof(_))), "{proofs:?}");
    }
    assert_eq!(PresentedToken::in_body(TOKEN).proof_of(Some(&bound), "POST", URL), Err(NotTheHolder::NotProved));
}
