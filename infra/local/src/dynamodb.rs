//! Serves `DynamoDB` on a local port: dynoxide, in a file or in memory.

mod asked;
mod operations;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError};
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

use crate::access::Access;
use crate::template::Table;
use crate::{private, visitors};

pub use asked::PartitionKeys;

/// Most bytes of a request: the largest batch that `DynamoDB` accepts.
const LARGEST: usize = 16 << 20;
/// How often expired items are deleted. A reader must check the expiry itself, as with AWS, which also deletes late.
const SWEEP: Duration = Duration::from_mins(1);

/// Readies the records of streams. dynoxide keeps them for ever and looks at all of a table at each write and each read of its
/// stream: with this index it finds the last one or the next ones at once. Those of an earlier start have no reader.
const STREAM_RECORDS: &str = "DELETE FROM _stream_records;
    CREATE INDEX IF NOT EXISTS stream_order ON _stream_records (table_name, CAST(sequence_number AS INTEGER));";

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file is not a database, or is damaged.
    #[error("the database {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
    /// The file cannot be created or made private.
    #[error("the database {} cannot be used: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A table exists with another key, or cannot be created.
    #[error("table {table}: {reason}")]
    Table {
        /// Its name.
        table: String,
        /// What was seen.
        reason: String,
    },
}

/// Opens the database in this file, or a new one in memory.
pub fn open(path: Option<&Path>) -> Result<Database, DatabaseError> {
    if let Some(path) = path {
        keep_private(path).map_err(|source| DatabaseError::File { path: path.to_owned(), source })?;
    }
    let opened = match path {
        Some(path) => connect(&path.to_string_lossy()),
        None => connect(&in_memory()),
    };
    let unreadable = |error: DynoxideError| DatabaseError::Unreadable {
        path: path.unwrap_or(Path::new("in memory")).to_owned(),
        reason: error.to_string(),
    };
    let database = opened.map_err(unreadable)?;
    // A first read finds a damaged file now rather than at the first call.
    database.database_info().map_err(unreadable)?;
    Ok(database)
}

fn connect(location: &str) -> Result<Database, DynoxideError> {
    let database = Database::new(location)?;
    // dynoxide gives its own connection to nobody, so this is a second one.
    Storage::new(location)?.conn().execute_batch(STREAM_RECORDS)?;
    Ok(database)
}

/// The location of a new database in memory, which connections share while one of them is open:
/// <https://sqlite.org/inmemorydb.html#sharedmemdb>.
fn in_memory() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("file:memory-{}?mode=memory&cache=shared", MADE.fetch_add(1, Ordering::Relaxed))
}

/// Makes the file readable by its owner alone, and the files beside it that an earlier start left. `SQLite` creates new ones
/// with the mode of the database file: <https://sqlite.org/walformat.html>.
fn keep_private(path: &Path) -> std::io::Result<()> {
    private::open(path)?;
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        if Path::new(&beside).exists() {
            private::open(Path::new(&beside))?;
        }
    }
    Ok(())
}

/// Creates the tables that do not exist yet. An existing table must have the same key, and gets the stream that it lacks.
pub fn create_tables(database: &Database, tables: &[Table]) -> Result<(), DatabaseError> {
    for table in tables {
        create(database, table).map_err(|reason| DatabaseError::Table { table: table.name.clone(), reason })?;
    }
    Ok(())
}

fn create(database: &Database, table: &Table) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let request = serde_json::from_value(table.create_request()).map_err(|error| text(&error))?;
    match database.create_table(request) {
        Err(DynoxideError::ResourceInUseException(_)) => {
            let request = serde_json::from_value(json!({ "TableName": table.name })).map_err(|error| text(&error))?;
            let found = database.describe_table(request).map_err(|error| text(&error))?;
            let found = serde_json::to_value(found).map_err(|error| text(&error))?;
            let key = found.pointer("/Table/KeySchema");
            if key != table.create_request().get("KeySchema") {
                return Err("is there with another key than the template gives it".to_owned());
            }
            if table.stream && found.pointer("/Table/StreamSpecification/StreamEnabled") != Some(&json!(true)) {
                let request = serde_json::from_value(table.stream_request()).map_err(|error| text(&error))?;
                database.update_table(request).map_err(|error| text(&error))?;
            }
        }
        created => {
            created.map_err(|error| text(&error))?;
            if let Some(ttl) = table.ttl_request() {
                let request = serde_json::from_value::<_>(ttl).map_err(|error| text(&error))?;
                database.update_time_to_live(request).map_err(|error| text(&error))?;
            }
        }
    }
    Ok(())
}

/// The partition keys of these tables, which roles can list.
pub fn partition_keys(tables: &[Table]) -> PartitionKeys {
    let key = |table: &Table| table.key.iter().find(|(_, kind, _)| kind == "HASH").map(|(name, _, _)| name.clone());
    tables.iter().filter_map(|table| Some((table.name.clone(), key(table)?))).collect()
}

/// Serves this listener until dropped, to callers that [`Access`] allows, and deletes expired items at intervals.
pub async fn serve_guarded(
    listener: TcpListener,
    database: Database,
    access: Access,
    partition_keys: PartitionKeys,
) -> std::io::Result<()> {
    let state = (database.clone(), access, Arc::new(partition_keys));
    let router = Router::new().fallback(response).with_state(state);
    let router = visitors::programs_only(router, &listener);
    tokio::select! {
        ended = axum::serve(listener, router).into_future() => ended,
        () = sweep(database) => Ok(()),
    }
}

type Guarded = (Database, Access, Arc<PartitionKeys>);

async fn response(State((database, access, keys)): State<Guarded>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let operation = operations::named(&parts.headers);
    match access.refusal(&parts, &body, &asked::of(operation, &body, &keys)) {
        Some(refusal) => refusal,
        None => operations::run(&database, operation, &body),
    }
}

/// Serves this listener until dropped, without any check, by the server of dynoxide. No stack uses it: it is for tests.
pub async fn serve_everybody(listener: TcpListener, database: Database) {
    tokio::select! {
        () = dynoxide::server::serve_on(listener, database.clone()) => {}
        () = sweep(database) => {}
    }
}

async fn sweep(database: Database) {
    let mut turn = tokio::time::interval(SWEEP);
    loop {
        turn.tick().await;
        let database = database.clone();
        // An error is ignored: the next sweep deletes what this one leaves.
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::get_records::{GetRecordsRequest, Record};
    use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
    use dynoxide::actions::list_streams::{ListStreamsRequest, StreamSummary};

    use super::*;
    use crate::template::{Inputs, Template};

    fn tables() -> Vec<Table> {
        Template::read(include_str!("../../../template.yaml"), &Inputs::default()).unwrap().tables
    }

    #[test]
    fn the_tables_of_the_template_are_made_once_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynamodb.sqlite");
        for _ in 0..2 {
            let database = open(Some(&path)).unwrap();
            create_tables(&database, &tables()).unwrap();
            assert_eq!(database.table_count().unwrap(), 14);
        }
    }

    /// A table with or without a stream.
    fn followed(stream: bool) -> Table {
        let key = vec![("pk".to_owned(), "HASH".to_owned(), "S".to_owned())];
        Table { name: "FollowedTable".to_owned(), key, ttl: None, stream }
    }

    fn streams(database: &Database) -> Vec<StreamSummary> {
        database.list_streams(ListStreamsRequest::default()).unwrap().streams
    }

    fn records(database: &Database) -> Vec<Record> {
        let request = GetShardIteratorRequest {
            stream_arn: streams(database)[0].stream_arn.clone(),
            shard_id: dynoxide::streams::shard_id("FollowedTable"),
            shard_iterator_type: "TRIM_HORIZON".to_owned(),
            sequence_number: None,
        };
        let shard_iterator = database.get_shard_iterator(request).unwrap().shard_iterator.unwrap();
        database.get_records(GetRecordsRequest { shard_iterator, limit: None }).unwrap().records
    }

    #[test]
    fn a_table_of_an_earlier_start_gets_the_stream_that_it_lacks_once() {
        let database = open(None).unwrap();
        create_tables(&database, &[followed(false)]).unwrap();
        assert!(streams(&database).is_empty());
        let arn = [(), ()].map(|()| {
            create_tables(&database, &[followed(true)]).unwrap();
            streams(&database)[0].stream_arn.clone()
        });
        assert_eq!(arn[0], arn[1]);
    }

    #[test]
    fn a_start_forgets_the_stream_records_of_earlier_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynamodb.sqlite");
        for _ in 0..2 {
            let database = open(Some(&path)).unwrap();
            create_tables(&database, &[followed(true)]).unwrap();
            assert_eq!(records(&database).len(), 0);
            let put = json!({ "TableName": "FollowedTable", "Item": { "pk": { "S": "a" } } });
            database.put_item(serde_json::from_value(put).unwrap()).unwrap();
            assert_eq!(records(&database).len(), 1);
        }
    }

    #[test]
    fn databases_in_memory_are_not_the_same() {
        let (one, other) = (open(None).unwrap(), open(None).unwrap());
        create_tables(&one, &[followed(false)]).unwrap();
        assert_eq!((one.table_count().unwrap(), other.table_count().unwrap()), (1, 0));
    }

    #[test]
    fn the_files_of_the_database_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynamodb.sqlite");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let database = open(Some(&path)).unwrap();
        create_tables(&database, &tables()).unwrap();
        let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap()).collect();
        assert!(files.len() > 1, "nothing beside the database: {files:?}");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }

    #[test]
    fn a_table_with_another_key_is_an_error() {
        let database = open(None).unwrap();
        let mut tables = tables();
        create_tables(&database, &tables).unwrap();
        tables[0].key[0].0 = "other".to_owned();
        let message = create_tables(&database, &tables).unwrap_err().to_string();
        assert!(message.contains("UsersTable") && message.contains("another key"), "{message}");
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynamodb.sqlite");
        std::fs::write(&path, b"this is no database, and long enough to be read as a header of one.".repeat(40))
            .unwrap();
        let Err(error) = open(Some(&path)) else { panic!("it was opened") };
        assert!(error.to_string().contains("dynamodb.sqlite"), "{error}");
    }
}
