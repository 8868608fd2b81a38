//! Events of an HTTP API (payload format 2.0): proxy integration and REQUEST authorizer.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{ApiRequest, ApiVersion, EventError, Query, fields};

/// The stage whose name is not part of the path.
const DEFAULT_STAGE: &str = "$default";

/// What a path cannot hold unencoded (RFC 3986 §3.3), beside bytes that are not ASCII and the percent sign, and `;` and `*`,
/// which no call may send plain.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'*')
    .add(b';')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Reads the event; `rawPath` and `requestContext.http.method` are required.
pub(super) fn read(mut event: Map<String, Value>) -> Result<ApiRequest, EventError> {
    let mut context = fields::object(&mut event, "requestContext")?.ok_or(EventError::Missing("requestContext"))?;
    let mut http = fields::object(&mut context, "http")?.ok_or(EventError::Missing("requestContext.http"))?;
    let stage = fields::text(&mut context, "stage")?;
    let raw_path = fields::required(&mut event, "rawPath")?;
    Ok(ApiRequest {
        version: ApiVersion::Http,
        method: fields::required(&mut http, "method")?,
        path: encoded(&without_stage(raw_path, stage.as_deref())),
        query: Query::Raw(fields::text(&mut event, "rawQueryString")?.unwrap_or_default()),
        headers: headers(&mut event)?,
        body: fields::body(&mut event)?,
        source_ip: fields::text(&mut http, "sourceIp")?,
        stage,
        stage_variables: fields::stage_variables(&mut event)?,
        request_id: fields::text(&mut context, "requestId")?,
        authorizer: authorizer(&mut context)?,
        method_arn: fields::text(&mut event, "routeArn")?,
        domain_name: fields::text(&mut context, "domainName")?,
    })
}

/// The path in which what API Gateway has decoded is encoded again, so that the text that is decided on is the one that is
/// forwarded. API Gateway leaves `%25` encoded. Any other percent sign has been decoded, or was never the beginning of an
/// encoding. A path with U+FFFD stays as it is, and is refused for that character: what stood in its place is lost.
fn encoded(path: &str) -> String {
    if path.contains(char::REPLACEMENT_CHARACTER) {
        return path.to_owned();
    }
    let mut parts = path.split('%');
    let mut encoded = String::with_capacity(path.len());
    encoded.extend(utf8_percent_encode(parts.next().unwrap_or_default(), NOT_IN_A_PATH));
    for part in parts {
        encoded.push_str("%25");
        encoded.extend(utf8_percent_encode(part.strip_prefix("25").unwrap_or(part), NOT_IN_A_PATH));
    }
    encoded
}

/// The path without the stage: `rawPath` begins with the stage unless it is the default one, also at a custom domain, and
/// routes have none.
fn without_stage(path: String, stage: Option<&str>) -> String {
    let Some(stage) = stage.filter(|stage| *stage != DEFAULT_STAGE && !stage.is_empty()) else { return path };
    match path.strip_prefix('/').and_then(|rest| rest.strip_prefix(stage)) {
        Some("") => "/".to_owned(),
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        Some(_) | None => path,
    }
}

/// API Gateway joins repeated headers by commas (RFC 9110 §5.3) and sends cookies separately; they become one header here.
fn headers(event: &mut Map<String, Value>) -> Result<Vec<(String, String)>, EventError> {
    let mut headers = fields::single(event, "headers")?;
    let cookies = fields::texts(event, "cookies")?.unwrap_or_default();
    if !cookies.is_empty() {
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
        headers.push(("cookie".to_owned(), cookies.join("; ")));
    }
    Ok(headers)
}

/// A Lambda authorizer's context, which is under `authorizer.lambda`; null there means that it sent none.
fn authorizer(context: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, EventError> {
    match fields::object(context, "authorizer")? {
        None => Ok(None),
        Some(mut authorizer) => Ok(Some(fields::object(&mut authorizer, "lambda")?.unwrap_or_default())),
    }
}
