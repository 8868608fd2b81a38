//! Passkeys: a domain of the company's own, and the pages and apps that may use its passkeys.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";

#[test]
fn passkeys_belong_to_the_domain_of_the_pages() {
    let with = |fields: &str| format!("{FIRST}passkeys: {fields}\n");
    let domain = "passkeys.relying_party";
    told(&[
        (FIRST, &with("{}"), 2, "passkeys", "`relying_party` is missing"),
        (FIRST, &with("{ relying_party: example.org }"), 2, domain, "is not under `example.org`"),
        (FIRST, &with("{ relying_party: ample.com }"), 2, domain, "is not under `ample.com`"),
        (FIRST, &with("{ relying_party: www.auth.example.com }"), 2, domain, "is not under"),
        (FIRST, &with("{ relying_party: localhost }"), 2, domain, "is not under `localhost`"),
        (FIRST, &with("{ relying_party: com }"), 2, domain, "no domain of yours"),
        (FIRST, &with("{ relying_party: Example.com }"), 2, domain, "no domain of yours"),
        (FIRST, &with("{ relying_party: 'https://example.com' }"), 2, domain, "no domain of yours"),
        (FIRST, &with("{ relying_party: 127.0.0.1 }"), 2, domain, "no domain of yours"),
        (FIRST, &with("{ relying_party: example.com, name: x }"), 2, "passkeys.name", "unknown field"),
    ]);
    accepted(&[
        (FIRST, &with("{ relying_party: example.com }")),
        (FIRST, &with("{ relying_party: auth.example.com }")),
        (FIRST, "issuer: http://127.0.0.1:4566\npasskeys: { relying_party: localhost }\n"),
        (FIRST, "passkeys: { relying_party: example.org } # the stage names the issuer\n"),
    ]);
}

#[test]
fn pages_and_apps_are_named_as_their_systems_name_them() {
    let with =
        |field: &str, value: &str| format!("{FIRST}passkeys: {{ relying_party: example.com, {field}: {value} }}\n");
    let (origins, apple, android) = ("origins", "apple_apps", "android_apps");
    let fingerprint = ["AB"; 32].join(":");
    let app = |more: &str| format!("[{{ package: com.example.app, {more} }}]");
    let hash = format!("android:apk-key-hash:{}", "A".repeat(43));
    told(&[
        (FIRST, &with(origins, "['http://shop.example.com']"), 2, "passkeys.origins[0]", "is no origin"),
        (FIRST, &with(origins, "['https://shop.example.com/']"), 2, "passkeys.origins[0]", "is no origin"),
        (FIRST, &with(origins, "['https://Shop.example.com']"), 2, "passkeys.origins[0]", "is no origin"),
        (FIRST, &with(origins, "['android:apk-key-hash:AAAA']"), 2, "passkeys.origins[0]", "is no origin"),
        (FIRST, &with(origins, "['https://shop.example.org']"), 2, "passkeys.origins[0]", "on pages under it alone"),
        (FIRST, &with(origins, &format!("['{hash}', '{hash}']")), 2, "passkeys.origins[1]", "there twice"),
        (FIRST, &with(apple, "[com.example.app]"), 2, "passkeys.apple_apps[0]", "is no app"),
        (FIRST, &with(apple, "[ABCDE12345.a, ABCDE12345.a]"), 2, "passkeys.apple_apps[1]", "there twice"),
        (FIRST, &with(android, "[{ package: app, sha256: [] }]"), 2, "passkeys.android_apps[0].package", "no package"),
        (FIRST, &with(android, &app("sha256: []")), 2, "passkeys.android_apps[0].sha256", "1 to 16 fingerprints"),
        (
            FIRST,
            &with(android, &app("sha256: ['ab:cd']")),
            2,
            "passkeys.android_apps[0].sha256[0]",
            "no SHA-256 fingerprint",
        ),
    ]);
    accepted(&[
        (FIRST, &with(origins, &format!("['https://shop.example.com:8443', '{hash}']"))),
        (FIRST, &with(apple, "[ABCDE12345.com.example.app]")),
        (FIRST, &with(android, &app(&format!("sha256: ['{fingerprint}']")))),
    ]);
}
