//! What is written to a table reaches a function in order, again if it fails, and only as the filters say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;
use crate::dynamodb;
use crate::template::{Alternative, Pattern, Table};

const TABLE: &str = "SessionsTable";

/// A table whose stream is followed once [`Fixture::follow`] is called.
struct Fixture {
    database: Database,
    log: Log,
    sender: mpsc::UnboundedSender<(Value, u64)>,
    /// Events, and the seconds after which they came.
    received: mpsc::UnboundedReceiver<(Value, u64)>,
}

fn fixture() -> Fixture {
    let database = dynamodb::open(None).unwrap();
    let key = vec![("pk".to_owned(), "HASH".to_owned(), "S".to_owned())];
    let table = Table { name: TABLE.to_owned(), key, ttl: Some("ttl".to_owned()), stream: true };
    dynamodb::create_tables(&database, &[table]).unwrap();
    let (sender, received) = mpsc::unbounded_channel();
    Fixture { database, log: Log::default(), sender, received }
}

fn source() -> StreamSource {
    let (table, function) = (TABLE.to_owned(), "F".to_owned());
    StreamSource { table, function, batch: 100, filters: Vec::new(), retries: None }
}

fn request<T: DeserializeOwned>(request: Value) -> T {
    serde_json::from_value(request).unwrap()
}

impl Fixture {
    /// Follows the stream with a function that fails this often.
    fn follow(&self, source: StreamSource, failures: u32) {
        let readers = open(&self.database, &[source]).unwrap();
        let (sender, left, begun) = (self.sender.clone(), Arc::new(AtomicU32::new(failures)), Instant::now());
        let invoke = move |function: &str, event: Bytes| {
            assert_eq!(function, "F");
            sender.send((serde_json::from_slice(&event).unwrap(), begun.elapsed().as_secs())).unwrap();
            let fails = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            std::future::ready(if fails { Err("down".to_owned()) } else { Ok(()) })
        };
        tokio::spawn(run(self.database.clone(), readers, self.log.clone(), invoke));
    }

    fn put(&self, id: &str, value: &str) {
        let item = json!({ "pk": { "S": id }, "v": { "S": value } });
        self.database.put_item(request(json!({ "TableName": TABLE, "Item": item }))).unwrap();
    }

    fn delete(&self, id: &str) {
        self.database.delete_item(request(json!({ "TableName": TABLE, "Key": { "pk": { "S": id } } }))).unwrap();
    }

    async fn next(&mut self) -> (Value, u64) {
        let next = tokio::time::timeout(Duration::from_mins(10), self.received.recv());
        next.await.expect("an event").unwrap()
    }

    /// What the records of the next event are about, and the seconds after which it came.
    async fn summary(&mut self) -> (String, u64) {
        let (event, seconds) = self.next().await;
        let records = event["Records"].as_array().unwrap().iter();
        let summary = records.map(|record| {
            let id = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap();
            format!("{} {id}", record["eventName"].as_str().unwrap())
        });
        (summary.collect::<Vec<_>>().join(", "), seconds)
    }

    async fn assert_next(&mut self, summary: &str) {
        assert_eq!(self.summary().await.0, summary);
    }

    /// Whether nothing comes for a while.
    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(100), self.received.recv()).await.is_err()
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_records_as_from_aws() {
    let mut fixture = fixture();
    fixture.put("earlier", "1");
    fixture.follow(source(), 0);
    fixture.put("a", "1");
    let (event, _) = fixture.next().await;
    let [record] = event["Records"].as_array().unwrap().as_slice() else { panic!("{event}") };
    let mut record = record.clone();
    let arn = record["eventSourceARN"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:dynamodb:us-east-1:000000000000:table/SessionsTable/stream/"), "{arn}");
    assert!(record["dynamodb"]["ApproximateCreationDateTime"].as_u64().is_some_and(|seconds| seconds > 1_700_000_000));
    assert!(record["dynamodb"]["SizeBytes"].is_u64());
    for (place, length) in [("/eventID", 32), ("/dynamodb/SequenceNumber", 21)] {
        assert_eq!(record.pointer(place).and_then(Value::as_str).map(str::len), Some(length), "{place}");
    }
    for unknown in ["eventID", "eventSourceARN"] {
        record.as_object_mut().unwrap().remove(unknown);
    }
    for unknown in ["ApproximateCreationDateTime", "SizeBytes", "SequenceNumber"] {
        record["dynamodb"].as_object_mut().unwrap().remove(unknown);
    }
    let expected = json!({
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "Keys": { "pk": { "S": "a" } },
            "NewImage": { "pk": { "S": "a" }, "v": { "S": "1" } },
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    });
    assert_eq!(record, expected);
    fixture.put("a", "2");
    let (event, _) = fixture.next().await;
    let change = &event["Records"][0]["dynamodb"];
    assert_eq!((&change["OldImage"]["v"]["S"], &change["NewImage"]["v"]["S"]), (&json!("1"), &json!("2")));
}

#[tokio::test(start_paused = true)]
async fn a_record_says_that_an_item_was_deleted_because_it_had_expired() {
    let mut fixture = fixture();
    let item = json!({ "pk": { "S": "a" }, "ttl": { "N": "1000" } });
    fixture.database.put_item(request(json!({ "TableName": TABLE, "Item": item }))).unwrap();
    fixture.follow(source(), 0);
    assert_eq!(fixture.database.sweep_ttl().unwrap(), 1);
    let (event, _) = fixture.next().await;
    let record = &event["Records"][0];
    assert_eq!(record["userIdentity"], json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" }));
    assert_eq!((&record["eventName"], &record["dynamodb"]["OldImage"]["pk"]["S"]), (&json!("REMOVE"), &json!("a")));
    assert!(record["dynamodb"].get("NewImage").is_none());
}

#[tokio::test(start_paused = true)]
async fn records_come_in_their_order_in_batches() {
    let mut fixture = fixture();
    fixture.follow(StreamSource { batch: 2, ..source() }, 0);
    fixture.put("a", "1");
    fixture.put("b", "1");
    fixture.put("a", "2");
    fixture.delete("b");
    fixture.delete("a");
    fixture.assert_next("INSERT a, INSERT b").await;
    fixture.assert_next("MODIFY a, REMOVE b").await;
    fixture.assert_next("REMOVE a").await;
    fixture.put("c", "1");
    fixture.assert_next("INSERT c").await;
    assert!(fixture.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_comes_again_before_any_other() {
    let mut fixture = fixture();
    fixture.follow(StreamSource { batch: 1, ..source() }, 7);
    fixture.put("a", "1");
    fixture.put("b", "1");
    for seconds in [0, 1, 3, 7, 15, 31, 61, 91] {
        assert_eq!(fixture.summary().await, ("INSERT a".to_owned(), seconds));
    }
    assert_eq!(fixture.summary().await, ("INSERT b".to_owned(), 91));
    assert!(fixture.log.lines().iter().all(|line| line.contains("it is repeated")), "{:?}", fixture.log.lines());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_too_often_is_dropped_and_the_next_one_comes() {
    let mut fixture = fixture();
    fixture.follow(StreamSource { batch: 1, retries: Some(1), ..source() }, 2);
    fixture.put("a", "1");
    fixture.put("b", "1");
    for summary in ["INSERT a", "INSERT a", "INSERT b"] {
        fixture.assert_next(summary).await;
    }
    let lines = fixture.log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].starts_with("[F] ") && lines[1].contains("the records are dropped: down"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn records_that_no_filter_matches_are_left_out() {
    let one_of = |text: &str| Pattern::OneOf(vec![Alternative::Literal(json!(text))]);
    let object = |name: &str, pattern| Pattern::Object(vec![(name.to_owned(), pattern)]);
    let of_image = object("dynamodb", object("NewImage", object("v", object("S", one_of("x")))));
    let filters = vec![object("eventName", one_of("REMOVE")), of_image];
    let mut fixture = fixture();
    fixture.follow(StreamSource { filters, ..source() }, 0);
    fixture.put("a", "x");
    fixture.put("b", "y");
    fixture.delete("b");
    fixture.assert_next("INSERT a, REMOVE b").await;
    fixture.put("c", "y");
    assert!(fixture.is_quiet().await, "an invocation without records");
    fixture.put("c", "x");
    fixture.assert_next("MODIFY c").await;
}

#[test]
fn a_table_without_a_stream_is_named() {
    let fixture = fixture();
    let error = open(&fixture.database, &[StreamSource { table: "UsersTable".to_owned(), ..source() }]).unwrap_err();
    assert_eq!(error.to_string(), "table UsersTable: has no stream");
}

#[test]
fn no_event_is_larger_than_lambda_takes() {
    let record = Value::String("x".repeat(limits::PAYLOAD / 2 - 10));
    let events = events(&[record.clone(), record.clone(), record]);
    let counts = events.iter().map(|event| {
        assert!(event.len() <= limits::PAYLOAD);
        serde_json::from_slice::<Value>(event).unwrap()["Records"].as_array().unwrap().len()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [2, 1]);
    assert!(super::events(&[]).is_empty());
}
