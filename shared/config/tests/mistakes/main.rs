//! Every mistake in gateway.yaml is told with its line, its field and what to write; its twin is accepted.

#![expect(clippy::panic, clippy::expect_used, reason = "the helpers of tests end like tests")]

mod accounts;
mod apis;
mod app_families;
mod connectors;
mod cors;
mod devices;
mod directory;
mod events;
mod fields;
mod hooks;
mod issuers;
mod kerberos;
mod logins;
mod pages;
mod passkeys;
mod passwords;
mod plans;
mod portal;
mod registration;
mod routes;
mod saml;

use gateway_config::{ConfigError, Gateway, Problem};

/// Line numbers of the cases below are those of this text.
const GOOD: &str = r#"issuer: https://auth.example.com
audience: https://api.example.com
lifetimes:
  access_token: 10m
  session_idle: 30d
  session_absolute: 90d
  refresh_retry_window: 5m
sessions_per_user_and_app: 8
scopes:
  orders:read: See orders
  orders:write: Place orders
plans:
  standard:
    calls: 60
    window: 1m
connectors:
  orders-login:
    type: http_login
    login:
      url: https://legacy.example.com/login
      json:
        user: "{username}"
        pass: "{password}"
      success: { status: 200 }
    timeout: 5s
    extract: { cookie: SESSID }
    expires: { cookie_max_age: true }
    inject: { cookie: SESSID }
    dead_session: { status: 401 }
    logout: { method: POST, url: https://legacy.example.com/logout }
apis:
  orders:
    back_end: https://legacy.example.com
    connector: orders-login
    timeout: 10s
    max_header_bytes: 8190
    headers: { user_id: X-User, scope: X-Scope }
    routes:
      - path: /orders
        methods: { GET: [orders:read], POST: [orders:write] }
      - path: /orders/{id}
        methods: { GET: [orders:read] }
      - path: /public/ping
        methods: { GET: [] }
        public: true
"#;

/// What is written instead of what, the line and the field that are named, and a part of what is said.
type Case<'a> = (&'a str, &'a str, u64, &'a str, &'a str);

fn changed(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "`{from}` must be there once");
    GOOD.replace(from, to)
}

fn problems(text: &str) -> Vec<Problem> {
    match Gateway::parse(text) {
        Err(ConfigError::Invalid(problems)) => problems,
        other => panic!("expected problems in\n{text}\nbut got {other:?}"),
    }
}

#[track_caller]
fn told(cases: &[Case<'_>]) {
    Gateway::parse(GOOD).expect("the text that the cases change is good");
    for (from, to, line, field, says) in cases {
        let problems = problems(&changed(from, to));
        let found = problems.iter().any(|problem| {
            problem.line == *line && problem.field == *field && problem.reason.contains(says) && problem.column > 0
        });
        assert!(found, "`{to}` should say line {line}: {field}: …{says}…, but says {problems:#?}");
        assert_eq!(problems.len(), 1, "`{to}` is one mistake, not {problems:#?}");
    }
}

#[track_caller]
fn accepted(changes: &[(&str, &str)]) {
    for (from, to) in changes {
        if let Err(error) = Gateway::parse(&changed(from, to)) {
            panic!("`{to}` should be accepted: {error}");
        }
    }
}
