//! A stand-in for the X-Ray daemon: a socket that keeps what functions send.

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

    /// Gives the functions of a gateway the address of this daemon, and says whether their traces are sampled.
    pub fn is_known(&self, options: &mut Options, sampled: bool) {
        let address = self.0.local_addr().expect("an address").to_string();
        options.sampled = sampled;
        options.environment.push(("AWS_XRAY_DAEMON_ADDRESS".to_owned(), address));
    }

    /// What arrived since the last call of this. A function sends its trace before its response, so the trace of every call
    /// with a response is here.
    pub fn told(&self) -> Vec<Json> {
        let mut datagram = vec![0; 65_536];
        let received = std::iter::from_fn(|| {
            let length = self.0.recv(&mut datagram).ok()?;
            Some(String::from_utf8(datagram[..length].to_vec()).expect("text"))
        });
        received.map(|text| document(&text)).collect()
    }
}

/// The document of a datagram. It must have what X-Ray requires of a subsegment that is sent by itself.
fn document(datagram: &str) -> Json {
    let body = datagram.strip_prefix("{\"format\": \"json\", \"version\": 1}\n").expect("the preamble");
    let document: Json = serde_json::from_str(body).expect("JSON");
    assert_eq!(document["type"], "subsegment");
    let (start, end) =
        (document["start_time"].as_f64().expect("a time"), document["end_time"].as_f64().expect("a time"));
    assert!(1.7e9 < start && start <= end && end < start + 60.0, "{document}");
    document
}
