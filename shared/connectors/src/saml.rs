//! SAML connectors: a login with name and password gets an assertion, which the back end receives byte for byte.
//!
//! The gateway reads the end and the audience of an assertion. It does not verify the signature: that is for the back end,
//! for which the assertion is issued. The gateway trusts the system that it got the assertion from, by TLS.

mod assertion;
mod ecp;
mod paos;
mod presenting;
mod soap_body;
mod system;
#[cfg(test)]
mod tests;
mod token;
mod ws_trust;
mod xml;

pub use ecp::SamlEcp;
pub use ws_trust::WsTrust;

use gateway_domain::entropy::Entropy;

use crate::ConnectorError;

/// The XML namespaces of the messages that are read and written.
mod ns {
    pub(super) const ECP: &str = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp";
    pub(super) const PAOS: &str = "urn:liberty:paos:2003-08";
    pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    pub(super) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    pub(super) const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
    pub(super) const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
    pub(super) const WSA: &str = "http://www.w3.org/2005/08/addressing";
    pub(super) const WSP: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";
    pub(super) const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    pub(super) const WSS4J: &str = "http://ws.apache.org/wss4j";
    pub(super) const WST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    pub(super) const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    pub(super) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
}

fn misbehaved(text: &str) -> ConnectorError {
    ConnectorError::Misbehaved(text.to_owned())
}

fn unavailable(text: &str) -> ConnectorError {
    ConnectorError::Unavailable(text.to_owned())
}

/// A random XML identifier: `_` and 32 hexadecimal digits (SAML 2.0 Core §1.3.4).
fn identifier(entropy: &dyn Entropy) -> Result<String, ConnectorError> {
    let bits = entropy.bytes().map_err(|_| misbehaved("the machine has no randomness"))?;
    Ok(format!("_{:032x}", u128::from_be_bytes(bits)))
}
