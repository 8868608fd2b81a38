//! Connectors.

use super::{accepted, told};

const EXPIRES: &str = "expires: { cookie_max_age: true }";
const INJECT: &str = "inject: { cookie: SESSID }";
const LOGOUT: &str = "logout: { method: POST, url: https://legacy.example.com/logout }";

#[test]
fn a_connector_begins_with_its_type() {
    told(&[
        ("    type: http_login\n", "", 18, "connectors.orders-login.login", "write `type: http_login`"),
        ("type: http_login", "type: ldap", 18, "connectors.orders-login.type", "write one of http_login"),
        (
            "    extract:",
            "    extrakt:",
            26,
            "connectors.orders-login.extrakt",
            "unknown field: write one of login, also_at, timeout, extract",
        ),
    ]);
}

/// Where a connector calls is fixed, whatever the user types.
#[test]
fn a_connector_stays_on_one_host() {
    const URL: &str = "url: https://legacy.example.com/login";
    let login = "connectors.orders-login.login.url";
    told(&[
        (
            URL,
            "url: https://other.example.com/login",
            30,
            "connectors.orders-login.logout.url",
            "stays on the scheme, host and port of its first request",
        ),
        (
            LOGOUT,
            "logout: { method: POST, url: https://legacy.example.com:444/out }",
            30,
            "connectors.orders-login.logout.url",
            "write a URL on https://legacy.example.com, or add https://legacy.example.com:444 to `also_at`",
        ),
        (URL, "url: /login", 20, login, "write an absolute one"),
        (URL, "url: https://legacy.example.com/{username}", 20, login, "without user, fragment and placeholders"),
        (URL, "url: https://u:p@legacy.example.com/login", 20, login, "without user"),
    ]);
    told(&[(
        "url: https://legacy.example.com/login\n      json:\n        user: \"{username}\"\n        pass: \"{password}\"\n      success: { status: 200 }\n    timeout: 5s\n    extract: { cookie: SESSID }\n    expires: { cookie_max_age: true }\n    inject: { cookie: SESSID }\n    dead_session: { status: 401 }\n    logout: { method: POST, url: https://legacy.example.com/logout }",
        "url: http://legacy.example.com/login\n      json: { user: \"{username}\", pass: \"{password}\" }\n    extract: { cookie: SESSID }\n    expires: { cookie_max_age: true }\n    inject: { cookie: SESSID }",
        20,
        login,
        "sends passwords unencrypted: write https, or accept it with `allow_plain_http: true`",
    )]);
    accepted(&[
        (URL, "url: https://legacy.example.com/login?v=1"),
        (LOGOUT, ""),
        (LOGOUT, "logout: { method: GET, url: https://legacy.example.com/out }"),
        (INJECT, "inject: { cookie: SESSID }\n    allow_plain_http: true"),
        (INJECT, "inject: { cookie: SESSID }\n    tls: { ca: legacy-ca }"),
    ]);
    told(&[(INJECT, "inject: { cookie: SESSID }\n    tls: {}", 29, "connectors.orders-login.tls", "`ca`")]);
}

/// Secrets have their own place and never stand in the configuration.
#[test]
fn the_login_sends_what_the_user_typed_and_no_secret_of_the_file() {
    const USER: &str = "user: \"{username}\"";
    const PASS: &str = "pass: \"{password}\"";
    let json = "connectors.orders-login.login.json";
    told(&[
        (USER, "user: ada", 21, json, "sends no username: write \"{username}\""),
        (PASS, "pass: 1", 21, json, "sends no password: write \"{password}\""),
        (
            USER,
            "user: \"{name}\"",
            22,
            "connectors.orders-login.login.json.user",
            "write \"{username}\" or \"{password}\"",
        ),
        (
            PASS,
            "pass: \"{password}\"\n        client_secret: s3cret",
            24,
            "connectors.orders-login.login.json.client_secret",
            "does not belong in this file",
        ),
        (
            "status: 200",
            "status: 404",
            24,
            "connectors.orders-login.login.success.status",
            "404 is out of range: write 200 to 399",
        ),
        ("status: 200", "status: 99", 24, "connectors.orders-login.login.success.status", "not an HTTP status"),
        (
            "timeout: 5s\n    extract",
            "timeout: 26s\n    extract",
            25,
            "connectors.orders-login.timeout",
            "write 1s to 25s",
        ),
    ]);
    accepted(&[
        (PASS, "pass: \"{password}\"\n        remember: true\n        client: mobile\n        version: 3"),
        (USER, "user: 'CORP\\{username}'"),
    ]);
}

#[test]
fn a_session_is_found_ends_and_travels_in_one_way_each() {
    const EXTRACT: &str = "extract: { cookie: SESSID }";
    let expires = "connectors.orders-login.expires";
    told(&[
        (
            EXTRACT,
            "extract: { cooky: SESSID }",
            26,
            "connectors.orders-login.extract.cooky",
            "write one of cookie, json_pointer",
        ),
        (
            EXTRACT,
            "extract: { cookie: \"a b\" }",
            26,
            "connectors.orders-login.extract.cookie",
            "not the name of a cookie",
        ),
        (EXTRACT, "extract: { json_pointer: /id }", 27, expires, "there is no cookie to ask"),
        (EXPIRES, "expires: { cookie_max_age: false }", 27, expires, "exactly one way"),
        (EXPIRES, "expires: { cookie_max_age: true, fixed: 1m }", 27, expires, "exactly one way"),
        (EXPIRES, "expires: { json_pointer: /e }", 27, expires, "`as: seconds`"),
        (
            EXPIRES,
            "expires: { json_pointer: e, as: seconds }",
            27,
            "connectors.orders-login.expires.json_pointer",
            "start with `/`",
        ),
        (
            EXPIRES,
            "expires: { json_pointer: /a~2, as: seconds }",
            27,
            "connectors.orders-login.expires.json_pointer",
            "~0 for ~",
        ),
        (
            EXPIRES,
            "expires: { json_pointer: /e, as: minutes }",
            27,
            "connectors.orders-login.expires.as",
            "write one of seconds, rfc3339",
        ),
        (EXPIRES, "expires: { fixed: 0s }", 27, "connectors.orders-login.expires.fixed", "write 1s to 3650d"),
        ("status: 401", "status: 500", 29, "connectors.orders-login.dead_session.status", "write 300 to 499"),
        ("status: 401", "status: ok", 29, "connectors.orders-login.dead_session.status", "a whole number"),
    ]);
    accepted(&[
        (EXPIRES, "expires: { json_pointer: /session/expires_in, as: seconds }"),
        (EXPIRES, "expires: { json_pointer: /a~0b~1c, as: rfc3339 }"),
        (EXPIRES, "expires: { fixed: 30m }"),
        ("status: 401", "status: 302"),
    ]);
}

/// Checklist H-04: what surrounds an injected token can be a header value.
#[test]
fn injected_headers_are_sound_and_not_taken() {
    let header = "connectors.orders-login.inject.header";
    let value = "connectors.orders-login.inject.value";
    told(&[
        (
            INJECT,
            "inject: { cookie: A, header: X-A, value: \"{token}\" }",
            28,
            "connectors.orders-login.inject",
            "exactly one way",
        ),
        (INJECT, "inject: { header: X-Session }", 28, "connectors.orders-login.inject", "with `value"),
        (INJECT, "inject: { header: X-Session, value: token }", 28, value, "write \"{token}\" once"),
        (INJECT, "inject: { header: X-Session, value: \"{token}{token}\" }", 28, value, "once"),
        (INJECT, "inject: { header: X-Session, value: \"a\\r\\nB: {token}\" }", 28, value, "printable ASCII"),
        (INJECT, "inject: { header: Cookie, value: \"{token}\" }", 28, header, "`cookie: NAME` for a cookie"),
        (INJECT, "inject: { header: Host, value: \"{token}\" }", 28, header, "meaning of its own"),
        (INJECT, "inject: { header: Via, value: \"{token}\" }", 28, header, "meaning of its own"),
        (INJECT, "inject: { header: X_Forwarded_User, value: \"{token}\" }", 28, header, "meaning of its own"),
        (INJECT, "inject: { header: Keep-Alive, value: \"{token}\" }", 28, header, "meaning of its own"),
        (INJECT, "inject: { header: X-Amzn-Trace-Id, value: \"{token}\" }", 28, header, "meaning of its own"),
        (INJECT, "inject: { header: Tracestate, value: \"{token}\" }", 28, header, "meaning of its own"),
    ]);
    accepted(&[
        (INJECT, "inject: { header: X-Session, value: \"{token}\" }"),
        (INJECT, "inject: { header: Authorization, value: \"Bearer {token}\" }"),
    ]);
}
