//! The protocol of a CloudFormation custom resource: reads the request and sends its outcome to a pre-signed address.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>

use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Method, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::json;

/// The physical id of the resource. It never changes: with a new id CloudFormation would delete the old resource.
const PHYSICAL_ID: &str = "gateway-keys";
/// The most bytes of a reason as JSON. The whole response may have 4,096 bytes, of which the physical id may take 1,024, and
/// the ids of stack, request and logical resource less than 700 together.
const LONGEST_REASON: usize = 1_024;
/// How often sending the outcome is attempted, each time for at most [`PATIENCE`].
const ATTEMPTS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// What CloudFormation asks for.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Request {
    #[serde(rename = "RequestType")]
    pub(crate) kind: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    #[serde(rename = "RequestId")]
    pub(crate) id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Properties,
    #[serde(default)]
    old_resource_properties: Properties,
}

/// The properties of the resource: the layer with gateway.yaml and this function, as ARNs that end in a version number, and
/// the parameter `CorsOrigin`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Properties {
    gateway_config: String,
    read_by: String,
    cors_origin: String,
}

impl Request {
    /// The origin that API Gateway's own error responses name; empty for none.
    pub(crate) fn cors_origin(&self) -> &str {
        &self.resource_properties.cors_origin
    }

    /// Whether an update is a rollback. Version numbers only rise, even when an older commit is deployed, so a lower one was
    /// deployed before. The request may come while this function still has the configuration that is being rolled back.
    pub(crate) fn is_rollback(&self) -> bool {
        let (now, before) = (&self.resource_properties, &self.old_resource_properties);
        is_lower(&now.gateway_config, &before.gateway_config) || is_lower(&now.read_by, &before.read_by)
    }
}

fn is_lower(now: &str, before: &str) -> bool {
    let parts = |arn: &str| -> Option<(String, u64)> {
        let (name, version) = arn.rsplit_once(':')?;
        Some((name.to_owned(), version.parse().ok()?))
    };
    match (parts(now), parts(before)) {
        (Some((name, now)), Some((same, before))) => name == same && now < before,
        (None, _) | (_, None) => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
}

/// The outcome did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// The `ResponseURL` may not be used.
    #[error("the ResponseURL is no https address")]
    Address,
    /// No client, no connection, no response in time, or a status other than 2xx.
    #[error("{0}")]
    Failed(String),
}

/// Sends the outcome to CloudFormation. The text of a failure becomes the reason in the events of the stack.
pub(crate) async fn tell(request: &Request, outcome: Result<(), String>) -> Result<(), NotTold> {
    let address = address(&request.response_url)?;
    let body = Bytes::from(body(request, &outcome));
    let client = client()?;
    let mut outcome = Ok(());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let sent = tokio::time::timeout(PATIENCE, send(&client, &address, body.clone())).await;
        outcome = sent.unwrap_or_else(|_| Err(NotTold::Failed("no response in time".to_owned())));
        match &outcome {
            Ok(()) => break,
            Err(error) => tracing::warn!(attempt, %error, "CloudFormation was not told the outcome"),
        }
    }
    outcome
}

fn body(request: &Request, outcome: &Result<(), String>) -> String {
    let body = json!({
        "Status": if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
        "Reason": outcome.as_ref().err().map(|text| reason(text)).unwrap_or_default(),
        "PhysicalResourceId": request.physical_resource_id.as_deref().unwrap_or(PHYSICAL_ID),
        "StackId": request.stack_id,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_resource_id,
    });
    body.to_string()
}

/// The reason in one line, cut to [`LONGEST_REASON`].
fn reason(text: &str) -> String {
    let line = text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    let mut length = 0_usize;
    let fits = |character: &char| {
        length = length.saturating_add(json_length(*character));
        length <= LONGEST_REASON
    };
    let mut cut: String = line.chars().take_while(fits).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut
}

/// The bytes that a character takes in a JSON string.
fn json_length(character: char) -> usize {
    json!(character).to_string().len().saturating_sub(2)
}

/// Sends the body without a `Content-Type`, since the signature of the address covers that field.
async fn send(client: &HttpClient, address: &Uri, body: Bytes) -> Result<(), NotTold> {
    let failed = |error: &dyn std::fmt::Display| NotTold::Failed(error.to_string());
    let request = http::Request::builder().method(Method::PUT).uri(address).body(Full::new(body));
    let response = client.request(request.map_err(|error| failed(&error))?).await.map_err(|error| failed(&error))?;
    if response.status().is_success() { Ok(()) } else { Err(failed(&response.status())) }
}

/// Parses the address: HTTPS, or plain HTTP to the loopback interface alone.
fn address(text: &str) -> Result<Uri, NotTold> {
    let address: Uri = text.parse().map_err(|_| NotTold::Address)?;
    let host = address.host().unwrap_or_default();
    let is_loopback = |host: &str| host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_here = host == "localhost" || is_loopback(host.trim_matches(['[', ']']));
    if address.scheme() == Some(&Scheme::HTTPS) || (address.scheme() == Some(&Scheme::HTTP) && is_here) {
        Ok(address)
    } else {
        Err(NotTold::Address)
    }
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

fn client() -> Result<HttpClient, NotTold> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| NotTold::Failed(error.to_string()))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// CloudFormation ignores a longer response, so the stack would wait until its timeout.
        #[test]
        fn no_failure_makes_a_response_that_cloudformation_does_not_take(text in ".{0,2000}", names in "\\PC{0,255}") {
            let request = Request {
                kind: RequestType::Update,
                response_url: String::new(),
                stack_id: "s".repeat(300),
                id: "r".repeat(36),
                logical_resource_id: "l".repeat(255),
                physical_resource_id: Some("p".repeat(1_024)),
                resource_properties: Properties::default(),
                old_resource_properties: Properties::default(),
            };
            for text in [text.as_str(), &names.repeat(4), &"\u{1}\\\"".repeat(400), &"\u{1f511}".repeat(1_200)] {
                let body = body(&request, &Err(text.to_owned()));
                prop_assert!(body.len() <= 4_096, "{} bytes", body.len());
                let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
                prop_assert!(!body["Reason"].as_str().expect("a text").contains(char::is_control));
            }
        }
    }

    #[test]
    fn a_reason_is_one_line_and_what_is_cut_off_is_marked() {
        assert_eq!(reason("wrong:\n  line 1: x\n  line 2: y"), "wrong: line 1: x line 2: y");
        let long = reason(&"é".repeat(LONGEST_REASON));
        assert!(long.ends_with("é…") && long.len() <= LONGEST_REASON + 3, "{}", long.len());
    }

    #[test]
    fn the_outcome_goes_to_https_or_to_this_machine() {
        for good in ["https://s3.example.com/x?y=z", "http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost:1/x"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/x",
            "ftp://127.0.0.1/x",
            "/x",
            "",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
