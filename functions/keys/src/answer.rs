//! The protocol of a CloudFormation custom resource: a request, and its outcome sent to a pre-signed address.
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

/// The resource has one life, whatever happens to the stack: another id would make CloudFormation delete the old one.
const PHYSICAL_ID: &str = "gateway-keys";
/// The whole answer may have 4,096 bytes.
const LONGEST_REASON: usize = 1_024;
/// The outcome is sent this often, each time with this much patience.
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
    /// Not an address to send anything to.
    #[error("the ResponseURL is no https address")]
    Address,
    /// No client, no connection, no time, or another status than 200.
    #[error("{0}")]
    Failed(String),
}

/// Tells the outcome; the error is the reason that the events of the stack will show.
pub(crate) async fn tell(request: &Request, outcome: Result<(), String>) -> Result<(), NotTold> {
    let address = address(&request.response_url)?;
    let reason = outcome.as_ref().err().map_or("", String::as_str);
    let body = json!({
        "Status": if outcome.is_ok() { "SUCCESS" } else { "FAILED" },
        "Reason": reason.chars().take(LONGEST_REASON).collect::<String>(),
        "PhysicalResourceId": request.physical_resource_id.as_deref().unwrap_or(PHYSICAL_ID),
        "StackId": request.stack_id,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_resource_id,
    });
    let body = Bytes::from(body.to_string());
    let client = client()?;
    let mut outcome = Ok(());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let sent = tokio::time::timeout(PATIENCE, send(&client, &address, body.clone())).await;
        outcome = sent.unwrap_or_else(|_| Err(NotTold::Failed("no answer in time".to_owned())));
        match &outcome {
            Ok(()) => break,
            Err(error) => tracing::warn!(attempt, %error, "CloudFormation was not told the outcome"),
        }
    }
    outcome
}

/// Without a content type, which is part of what was signed.
async fn send(client: &HttpClient, address: &Uri, body: Bytes) -> Result<(), NotTold> {
    let failed = |error: &dyn std::fmt::Display| NotTold::Failed(error.to_string());
    let request = http::Request::builder().method(Method::PUT).uri(address).body(Full::new(body));
    let answer = client.request(request.map_err(|error| failed(&error))?).await.map_err(|error| failed(&error))?;
    if answer.status().is_success() { Ok(()) } else { Err(failed(&answer.status())) }
}

/// Plain HTTP is for this machine.
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
    use super::*;

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
