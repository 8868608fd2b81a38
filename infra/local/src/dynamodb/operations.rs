//! Runs `DynamoDB` operations by name on the database in this process, which has no other port.

use axum::response::{IntoResponse, Response};
use dynoxide::{Database, DynoxideError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The legacy conditional parameters (Amazon DynamoDB Developer Guide).
const LEGACY: [&str; 7] = [
    "AttributeUpdates",
    "AttributesToGet",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
];

/// The operation that a request asks for; empty if it names none.
pub(super) fn named(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| target.strip_prefix("DynamoDB_20120810.")).unwrap_or_default()
}

/// Runs an operation and returns its result or error in the form of `DynamoDB`.
pub(super) fn run(database: &Database, operation: &str, body: &[u8]) -> Response {
    let outcome = match legacy(body) {
        Some(name) => Some(Err(DynoxideError::ValidationException(format!("{name} is not taken: use expressions")))),
        None => dispatch(database, operation, body),
    };
    let (status, body) = match outcome {
        Some(Ok(body)) => (StatusCode::OK, body),
        Some(Err(error)) => {
            (StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST), error.to_json())
        }
        None => {
            let kind = "com.amazon.coral.service#UnknownOperationException";
            (StatusCode::BAD_REQUEST, json!({ "__type": kind }).to_string())
        }
    };
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

/// A legacy parameter that the request has. Such a request is refused, since roles are checked against expressions alone.
fn legacy(body: &[u8]) -> Option<&'static str> {
    let body: Value = serde_json::from_slice(body).ok()?;
    LEGACY.into_iter().find(|name| body.get(name).is_some())
}

/// Runs the operation; `None` if it is not imitated.
fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Option<Result<String, DynoxideError>> {
    let outcome = match operation {
        "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => call(body, |request| database.batch_write_item(request)),
        "CreateTable" => call(body, |request| database.create_table(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "DeleteTable" => call(body, |request| database.delete_table(request)),
        "DescribeTable" => call(body, |request| database.describe_table(request)),
        "DescribeTimeToLive" => call(body, |request| database.describe_time_to_live(request)),
        "GetItem" => call(body, |request| database.get_item(request)),
        "ListTables" => call(body, |request| database.list_tables(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "Query" => call(body, |request| database.query(request)),
        "Scan" => call(body, |request| database.scan(request)),
        "TransactGetItems" => call(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        "UpdateTimeToLive" => call(body, |request| database.update_time_to_live(request)),
        _ => return None,
    };
    Some(outcome)
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let invalid = |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    let response = operation(serde_json::from_slice(body).map_err(invalid)?)?;
    serde_json::to_string(&response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
