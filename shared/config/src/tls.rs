//! TLS settings of one system: whom the gateway trusts, and how it authenticates. Certificates and keys are named secrets.

use crate::NotAllowed;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// The TLS settings of one system. At least one of the two fields is present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Tls {
    /// The secret with the certificates (PEM) of the authorities that are trusted at this system; no others are. Without it,
    /// the public authorities are trusted.
    pub ca: Option<SecretName>,
    /// The secret with the gateway's client certificate, its chain and its private key (PEM).
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
            // The text may be a private key, so the message does not repeat it.
            return Err(NotAllowed::new(
                "not the name or ARN of a secret: write one of AWS Secrets Manager, such as orders-ca, and put the PEM \
                 text into that secret, not here",
            ));
        }
        Ok(Self(text))
    }
}
