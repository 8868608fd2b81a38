//! Sends datagrams to the X-Ray daemon beside the function.

use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The header line that the daemon needs before each document.
const PREAMBLE: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// The daemon. Sending never waits and never fails the caller: a document that does not reach the daemon is lost.
#[derive(Debug)]
pub(crate) struct Daemon {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Daemon {
    /// The daemon at this address; `None`, with a warning, if the address cannot be used.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let daemon = address(text).and_then(|address| Self::at(address).ok());
        if daemon.is_none() {
            tracing::warn!(
                address = text,
                "AWS_XRAY_DAEMON_ADDRESS is no address with a port, such as 127.0.0.1:2000: nothing is told to X-Ray"
            );
        }
        daemon
    }

    fn at(address: SocketAddr) -> std::io::Result<Self> {
        let any = if address.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    pub(crate) fn send(&self, document: &Value) {
        // The socket is not connected: otherwise a daemon that was unreachable once would fail the next document too.
        let _ = self.socket.send_to(format!("{PREAMBLE}{document}").as_bytes(), self.address);
    }
}

/// Parses `host:port`, or a list with `udp:host:port` in it, as X-Ray's own libraries do. An IPv6 host may have brackets.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let mut words = text.split_ascii_whitespace();
    let word = words.clone().find_map(|word| word.strip_prefix("udp:")).or_else(|| words.next())?;
    let (host, port) = word.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = if host == "localhost" { IpAddr::from(Ipv4Addr::LOCALHOST) } else { host.parse().ok()? };
    Some(SocketAddr::new(host, port.parse().ok().filter(|port| *port != 0)?))
}
