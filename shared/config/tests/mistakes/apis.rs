//! APIs: back ends, references and header names.

use super::{accepted, changed, problems, told};

/// Abuse cases C3, C4: a back end is a fixed authority that no path can extend.
#[test]
fn back_ends_that_are_more_or_less_than_an_authority() {
    const BACK_END: &str = "back_end: https://legacy.example.com";
    told(&[
        (BACK_END, "back_end: https://legacy.example.com/", 33, "apis.orders.back_end", "final slash"),
        (BACK_END, "back_end: https://legacy.example.com/v1/", 33, "apis.orders.back_end", "final slash"),
        (BACK_END, "back_end: https://legacy.example.com/../v1", 33, "apis.orders.back_end", "base path"),
        (BACK_END, "back_end: https://legacy.example.com/a;b", 33, "apis.orders.back_end", "base path"),
        (BACK_END, "back_end: https://legacy.example.com//a", 33, "apis.orders.back_end", "base path"),
        (BACK_END, "back_end: https://legacy.example.com?a", 33, "apis.orders.back_end", "query"),
        (BACK_END, "back_end: https://u:p@legacy.example.com", 33, "apis.orders.back_end", "user"),
        (BACK_END, "back_end: legacy.example.com", 33, "apis.orders.back_end", "write scheme, host and port"),
        (BACK_END, "back_end: ftp://legacy.example.com", 33, "apis.orders.back_end", "write scheme, host and port"),
        (BACK_END, "back_end: http://legacy.example.com", 33, "apis.orders.back_end", "allow_plain_http: true"),
        ("timeout: 10s", "timeout: 15m", 35, "apis.orders.timeout", "write 1s to 899s"),
        ("timeout: 10s", "idle_timeout: 301s", 35, "apis.orders.idle_timeout", "write 1s to 5m"),
        ("timeout: 10s", "idle_timeout: 0s", 35, "apis.orders.idle_timeout", "write 1s to 5m"),
        ("bytes: 8190", "bytes: 100", 36, "apis.orders.max_header_bytes", "write 1024 to 65536"),
        ("bytes: 8190", "bytes: 70000", 36, "apis.orders.max_header_bytes", "write 1024 to 65536"),
        (
            "    max_header_bytes: 8190\n",
            "    max_response_bytes: 209715201\n",
            36,
            "apis.orders.max_response_bytes",
            "write 1024 to 209715200",
        ),
    ]);
    accepted(&[
        (BACK_END, "back_end: https://legacy.example.com:8443"),
        (BACK_END, "back_end: https://legacy.example.com:8443/app/v1"),
        (BACK_END, "back_end: http://127.0.0.1:3001"),
        (BACK_END, "back_end: http://legacy.example.com\n    allow_plain_http: true"),
    ]);
}

#[test]
fn references_to_what_is_not_there() {
    told(&[
        ("connector: orders-login", "connector: orders", 34, "apis.orders.connector", "write one of orders-login"),
        ("[orders:write]", "[orders:wirte]", 40, "apis.orders.routes[0].methods.POST", "no scope `orders:wirte`"),
        ("  orders:write: Place orders\n", "", 39, "apis.orders.routes[0].methods.POST", "add it under `scopes`"),
    ]);
    accepted(&[
        ("scopes:\n  orders:read: See orders\n  orders:write: Place orders\n", ""),
        ("    connector: orders-login\n", ""),
    ]);
}

/// Abuse case B2: a back end that folds names must not take one header for another.
#[test]
fn header_names_that_are_taken() {
    const HEADERS: &str = "{ user_id: X-User, scope: X-Scope }";
    told(&[
        (HEADERS, "{ user_id: Connection }", 37, "apis.orders.headers.user_id", "meaning of its own"),
        (HEADERS, "{ user_id: transfer_encoding }", 37, "apis.orders.headers.user_id", "meaning of its own"),
        (HEADERS, "{ user_id: X-Forwarded-For }", 37, "apis.orders.headers.user_id", "meaning of its own"),
        (HEADERS, "{ user_id: Host }", 37, "apis.orders.headers.user_id", "meaning of its own"),
        (HEADERS, "{ scope: Via }", 37, "apis.orders.headers.scope", "meaning of its own"),
        (HEADERS, "{ app_name: X-Amzn-Trace-Id }", 37, "apis.orders.headers.app_name", "meaning of its own"),
        (HEADERS, "{ client_id: traceparent }", 37, "apis.orders.headers.client_id", "meaning of its own"),
        (HEADERS, "{ user_id: X-User, scope: x_user }", 37, "apis.orders.headers.scope", "another header of this API"),
        (HEADERS, "{ user_id: \"X User\" }", 37, "apis.orders.headers.user_id", "not the name of a header"),
        (
            "inject: { cookie: SESSID }",
            "inject: { header: X_USER, value: \"{token}\" }",
            37,
            "apis.orders.headers.user_id",
            "another header",
        ),
    ]);
    accepted(&[(HEADERS, "{ user_id: X-Remote-User, client_id: X-Client }"), (HEADERS, "{}")]);
}

/// A certificate or key never stands in the file, and what was written there by mistake is not repeated.
#[test]
fn tls_names_secrets_and_says_something() {
    const TIMEOUT: &str = "    timeout: 10s\n";
    let tls = "apis.orders.tls";
    told(&[
        (TIMEOUT, "    tls: {}\n", 35, tls, "write `ca`, `client_certificate` or both"),
        (TIMEOUT, "    tls: { cert: a }\n", 35, "apis.orders.tls.cert", "write one of ca, client_certificate"),
        (
            TIMEOUT,
            "    tls: { ca: \"-----BEGIN CERTIFICATE-----\" }\n",
            35,
            "apis.orders.tls.ca",
            "put the PEM text into",
        ),
        (TIMEOUT, "    tls: { ca: orders ca }\n", 35, "apis.orders.tls.ca", "name or ARN of a secret"),
        (
            "    back_end: https://legacy.example.com\n    connector: orders-login\n    timeout: 10s\n",
            "    back_end: http://127.0.0.1:1\n    connector: orders-login\n    tls: { ca: orders-ca }\n",
            35,
            tls,
            "http://127.0.0.1:1 has no TLS: write https",
        ),
    ]);
    let key = "-----BEGIN PRIVATE KEY----- MIIBVQ";
    let written = changed(TIMEOUT, &format!("    tls: {{ client_certificate: \"{key}\" }}\n"));
    let problems = problems(&written);
    assert!(!problems.iter().any(|problem| problem.reason.contains("MIIBVQ")), "{problems:?}");
    accepted(&[
        (TIMEOUT, "    tls: { ca: orders/ca, client_certificate: orders-client }\n"),
        (TIMEOUT, "    tls: { ca: \"arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-ca-AbCdEf\" }\n"),
    ]);
}

/// An access token goes to one service of each API, in a header that is nobody else's.
#[test]
fn an_access_token_is_passed_on_in_a_header_of_its_own() {
    const TIMEOUT: &str = "    timeout: 10s\n";
    const INJECT: &str = "inject: { cookie: SESSID }";
    let pass = "apis.orders.pass_access_token";
    let passing = |header: &str| format!("    pass_access_token: {{ audience: shop, header: {header} }}\n");
    told(&[
        (TIMEOUT, "    pass_access_token: true\n", 35, pass, "expected fields"),
        (TIMEOUT, "    pass_access_token: {}\n", 35, pass, "audience"),
        (TIMEOUT, "    pass_access_token: { audience: a b }\n", 35, &format!("{pass}.audience"), "client id"),
        (TIMEOUT, &passing("Cookie"), 35, &format!("{pass}.header"), "meaning of its own"),
        (TIMEOUT, &passing("X-Forwarded-For"), 35, &format!("{pass}.header"), "meaning of its own"),
        (TIMEOUT, &passing("x_user"), 37, "apis.orders.headers.user_id", "another header of this API"),
    ]);
    let elsewhere = changed(TIMEOUT, &passing("X-Access-Token"))
        .replacen("    routes:\n", "    routes:\n      - { path: /orders/elsewhere, methods: { GET: [orders:read] }, back_end: https://cdn.internal }\n", 1);
    match gateway_config::Gateway::parse(&elsewhere) {
        Err(gateway_config::ConfigError::Invalid(problems)) => {
            assert!(format!("{problems:?}").contains("is for `shop` alone"), "{problems:?}");
        }
        other => panic!("{other:?}"),
    }
    for (inject, header) in [("Authorization", "Authorization"), ("X-Access-Token", "X_access_token")] {
        let text = changed(INJECT, &format!("inject: {{ header: {inject}, value: \"{{token}}\" }}"));
        let text = text.replace(TIMEOUT, &passing(header));
        let problems = match gateway_config::Gateway::parse(&text) {
            Err(gateway_config::ConfigError::Invalid(problems)) => problems,
            other => panic!("{header}: {other:?}"),
        };
        let said = format!("the connector of this API has `{}` already", header.to_lowercase());
        assert!(problems.iter().any(|one| one.field == pass && one.reason.contains(&said)), "{problems:?}");
    }
    accepted(&[
        (TIMEOUT, "    pass_access_token: { audience: shop }\n"),
        (TIMEOUT, &passing("Authorization")),
        (TIMEOUT, &passing("X-Access-Token")),
    ]);
}

#[test]
fn an_access_token_names_few_services() {
    let api = |number: u32| {
        format!(
            "  api-{number}:\n    back_end: https://{number}.example.com\n    pass_access_token: {{ audience: service-{number} }}\n    \
             routes: [{{ path: /{number}, methods: {{ GET: [orders:read] }} }}]\n"
        )
    };
    let apis = |most: u32| changed("apis:\n", &format!("apis:\n{}", (0..most).map(api).collect::<String>()));
    assert!(gateway_config::Gateway::parse(&apis(8)).is_ok());
    let problems = problems(&apis(9));
    assert!(problems.iter().any(|one| one.field.ends_with("pass_access_token.audience")), "{problems:?}");
}

#[test]
fn cookies_are_kept_here_or_by_the_app() {
    const TIMEOUT: &str = "    timeout: 10s\n";
    let both = "    cookie_jar: true\n    pass_cookies: [lang]\n";
    told(&[(TIMEOUT, both, 35, "apis.orders.cookie_jar", "write one of the two")]);
    accepted(&[(TIMEOUT, "    cookie_jar: true\n"), (TIMEOUT, "    cookie_jar: false\n    pass_cookies: [lang]\n")]);
}
