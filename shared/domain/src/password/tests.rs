//! The gateway's own hashes: comparison of the whole password, normal form, parameters, pepper.

use super::*;
use base64::Engine as _;

fn pepper(current: &str, ids: &[(&str, u8)]) -> String {
    let encode = |byte: u8| base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    let keys: std::collections::BTreeMap<_, _> = ids.iter().map(|(id, byte)| (*id, encode(*byte))).collect();
    serde_json::json!({ "current": current, "keys": keys }).to_string()
}

fn passwords(memory: u32) -> Passwords {
    Passwords::new(&pepper("p1", &[("p1", 1)]), Cost { memory, passes: 1 }).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Checklist Z-09, Z-10, P-04: nothing is trimmed, folded or cut.
#[test]
fn a_password_is_compared_as_a_whole() {
    let passwords = passwords(64);
    let long = "x".repeat(79);
    let stored = passwords.hash(&secret(&format!("{long}a")), [1; 16]).unwrap();
    assert_eq!(passwords.verify(&secret(&format!("{long}a")), Some(&stored)), Ok(Verdict::Right { outdated: false }));
    for wrong in [format!("{long}b"), format!(" {long}a"), format!("{long}a\0"), format!("{long}A"), long.clone()] {
        assert_eq!(passwords.verify(&secret(&wrong), Some(&stored)), Ok(Verdict::Wrong));
    }
}

/// Checklist P-06.
#[test]
fn composed_and_decomposed_letters_are_one_password() {
    let passwords = passwords(64);
    let stored = passwords.hash(&secret("caf\u{e9} au lait"), [1; 16]).unwrap();
    let verdict = passwords.verify(&secret("cafe\u{301} au lait"), Some(&stored));
    assert_eq!(verdict, Ok(Verdict::Right { outdated: false }));
}

/// Checklist Z-44, P-07: the parameters are in the hash, and the next login raises them.
#[test]
fn a_hash_of_lower_cost_is_right_but_outdated() {
    let stored = passwords(64).hash(&secret("pw"), [1; 16]).unwrap();
    assert_eq!(passwords(128).verify(&secret("pw"), Some(&stored)), Ok(Verdict::Right { outdated: true }));
}

/// Checklist P-08.
#[test]
fn the_pepper_rotates_by_version_and_a_lost_pepper_refuses() {
    let stored = passwords(64).hash(&secret("pw"), [1; 16]).unwrap();
    let cost = Cost { memory: 64, passes: 1 };
    let rotated = Passwords::new(&pepper("p2", &[("p1", 1), ("p2", 2)]), cost).unwrap();
    assert_eq!(rotated.verify(&secret("pw"), Some(&stored)), Ok(Verdict::Right { outdated: true }));
    let lost = Passwords::new(&pepper("p2", &[("p2", 2)]), cost).unwrap();
    assert_eq!(lost.verify(&secret("pw"), Some(&stored)), Err(HashError::Stored));
}

/// Every set of pepper keys knows such a hash, so that none is read again for it.
#[test]
fn a_hash_of_another_system_needs_no_pepper() {
    let imported = PasswordHash::import("$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a").unwrap();
    let elsewhere = Passwords::new(&pepper("p9", &[("p9", 9)]), Cost { memory: 64, passes: 1 }).unwrap();
    let ours = elsewhere.hash(&secret("x"), [1; 16]).unwrap();
    assert!(passwords(64).knows(&imported) && elsewhere.knows(&ours) && !passwords(64).knows(&ours));
}

/// Checklist Z-44: the cost of every new hash.
#[test]
fn the_default_cost_is_the_recommended_one() {
    let hash = Passwords::new(&pepper("p1", &[("p1", 1)]), Cost::default()).unwrap();
    let stored = hash.hash(&secret("pw"), [1; 16]).unwrap();
    assert!(stored.as_str().starts_with("p1$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.as_str());
}

#[test]
fn an_unknown_user_is_wrong_and_a_broken_hash_is_an_error() {
    assert_eq!(passwords(64).verify(&secret("pw"), None), Ok(Verdict::Wrong));
    for text in ["", "p1", "p1$argon2id", "p1$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "p9$x"] {
        let stored = PasswordHash::from_stored(text.to_owned());
        assert_eq!(passwords(64).verify(&secret("pw"), Some(&stored)), Err(HashError::Stored), "{text}");
    }
}
