//! Plans that contradict themselves, and weights under which a route could not be called.

use super::{accepted, told};

/// The plan with these further limits, written from line 16 on.
fn with(limits: &str) -> String {
    format!("window: 1m\n    limits:\n{limits}")
}

fn wrong(limits: &str, line: u64, field: &str, says: &str) {
    told(&[("window: 1m", &with(limits), line, &format!("plans.standard.limits{field}"), says)]);
}

#[test]
fn a_limit_has_one_time_in_its_range() {
    for (limit, field, says) in [
        ("{ calls: 5 }", ".burst", "write `window`, such as 10s, or `every: day` or `month`"),
        ("{ calls: 5, window: 1s, every: day }", ".burst", "write one of them"),
        ("{ calls: 5, window: 0s }", ".burst.window", "write 1s to 1h"),
        ("{ calls: 5, window: 2h }", ".burst.window", "write 1s to 1h"),
        ("{ calls: 0, window: 1s }", ".burst.calls", "write 1 or more"),
        ("{ window: 1s }", ".burst", "`calls` is missing"),
        ("{ calls: 5, every: week }", ".burst.every", "day, month"),
        ("{ calls: 5, window: 1s, per: device }", ".burst.per", "user, app"),
        ("{ calls: 5, window: 1s, api: nothing }", ".burst.api", "there is no API nothing"),
        ("{ calls: 5, window: 1s, apis: orders }", ".burst.apis", "unknown field"),
    ] {
        wrong(&format!("      burst: {limit}"), 17, field, says);
    }
    wrong("      default: { calls: 5, window: 1s }", 17, ".default", "the plan's own limit");
    wrong("      a-name-of-seventeen: { calls: 5, window: 1s }", 17, ".a-name-of-seventeen", "1 to 16 characters");
    let many: Vec<_> = (1..=8).map(|at| format!("      l{at}: {{ calls: {at}, window: {at}s }}")).collect();
    wrong(&many.join("\n"), 16, "", "write at most 7");
}

/// What is said would not hold: another limit is reached first, always.
#[test]
fn a_limit_that_is_never_reached_is_a_contradiction() {
    for (limit, says) in [
        ("{ calls: 60, window: 10s }", "`default` lets no more than 60 calls through in 10s"),
        ("{ calls: 120, window: 2m }", "no more than 120 calls through in 2m"),
        ("{ calls: 86400, every: day }", "no more than 86400 calls through in a day"),
        ("{ calls: 60, window: 1m, api: orders }", "no more than 60 calls"),
    ] {
        wrong(&format!("      other: {limit}"), 17, ".other.calls", says);
    }
    let shared = with("      all: { calls: 60, window: 1m, per: app }");
    told(&[("window: 1m", &shared, 14, "plans.standard.calls", "`all` lets no more than 60 calls through in 1m")]);
    let month = "      day: { calls: 1000, every: day }\n      month: { calls: 31000, every: month }";
    wrong(month, 18, ".month.calls", "`day` lets no more than 31000 calls through in a month");
    let twice = "      all: { calls: 61, window: 1m, per: app }\n      both: { calls: 62, window: 1m, per: app }";
    wrong(twice, 18, ".both", "counts the same calls in the same time");
    wrong("      same: { calls: 9, window: 1m }", 17, ".same", "`default` counts the same calls in the same time");
    for limits in [
        "      other: { calls: 59, window: 10s }",
        "      other: { calls: 119, window: 2m }",
        "      other: { calls: 86399, every: day }",
        "      other: { calls: 59, window: 1m, api: orders }",
        "      all: { calls: 61, window: 1m, per: app }",
        "      all: { calls: 60, window: 10s, per: app }",
        "      day: { calls: 1000, every: day }\n      month: { calls: 30999, every: month }",
        "      day: { calls: 1000, every: day }\n      all: { calls: 900, every: day, per: app, api: orders }",
    ] {
        accepted(&[("window: 1m", &with(limits))]);
    }
}

#[test]
fn a_weight_lets_its_route_be_called_under_every_plan() {
    let path = "      - path: /orders/{id}\n";
    let weighing = |weight: &str| format!("{path}        weight: {weight}\n");
    told(&[
        (path, &weighing("0"), 42, "apis.orders.routes[1].weight", "write 1 to 1000"),
        (path, &weighing("1001"), 42, "apis.orders.routes[1].weight", "write 1 to 1000"),
        (
            path,
            &weighing("61"),
            42,
            "apis.orders.routes[1].weight",
            "more than the 60 of `default` in the plan standard",
        ),
        ("public: true", "public: true\n        weight: 2", 46, "apis.orders.routes[2].weight", "leave it out"),
    ]);
    accepted(&[(path, &weighing("60")), ("public: true", "public: true\n        weight: 1")]);
}

/// What is decided on a path holds for what the back end understands, and that is its weight too.
#[test]
fn two_routes_that_a_back_end_takes_for_one_have_one_weight() {
    let twin = |weight: &str| {
        format!("      - path: /orders/{{id}}\n      - path: /Orders\n{weight}        methods: {{ GET: [orders:read], POST: [orders:write] }}\n").replacen("      - path: /orders/{id}\n", "", 1)
    };
    let path = "      - path: /orders/{id}\n";
    let text = |weight| format!("{}{path}", twin(weight));
    accepted(&[(path, &text(""))]);
    told(&[(path, &text("        weight: 5\n"), 41, "apis.orders.routes[1].path", "other methods, scopes or weight")]);
}

#[test]
fn time_zones_are_those_of_the_iana_database() {
    let first = "issuer: https://auth.example.com\n";
    for zone in ["CET+1", "Rome", "+02:00", "\"\"", "Europe/Rom"] {
        told(&[(first, &format!("{first}time_zone: {zone}\n"), 2, "time_zone", "such as Europe/Rome")]);
    }
    for zone in ["Europe/Rome", "UTC", "America/Argentina/Buenos_Aires", "Asia/Kolkata"] {
        accepted(&[(first, &format!("{first}time_zone: {zone}\n"))]);
    }
}
