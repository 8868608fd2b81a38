//! The network source under which attempts are counted: all addresses of one customer are one source.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address, or the /64 that a customer with IPv6 has. An IPv6 address that stands for an IPv4 address is that IPv4
/// address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6([u16; 4]),
    /// No valid address. All requests without one are one source, so leaving the address out gains nothing.
    Unknown,
}

impl Source {
    /// The source of the address that API Gateway saw. A zone (RFC 4007 §11) is removed, since it is local to a machine.
    pub fn of(address: Option<&str>) -> Self {
        let address = address.unwrap_or_default();
        let address = address.split_once('%').map_or(address, |(address, _)| address);
        match address.parse() {
            Ok(IpAddr::V4(v4)) => Self::V4(v4),
            Ok(IpAddr::V6(v6)) => embedded(v6).map_or_else(|| Self::of_v6(v6), Self::V4),
            Err(_) => Self::Unknown,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let [a, b, c, d, ..] = address.segments();
        Self::V6([a, b, c, d])
    }
}

/// The IPv4 address that an IPv6 address stands for. By its first 64 bits, such an address would be in one source with all
/// others of its kind, or one customer would have many sources.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // IPv4-mapped (RFC 4291 §2.5.5.2), the well-known prefix of translators (RFC 6052 §2.1), and 6to4 (RFC 3056 §2),
        // where one IPv4 address has 65,536 networks.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(join(high, low))
        }
        // Teredo (RFC 4380 §4): the first 64 bits are those of a server; the client's address is inverted.
        [0x2001, 0, _, _, _, _, high, low] => Some(join(!high, !low)),
        _ => None,
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(out, "{address}"),
            Self::V6([a, b, c, d]) => write!(out, "{a:x}:{b:x}:{c:x}:{d:x}::/64"),
            Self::Unknown => out.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> String {
        Source::of(Some(address)).to_string()
    }

    #[test]
    fn one_customer_is_one_source() {
        assert_eq!(source("2001:db8:1:2:3:4:5:6"), source("2001:db8:1:2:ffff::1"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("192.0.2.1"), "192.0.2.1");
        assert_eq!(source("fe80::1%eth0"), source("fe80::2"));
    }

    #[test]
    fn an_address_that_stands_for_ipv4_is_that_ipv4_address() {
        for same in [
            "192.0.2.1",
            "::ffff:192.0.2.1",
            "::FFFF:c000:201",
            "::ffff:192.0.2.1%1",
            "64:ff9b::192.0.2.1",
            "2002:c000:201::1",
            "2002:c000:201:ffff::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdfe",
        ] {
            assert_eq!(source(same), "192.0.2.1", "{same}");
        }
        assert_ne!(source("64:ff9b::192.0.2.1"), source("64:ff9b::192.0.2.2"));
        // RFC 8215: the place of the IPv4 address depends on the network, so the source is the /64.
        assert_eq!(source("64:ff9b:1::1"), "64:ff9b:1:0::/64");
    }

    #[test]
    fn what_is_no_address_is_one_source_of_its_own() {
        for odd in ["", "nonsense", "192.0.2", "192.0.2.1:80", "unknown", "%"] {
            assert_eq!(Source::of(Some(odd)), Source::Unknown, "{odd}");
        }
        assert_eq!(Source::of(None), Source::Unknown);
    }
}
