//! Tests that documents have X-Ray's form and are sent only for sampled traces.

use super::daemon::address;
use super::*;
use crate::invocation::Ids;
use crate::{Observer, Settings};
use gateway_domain::clock::Clock;
use gateway_domain::entropy::NoEntropy;
use std::net::UdpSocket;
use std::sync::Arc;

const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0";
/// The id that the known bytes make.
const ID: &str = "a7a7a7a7a7a7a7a7";
const BACK_END: Remote<'static> = Remote::BackEnd { method: "GET", scheme: "https", host: "orders.internal" };

/// A clock that stands still, and known bytes in place of random ones.
struct Fixed;

impl Clock for Fixed {
    fn now_millis(&self) -> i64 {
        1_800_000_000_250
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.fill(0xa7);
        Ok(())
    }
}

fn ids(trace: Option<&str>) -> Ids {
    Ids { function_request_id: "req-1".to_owned(), correlation_id: None, trace: trace.map(str::to_owned) }
}

fn begun(invocation: &Invocation, remote: Remote<'_>) -> Option<Subsegment> {
    Subsegment::begin(invocation, remote, Fixed.now_millis(), &Fixed)
}

fn told(remote: Remote<'_>, ended: Ended) -> Value {
    let begun = begun(&Invocation::new(ids(Some(HEADER)), false), remote).unwrap();
    assert_eq!(begun.header, format!("Root=1-5759e988-bd862e3fe1be46a994272793;Parent={ID};Sampled=1"));
    begun.end(ended, 1_800_000_001_500)
}

/// A document with the members that all documents of these tests have, and with these.
fn with(members: &Value) -> Value {
    let mut document = json!({
        "type": "subsegment",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "parent_id": "53995c3f42cd8ad8",
        "id": ID,
        "start_time": 1_800_000_000.25,
        "end_time": 1_800_000_001.5,
    });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document
}

#[test]
fn a_call_of_a_back_end_is_told_without_its_path() {
    let http = |status: u16| json!({ "request": { "method": "GET", "url": "https://orders.internal" }, "response": { "status": status } });
    let base = |status| json!({ "name": "orders.internal", "namespace": "remote", "http": http(status) });
    for (status, flags) in
        [(200, &[][..]), (304, &[]), (401, &["error"]), (429, &["error", "throttle"]), (503, &["fault"])]
    {
        let mut expected = with(&base(status));
        for flag in flags {
            expected[*flag] = json!(true);
        }
        assert_eq!(told(BACK_END, Ended::Answered(status)), expected);
    }
    let mut unanswered = with(&base(0));
    unanswered["http"].as_object_mut().unwrap().remove("response");
    unanswered["fault"] = json!(true);
    assert_eq!(told(BACK_END, Ended::Failed), unanswered);
}

#[test]
fn logins_and_services_of_aws_are_told_by_their_names() {
    let login = json!({ "name": "orders-login", "namespace": "remote" });
    assert_eq!(told(Remote::Connector("orders-login"), Ended::Done), with(&login));
    let mut refused = with(&login);
    refused["error"] = json!(true);
    assert_eq!(told(Remote::Connector("orders-login"), Ended::Refused), refused);
    let database = json!({ "name": "DynamoDB", "namespace": "aws", "aws": { "operation": "UpdateItem" } });
    assert_eq!(told(Remote::Aws { service: "DynamoDB", operation: "UpdateItem" }, Ended::Done), with(&database));
}

#[test]
fn a_name_has_only_what_x_ray_takes() {
    let host = |host| told(Remote::BackEnd { method: "GET", scheme: "http", host }, Ended::Done)["name"].clone();
    assert_eq!(host("[::1]"), "::1");
    assert_eq!(host(&"a".repeat(300)), "a".repeat(200));
}

#[test]
fn a_trace_that_is_not_kept_has_no_documents() {
    for header in ["", "Root=1-2-3", &HEADER.replace("Sampled=1", "Sampled=0"), &HEADER.replace("Sampled=1;", "")] {
        assert!(begun(&Invocation::new(ids(Some(header)), false), BACK_END).is_none(), "{header}");
    }
}

#[test]
fn one_invocation_tells_no_more_than_so_many() {
    let invocation = Invocation::new(ids(Some(HEADER)), false);
    let begun = (0..100).filter(|_| begun(&invocation, BACK_END).is_some()).count();
    assert_eq!(begun, 32);
}

#[test]
fn addresses_are_read_as_the_libraries_of_x_ray_read_them() {
    for (text, expected) in [
        ("169.254.79.129:2000", "169.254.79.129:2000"),
        (" 127.0.0.1:2000\n", "127.0.0.1:2000"),
        ("localhost:2000", "127.0.0.1:2000"),
        ("[::1]:2000", "[::1]:2000"),
        ("::1:2000", "[::1]:2000"),
        ("tcp:127.0.0.1:2000 udp:127.0.0.2:2001", "127.0.0.2:2001"),
    ] {
        assert_eq!(address(text).map(|address| address.to_string()).as_deref(), Some(expected), "{text:?}");
    }
    for text in ["", " ", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "xray.internal:2000", "2000", "[::1:2000"] {
        assert_eq!(address(text), None, "{text:?}");
    }
}

/// A daemon, and an observer that is given its address as `address` changes it.
fn observed(address: impl Fn(String) -> String) -> (UdpSocket, Observer) {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_nonblocking(true).unwrap();
    let address = address(daemon.local_addr().unwrap().to_string());
    let settings = Settings { xray_daemon: Some(&address), ..Settings::of("proxy") };
    let observer = Observer::new(&settings, Arc::new(Fixed), Arc::new(Fixed));
    (daemon, observer)
}

/// The header that an exchange sends on, and the datagram that the daemon got.
async fn exchanged(daemon: &UdpSocket, observer: &Observer, trace: Option<&str>) -> (Option<String>, Option<String>) {
    let work = async {
        let exchange = crate::exchange(BACK_END);
        let header = exchange.header().map(str::to_owned);
        exchange.ended(Ended::Answered(200));
        header
    };
    let header = observer.observe(ids(trace), work).await;
    let mut datagram = vec![0; 65_536];
    let told = daemon.recv(&mut datagram).ok();
    (header, told.map(|length| String::from_utf8(datagram[..length].to_vec()).unwrap()))
}

#[tokio::test]
async fn an_exchange_goes_on_as_parent_of_what_it_leads_to() {
    let (daemon, observer) = observed(|address| address);
    let (header, told) = exchanged(&daemon, &observer, Some(HEADER)).await;
    let told = told.unwrap();
    let (preamble, document) = told.split_once('\n').unwrap();
    assert_eq!(preamble, r#"{"format": "json", "version": 1}"#);
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["id"], ID);
    assert_eq!(header, Some(format!("Root=1-5759e988-bd862e3fe1be46a994272793;Parent={ID};Sampled=1")));
}

/// The header from Lambda is then sent on unchanged.
#[tokio::test]
async fn without_a_kept_trace_or_a_daemon_nothing_is_told() {
    let (daemon, observer) = observed(|address| address);
    assert_eq!(exchanged(&daemon, &observer, None).await, (None, None));
    for header in ["Root=1-2-3", &HEADER.replace("Sampled=1", "Sampled=0")] {
        assert_eq!(exchanged(&daemon, &observer, Some(header)).await, (Some(header.to_owned()), None));
    }
    for address in ["", "nonsense"] {
        let (daemon, observer) = observed(|_| address.to_owned());
        assert_eq!(exchanged(&daemon, &observer, Some(HEADER)).await, (Some(HEADER.to_owned()), None));
    }
    let exchange = crate::exchange(BACK_END);
    assert_eq!(exchange.header(), None);
    exchange.ended(Ended::Done);
}
