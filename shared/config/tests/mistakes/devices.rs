//! Devices, which apps register by keys of their own.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";

#[test]
fn devices_have_scopes_of_routes_and_nothing_of_a_person() {
    let with = |fields: &str| format!("{FIRST}devices: {fields}\n");
    let person = "is about a person or for who administers";
    told(&[
        (FIRST, &with("{}"), 2, "devices", "`scope` is missing"),
        (FIRST, &with("{ scope: '' }"), 2, "devices.scope", "no scope"),
        (FIRST, &with("{ scope: 'orders:red' }"), 2, "devices.scope", "no route needs `orders:red`"),
        (FIRST, &with("{ scope: openid }"), 2, "devices.scope", person),
        (FIRST, &with("{ scope: account }"), 2, "devices.scope", person),
        (FIRST, &with("{ scope: 'gateway:users:read' }"), 2, "devices.scope", person),
        (FIRST, &with("{ scope: 'orders:read', name: x }"), 2, "devices.name", "unknown field"),
        (
            FIRST,
            &with("{ scope: 'orders:read', registrations_per_source: 0 }"),
            2,
            "devices.registrations_per_source",
            "write 1 to 86400",
        ),
        (
            FIRST,
            &with("{ scope: 'orders:read', registrations_per_app: 86401 }"),
            2,
            "devices.registrations_per_app",
            "write 1 to 86400",
        ),
    ]);
    accepted(&[
        (FIRST, &with("{ scope: 'orders:read' }")),
        (
            FIRST,
            &with("{ scope: 'orders:read orders:write', registrations_per_source: 1, registrations_per_app: 86400 }"),
        ),
    ]);
}
