//! Fields, values, lifetimes and plans.

use super::{GOOD, accepted, problems, told};

#[test]
fn fields_that_do_not_exist_are_missing_or_are_there_twice() {
    told(&[
        ("audience:", "audiences:", 2, "audiences", "unknown field: write one of issuer, audience"),
        ("    calls: 60", "    cals: 60", 14, "plans.standard.cals", "unknown field: write one of calls, window"),
        ("    calls: 60\n", "", 13, "plans.standard", "`calls` is missing: add it"),
        ("      url: https://legacy.example.com/login\n", "", 19, "connectors.orders-login.login", "`url` is missing"),
        ("    back_end: https://legacy.example.com\n", "", 32, "apis.orders", "`back_end` is missing: add it"),
        ("        methods: { GET: [orders:read] }\n", "", 41, "apis.orders.routes[1]", "`methods` is missing: add it"),
        ("    window: 1m", "    window: 1m\n    window: 2m", 16, "plans.standard.window", "twice: keep one"),
        ("  access_token: 10m", "  <<: { access_token: 10m }", 4, "lifetimes.<<", "write the fields out"),
    ]);
    accepted(&[
        ("audience: https://api.example.com\n", ""),
        ("  access_token: 10m\n", ""),
        ("    dead_session: { status: 401 }\n", ""),
    ]);
}

#[test]
fn values_of_the_wrong_kind() {
    told(&[
        ("calls: 60", "calls: sixty", 14, "plans.standard.calls", "a whole number"),
        ("calls: 60", "calls: -1", 14, "plans.standard.calls", "not negative"),
        ("calls: 60", "calls: 4294967296", 14, "plans.standard.calls", "a whole number"),
        ("public: true", "public: yes", 45, "apis.orders.routes[2].public", "true or false"),
        ("access_token: 10m", "access_token: [10m]", 4, "lifetimes.access_token", "a single value"),
        ("access_token: 10m", "access_token:", 4, "lifetimes.access_token", "the value is missing"),
        ("[orders:write]", "orders:write", 40, "apis.orders.routes[0].methods.POST", "expected a list"),
        ("{ GET: [] }", "GET", 44, "apis.orders.routes[2].methods", "expected fields"),
        ("user: \"{username}\"", "user: {username}", 22, "connectors.orders-login.login.json.user", "need quotes"),
        ("path: /orders/{id}", "path: *id", 41, "apis.orders.routes[1].path", "unknown anchor"),
    ]);
    accepted(&[("public: true", "public: TRUE"), ("calls: 60", "calls: \"60\"")]);
}

#[test]
fn texts_that_are_no_yaml() {
    for (text, line, field, says) in [
        ("", 1, "", "empty"),
        ("# nothing\n", 2, "", "empty"),
        ("3", 1, "", "expected fields"),
        ("[]", 1, "", "expected fields"),
        ("plans: {\n", 1, "plans", "unclosed bracket"),
        ("plans:\n\ta: 1\n", 2, "plans", "tab"),
        ("plans:\n  \"a", 2, "plans", "quote"),
        ("a\0", 1, "", "\\u{0}"),
    ] {
        let problems = problems(text);
        let problem = problems.first().expect("one problem");
        assert_eq!((problem.line, problem.field.as_str()), (line, field), "{text:?}: {problem}");
        assert!(problem.reason.contains(says), "{text:?}: {problem}");
    }
    let twice = format!("{GOOD}---\n{GOOD}");
    assert!(problems(&twice)[0].reason.contains("only one document"));
}

/// Checklist B-09.
#[test]
fn lifetimes_out_of_range() {
    told(&[
        ("access_token: 10m", "access_token: 61m", 4, "lifetimes.access_token", "61m is out of range: write 1s to 1h"),
        ("access_token: 10m", "access_token: 0s", 4, "lifetimes.access_token", "write 1s to 1h"),
        ("access_token: 10m", "access_token: 10", 4, "lifetimes.access_token", "such as 90s, 10m, 12h or 30d"),
        ("access_token: 10m", "access_token: 1w", 4, "lifetimes.access_token", "not a length of time"),
        (
            "session_idle: 30d",
            "session_idle: 91d",
            5,
            "lifetimes.session_idle",
            "write 1s to 90d, the session_absolute",
        ),
        ("session_absolute: 90d", "session_absolute: 29d", 5, "lifetimes.session_idle", "write 1s to 29d"),
        ("session_absolute: 90d", "session_absolute: 3651d", 6, "lifetimes.session_absolute", "at most 3650d"),
        ("retry_window: 5m", "retry_window: 25h", 7, "lifetimes.refresh_retry_window", "write 0s to 1d"),
        (
            "access_token: 10m",
            "access_token: 10m\n  browser_idle: 13h",
            5,
            "lifetimes.browser_idle",
            "write 1s to 12h, the browser_absolute",
        ),
        ("access_token: 10m", "access_token: 10m\n  browser_absolute: 91d", 5, "lifetimes.browser_absolute", "to 90d"),
        ("and_app: 8", "and_app: 0", 8, "sessions_per_user_and_app", "write 1 to 16"),
        ("window: 1m", "window: 1m\n    sessions: 17", 16, "plans.standard.sessions", "write 1 to 16"),
        ("and_app: 8", "and_app: 17", 8, "sessions_per_user_and_app", "write 1 to 16"),
    ]);
    accepted(&[
        ("access_token: 10m", "access_token: 1h"),
        ("access_token: 10m", "access_token: 1s"),
        ("session_idle: 30d", "session_idle: 90d"),
        ("retry_window: 5m", "retry_window: 0s"),
        ("retry_window: 5m", "retry_window: 24h"),
        ("and_app: 8", "and_app: 16"),
        ("window: 1m", "window: 1m\n    sessions: 1"),
        ("access_token: 10m", "access_token: 10m\n  browser_idle: 12h"),
    ]);
}

#[test]
fn plans_out_of_range() {
    told(&[
        ("calls: 60", "calls: 0", 14, "plans.standard.calls", "write 1 or more"),
        ("window: 1m", "window: 11s", 15, "plans.standard.window", "write 12s to 1h"),
        ("window: 1m", "window: 61m", 15, "plans.standard.window", "write 12s to 1h"),
        ("  standard:", "  Standard:", 13, "plans.Standard", "a-z 0-9 -"),
        ("  standard:\n    calls: 60\n    window: 1m\n", "  {}\n", 12, "plans", "write at least one"),
    ]);
    accepted(&[("calls: 60", "calls: 1"), ("window: 1m", "window: 12s"), ("window: 1m", "window: 1h")]);
}

/// Checklist M-02.
#[test]
fn issuers_and_audiences_that_are_none() {
    told(&[
        ("https://auth.example.com", "http://auth.example.com", 1, "issuer", "write an https URL"),
        ("https://auth.example.com", "https://auth.example.com?a=b", 1, "issuer", "without user, query and fragment"),
        ("https://auth.example.com", "\"https://auth.example.com#a\"", 1, "issuer", "fragment"),
        ("https://auth.example.com", "https://me@auth.example.com", 1, "issuer", "without user"),
        ("https://auth.example.com", "auth.example.com", 1, "issuer", "write an https URL"),
        ("audience: https://api.example.com", "audience: a b", 2, "audience", "without spaces"),
    ]);
    accepted(&[
        ("https://auth.example.com", "https://auth.example.com/tenant"),
        ("https://auth.example.com", "http://127.0.0.1:3000"),
        ("https://auth.example.com", "http://localhost:3000"),
        ("audience: https://api.example.com", "audience: orders"),
    ]);
}
