//! A batch of log lines, as a subscription of CloudWatch Logs brings it.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use crate::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use gateway_domain::ids::{ApiName, ClientId, PlanName};
use gateway_domain::time::Timestamp;
use gateway_domain::usage::{Bucket, Caller, Calls, Outcome, Step, batch_id};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;

/// The most bytes of a batch. An event of CloudWatch Logs has 1 MB, and lines like these become a tenth when they are packed.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// How many seconds lie between the begin of a request and its line at most: requests end within minutes.
const AROUND: u64 = 86_400;
/// What API Gateway writes for a value that a request does not have.
const ABSENT: &str = "-";

/// The calls of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The same whenever the same lines come.
    pub(crate) id: String,
    /// What was called, by caller and hour.
    pub(crate) calls: Vec<(Caller, Bucket, Calls)>,
    /// How many lines could not be read.
    pub(crate) unread: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Packed {
    message_type: String,
    #[serde(default)]
    log_events: Vec<LogEvent>,
}

#[derive(Deserialize)]
struct LogEvent {
    id: String,
    /// When it was written, in milliseconds since 1970.
    timestamp: i64,
    message: String,
}

/// What is read of a line of API Gateway's log. All values are texts.
#[derive(Deserialize)]
struct Line {
    time: String,
    status: String,
    app: String,
    api: String,
    plan: String,
}

impl Batch {
    /// Reads an event.
    pub(crate) fn read(event: &Value) -> Result<Self, Failure> {
        let data = event.pointer("/awslogs/data").and_then(Value::as_str).ok_or(Failure::Event("it has no data"))?;
        let packed = STANDARD.decode(data).map_err(|_| Failure::Event("its data is no base64"))?;
        let mut json = Vec::new();
        let read = GzDecoder::new(packed.as_slice()).take(MOST_BYTES.saturating_add(1)).read_to_end(&mut json);
        let bytes = read.map_err(|_| Failure::Event("its data is not gzip"))?;
        if u64::try_from(bytes).is_ok_and(|bytes| bytes > MOST_BYTES) {
            return Err(Failure::Event("its data is too large"));
        }
        let Packed { message_type, log_events } =
            serde_json::from_slice(&json).map_err(|_| Failure::Event("its data is of no known form"))?;
        // Otherwise it only tries whether the function can be reached.
        let events = if message_type == "DATA_MESSAGE" { log_events } else { Vec::new() };
        let mut unread = 0_usize;
        let mut calls: BTreeMap<(Caller, String), (Bucket, Calls)> = BTreeMap::new();
        for LogEvent { message, timestamp, .. } in &events {
            match Line::read(message, *timestamp) {
                Ok(Some((caller, hour, outcome))) => {
                    let sum = calls.entry((caller, hour.to_string())).or_insert((hour, Calls::default()));
                    sum.1.add(Calls::one(outcome));
                }
                Ok(None) => {}
                Err(Unread) => unread = unread.saturating_add(1),
            }
        }
        let calls = calls.into_iter().map(|((caller, _), (hour, calls))| (caller, hour, calls)).collect();
        Ok(Self { id: batch_id(events.iter().map(|event| event.id.as_str())), calls, unread })
    }
}

/// A line that is of no known form.
struct Unread;

impl Line {
    /// The call of a line; `None` if it is one of nobody: the gateway's own paths, and what is refused before the API is known.
    fn read(message: &str, written: i64) -> Result<Option<(Caller, Bucket, Outcome)>, Unread> {
        let Self { time, status, app, api, plan } = serde_json::from_str(message).map_err(|_| Unread)?;
        if [&app, &api, &plan].iter().any(|value| *value == ABSENT || value.is_empty()) {
            return Ok(None);
        }
        let read = || {
            let hour = Bucket::of(Step::Hour, began(time.parse().ok()?, written.div_euclid(1_000))?)?;
            let app = ClientId::parse(&app).ok()?;
            let (api, plan) = (ApiName::parse(&api).ok()?, PlanName::parse(&plan).ok()?);
            // Of a call whose client has gone API Gateway may log no status.
            Some((Caller { app, api, plan }, hour, Outcome::of_status(status.parse().unwrap_or(0))))
        };
        read().map(Some).ok_or(Unread)
    }
}

/// When a request began: a REST API logs `requestTimeEpoch` in milliseconds, an HTTP API in seconds. `None` if that is not near the time
/// at which the line was written, in seconds since 1970.
fn began(time: i64, written: i64) -> Option<Timestamp> {
    let near = |seconds: &i64| written.abs_diff(*seconds) <= AROUND;
    [time.div_euclid(1_000), time].into_iter().find(near).map(Timestamp::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;
    use std::io::Write as _;

    fn event(data: &Value) -> Value {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(data.to_string().as_bytes()).unwrap();
        json!({ "awslogs": { "data": STANDARD.encode(packed.finish().unwrap()) } })
    }

    fn lines(messages: &[Value]) -> Value {
        let events = messages.iter().enumerate();
        let events = events.map(
            |(n, line)| json!({ "id": n.to_string(), "timestamp": 1_772_357_459_500_i64, "message": line.to_string() }),
        );
        event(&json!({ "messageType": "DATA_MESSAGE", "logEvents": events.collect::<Vec<_>>() }))
    }

    fn line(app: &str, status: &str, time: &str) -> Value {
        json!({ "time": time, "status": status, "app": app, "api": "orders", "plan": "demo", "ip": "192.0.2.1" })
    }

    #[test]
    fn lines_become_numbers_by_caller_hour_and_outcome() {
        let (first, later) = ("1772357459000", "1772360000000");
        let batch = Batch::read(&lines(&[
            line("one", "200", first),
            line("one", "429", first),
            line("one", "200", later),
            line("two", "-", first),
            line("-", "401", first),
            line("one", "200", "noon"),
            line("one", "200", "1772999999000"),
            line("http", "200", "1772357459"),
            json!({ "status": "200" }),
        ]))
        .unwrap();
        let shown = batch.calls.iter().map(|(caller, hour, calls)| {
            let by_outcome = Outcome::ALL.map(|outcome| calls.of(outcome));
            (caller.app.to_string(), hour.to_string(), by_outcome)
        });
        let expected = [
            ("http", "2026-03-01T09", [1, 0, 0, 0]),
            ("one", "2026-03-01T09", [1, 1, 0, 0]),
            ("one", "2026-03-01T10", [1, 0, 0, 0]),
            ("two", "2026-03-01T09", [0, 0, 0, 1]),
        ];
        let expected = expected.map(|(app, hour, calls)| (app.to_owned(), hour.to_owned(), calls));
        assert_eq!((shown.collect::<Vec<_>>(), batch.unread), (expected.to_vec(), 3));
    }

    #[test]
    fn the_same_lines_have_the_same_id_and_others_another() {
        let id = |messages: &[Value]| Batch::read(&lines(messages)).unwrap().id;
        let one = line("one", "200", "1");
        let lines_once = [one];
        assert_eq!(id(&lines_once), id(&lines_once));
        assert_ne!(id(&lines_once), id(&[lines_once.clone(), lines_once.clone()].concat()));
    }

    #[test]
    fn what_only_tries_the_function_counts_nothing() {
        let events = json!([{ "id": "", "timestamp": 0, "message": "CWL CONTROL MESSAGE: Checking health." }]);
        let batch = Batch::read(&event(&json!({ "messageType": "CONTROL_MESSAGE", "logEvents": events }))).unwrap();
        assert_eq!((batch.calls, batch.unread), (Vec::new(), 0));
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let too_large = event(&Value::from("x".repeat(33 * 1024 * 1024)));
        let not_packed = json!({ "awslogs": { "data": STANDARD.encode("{}") } });
        for wrong in [json!({}), json!({ "awslogs": { "data": "?" } }), not_packed, too_large, event(&json!([]))] {
            assert!(Batch::read(&wrong).is_err());
        }
    }
}
