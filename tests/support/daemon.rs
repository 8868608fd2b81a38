//! X-Ray's daemon, as far as functions can tell: a socket that keeps what they send.

use std::net::UdpSocket;

use gateway_local::stack::Options;
use serde_json::Value as Json;

/// The daemon of one gateway.
pub struct Daemon(UdpSocket);

impl Default for Daemon {
    fn default() -> Self {
        Self::start()
    }
}

impl Daemon {
    /// Listens on a free port.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("a socket");
        Self(socket)
    }

    /// Lets the functions of a gateway know this daemon, and keep their traces or not.
    pub fn is_known(&self, options: &mut Options, sampled: bool) {
        let address = self.0.local_addr().expect("an address").to_string();
        options.sampled = sampled;
        options.environment.push(("AWS_XRAY_DAEMON_ADDRESS".to_owned(), address));
    }

    /// What came since the last time. A function sends before it answers, so all of an answered call is here.
    pub fn told(&self) -> Vec<Json> {
        let mut datagram = vec![0; 65_536];
        let received = std::iter::from_fn(|| {
            let length = self.0.recv(&mut datagram).ok()?;
            Some(String::from_utf8(datagram[..length].to_vec()).expect("text"))
        });
        received.map(|text| document(&text)).collect()
    }
}

/// A datagram's document, which has what X-Ray requires of a subsegment that is sent by itself.
fn document(datagram: &str) -> Json {
    let body = datagram.strip_prefix("{\"format\": \"json\", \"version\": 1}\n").expect("the preamble");
    let document: Json = serde_json::from_str(body).expect("JSON");
    assert_eq!(document["type"], "subsegment");
    let (start, end) =
        (document["start_time"].as_f64().expect("a time"), document["end_time"].as_f64().expect("a time"));
    assert!(1.7e9 < start && start <= end && end < start + 60.0, "{document}");
    document
}
