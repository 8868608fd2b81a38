//! `DynamoDB` on a loopback port: dynoxide, in a file or in memory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::net::TcpListener;

use crate::access::{Access, dynamodb_rights};
use crate::template::Table;

/// Expired items are deleted this often. Whoever reads must check the expiry anyway, as with Amazon's.
const SWEEP: Duration = Duration::from_mins(1);

/// The database cannot be used.
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
    /// A table is there with another key, or cannot be made.
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
    let opened = match path {
        Some(path) => Database::new(&path.to_string_lossy()),
        None => Database::memory(),
    };
    let unreadable = |error: DynoxideError| DatabaseError::Unreadable {
        path: path.unwrap_or(Path::new("in memory")).to_owned(),
        reason: error.to_string(),
    };
    let database = opened.map_err(unreadable)?;
    // Reading something shows damage now rather than at the first call.
    database.database_info().map_err(unreadable)?;
    Ok(database)
}

/// Makes the tables that are not there yet. Those that are must have the same key.
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

/// Answers on this listener, to whom it is allowed, until dropped; deletes expired items now and then.
pub async fn serve_guarded(listener: TcpListener, database: Database, access: Access) -> std::io::Result<()> {
    let inner = TcpListener::bind(("127.0.0.1", 0)).await?;
    let guard = Guard { access, inner: inner.local_addr()?, client: client() };
    // As large as the largest batch that DynamoDB takes.
    let router = Router::new().fallback(forward).layer(DefaultBodyLimit::max(16 << 20)).with_state(guard);
    tokio::select! {
        () = serve(inner, database) => Ok(()),
        ended = axum::serve(listener, router).into_future() => ended,
    }
}

type HttpClient = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)
}

/// Stands in front of the database.
#[derive(Clone)]
struct Guard {
    access: Access,
    inner: SocketAddr,
    client: HttpClient,
}

async fn forward(State(guard): State<Guard>, headers: HeaderMap, method: Method, uri: Uri, body: Bytes) -> Response {
    if let Some(refusal) = guard.access.refusal(&headers, dynamodb_rights(&headers, &body)) {
        return refusal;
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder().method(method).uri(format!("http://{}{path}", guard.inner)).body(Full::new(body));
    let Ok(mut request) = request else { return StatusCode::BAD_REQUEST.into_response() };
    *request.headers_mut() = headers;
    match guard.client.request(request).await {
        Ok(answer) => answer.map(Body::new).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Answers on this listener until dropped, deleting expired items now and then.
pub async fn serve(listener: TcpListener, database: Database) {
    let sweeping = database.clone();
    let sweep = async move {
        let mut turn = tokio::time::interval(SWEEP);
        loop {
            turn.tick().await;
            let database = sweeping.clone();
            // What one sweep leaves, the next one takes.
            let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        }
    };
    tokio::select! {
        () = dynoxide::server::serve_on(listener, database) => {}
        () = sweep => {}
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(database.table_count().unwrap(), 6);
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
