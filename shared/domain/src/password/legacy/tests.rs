//! Imported hashes: published ones of each kind are compared, and those that must be refused are refused.

use super::*;
use crate::password::{Cost, PasswordHash, Passwords, Verdict};
use crate::secret::Secret;

/// Hashes with their password and where they are published.
const PUBLISHED: [(&str, &str); 16] = [
    // bcrypt: Openwall's crypt_blowfish, wrapper.c.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
    // The first one with Django's name before it.
    ("U*U", "bcrypt$$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    // Argon2: the reference implementation, src/test.c.
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ("password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
    ("password", "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"),
    ("password", "argon2$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    // PBKDF2: Django's own tests, RFC 6070 §2, RFC 7914 §11.
    ("lètmein", "pbkdf2_sha256$12000$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s="),
    ("password", "pbkdf2_sha1$4096$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE="),
    ("password", "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"),
    (
        "passwd",
        "$pbkdf2-sha256$i=1,l=64$c2FsdA$\
         VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw",
    ),
    // scrypt: Django's own tests, RFC 7914 §12.
    (
        "lètmein",
        "scrypt$16384$seasalt$8$1$\
         Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
    ),
    (
        "password",
        "$scrypt$ln=10,r=8,p=16$TmFDbA$\
         /bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
    ),
    // Made with pyca/bcrypt: bcrypt over the hexadecimal SHA-256, as Django's BCryptSHA256PasswordHasher does.
    ("lètmein", "bcrypt_sha256$$2b$05$CCCCCCCCCCCCCCCCCCCCC.bdNwF18LmuBgx.3vdUAHc5aN/.UHaVC"),
];

fn passwords() -> Passwords {
    let pepper = r#"{"current":"p1","keys":{"p1":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}}"#;
    Passwords::new(pepper, Cost { memory: 64, passes: 1 }).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Checklist P-07: an imported hash is compared, and always outdated.
#[test]
fn published_hashes_of_every_kind_are_right_and_outdated() {
    for (password, text) in PUBLISHED {
        let stored = PasswordHash::import(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(stored.is_legacy() && stored.as_str().ends_with(text), "{text}");
        let verdict = passwords().verify(&secret(password), Some(&stored));
        assert_eq!(verdict, Ok(Verdict::Right { outdated: true }), "{text}");
        let wrong = passwords().verify(&secret(&format!("x{password}")), Some(&stored));
        assert_eq!(wrong, Ok(Verdict::Wrong), "{text}");
    }
}

/// Checklist P-06: the other system may have hashed what was typed, or its composed form.
#[test]
fn a_letter_typed_in_two_parts_matches_the_composed_one() {
    let stored = PasswordHash::import(PUBLISHED[9].1).unwrap();
    let verdict = passwords().verify(&secret("le\u{300}tmein"), Some(&stored));
    assert_eq!(verdict, Ok(Verdict::Right { outdated: true }));
}

/// A mistaken or hostile cost exhausts neither memory nor time: such a hash is refused at the import and at a login.
#[test]
fn a_hash_that_costs_too_much_is_never_computed() {
    for text in [
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=4000000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        "$2b$15$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        "pbkdf2_sha256$4000000000$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=",
        "pbkdf2_sha256$99999999999999$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=",
        "$scrypt$ln=18,r=8,p=1$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiA",
        "$scrypt$ln=17,r=8,p=3$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiA",
        "$scrypt$ln=200,r=8,p=1$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiA",
        "scrypt$16384$seasalt$4294967295$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz7w==",
    ] {
        let refused = PasswordHash::import(text);
        assert!(matches!(refused, Err(InvalidHash::TooDear { .. })), "{text}: {refused:?}");
        assert!(refused.unwrap_err().to_string().contains("at most"), "{text}");
        let stored = PasswordHash::from_stored(format!("legacy:{text}"));
        assert_eq!(passwords().verify(&secret("x"), Some(&stored)), Err(HashError::Stored), "{text}");
    }
}

/// No password could match such a hash here, since the other system's key is missing.
#[test]
fn a_hash_made_with_a_key_is_refused_by_that_name() {
    for text in [
        "$argon2id$v=19$m=65536,t=2,p=1,keyid=Hj5+dsK0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "argon2$argon2id$v=19$m=65536,t=2,p=1,keyid=Hj5+dsK0,data=sRlHhRmKUGzdOmXn01XmXygd5Kc$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        let refused = PasswordHash::import(text).unwrap_err();
        assert!(refused.to_string().contains("keyid"), "{refused}");
    }
}

#[test]
fn what_is_no_hash_of_these_kinds_is_refused() {
    for text in [
        "",
        "secret",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$6$saltsalt$x",
        "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        "$2b$12$short",
        "pbkdf2_md5$1$salt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=",
        "pbkdf2_sha256$0$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=",
        "pbkdf2_sha256$+1$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=",
        "pbkdf2_sha256$1$seasalt$AAAA",
        "pbkdf2_sha256$1$$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "scrypt$1000$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz7w==",
        "p1$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
    ] {
        assert!(PasswordHash::import(text).is_err(), "{text}");
    }
    assert!(PasswordHash::import(&format!("$2b$12${}", "a".repeat(600))).is_err());
}
