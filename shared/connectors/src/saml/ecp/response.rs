//! Reads the response of an identity provider: its status, and the assertion that was issued for this request.

use gateway_config::HttpUrl;
use gateway_domain::time::Timestamp;
use roxmltree::{Document, Node};

use super::{misbehaved, ns, unavailable};
use crate::ConnectorError;
use crate::saml::assertion::Assertion;
use crate::saml::xml::{child, children, parse, text_of};

/// What a response must refer to.
pub(super) struct Expected<'a> {
    /// The identifier of the request.
    pub(super) request: &'a str,
    /// The consumer URL of the side that made the request.
    pub(super) consumer: &'a HttpUrl,
    /// The audience that the assertion must have.
    pub(super) audience: Option<&'a str>,
}

impl Expected<'_> {
    /// The assertion of a successful response.
    pub(super) fn assertion(&self, received: &str, now: Timestamp) -> Result<Assertion, ConnectorError> {
        let document = document(received)?;
        let response = self.response(&document)?;
        if child(response, ns::SAML, "EncryptedAssertion").is_some() {
            return Err(misbehaved("the assertion is encrypted: let the identity provider only sign it"));
        }
        let assertion = child(response, ns::SAML, "Assertion");
        let assertion = assertion.ok_or_else(|| misbehaved("the response has not exactly one assertion"))?;
        Assertion::read(received, assertion, self.audience, now)
    }

    /// When the session must end that begins with a successful response, if an unencrypted assertion sets a time. The
    /// service provider verifies the assertion, but one that the gateway can read must also pass the checks here.
    pub(super) fn session(&self, received: &str, now: Timestamp) -> Result<Option<Timestamp>, ConnectorError> {
        let document = document(received)?;
        let response = self.response(&document)?;
        match children(response, ns::SAML, "Assertion").next() {
            Some(assertion) => Ok(Assertion::read(received, assertion, self.audience, now)?.session_ends),
            None if self.audience.is_some() => Err(misbehaved("there is no assertion to read the audience of")),
            None => Ok(None),
        }
    }

    /// The SAML `Response` in the envelope. Its status must be success.
    fn response<'a, 'i>(&self, document: &'a Document<'i>) -> Result<Node<'a, 'i>, ConnectorError> {
        let broken = || misbehaved("the identity provider's response is none of the profile");
        let envelope = document.root_element();
        let body = child(envelope, ns::SOAP11, "Body").ok_or_else(broken)?;
        let response = child(body, ns::SAMLP, "Response").ok_or_else(broken)?;
        let request = response.attribute("InResponseTo");
        // A failure may come without it: Keycloak writes none then.
        if request.is_some_and(|request| request != self.request) {
            return Err(misbehaved("the response is for another request"));
        }
        judge(child(response, ns::SAMLP, "Status").ok_or_else(broken)?)?;
        if request.is_none() {
            return Err(misbehaved("the response does not say which request it is for"));
        }
        // SAML 2.0 Profiles §4.2.4.4: the response must not be delivered to any URL but the one in the request.
        let header = child(envelope, ns::SOAP11, "Header").ok_or_else(broken)?;
        let destination = child(header, ns::ECP, "Response").ok_or_else(broken)?;
        let destination = destination.attribute("AssertionConsumerServiceURL").ok_or_else(broken)?;
        let destination = HttpUrl::try_from(destination.to_owned()).map_err(|_| broken())?;
        if destination != *self.consumer {
            return Err(misbehaved("the identity provider knows another consumer URL"));
        }
        Ok(response)
    }
}

fn document(received: &str) -> Result<Document<'_>, ConnectorError> {
    parse(received).ok_or_else(|| misbehaved("the identity provider's response is no XML that is read here"))
}

/// What a SAML status means (SAML 2.0 Core §3.2.2). The HTTP status of a wrong password can be 200.
fn judge(status: Node<'_, '_>) -> Result<(), ConnectorError> {
    let value = |code: Node<'_, '_>| {
        let value = code.attribute("Value").unwrap_or_default();
        value.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:").unwrap_or_default().to_owned()
    };
    let first = child(status, ns::SAMLP, "StatusCode");
    let second = first.and_then(|code| child(code, ns::SAMLP, "StatusCode"));
    let message = child(status, ns::SAMLP, "StatusMessage").map(text_of).unwrap_or_default();
    let (first, second) = (first.map(value).unwrap_or_default(), second.map(value).unwrap_or_default());
    match (first.as_str(), second.as_str()) {
        ("Success", _) => Ok(()),
        // Keycloak says `NoPassive`: what the request has does not suffice, and there is nobody to ask for more.
        (_, "AuthnFailed" | "UnknownPrincipal" | "RequestDenied" | "NoPassive") => Err(ConnectorError::Refused),
        // SimpleSAMLphp tells the reason only in the message.
        ("Responder", "") if message.ends_with("WRONGUSERPASS") => Err(ConnectorError::Refused),
        ("Responder", "") => Err(unavailable("the identity provider had an error")),
        ("VersionMismatch", _) => Err(misbehaved("the identity provider speaks another version of SAML")),
        ("Requester", _) => Err(misbehaved("the identity provider did not like the request")),
        _ => Err(misbehaved("the identity provider answered with another status than success")),
    }
}
