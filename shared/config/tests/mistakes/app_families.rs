//! Families of apps, which share logins on one device.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";

/// Abuse case O1.
#[test]
fn an_app_is_in_one_family_of_2_to_20_apps() {
    let with = |families: &str| format!("{FIRST}app_families: {families}\n");
    let many = |count: usize| {
        let apps: Vec<_> = (0..count).map(|number| format!("app-{number}")).collect();
        with(&format!("{{ field: {{ apps: [{}] }} }}", apps.join(", ")))
    };
    let field = "app_families.field.apps";
    told(&[
        (FIRST, &with("{ field: {} }"), 2, "app_families.field", "`apps` is missing"),
        (FIRST, &with("{ field: { apps: [one] } }"), 2, field, "1 apps: write 2 to 20"),
        (FIRST, &many(21), 2, field, "21 apps: write 2 to 20"),
        (FIRST, &with("{ field: { apps: [one, one] } }"), 2, field, "`one` is in the family `field` already"),
        (
            FIRST,
            &with("{ field: { apps: [one, two] }, other: { apps: [two, three] } }"),
            2,
            "app_families.other.apps",
            "`two` is in the family `field` already",
        ),
        (
            FIRST,
            &with("{ field: { apps: [one, two], trusted: true } }"),
            2,
            "app_families.field.trusted",
            "unknown field",
        ),
    ]);
    accepted(&[
        (FIRST, &with("{}")),
        (FIRST, &many(20)),
        (FIRST, &with("{ field: { apps: [one, two] }, other: { apps: [three, four] } }")),
    ]);
}
