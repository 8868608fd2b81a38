use super::*;
use crate::rotation::pair::Pair;
use crate::rotation::signing::jwks;
use crate::rotation::{Entry, Ring};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const LATER: Timestamp = Timestamp::from_secs(1_700_000_600);

fn ring(names: [u8; 2]) -> Ring<Pair> {
    let [current, next] = names.map(|name| Entry::named([name; 16], Pair::generate().unwrap()));
    Ring::first(current, next, NOW)
}

fn set(ring: &Ring<Pair>) -> Value {
    serde_json::from_str(jwks(ring, NOW, None, None).expose()).unwrap()
}

fn signing(ring: &Ring<Pair>) -> SigningKey {
    SigningKey::parse(ring.to_secret().expose()).unwrap()
}

/// The set with its first key changed.
fn with(set: &Value, change: impl FnOnce(&mut Value)) -> Result<PublicKeys, InvalidKeys> {
    let mut set = set.clone();
    change(&mut set["keys"][0]);
    PublicKeys::parse_jwks(&set.to_string())
}

fn reason<T>(outcome: Result<T, InvalidKeys>) -> String {
    outcome.err().expect("a refusal").to_string()
}

#[test]
fn a_set_vouches_for_the_key_that_it_verifies_and_for_no_other() {
    let (ours, other) = (ring([1, 2]), ring([3, 4]));
    let key = signing(&ours);
    let public = PublicKeys::parse_jwks(&set(&ours).to_string()).unwrap();
    assert_eq!(public.vouch_for(&key), Ok(()));
    assert!(reason(public.vouch_for(&signing(&other))).contains("not in the public set"));
    // The same `kid` with another public key.
    let point = set(&other)["keys"][0].clone();
    let swapped = with(&set(&ours), |key| {
        key["x"] = point["x"].clone();
        key["y"] = point["y"].clone();
    });
    assert!(reason(swapped.unwrap().vouch_for(&key)).contains("another public half"));
}

/// Checklist J-08.
#[test]
fn a_set_with_a_point_off_the_curve_or_a_name_twice_is_none() {
    let whole = set(&ring([1, 2]));
    let x = whole["keys"][0]["x"].clone();
    let before = PublicKeys::parse_jwks(&whole.to_string()).unwrap();
    let off = |change: &dyn Fn(&mut Value)| {
        let set = with(&whole, change).unwrap();
        (reason(set.check_points()).contains("not on the curve"), set.may_follow(&before, NOW) == set.check_points())
    };
    assert_eq!(off(&|key| key["y"] = x.clone()), (true, true));
    assert!(reason(with(&whole, |key| key["y"] = json!("AAAA"))).contains("length"));
    for zero in ["x", "y"] {
        let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
        assert_eq!(off(&|key| key[zero] = json!(zeros)), (true, true), "{zero}");
    }
    let name = whole["keys"][1]["kid"].clone();
    assert!(reason(with(&whole, |key| key["kid"] = name)).contains("distinct"));
}

#[test]
fn a_signing_secret_with_a_name_twice_is_none() {
    let mut secret: Value = serde_json::from_str(ring([1, 2]).to_secret().expose()).unwrap();
    secret["keys"][1]["kid"] = secret["keys"][0]["kid"].clone();
    assert!(reason(SigningKey::parse(&secret.to_string())).contains("distinct"));
    assert!(reason(Ring::parse_pairs(&secret.to_string())).contains("distinct"));
}

#[test]
fn what_is_not_for_verifying_signatures_verifies_none() {
    let ours = ring([1, 2]);
    let mut whole = set(&ours);
    whole["current"] = whole["keys"][1]["kid"].clone();
    let key = signing(&ours);
    for (member, value, counts) in [
        ("use", json!("sig"), true),
        ("use", json!("enc"), false),
        ("use", json!("SIG"), false),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["deriveKey", "verify"]), true),
        ("key_ops", json!(["sign"]), false),
        ("key_ops", json!([]), false),
        ("alg", json!("ES384"), false),
        ("alg", json!("RS256"), false),
    ] {
        let public = with(&whole, |key| key[member] = value.clone()).unwrap();
        assert_eq!(public.vouch_for(&key).is_ok(), counts, "{member}: {value}");
        assert_eq!(public.as_jwks().contains(key.kid()), counts, "{member}: {value}");
    }
    for (member, value) in [("use", json!(1)), ("key_ops", json!("verify"))] {
        assert!(reason(with(&whole, |key| key[member] = value)).contains("must be a"), "{member}");
    }
}

#[test]
fn a_set_without_its_current_key_is_none() {
    let whole = set(&ring([1, 2]));
    let mut lost = whole.clone();
    lost["keys"].as_array_mut().unwrap().remove(0);
    assert!(reason(PublicKeys::parse_jwks(&lost.to_string())).contains("current key"));
    for keys in [1, 2] {
        let mut unnamed = whole.clone();
        unnamed["keys"].as_array_mut().unwrap().truncate(keys);
        unnamed.as_object_mut().unwrap().remove("current");
        assert!(reason(PublicKeys::parse_jwks(&unnamed.to_string())).contains("\"current\""), "{keys}");
    }
}

#[test]
fn a_set_that_lost_a_key_in_use_does_not_follow_unless_the_key_was_revoked_or_its_tokens_have_ended() {
    let (ours, other) = (ring([1, 2]), ring([3, 4]));
    let parsed = |text: &str| PublicKeys::parse_jwks(text).unwrap();
    let before = parsed(&set(&ours).to_string());
    let foreign = set(&other).to_string();
    // No token of these keys is known.
    assert_eq!(parsed(&foreign).may_follow(&before, NOW), Ok(()));
    before.note_use(&ours.current.id, LATER);
    assert!(reason(parsed(&foreign).may_follow(&before, NOW)).contains("in use"));
    assert_eq!(parsed(&foreign).may_follow(&before, LATER), Ok(()));
    // The set that the keys function publishes names the keys that it removed.
    let revoked = jwks(&other, NOW, Some(&set(&ours).to_string()), None);
    assert_eq!(parsed(revoked.expose()).may_follow(&before, NOW), Ok(()));
    // Another key under the same `kid` does not replace a key in use, and a set that has the key takes over its use.
    let point = set(&other)["keys"][0].clone();
    let swapped = with(&set(&ours), |key| {
        key["x"] = point["x"].clone();
        key["y"] = point["y"].clone();
    });
    assert!(reason(swapped.unwrap().may_follow(&before, NOW)).contains("another key"));
    let same = parsed(&set(&ours).to_string());
    assert_eq!(same.may_follow(&before, NOW), Ok(()));
    assert!(parsed(&foreign).may_follow(&same, NOW).is_err());
}

#[test]
fn a_revoked_key_is_named_though_the_set_before_had_lost_it() {
    let (ours, other) = (ring([1, 2]), ring([3, 4]));
    let leaked = ours.current.id.as_str();
    let known = PublicKeys::parse_jwks(&set(&ours).to_string()).unwrap();
    known.note_use(leaked, LATER);
    // The set before: without the key, damaged, or absent.
    for before in [Some(set(&other).to_string()), Some("{".to_owned()), None] {
        let left = jwks(&other, NOW, before.as_deref(), Some(leaked));
        assert_eq!(PublicKeys::parse_jwks(left.expose()).unwrap().may_follow(&known, NOW), Ok(()));
        let left = jwks(&other, NOW, before.as_deref(), None);
        assert!(PublicKeys::parse_jwks(left.expose()).unwrap().may_follow(&known, NOW).is_err());
    }
}
