//! Whom the gateway trusts at one system, and how it shows who it is there; certificates and keys are secrets by name.

use crate::NotAllowed;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// TLS at one system; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Tls {
    /// The secret with the certificates (PEM) of the authorities that are trusted here, and no others are. Without it,
    /// the public ones.
    pub ca: Option<SecretName>,
    /// The secret with the certificate that the gateway shows, its chain and its private key (PEM).
    pub client_certificate: Option<SecretName>,
}

impl Tls {
    /// The secrets, each with the name of its field.
    pub fn secrets(&self) -> impl Iterator<Item = (&'static str, &SecretName)> {
        let fields = [("ca", &self.ca), ("client_certificate", &self.client_certificate)];
        fields.into_iter().filter_map(|(field, secret)| Some((field, secret.as_ref()?)))
    }
}

/// The name or ARN of a secret in AWS Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9/_+=.@:-]{1,512}$"))]
pub struct SecretName(String);

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SecretName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@:-".contains(&b);
        if text.is_empty() || text.len() > 512 || !text.bytes().all(allowed) {
            // What stands there may be a key: it is not repeated.
            return Err(NotAllowed::new(
                "not the name or ARN of a secret: write one of AWS Secrets Manager, such as orders-ca, and put the PEM \
                 text into that secret, not here",
            ));
        }
        Ok(Self(text))
    }
}
