//! Tests that lines have the form that CloudWatch accepts, and that only few are written.

use super::*;
use std::collections::BTreeSet;

const NOW: i64 = 1_800_000_000_000;

fn pending() -> Pending {
    Pending::new("MobileApiGateway".to_owned(), "token", "INFO")
}

/// The parsed line, checked against the schema of the format and against the rules that a schema cannot express.
fn checked(line: &str) -> Value {
    let schema = serde_json::from_str(include_str!("../../tests/emf.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document: Value = serde_json::from_str(line).unwrap();
    let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {line}");
    let mut named = BTreeSet::from(["_aws".to_owned(), "level".to_owned(), "timestamp".to_owned()]);
    for directive in document["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(!document[name].is_string() && !document[name].is_null(), "{name} has no value in {line}");
            assert!(named.insert(name.to_owned()), "{name} twice in {line}");
        }
        for name in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap()) {
            let name = name.as_str().unwrap();
            assert!(document[name].is_string(), "{name} has no value in {line}");
            named.insert(name.to_owned());
        }
    }
    for member in document.as_object().unwrap().keys() {
        assert!(named.contains(member), "{member} is no metric and no dimension in {line}");
    }
    document
}

const ALL: [Metric<'static>; 12] = [
    Metric::ColdStart,
    Metric::Login { grant: "password", app: "demo-app" },
    Metric::Refresh { outcome: "rotated" },
    Metric::ReuseDetected,
    Metric::Refusal { reason: "wrong_password" },
    Metric::Decision { outcome: "admitted" },
    Metric::ThrottledCall,
    Metric::WriteUnits(1.0),
    Metric::Connector { connector: "orders-login", millis: 12, failed: false },
    Metric::BackEnd { api: "orders", millis: 7, failed: true },
    Metric::KeysStale,
    Metric::ClockOff,
];

#[test]
fn every_metric_makes_lines_that_cloudwatch_takes() {
    for metric in ALL {
        let mut pending = pending();
        pending.add(metric, NOW);
        let lines = pending.due(NOW + LONGEST_WAIT);
        assert_eq!(lines.len(), 1, "{metric:?}");
        checked(&lines[0]);
    }
    let mut pending = pending();
    for metric in ALL {
        pending.add(metric, NOW);
    }
    // The refresh and the decision have different values of `Outcome`: the decision, which can wait, makes no second line.
    let lines = [pending.due(NOW), pending.due(NOW), pending.due(NOW + LONGEST_WAIT)];
    assert_eq!(lines.each_ref().map(Vec::len), [1, 0, 1]);
    for line in lines.iter().flatten() {
        checked(line);
    }
}

#[test]
fn a_line_says_what_happened() {
    let mut pending = pending();
    pending.add(Metric::Connector { connector: "orders-login", millis: 12, failed: false }, NOW);
    pending.add(Metric::Login { grant: "password", app: "demo-app" }, NOW);
    let lines = pending.due(NOW);
    let expected = json!({
        "_aws": { "Timestamp": NOW, "CloudWatchMetrics": [
            { "Namespace": "MobileApiGateway", "Dimensions": [["Connector"]], "Metrics": [
                { "Name": "ConnectorLatency", "Unit": "Milliseconds" }, { "Name": "ConnectorFailures", "Unit": "Count" } ] },
            { "Namespace": "MobileApiGateway", "Dimensions": [["Grant"], ["Grant", "App"]], "Metrics": [
                { "Name": "Logins", "Unit": "Count" } ] },
        ] },
        "Connector": "orders-login", "ConnectorLatency": [12.0], "ConnectorFailures": 0.0,
        "Grant": "password", "App": "demo-app", "Logins": 1.0,
    });
    assert_eq!(lines.iter().map(|line| checked(line)).collect::<Vec<_>>(), [expected]);
    assert_eq!(pending.due(NOW), [""; 0]);
}

#[test]
fn a_hundred_admitted_calls_are_one_line() {
    let mut pending = pending();
    let mut lines = Vec::new();
    for call in 0..250 {
        pending.add(Metric::Decision { outcome: "admitted" }, NOW + call);
        pending.add(Metric::WriteUnits(1.0), NOW + call);
        lines.extend(pending.due(NOW + call));
    }
    let sums: Vec<_> = lines.iter().map(|line| checked(line)["Decisions"].clone()).collect();
    assert_eq!(sums, [100.0, 100.0]);
    // The rest is written by the first invocation that ends a minute or more after it began to wait.
    assert_eq!(pending.due(NOW + 200 + LONGEST_WAIT - 1), [""; 0]);
    let rest = pending.due(NOW + 200 + LONGEST_WAIT);
    assert_eq!(checked(&rest[0])["AuthorizerWriteUnits"], 50.0);
}

#[test]
fn refusals_in_masses_write_a_line_every_ten_seconds() {
    let mut pending = pending();
    let mut lines = Vec::new();
    for second in 0..25 {
        pending.add(Metric::ThrottledCall, NOW + second * 1_000);
        lines.extend(pending.due(NOW + second * 1_000));
    }
    let sums: Vec<_> = lines.iter().map(|line| checked(line)["ThrottledCalls"].clone()).collect();
    assert_eq!(sums, [1.0, 10.0, 10.0]);
}

#[test]
fn two_systems_in_one_login_are_told_apart() {
    let mut pending = pending();
    for connector in ["orders-login", "stock-login"] {
        pending.add(Metric::Connector { connector, millis: 3, failed: true }, NOW);
    }
    let lines: Vec<_> = pending.due(NOW).iter().map(|line| checked(line)["Connector"].clone()).collect();
    assert_eq!(lines, ["orders-login", "stock-login"]);
}

#[test]
fn no_series_grows_beyond_what_the_format_holds() {
    let mut pending = pending();
    for _ in 0..1_000 {
        pending.add(Metric::BackEnd { api: "orders", millis: i64::MAX, failed: false }, NOW);
    }
    let line = checked(&pending.due(NOW)[0]);
    assert_eq!(line["BackEndLatency"].as_array().map(Vec::len), Some(100));
}

/// Lambda takes a line without a level for INFO, and drops lines below the level of the function.
#[test]
fn a_function_that_logs_warnings_only_still_tells_its_metrics() {
    for (level, head) in [("info", None), ("TRACE", None), ("WARN", Some("WARN")), ("error", Some("ERROR"))] {
        let mut pending = Pending::new("N".to_owned(), "proxy", level);
        pending.add(Metric::KeysStale, NOW);
        let line = checked(&pending.due(NOW)[0]);
        assert_eq!(line["level"].as_str(), head);
        assert_eq!(line["timestamp"].as_str(), head.map(|_| "2027-01-15T08:00:00Z"));
    }
}
