//! Applications that register themselves, and the scopes of the admin API.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";

#[test]
fn applications_that_register_themselves_get_a_plan_that_there_is() {
    let with = |fields: &str| format!("{FIRST}registration: {fields}\n");
    told(&[
        (FIRST, &with("{ plan: gold }"), 2, "registration.plan", "there is no plan `gold`"),
        (FIRST, &with("{}"), 2, "registration", "`plan` is missing"),
        (FIRST, &with("{ plan: standard, trusted: true }"), 2, "registration.trusted", "unknown field"),
    ]);
    accepted(&[(FIRST, &with("{ plan: standard }"))]);
}

#[test]
fn no_scope_of_an_api_opens_the_admin_api() {
    told(&[(
        "POST: [orders:write]",
        "POST: [gateway:users:read]",
        40,
        "apis.orders.routes[0].methods.POST[0]",
        "begins like the scopes of the admin API",
    )]);
}
