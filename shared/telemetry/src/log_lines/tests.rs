//! Tests which log lines are written, and their members.

use super::*;
use crate::{Ids, Observer};
use gateway_domain::entropy::{Entropy, NoEntropy};
use serde_json::{Value, json};
use std::cell::RefCell;
use tracing::Level;

thread_local! {
    static WRITTEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Fixed;

impl Clock for Fixed {
    fn now_millis(&self) -> i64 {
        1_800_000_000_250
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.fill(7);
        Ok(())
    }
}

/// The one line that the work writes.
fn line(work: impl FnOnce()) -> String {
    let lines = Lines {
        service: "proxy",
        clock: Arc::new(Fixed),
        write: |line| WRITTEN.with_borrow_mut(|all| all.push(line.to_owned())),
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
    let mut written = WRITTEN.take();
    assert_eq!(written.len(), 1, "{written:#?}");
    written.remove(0)
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn observer() -> Observer {
    Observer::new(&Settings::of("proxy"), Arc::new(Fixed), Arc::new(Fixed))
}

#[tokio::test]
async fn a_line_is_flat_and_has_the_keys_of_powertools() {
    let event = || {
        let error = "a\nb";
        tracing::warn!(target: "alarm", alarm = "x\"y", count = 3_u64, off = -2, ratio = 0.5, over = true, %error, "said {}", 1);
    };
    let line = observer().starting(async { line(event) }).await;
    let expected = json!({
        "level": "WARN", "timestamp": "2027-01-15T08:00:00.25Z", "message": "said 1", "service": "proxy", "target": "alarm",
        "alarm": "x\"y", "count": 3, "off": -2, "ratio": 0.5, "over": true, "error": "a\nb",
    });
    assert_eq!(parsed(&line), expected);
    assert!(!line.contains('\n') && line.starts_with(r#"{"level":"WARN","timestamp":"#), "{line}");
}

#[tokio::test]
async fn a_line_names_its_invocation_and_only_the_first_is_a_cold_start() {
    let observer = observer();
    let ids = Ids {
        function_request_id: "lambda-1".to_owned(),
        correlation_id: Some("é".repeat(200)),
        trace: Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".to_owned()),
    };
    let first = observer.observe(ids, async { line(|| tracing::error!("first")) }).await;
    let expected = json!({
        "level": "ERROR", "timestamp": "2027-01-15T08:00:00.25Z", "message": "first", "service": "proxy",
        "function_request_id": "lambda-1", "correlation_id": "é".repeat(128),
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793", "cold_start": true, "target": module_path!(),
    });
    assert_eq!(parsed(&first), expected);
    let ids =
        Ids { function_request_id: "lambda-2".to_owned(), correlation_id: None, trace: Some("Root=x".to_owned()) };
    let second = parsed(&observer.observe(ids, async { line(|| tracing::error!("second")) }).await);
    assert_eq!((&second["function_request_id"], &second["cold_start"]), (&"lambda-2".into(), &false.into()));
    assert!(second.get("correlation_id").is_none() && second.get("xray_trace_id").is_none(), "{second}");
}

#[tokio::test]
async fn a_field_never_takes_the_place_of_what_every_line_has() {
    let event = || {
        tracing::warn!(
            level = "l",
            timestamp = 1,
            service = "s",
            function_request_id = "f",
            target = "t",
            "what a library says"
        );
    };
    let line = observer().starting(async { line(event) }).await;
    let members = parsed(&line);
    assert_eq!(
        (&members["level"], &members["service"], &members["message"]),
        (&"WARN".into(), &"proxy".into(), &"what a library says".into())
    );
    assert_eq!((&members["event_level"], &members["event_target"]), (&"l".into(), &"t".into()));
    for name in members.as_object().unwrap().keys() {
        assert_eq!(line.matches(&format!("\"{name}\":")).count(), 1, "{name} twice in {line}");
    }
}

#[tokio::test]
async fn a_line_of_metrics_carries_the_same_ids() {
    let ids = Ids { function_request_id: "lambda-1".to_owned(), correlation_id: Some("api-1".to_owned()), trace: None };
    let line = observer().observe(ids, async { named("proxy", r#"{"ColdStarts":1.0}"#) }).await;
    let expected = json!({
        "service": "proxy", "function_request_id": "lambda-1", "correlation_id": "api-1", "ColdStarts": 1.0,
    });
    assert_eq!(parsed(&line), expected);
}

/// Abuse case I1; checklist Y-01.
#[test]
fn no_level_writes_more_than_warnings_of_what_is_not_ours() {
    let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
    let others = ["aws_smithy_runtime::client", "aws_sdk_dynamodb", "hyper_util::client", "rustls", "h2", "", "lo"];
    for level in levels {
        let targets = targets(level.into());
        for (target, written) in OURS.iter().flat_map(|target| levels.map(|written| (target, written))) {
            assert_eq!(targets.would_enable(target, &written), written <= level, "{target} {written} at {level}");
        }
        for (target, written) in others.iter().flat_map(|target| levels.map(|written| (target, written))) {
            let expected = written <= level && written <= Level::WARN;
            assert_eq!(targets.would_enable(target, &written), expected, "{target} {written} at {level}");
        }
        assert!(levels.iter().all(|written| !targets.would_enable("lambda_runtime::layers", written)));
    }
}

/// The filter compares only the beginning of a target.
#[test]
fn no_foreign_crate_has_a_name_that_begins_like_one_of_ours() {
    let packages = include_str!("../../../../Cargo.lock").split("[[package]]");
    let foreign = packages.filter(|package| package.contains("\nsource = "));
    let names: Vec<_> = foreign.filter_map(|package| package.split('"').nth(1)).collect();
    assert!(names.len() > 100);
    for name in names {
        assert!(!OURS.iter().any(|ours| name.replace('-', "_").starts_with(ours)), "{name}");
    }
}
