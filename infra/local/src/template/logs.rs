//! Reads API Gateway's access log, and who gets its lines.

use super::TemplateError;
use super::cursor::At;
use super::resolve::{Scope, id_of_arn};

/// The log of requests of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// Logical id of its log group.
    pub group: String,
    /// Parts of a line.
    pub format: Vec<Part>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands there.
    Text(String),
    /// `$context.…`, kept here without `$context.`.
    Variable(String),
}

/// The variables that the local stack knows, besides `authorizer.…`.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>
const VARIABLES: [&str; 11] = [
    "requestId",
    "requestTimeEpoch",
    "identity.sourceIp",
    "httpMethod",
    "resourcePath",
    "routeKey",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "error.responseType",
];

/// A function that gets the lines of a log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSubscription {
    /// Logical id of the log group.
    pub group: String,
    /// Logical id of the function.
    pub function: String,
    /// It gets the lines in which the first, a member, is not the second.
    pub filter: (String, String),
}

/// Reads `AccessLogSetting` or `AccessLogSettings`.
pub(super) fn access_log(at: &At) -> Result<AccessLog, TemplateError> {
    let fields = at.fields(&["DestinationArn", "Format"])?;
    let destination = fields.required("DestinationArn")?;
    let Some(group) = id_of_arn(destination.text()?) else {
        return Err(destination.error("must be !GetAtt LogGroup.Arn"));
    };
    let at = fields.required("Format")?;
    let mut parts = at.text()?.split("$context.");
    let mut format = vec![Part::Text(parts.next().unwrap_or_default().to_owned())];
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))).unwrap_or(part.len());
        let (variable, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        if !variable.starts_with("authorizer.") && !VARIABLES.contains(&variable) {
            return Err(at.error(&format!("the local stack knows no $context.{variable}")));
        }
        format.extend([Part::Variable(variable.to_owned()), Part::Text(rest.to_owned())]);
    }
    Ok(AccessLog { group: group.to_owned(), format })
}

/// Reads `AWS::Logs::SubscriptionFilter`.
pub(super) fn subscription(resource: &At, scope: &Scope) -> Result<LogSubscription, TemplateError> {
    let parts = resource.fields(&["Type", "Properties", "Condition", "DependsOn"])?;
    let properties = scope.resolve(&parts.required("Properties")?)?;
    let fields = properties.fields(&["LogGroupName", "DestinationArn", "FilterPattern"])?;
    let function = fields.required("DestinationArn")?;
    let Some(id) = id_of_arn(function.text()?) else { return Err(function.error("must be !GetAtt Function.Arn")) };
    let pattern = fields.required("FilterPattern")?;
    let filter = || {
        let inner = pattern.text().ok()?.strip_prefix("{ $.")?.strip_suffix("\" }")?;
        let (member, value) = inner.split_once(" != \"")?;
        Some((member.to_owned(), value.to_owned()))
    };
    let filter = filter().ok_or_else(|| pattern.error("the local stack knows `{ $.member != \"value\" }` only"))?;
    let group = fields.required("LogGroupName")?.text()?.to_owned();
    Ok(LogSubscription { group, function: id.to_owned(), filter })
}
