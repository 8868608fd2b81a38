//! Developers: who may register applications, and what is offered to them.

use super::{GOOD, told};
use gateway_config::Gateway;

const FIRST: &str = "issuer: https://auth.example.com\n";
const API: &str = "  orders:\n";

#[test]
fn developers_get_a_plan_that_there_is_and_find_an_api() {
    let with = |fields: &str| format!("{FIRST}portal: {fields}\n");
    told(&[
        (FIRST, &with("{ plan: standard }"), 2, "portal", "give an API an `offer`"),
        (FIRST, &with("{}"), 2, "portal", "`plan` is missing"),
        (FIRST, &with("{ plan: standard, developers: all }"), 2, "portal.developers", "invited"),
        (FIRST, &with("{ plan: standard, requests_to: nobody }"), 2, "portal.requests_to", "e-mail address"),
        (API, "  orders:\n    offer: { about: Orders }\n", 33, "apis.orders.offer", "write `portal`"),
        (API, "  orders:\n    offer: {}\n", 33, "apis.orders.offer", "`about` is missing"),
        (API, "  orders:\n    offer: { about: '' }\n", 33, "apis.orders.offer.about", "a sentence"),
    ]);
}

#[test]
fn a_description_is_a_file_beside_the_configuration() {
    for name in
        ["../orders.openapi.yaml", "/etc/orders.openapi.yaml", "orders.yaml", ".openapi.yaml", "a b.openapi.yaml"]
    {
        let with = format!("  orders:\n    offer: {{ about: Orders, documentation: {name} }}\n");
        told(&[(API, &with, 33, "apis.orders.offer.documentation", "beside gateway.yaml")]);
    }
    let portal = format!("{FIRST}portal: {{ plan: standard, developers: anyone, requests_to: Ops@Example.com }}\n");
    let offer = "  orders:\n    offer: { about: Orders, approval: false, documentation: orders.v1.openapi.json }\n";
    let gateway = Gateway::parse(&GOOD.replace(FIRST, &portal).replace(API, offer)).unwrap();
    assert_eq!(gateway.developer_portal().unwrap().requests_to.as_ref().unwrap().as_str(), "ops@example.com");
    assert_eq!(gateway.offered_apis().count(), 1);
}
