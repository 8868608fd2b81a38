use crate::authenticator::{Authenticator, Made, PRESENT, VERIFIED};
use crate::{Assertion, Owner, Refused, Registration, RelyingParty, Used};
use gateway_domain::ids::UserId;
use gateway_domain::passkey::{CredentialId, Passkey, PasskeyChallenge};
use gateway_domain::time::Timestamp;
use serde_json::{Value, json};

const ANDROID: &str = "android:apk-key-hash:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

fn party() -> RelyingParty {
    RelyingParty::new("example.com", &["https://login.example.com", ANDROID], "Example").unwrap()
}

fn challenge(text: &str) -> PasskeyChallenge {
    PasskeyChallenge::of_bytes(text.as_bytes()).unwrap()
}

fn registered(made: &Made<'_>, key: &Authenticator) -> Result<Passkey, Refused> {
    let response = Registration::parse(&key.create(made))?;
    assert_eq!(response.challenge().as_bytes(), made.challenge);
    Ok(party().registered(&response, &challenge("k.one"))?.named("Phone".to_owned(), Timestamp::from_secs(1)))
}

/// An authenticator with a passkey.
fn enrolled() -> (Authenticator, Passkey) {
    let key = Authenticator::new("u_ada");
    let passkey = registered(&Made::enrolment(b"k.one"), &key).unwrap();
    (key, passkey)
}

fn verified(made: &Made<'_>, (key, passkey): &(Authenticator, Passkey)) -> Result<Used, Refused> {
    party().verified(&Assertion::parse(&key.get(made))?, passkey, &challenge("k.two"))
}

#[test]
fn a_passkey_is_enrolled_and_logs_its_person_in() {
    let (key, passkey) = enrolled();
    assert_eq!((passkey.id.as_bytes(), passkey.sign_count, passkey.backed_up), (key.id.as_slice(), 0, false));
    assert_eq!(passkey.aaguid, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
    let response = key.get(&Made::login(b"k.two"));
    let assertion = Assertion::parse(&response).unwrap();
    assert_eq!(assertion.user(), &UserId::parse("u_ada").unwrap());
    assert_eq!(assertion.credential_id(), &passkey.id);
    assert_eq!(assertion.challenge(), &challenge("k.two"));
    assert_eq!(party().verified(&assertion, &passkey, &challenge("k.two")), Ok(Used { sign_count: 0 }));
    let app = Made { origin: ANDROID, ..Made::login(b"k.two") };
    assert_eq!(verified(&app, &(key, passkey)), Ok(Used { sign_count: 0 }));
}

/// Abuse cases M3, M4 and M8: each has one thing wrong.
#[test]
fn a_response_for_something_else_or_without_its_person_is_refused() {
    let one = enrolled();
    let good = || Made::login(b"k.two");
    let cases = [
        ("another challenge", Made { challenge: b"k.three", ..good() }, Refused::Elsewhere),
        ("another purpose", Made { kind: "webauthn.create", ..good() }, Refused::Elsewhere),
        ("another site", Made { origin: "https://login.example.com.evil.example", ..good() }, Refused::Elsewhere),
        ("another port", Made { origin: "https://login.example.com:8443", ..good() }, Refused::Elsewhere),
        ("another app", Made { origin: &ANDROID.replace("47DEQ", "57DEQ"), ..good() }, Refused::Elsewhere),
        ("in a frame", Made { extra: r#","crossOrigin":true"#, ..good() }, Refused::Elsewhere),
        ("another relying party", Made { relying_party: "evil.example", ..good() }, Refused::Elsewhere),
        ("nobody was there", Made { flags: VERIFIED, ..good() }, Refused::NotVerified),
        ("not verified", Made { flags: PRESENT, ..good() }, Refused::NotVerified),
    ];
    for (what, made, refused) in cases {
        assert_eq!(verified(&made, &one), Err(refused), "{what}");
    }
    assert!(verified(&good(), &one).is_ok());
    let unverified = Made { flags: PRESENT, ..Made::enrolment(b"k.one") };
    assert_eq!(registered(&unverified, &one.0), Err(Refused::NotVerified));
    let login = Made { kind: "webauthn.get", ..Made::enrolment(b"k.one") };
    assert_eq!(registered(&login, &one.0), Err(Refused::Elsewhere));
}

/// Abuse case M5.
#[test]
fn a_counter_only_goes_on_and_zero_is_none() {
    let (key, passkey) = enrolled();
    let with = |stored, count| {
        let one = (&key, Passkey { sign_count: stored, ..passkey.clone() });
        let assertion = Assertion::parse(&one.0.get(&Made { count, ..Made::login(b"k.two") })).unwrap();
        party().verified(&assertion, &one.1, &challenge("k.two"))
    };
    assert_eq!(with(0, 0), Ok(Used { sign_count: 0 }));
    assert_eq!(with(4, 5), Ok(Used { sign_count: 5 }));
    for (stored, count) in [(5, 5), (5, 4), (5, 0)] {
        assert_eq!(with(stored, count), Err(Refused::Counter), "{stored} {count}");
    }
}

/// Abuse case M1: a passkey of another person's with the same id does not sign for this one.
#[test]
fn only_the_key_that_was_enrolled_signs() {
    let (_, passkey) = enrolled();
    let other = Authenticator::new("u_ada");
    assert_eq!(verified(&Made::login(b"k.two"), &(other, passkey.clone())), Err(Refused::Signature));
    let mut other_id = Authenticator::new("u_ada");
    other_id.id = vec![8; 32];
    assert_eq!(verified(&Made::login(b"k.two"), &(other_id, passkey)), Err(Refused::Signature));
}

#[test]
fn what_is_no_response_is_refused_before_it_is_looked_at() {
    let (mut key, _) = enrolled();
    let good = key.get(&Made::login(b"k.two"));
    assert!(Assertion::parse(&good).is_ok());
    for text in ["", "{}", "[]", &format!("{good} x"), &good.replace("public-key", "password"), &" ".repeat(8193)] {
        assert_eq!(Assertion::parse(text).unwrap_err(), Refused::Unreadable, "{text}");
    }
    let padded = format!("{good}{}", " ".repeat(8192));
    assert_eq!(Assertion::parse(&padded).unwrap_err(), Refused::Unreadable);
    for user in ["app:demo", "device:x", "", "a b", "\u{e9}"] {
        key.user = user.as_bytes().to_vec();
        assert_eq!(Assertion::parse(&key.get(&Made::login(b"k.two"))).unwrap_err(), Refused::NoUser, "{user}");
    }
    let no_handle = good.replace("userHandle", "other");
    assert_eq!(Assertion::parse(&no_handle).unwrap_err(), Refused::NoUser);
    key.id = vec![7; 1024];
    assert_eq!(Registration::parse(&key.create(&Made::enrolment(b"k.one"))).unwrap_err(), Refused::Unreadable);
}

#[test]
fn a_key_of_an_algorithm_that_was_not_asked_for_is_refused() {
    let (mut key, _) = enrolled();
    for algorithm in [-35, -37, 0, 5] {
        key.algorithm = algorithm;
        assert_eq!(registered(&Made::enrolment(b"k.one"), &key), Err(Refused::Algorithm), "{algorithm}");
    }
}

#[test]
fn options_ask_for_a_passkey_that_knows_its_person() {
    let user = UserId::parse("u_ada").unwrap();
    let owner = Owner { id: &user, address: "ada@example.com" };
    let existing = CredentialId::of_bytes(vec![0xFB, 0xFF]).unwrap();
    let options = party().creation_options(owner, [&existing], &challenge("k.one")).unwrap();
    assert_eq!(options["rp"], json!({ "id": "example.com", "name": "Example" }));
    assert_eq!(options["user"]["id"], "dV9hZGE");
    assert_eq!(options["challenge"], "ay5vbmU");
    assert_eq!(options["excludeCredentials"], json!([{ "type": "public-key", "id": "-_8" }]));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["attestation"], "none");
    let algorithms: Vec<_> = options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(algorithms, [-7, -8, -257]);
    let long = UserId::parse(&"u".repeat(65)).unwrap();
    let owner = Owner { id: &long, ..owner };
    assert_eq!(party().creation_options(owner, [], &challenge("k.one")), Err(Refused::LongUserId));
}

/// Abuse case M6: they are the same for everybody.
#[test]
fn options_of_a_login_name_nobody() {
    let options = party().request_options(&challenge("k.two"));
    let expected = json!({
        "challenge": "ay50d28",
        "timeout": 300_000,
        "rpId": "example.com",
        "allowCredentials": Value::Array(Vec::new()),
        "userVerification": "required",
    });
    assert_eq!(options, expected);
}
