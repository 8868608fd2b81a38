//! Other issuers, whose refresh tokens are traded in.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";
const ENDS: &str = "token_endpoint: 'https://sso.example/token', jwks_uri: 'https://sso.example/keys'";
const CLIENT: &str = "clients: [{ client: app, foreign_client_id: shop }]";

fn with(issuers: &str) -> String {
    format!("{FIRST}issuers: {{ {issuers} }}\n")
}

fn one(endpoints: &str, more: &str) -> String {
    with(&format!("sso: {{ issuer: 'https://sso.example', {endpoints}, users: subject, until: 2027-06-30, {more} }}"))
}

#[test]
fn an_issuer_is_asked_over_tls_and_tells_whose_a_token_is_in_one_way() {
    let exposed = "write https";
    told(&[
        (
            FIRST,
            &one("token_endpoint: 'http://sso.example/token', jwks_uri: 'https://sso.example/keys'", CLIENT),
            2,
            "issuers.sso.token_endpoint",
            exposed,
        ),
        (
            FIRST,
            &one("token_endpoint: 'https://sso.example/token', jwks_uri: 'http://sso.example/keys'", CLIENT),
            2,
            "issuers.sso.jwks_uri",
            exposed,
        ),
        (FIRST, &one("token_endpoint: 'https://sso.example/token'", CLIENT), 2, "issuers.sso", "write `jwks_uri`"),
        (
            FIRST,
            &one(ENDS, &format!("introspection_endpoint: 'https://sso.example/who', {CLIENT}")),
            2,
            "issuers.sso.introspection_endpoint",
            "is of `subject: introspection`",
        ),
        (FIRST, &one(ENDS, &format!("subject: email, {CLIENT}")), 2, "issuers.sso.subject", "write one of id_token"),
        (FIRST, &one(ENDS, &format!("timeout: 9s, {CLIENT}")), 2, "issuers.sso.timeout", "write 1s to 8s"),
        (FIRST, &one(ENDS, &format!("tls: {{}}, {CLIENT}")), 2, "issuers.sso.tls", "says nothing"),
        (FIRST, &one(ENDS, &format!("refused_by: [], {CLIENT}")), 2, "issuers.sso.refused_by", "or both"),
        (
            FIRST,
            &one(ENDS, &format!("refused_by: [invalid_grant, invalid_grant], {CLIENT}")),
            2,
            "issuers.sso.refused_by",
            "each once",
        ),
        (
            FIRST,
            &one(ENDS, &format!("refused_by: [invalid_client], {CLIENT}")),
            2,
            "issuers.sso.refused_by[0]",
            "write one of invalid_grant",
        ),
    ]);
    let secret =
        "clients: [{ client: app, foreign_client_id: shop, authentication: client_secret_basic, secret: shop }]";
    accepted(&[
        (FIRST, &one(ENDS, CLIENT)),
        (FIRST, &one("token_endpoint: 'http://127.0.0.1:9/token', jwks_uri: 'http://localhost:9/keys'", CLIENT)),
        (FIRST, &one(ENDS, secret)),
        (FIRST, &one(ENDS, &format!("refused_by: [invalid_request], {CLIENT}"))),
        (FIRST, &one(ENDS, &format!("refused_by: [invalid_grant, invalid_request], {CLIENT}"))),
        (
            FIRST,
            &one(
                "token_endpoint: 'https://sso.example/token', introspection_endpoint: 'https://sso.example/who', subject: introspection",
                secret,
            ),
        ),
    ]);
}

#[test]
fn an_application_is_one_client_of_one_issuer() {
    let clients = |clients: &str| one(ENDS, &format!("clients: [{clients}]"));
    let first = "issuers.sso.clients[0]";
    told(&[
        (FIRST, &clients(""), 2, "issuers.sso.clients", "write 1 to 64"),
        (
            FIRST,
            &clients("{ client: app, foreign_client_id: a }, { client: app, foreign_client_id: b }"),
            2,
            "issuers.sso.clients[1].client",
            "keep one",
        ),
        (
            FIRST,
            &clients("{ client: app, foreign_client_id: a, secret: s }"),
            2,
            "issuers.sso.clients[0].secret",
            "a public client has none",
        ),
        (
            FIRST,
            &clients("{ client: app, foreign_client_id: a, authentication: client_secret_post }"),
            2,
            first,
            "write `secret`",
        ),
        (
            FIRST,
            &one(
                "token_endpoint: 'https://sso.example/token', introspection_endpoint: 'https://sso.example/who', subject: introspection",
                CLIENT,
            ),
            2,
            first,
            "without authentication",
        ),
    ]);
    accepted(&[(FIRST, &clients("{ client: app, foreign_client_id: a }, { client: other, foreign_client_id: a }"))]);
}

#[test]
fn an_issuer_has_a_last_day_and_a_name_of_its_own() {
    let named = |name: &str, until: &str| {
        with(&format!("{name}: {{ issuer: 'https://sso.example', {ENDS}, users: links, until: {until}, {CLIENT} }}"))
    };
    told(&[
        (FIRST, &named("sso", "2027-06-31"), 2, "issuers.sso.until", "is not a day"),
        (FIRST, &named("sso", "30d"), 2, "issuers.sso.until", "is not a day"),
        (FIRST, &named("orders-login", "2027-06-30"), 2, "issuers.orders-login", "is the name of a connector"),
    ]);
    let many: Vec<_> = (0..5)
        .map(|at| {
            let client = format!("clients: [{{ client: app{at}, foreign_client_id: a }}]");
            format!("s{at}: {{ issuer: 'https://sso.example', {ENDS}, users: links, until: 2027-06-30, {client} }}")
        })
        .collect();
    told(&[(FIRST, &with(&many.join(", ")), 2, "issuers", "at most 4")]);
    accepted(&[(FIRST, &named("sso", "2027-06-30"))]);
}
