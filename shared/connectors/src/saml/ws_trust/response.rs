//! Reads the response of a security token service: an assertion and its lifetime, or a fault.

use gateway_domain::time::Timestamp;
use http::StatusCode;
use roxmltree::Node;

use super::request::Action;
use crate::saml::assertion::{Assertion, is_encrypted};
use crate::saml::soap_body::fault_code;
use crate::saml::system::by_status;
use crate::saml::xml::{child, parse, text_of};
use crate::saml::{misbehaved, ns, unavailable};
use crate::{ConnectorError, rfc3339};

/// What a response must have.
pub(super) struct Expected<'a> {
    /// What was asked for.
    pub(super) action: Action,
    /// The back end as the service knows it.
    pub(super) applies_to: &'a str,
    /// The audience that the assertion must have, if it is another one.
    pub(super) audience: Option<&'a str>,
    /// Whether an assertion that cannot be read here is of use to the back end.
    pub(super) passes_encrypted_on: bool,
}

impl Expected<'_> {
    /// The assertion in a response (WS-Trust 1.3 §4.4).
    pub(super) fn assertion(&self, received: &str, now: Timestamp) -> Result<Assertion, ConnectorError> {
        let document = parse(received).ok_or_else(broken)?;
        let body = child(document.root_element(), ns::SOAP12, "Body").ok_or_else(broken)?;
        if child(body, ns::SOAP12, "Fault").is_some() {
            return Err(fault(self.action, StatusCode::OK, received));
        }
        // WS-Trust 1.3 §4.4.1: the final response to an Issue is a collection. Older services send it without the
        // collection, and so is every response to a Renew (§5).
        let around = child(body, ns::WST, "RequestSecurityTokenResponseCollection").unwrap_or(body);
        let response = child(around, ns::WST, "RequestSecurityTokenResponse").ok_or_else(broken)?;
        let requested = child(response, ns::WST, "RequestedSecurityToken").ok_or_else(broken)?;
        let token = requested.first_element_child().filter(|token| token.next_sibling_element().is_none());
        let token = token.ok_or_else(broken)?;
        let expires = child(response, ns::WST, "Lifetime").and_then(|lifetime| child(lifetime, ns::WSU, "Expires"));
        let expires = expires.map(|expires| rfc3339::parse(&text_of(expires)).ok_or_else(broken)).transpose()?;
        let mut assertion = if is_encrypted(token) {
            self.encrypted(received, response, token, expires)?
        } else {
            Assertion::read(received, token, Some(self.audience.unwrap_or(self.applies_to)), now)?
        };
        assertion.ends = expires.map_or(assertion.ends, |expires| assertion.ends.min(expires));
        if assertion.ends <= now {
            return Err(misbehaved("the token has ended already: compare the clocks"));
        }
        Ok(assertion)
    }

    /// An assertion that only the back end can read. The response says around it when it ends and whom it is for.
    fn encrypted(
        &self,
        received: &str,
        response: Node<'_, '_>,
        token: Node<'_, '_>,
        expires: Option<Timestamp>,
    ) -> Result<Assertion, ConnectorError> {
        if !self.passes_encrypted_on {
            return Err(misbehaved(
                "the assertion is encrypted, which only `ws_security` passes on: switch it off for this relying party",
            ));
        }
        if self.audience.is_some() {
            return Err(misbehaved(
                "the assertion is encrypted, so that its audience cannot be read: switch it off for this relying party, \
                 or remove `audience`",
            ));
        }
        let ends = expires.ok_or_else(|| {
            misbehaved(
                "the assertion is encrypted, and the response has no lifetime: switch it off for this relying party",
            )
        })?;
        let address = |applies: Node<'_, '_>| {
            let reference = child(applies, ns::WSA, "EndpointReference");
            reference.and_then(|reference| child(reference, ns::WSA, "Address")).map(text_of)
        };
        let elsewhere = child(response, ns::WSP, "AppliesTo").and_then(address);
        if elsewhere.is_some_and(|address| address != self.applies_to) {
            return Err(misbehaved("the assertion is for another relying party than configured"));
        }
        Assertion::encrypted(received, token, ends)
    }
}

fn broken() -> ConnectorError {
    misbehaved("the token service's response is none of WS-Trust 1.3")
}

/// What a fault in SOAP 1.2 or 1.1 means (WS-Trust 1.3 §11, WSS SOAP Message Security 1.1 §12).
pub(super) fn fault(action: Action, status: StatusCode, received: &str) -> ConnectorError {
    let code = parse(received).and_then(|document| fault_code(&document));
    let Some((namespace, name)) = code else {
        let unauthorized = status == StatusCode::UNAUTHORIZED;
        return if unauthorized { ConnectorError::Refused } else { by_status("the login", status) };
    };
    match (namespace.as_str(), name.as_str()) {
        // Apache WSS4J, and WCF with `InvalidSecurity`, tell nobody outside what was wrong. All that can be wrong with a message
        // from here is the password or assertion, and the clock.
        (ns::WST | ns::WSSE, "FailedAuthentication" | "InvalidSecurityToken")
        | (ns::WSSE, "InvalidSecurity")
        | (ns::WSS4J, "SecurityError") => ConnectorError::Refused,
        // The service will not renew this assertion, now or later.
        (ns::WST, "RequestFailed" | "UnableToRenew" | "ExpiredData") if action == Action::Renew => {
            ConnectorError::Refused
        }
        (ns::WST, "RequestFailed") | (ns::SOAP12, "Receiver") | (ns::SOAP11, "Server") => {
            unavailable("the token service had an error")
        }
        _ => misbehaved("the token service answered with a fault that is not about the password"),
    }
}
