//! Amazon resource names of what runs here.

use crate::template::{ACCOUNT, REGION};

/// A function's ARN.
pub(crate) fn function(id: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{id}")
}

/// The ARN of the `EventBridge` rule of a schedule.
pub(crate) fn rule(name: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}")
}

/// The ARN of an SNS topic.
pub(crate) fn topic(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

/// The ARN of the stream of a table.
pub(crate) fn stream(table: &str, label: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}")
}

/// The ARN of a method and a raw path, about which an authorizer decides.
pub(crate) fn method(api: &str, stage: &str, method: &str, path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/{method}/{path}")
}
