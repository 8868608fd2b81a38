//! Invokes functions with what is written to tables, as Lambda's event source mappings do: the records of a stream in their
//! order, one batch at a time.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use std::time::Duration;

use bytes::Bytes;
use dynoxide::actions::get_records::{GetRecordsRequest, GetRecordsResponse, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::dynamodb::DatabaseError;
use crate::log::Log;
use crate::template::{REGION, StreamSource};
use crate::{arn, limits};

/// The pause after the last records of a stream. Lambda reads a shard four times a second; each read keeps requests from the
/// database for a moment.
const PAUSE: Duration = Duration::from_millis(300);
/// The pause before a batch that failed is repeated for the first time. Each further one is twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest pause before a batch is repeated.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// A stream, how far it was read, and the function that gets its records.
#[derive(Debug)]
pub(crate) struct Reader {
    source: StreamSource,
    /// ARN of the stream, as in AWS.
    arn: String,
    /// Where the next records are.
    iterator: String,
}

/// Finds the streams of these sources. What is written from now on will be read from them.
pub(crate) fn open(database: &Database, sources: &[StreamSource]) -> Result<Vec<Reader>, DatabaseError> {
    let failed = |source: &StreamSource, reason| DatabaseError::Table { table: source.table.clone(), reason };
    sources.iter().map(|source| reader(database, source).map_err(|reason| failed(source, reason))).collect()
}

fn reader(database: &Database, source: &StreamSource) -> Result<Reader, String> {
    let text = |error: DynoxideError| error.to_string();
    let none = || "has no stream".to_owned();
    let request = ListStreamsRequest { table_name: Some(source.table.clone()), ..ListStreamsRequest::default() };
    let stream = database.list_streams(request).map_err(text)?.streams.into_iter().next().ok_or_else(none)?;
    let request = GetShardIteratorRequest {
        stream_arn: stream.stream_arn,
        // A stream of dynoxide has one shard.
        shard_id: dynoxide::streams::shard_id(&source.table),
        shard_iterator_type: "LATEST".to_owned(),
        sequence_number: None,
    };
    let iterator = database.get_shard_iterator(request).map_err(text)?.shard_iterator.ok_or_else(none)?;
    Ok(Reader { source: source.clone(), arn: arn::stream(&source.table, &stream.stream_label), iterator })
}

/// Calls `invoke` with the function and the event for each batch of each stream, until dropped. An error of it is text for
/// the log.
pub(crate) async fn run<Outcome>(
    database: Database,
    readers: Vec<Reader>,
    log: Log,
    invoke: impl Fn(&str, Bytes) -> Outcome + Clone + Send + Sync + 'static,
) where
    Outcome: Future<Output = Result<(), String>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for reader in readers {
        running.spawn(reader.follow(database.clone(), log.clone(), invoke.clone()));
    }
    while running.join_next().await.is_some() {}
}

impl Reader {
    async fn follow<Outcome>(mut self, database: Database, log: Log, invoke: impl Fn(&str, Bytes) -> Outcome)
    where
        Outcome: Future<Output = Result<(), String>>,
    {
        loop {
            let read = match self.read(database.clone()).await {
                Ok(read) => read,
                Err(error) => {
                    let line = format!("the stream of {} cannot be read: {error}", self.source.table);
                    log.push(&self.source.function, &line);
                    sleep(LONGEST_RETRY).await;
                    continue;
                }
            };
            let at_end = read.records.len() < self.source.batch;
            let records = read.records.into_iter().filter_map(|record| as_in_aws(record, &self.arn));
            let records: Vec<_> = records.filter(|record| self.source.takes(record)).collect();
            for event in events(&records) {
                self.deliver(event, &log, &invoke).await;
            }
            if let Some(next) = read.next_shard_iterator {
                self.iterator = next;
            }
            if at_end {
                sleep(PAUSE).await;
            }
        }
    }

    /// The next records, at most a batch.
    async fn read(&self, database: Database) -> Result<GetRecordsResponse, String> {
        let request = GetRecordsRequest { shard_iterator: self.iterator.clone(), limit: Some(self.source.batch) };
        let read = tokio::task::spawn_blocking(move || database.get_records(request)).await;
        read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// Invokes the function until it succeeds, or was invoked as often as it may be.
    async fn deliver<Outcome>(&self, event: Bytes, log: &Log, invoke: &impl Fn(&str, Bytes) -> Outcome)
    where
        Outcome: Future<Output = Result<(), String>>,
    {
        let StreamSource { table, function, retries, .. } = &self.source;
        let (mut left, mut pause) = (*retries, FIRST_RETRY);
        while let Err(error) = invoke(function, event.clone()).await {
            let is_last = left == Some(0);
            let next = if is_last { "the records are dropped" } else { "it is repeated" };
            log.push(function, &format!("an invocation with records of {table} failed, {next}: {error}"));
            if is_last {
                return;
            }
            left = left.map(|left| left.saturating_sub(1));
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_RETRY);
        }
    }
}

/// A record as Lambda gives it to a function: with the region and the ARN of its stream, and with whole seconds.
fn as_in_aws(mut record: Record, arn: &str) -> Option<Value> {
    REGION.clone_into(&mut record.aws_region);
    let seconds = Duration::try_from_secs_f64(record.dynamodb.approximate_creation_date_time);
    let seconds = seconds.unwrap_or_default().as_secs();
    let mut record = serde_json::to_value(record).ok()?;
    record.as_object_mut()?.insert("eventSourceARN".to_owned(), json!(arn));
    let change = record.get_mut("dynamodb")?.as_object_mut()?;
    change.insert("ApproximateCreationDateTime".to_owned(), json!(seconds));
    Some(record)
}

/// The events with these records: one, or more if it would be larger than Lambda takes; none without records.
fn events(records: &[Value]) -> Vec<Bytes> {
    let mut events: Vec<String> = Vec::new();
    for record in records {
        let record = record.to_string();
        match events.last_mut() {
            Some(event) if event.len() + record.len() + ",]}".len() <= limits::PAYLOAD => {
                event.push(',');
                event.push_str(&record);
            }
            Some(_) | None => events.push(format!("{{\"Records\":[{record}")),
        }
    }
    events.into_iter().map(|event| Bytes::from(event + "]}")).collect()
}

#[cfg(test)]
mod tests;
