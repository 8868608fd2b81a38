//! Logins at a SAML identity provider.

use super::{accepted, told};

const LOGOUT: &str = "logout: { method: POST, url: https://legacy.example.com/logout }";

/// The good file with a connector more; its `type` is on line 32.
fn with(connector: &str) -> String {
    format!("{LOGOUT}\n  portal:\n    {}", connector.replace('\n', "\n    "))
}

const PORTAL: &str = "type: saml_ecp
identity_provider: https://idp.example.com/sso
begin: { service_provider: https://portal.example.com/private }
present: { cookies: [SID] }
login_page: https://portal.example.com/login
logout: { method: GET, url: https://portal.example.com/logout }";

const OWN: &str = "type: saml_ecp
identity_provider: https://idp.example.com/sso
begin: { issuer: urn:orders, consumer_url: https://orders.example.com/acs }
present: authorization";

const TRUST: &str = "type: ws_trust
url: https://sts.example.com/trust
applies_to: https://orders.example.com
present: ws_security";

fn wrong(base: &str, right: &str, wrong: &str, line: u64, field: &str, advice: &str) {
    assert_eq!(base.matches(right).count(), 1, "{right}");
    let text = with(&base.replace(right, wrong));
    told(&[(LOGOUT, &text, line, &format!("connectors.portal{field}"), advice)]);
}

#[test]
fn a_login_at_an_identity_provider_is_accepted() {
    let exchange = "present: { exchange: { url: https://orders.example.com/token, client_id: mobile, scope: a b } }";
    let more = "timeout: 25s\naudience: urn:orders\ntls: { ca: idp-ca }\npresent";
    for base in [PORTAL, OWN, TRUST] {
        accepted(&[(LOGOUT, &with(base)), (LOGOUT, &with(&base.replace("present", more)))]);
    }
    for (base, present) in [(OWN, "present: authorization"), (TRUST, "present: ws_security")] {
        for other in ["present: authorization", "present: ws_security", exchange] {
            accepted(&[(LOGOUT, &with(&base.replace(present, other)))]);
        }
    }
    let plain = TRUST.replace("https://sts", "http://sts") + "\nallow_plain_http: true";
    accepted(&[(LOGOUT, &with(&plain))]);
}

#[test]
fn who_begins_is_said_in_one_way() {
    let begin = "{ service_provider: https://portal.example.com/private }";
    for other in ["{}", "{ issuer: urn:x }", "{ service_provider: https://a.example.com, issuer: urn:x }", "here"] {
        wrong(PORTAL, begin, other, 34, ".begin", "write `service_provider: URL`, or `issuer: ENTITY`");
    }
    wrong(OWN, "issuer: urn:orders", "issuer: \"urn orders\"", 34, ".begin", "write `service_provider: URL`");
}

#[test]
fn a_session_at_a_service_provider_needs_one() {
    wrong(OWN, "authorization", "{ cookies: [SID] }", 35, ".present", "cookies come from a service provider");
    wrong(TRUST, "ws_security", "{ cookies: [SID] }", 35, ".present", "there is no service provider");
    let no_session = "there is no session at a service provider";
    let present = "present: authorization";
    wrong(
        OWN,
        present,
        &[
            present,
            "
login_page: https://a.example.com",
        ]
        .concat(),
        36,
        ".login_page",
        no_session,
    );
    let logout = "
logout: { method: GET, url: https://a.example.com }";
    wrong(OWN, present, &[present, logout].concat(), 36, ".logout", no_session);
    wrong(PORTAL, "[SID]", "[]", 35, ".present.cookies", "write the names of 1 to 8 cookies");
    wrong(PORTAL, "[SID]", "[SID;]", 35, ".present.cookies[0]", "not the name of a cookie");
}

/// Where a connector calls is fixed, and what it sends there is not readable on the way.
#[test]
fn passwords_and_assertions_stay_where_they_belong() {
    let elsewhere = "the service provider is elsewhere: write a URL on https://portal.example.com";
    wrong(PORTAL, "portal.example.com/login", "other.example.com/login", 36, ".login_page", elsewhere);
    wrong(PORTAL, "portal.example.com/logout", "other.example.com/logout", 37, ".logout.url", elsewhere);
    wrong(PORTAL, "example.com/login\n", "example.com\n", 36, ".login_page", "write its path as well");
    let plain = "sends passwords or assertions unencrypted";
    wrong(OWN, "https://idp", "http://idp", 33, ".identity_provider", plain);
    let provider = "begin: { service_provider: http://portal.example.com/private }";
    let own = "begin: { issuer: urn:orders, consumer_url: https://orders.example.com/acs }";
    wrong(OWN, own, provider, 34, ".begin.service_provider", plain);
    wrong(TRUST, "https://sts", "http://sts", 33, ".url", plain);
    let exchange = "{ exchange: { url: http://orders.example.com/token } }";
    wrong(TRUST, "ws_security", exchange, 35, ".present.exchange.url", plain);
}

#[test]
fn a_page_that_refuses_is_told_from_others() {
    let refused = |fields: &str| format!("present: authorization\nrefused: {{ {fields} }}");
    for status in [200, 400, 499] {
        let page = refused(&format!("status: {status}, body_has: Invalid username"));
        accepted(&[(LOGOUT, &with(&OWN.replace("present: authorization", &page)))]);
    }
    let present = "present: authorization";
    for status in [199, 302, 500] {
        let page = refused(&format!("status: {status}, body_has: Invalid username"));
        wrong(OWN, present, &page, 36, ".refused.status", "write 200, or 400 to 499");
    }
    wrong(OWN, present, &refused("status: 400, body_has: ''"), 36, ".refused.body_has", "every page has an empty text");
    wrong(OWN, present, &refused("status: 400"), 36, ".refused", "`body_has` is missing");
}

#[test]
fn a_renewal_has_what_it_needs() {
    let renew = |fields: &str| format!("present: ws_security\nrenew: {{ {fields} }}");
    let certificate = "by: client_certificate, after_end: true, for: 8h }\ntls: { client_certificate: gateway-at-sts";
    for good in ["for: 8h", "for: 8h, by: assertion, url: https://sts.example.com/renew", certificate] {
        accepted(&[(LOGOUT, &with(&TRUST.replace("present: ws_security", &renew(good))))]);
    }
    let present = "present: ws_security";
    let no_certificate = "write `tls: { client_certificate: SECRET }`";
    wrong(TRUST, present, &renew("for: 8h, by: client_certificate"), 36, ".renew.by", no_certificate);
    let ended = "an assertion that has ended tells nobody who asks";
    wrong(TRUST, present, &renew("for: 8h, after_end: true"), 36, ".renew.after_end", ended);
    wrong(
        TRUST,
        present,
        &renew("for: 8h, by: password"),
        36,
        ".renew.by",
        "`password` is not known here: write one of assertion",
    );
    wrong(TRUST, present, &renew("by: assertion"), 36, ".renew", "`for` is missing");
    let plain = "sends passwords or assertions unencrypted";
    wrong(TRUST, present, &renew("for: 8h, url: http://sts.example.com/renew"), 36, ".renew.url", plain);
    let exchange = "present: { exchange: { url: https://orders.example.com/token } }\nrenew: { for: 8h }";
    wrong(TRUST, present, exchange, 36, ".renew", "what is exchanged is not kept");
}

#[test]
fn names_and_times_are_sound() {
    wrong(TRUST, "https://orders.example.com", "\"a b\"", 34, ".applies_to", "not the name of a system");
    wrong(TRUST, "present: ws_security", "timeout: 26s\npresent: ws_security", 35, ".timeout", "write 1s to 25s");
    wrong(OWN, "present: authorization", "timeout: 0s\npresent: authorization", 35, ".timeout", "write 1s to 25s");
    wrong(OWN, "present: authorization", "present: authorization\npassphrase: x", 36, ".passphrase", "unknown field");
}
