//! The daemon of X-Ray beside the function: where it is, and a datagram to it.

use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// What stands before each document.
const PREAMBLE: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// Where documents go. Sending never waits and never fails anybody: a document that finds no daemon is lost.
#[derive(Debug)]
pub(crate) struct Daemon {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Daemon {
    /// The daemon at this address; `None` if the address cannot be used, so that nothing is told.
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
        // Not connected, so that a daemon that was away for a while is not an error of a later document.
        let _ = self.socket.send_to(format!("{PREAMBLE}{document}").as_bytes(), self.address);
    }
}

/// `host:port`, also as `udp:host:port` among others, as X-Ray's own libraries take it; an IPv6 host with or without
/// brackets.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let mut words = text.split_ascii_whitespace();
    let word = words.clone().find_map(|word| word.strip_prefix("udp:")).or_else(|| words.next())?;
    let (host, port) = word.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = if host == "localhost" { IpAddr::from(Ipv4Addr::LOCALHOST) } else { host.parse().ok()? };
    Some(SocketAddr::new(host, port.parse().ok().filter(|port| *port != 0)?))
}
