use super::*;
use base64::engine::general_purpose::STANDARD;

const AT: fn(i64) -> Timestamp = Timestamp::from_secs;

fn secret(byte: u8) -> String {
    serde_json::json!({ "current": "k1", "keys": { "k1": STANDARD.encode([byte; 32]) } }).to_string()
}

fn sealing(byte: u8) -> SealingKeys {
    SealingKeys::parse(&secret(byte)).unwrap()
}

fn letters(byte: u8) -> LetterKeys {
    LetterKeys::parse(&secret(byte)).unwrap()
}

#[test]
fn a_challenge_is_good_for_five_minutes_where_it_was_asked_for_alone() {
    let challenge = PasskeyChallenge::for_login(&sealing(1), "browser", [7; RANDOM], AT(1_000)).unwrap();
    let read = PasskeyChallenge::of_bytes(challenge.as_bytes()).unwrap();
    assert_eq!(read, challenge);
    assert_eq!(read.login_until(&sealing(1), "browser", AT(1_299)), Ok(AT(1_300)));
    assert_eq!(read.login_until(&sealing(1), "browser", AT(1_300)), Err(NoChallenge::Lapsed));
    assert_eq!(read.login_until(&sealing(1), "another browser", AT(1_000)), Err(NoChallenge::Other));
    assert_eq!(read.login_until(&sealing(2), "browser", AT(1_000)), Err(NoChallenge::Other));
    let other = PasskeyChallenge::for_login(&sealing(1), "browser", [8; RANDOM], AT(1_000)).unwrap();
    assert_ne!(other.key(), challenge.key());
    assert!(PasskeyChallenge::of_bytes(&[b'.'; 255]).is_some() && PasskeyChallenge::of_bytes(&[b'.'; 256]).is_none());
    for bytes in [b"no challenge".as_slice(), &[b'.'; 255], &[0xFF, b'.'], b""] {
        assert!(PasskeyChallenge::of_bytes(bytes).is_none_or(|one| one.login_until(&sealing(1), "", AT(0)).is_err()));
    }
}

/// Abuse case M4. Not even where both secrets hold one key.
#[test]
fn a_challenge_of_a_login_enrols_nothing_and_the_reverse() {
    let (ada, bob) = (UserId::parse("u_ada").unwrap(), UserId::parse("u_bob").unwrap());
    let login = PasskeyChallenge::for_login(&sealing(1), "u_ada", [7; RANDOM], AT(0)).unwrap();
    assert_eq!(login.enrolment_until(&letters(1), (&ada, 1), AT(0)), Err(NoChallenge::Other));
    let enrolment = PasskeyChallenge::for_enrolment(&letters(1), (&ada, 1), [7; RANDOM], AT(0)).unwrap();
    assert_eq!(enrolment.login_until(&sealing(1), "u_ada", AT(0)), Err(NoChallenge::Other));
    assert_eq!(enrolment.enrolment_until(&letters(1), (&ada, 1), AT(0)), Ok(AT(300)));
    assert_eq!(enrolment.enrolment_until(&letters(1), (&bob, 1), AT(0)), Err(NoChallenge::Other));
    assert_eq!(
        enrolment.enrolment_until(&letters(1), (&ada, 2), AT(0)),
        Err(NoChallenge::Other),
        "after a new password"
    );
}

/// Abuse case M4. The login of the account pages is another than that of apps, and its text is no user.
#[test]
fn a_challenge_of_the_account_pages_is_good_for_their_login_alone() {
    let ada = UserId::parse("u_ada").unwrap();
    let own = PasskeyChallenge::for_account_login(&letters(1), "browser", [7; RANDOM], AT(0)).unwrap();
    assert_eq!(own.account_login_until(&letters(1), "browser", AT(299)), Ok(AT(300)));
    assert_eq!(own.account_login_until(&letters(1), "browser", AT(300)), Err(NoChallenge::Lapsed));
    assert_eq!(own.account_login_until(&letters(1), "another browser", AT(0)), Err(NoChallenge::Other));
    assert_eq!(own.account_login_until(&letters(2), "browser", AT(0)), Err(NoChallenge::Other));
    assert_eq!(own.login_until(&sealing(1), "browser", AT(0)), Err(NoChallenge::Other));
    assert_eq!(own.enrolment_until(&letters(1), (&ada, 1), AT(0)), Err(NoChallenge::Other));
    let of_app = PasskeyChallenge::for_login(&sealing(1), "browser", [7; RANDOM], AT(0)).unwrap();
    let enrolment = PasskeyChallenge::for_enrolment(&letters(1), (&ada, 1), [7; RANDOM], AT(0)).unwrap();
    for other in [of_app, enrolment] {
        assert_eq!(other.account_login_until(&letters(1), "browser", AT(0)), Err(NoChallenge::Other));
    }
}

#[test]
fn what_is_kept_of_a_passkey_is_read_as_it_was_written() {
    let id = CredentialId::of_bytes(vec![0xFB; 64]).unwrap();
    assert_eq!(CredentialId::parse(&id.to_string()), Ok(id.clone()));
    assert_eq!(id.key().len(), 43);
    for text in ["", "a", "AA==", "A+/A", &"A".repeat(1365), &"A".repeat(4000)] {
        assert!(CredentialId::parse(text).is_err(), "{text}");
    }
    let passkey = Passkey {
        id,
        public_key: PublicKey::new(Algorithm::EdDsa, vec![1, 2, 3]).unwrap(),
        sign_count: 4,
        name: "Ada’s phone".to_owned(),
        since: AT(5),
        used_at: None,
        backed_up: true,
        aaguid: uuid([0xAB; 16]),
    };
    let written = serde_json::to_value(&passkey).unwrap();
    assert_eq!(written["public_key"], "-8:AQID");
    assert_eq!(written["aaguid"], "abababab-abab-abab-abab-abababababab");
    assert_eq!(serde_json::from_value::<Passkey>(written).unwrap(), passkey);
    assert!(serde_json::from_value::<PublicKey>("-37:AQID".into()).is_err(), "an algorithm that is not known");
    assert!(PublicKey::new(Algorithm::Rs256, vec![0; 2049]).is_err());
}

#[test]
fn a_name_is_what_can_be_seen_of_it() {
    assert_eq!(Passkey::visible_name(" Ada\u{202e}’s phone "), Some("Ada’s phone".to_owned()));
    assert_eq!(Passkey::visible_name("\u{200b}"), None);
    assert_eq!(Passkey::visible_name(&"é".repeat(65)), None);
    assert!(Passkey::visible_name(&"é".repeat(64)).is_some());
}
