//! The settings of the Kerberos connectors: the realm, the back end's principal in it, and how users get tickets.

use super::password::PasswordRule;
use crate::localized::{LocalizedText, WrittenText};
use crate::tls::SecretName;
use crate::{NotAllowed, duration};
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// Constrained delegation: the gateway's own account gets tickets for users (MS-SFU), without their passwords.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KerberosS4u {
    /// The realm, in the case that the realm itself uses: `AD.EXAMPLE.COM`.
    pub realm: Realm,
    /// The KDCs of the realm, as `host` or `host:port`, in the order in which they are asked. Only TCP is used.
    pub kdcs: Vec<Kdc>,
    /// The back end's service principal, without the realm: `HTTP/orders.example.com`.
    pub service: PrincipalName,
    /// The principal of the gateway's own account, without the realm.
    pub account: PrincipalName,
    /// The secret with the password of that account.
    pub secret: SecretName,
    /// The lifetime that is requested for tickets for the back end, 1m to 24h. The realm may give a shorter one.
    #[serde(default = "default_lifetime", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "1h"))]
    pub lifetime: Seconds,
    /// How long a login or a renewal may take, 1s to 25s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Its name for users, or one for each language. Without it, its name here.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
}

/// Kerberos with the user's own password. The password itself is not sent, only a proof made with a key derived from it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KerberosPassword {
    /// The realm, in the case that the realm itself uses: `AD.EXAMPLE.COM`.
    pub realm: Realm,
    /// The KDCs of the realm, as `host` or `host:port`, in the order in which they are asked. Only TCP is used.
    pub kdcs: Vec<Kdc>,
    /// The back end's service principal, without the realm: `HTTP/orders.example.com`.
    pub service: PrincipalName,
    /// The lifetime that is requested for tickets for the back end, 1m to 24h. The realm may give a shorter one.
    #[serde(default = "default_lifetime", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "1h"))]
    pub lifetime: Seconds,
    /// How long a login or a renewal may take, 1s to 25s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Its name for users, or one for each language. Without it, its name here.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
    /// Whose password it logs in with: `ours`, `theirs`, `separate`, or fields.
    #[serde(default)]
    #[schemars(with = "super::password::WrittenPassword", extend("default" = "ours"))]
    pub password: PasswordRule,
}

/// The name of a realm, such as `AD.EXAMPLE.COM`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9._-]{1,255}$"))]
pub struct Realm(String);

impl Realm {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Realm {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if text.is_empty() || text.len() > 255 || !text.bytes().all(allowed) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not the name of a realm: write it as it is written there, such as AD.EXAMPLE.COM"
            )));
        }
        Ok(Self(text))
    }
}

/// The name of a service or an account within its realm, such as `HTTP/orders.example.com` or `svc-gateway`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9._$-]+(/[A-Za-z0-9._$-]+)*$", "maxLength" = 255))]
pub struct PrincipalName(String);

impl PrincipalName {
    /// The name as text, its parts separated by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl TryFrom<String> for PrincipalName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._$-".contains(&b);
        if text.len() > 255 || text.split('/').any(|part| part.is_empty() || !part.bytes().all(allowed)) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a principal: write its name without the realm, such as HTTP/orders.example.com or \
                 svc-gateway"
            )));
        }
        Ok(Self(text))
    }
}

/// The address of a KDC: `host` or `host:port`. Without a port, it is 88.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"))]
pub struct Kdc {
    host: String,
    port: u16,
}

impl Kdc {
    /// The default port of a KDC (RFC 4120 §7.2.2).
    const PORT: u16 = 88;

    /// A name or an IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Kdc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl TryFrom<String> for Kdc {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        parse_kdc(&text).ok_or_else(|| {
            NotAllowed::new(format!(
                "`{text}` is not the address of a KDC: write host or host:port, such as dc1.ad.example.com or \
                 dc1.ad.example.com:88"
            ))
        })
    }
}

fn parse_kdc(text: &str) -> Option<Kdc> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        (address, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        (!host.is_empty() && host.len() <= 253 && host.bytes().all(allowed)).then_some((host, port))?
    };
    let port = match port {
        None => Kdc::PORT,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok().filter(|port| *port > 0)?,
        Some(_) => return None,
    };
    Some(Kdc { host: host.to_owned(), port })
}

const fn default_lifetime() -> Seconds {
    Seconds::new(3_600)
}

const fn default_timeout() -> Seconds {
    Seconds::new(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kdc_is_a_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("dc1.ad.example.com", "dc1.ad.example.com", 88),
            ("10.0.0.1:8888", "10.0.0.1", 8888),
            ("[::1]", "::1", 88),
            ("[fd00::1]:99", "fd00::1", 99),
        ] {
            let kdc = Kdc::try_from(text.to_owned()).unwrap();
            assert_eq!((kdc.host(), kdc.port()), (host, port), "{text}");
        }
        for text in
            ["", ":88", "dc1:", "dc1:0", "dc1:65536", "dc1:+8", "dc 1", "tcp/dc1", "::1", "[::1]88", "[dc1]", "a@b"]
        {
            assert!(Kdc::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
