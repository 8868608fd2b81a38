//! Events of a REST API (payload format 1.0): proxy integration and REQUEST authorizer.

use serde_json::{Map, Value};

use super::{ApiRequest, ApiVersion, EventError, Query, fields};

/// Reads the event; `httpMethod`, `path` and `requestContext` are required.
pub(super) fn read(mut event: Map<String, Value>) -> Result<ApiRequest, EventError> {
    if !event.contains_key("httpMethod") {
        return Err(EventError::UnknownShape("an object without httpMethod and without version 2.0"));
    }
    let mut context = fields::object(&mut event, "requestContext")?.ok_or(EventError::Missing("requestContext"))?;
    let mut identity = fields::object(&mut context, "identity")?.unwrap_or_default();
    Ok(ApiRequest {
        version: ApiVersion::Rest,
        method: fields::required(&mut event, "httpMethod")?,
        path: fields::required(&mut event, "path")?,
        query: Query::Decoded(query(&mut event)?),
        headers: headers(&mut event)?,
        body: fields::body(&mut event)?,
        source_ip: fields::text(&mut identity, "sourceIp")?,
        stage: fields::text(&mut context, "stage")?,
        stage_variables: fields::stage_variables(&mut event)?,
        request_id: fields::text(&mut context, "requestId")?,
        authorizer: fields::object(&mut context, "authorizer")?,
        method_arn: fields::text(&mut event, "methodArn")?,
        domain_name: fields::text(&mut context, "domainName")?,
    })
}

fn query(event: &mut Map<String, Value>) -> Result<Vec<(String, String)>, EventError> {
    let single = fields::single(event, "queryStringParameters")?;
    let multiple = fields::multiple(event, "multiValueQueryStringParameters")?;
    Ok(if multiple.is_empty() { single } else { multiple })
}

/// The multi-value map is used, and the single-value map must hold nothing else. API Gateway never sends maps that
/// disagree; from such maps two readers could see different requests.
fn headers(event: &mut Map<String, Value>) -> Result<Vec<(String, String)>, EventError> {
    let single = fields::single(event, "headers")?;
    let multiple = fields::multiple(event, "multiValueHeaders")?;
    if multiple.is_empty() {
        return Ok(single);
    }
    let repeated = single.iter().all(|(name, value)| {
        multiple.iter().any(|(other, values)| name.eq_ignore_ascii_case(other) && value == values)
    });
    if repeated { Ok(multiple) } else { Err(EventError::ConflictingHeaders) }
}
