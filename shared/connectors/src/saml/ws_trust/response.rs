//! Reads the response of a security token service: an assertion and its lifetime, or a fault.

use gateway_domain::time::Timestamp;
use http::StatusCode;

use crate::saml::assertion::Assertion;
use crate::saml::soap_body::fault_code;
use crate::saml::system::by_status;
use crate::saml::xml::{child, parse, text_of};
use crate::saml::{misbehaved, ns, unavailable};
use crate::{ConnectorError, rfc3339};

/// The assertion in a response (WS-Trust 1.3 §4.4).
pub(super) fn assertion(received: &str, audience: &str, now: Timestamp) -> Result<Assertion, ConnectorError> {
    let broken = || misbehaved("the token service's response is none of WS-Trust 1.3");
    let document = parse(received).ok_or_else(broken)?;
    let body = child(document.root_element(), ns::SOAP12, "Body").ok_or_else(broken)?;
    if child(body, ns::SOAP12, "Fault").is_some() {
        return Err(fault(StatusCode::OK, received));
    }
    // WS-Trust 1.3 §4.4.1: the final response to an Issue is a collection. Older services send it without the collection.
    let around = child(body, ns::WST, "RequestSecurityTokenResponseCollection").unwrap_or(body);
    let response = child(around, ns::WST, "RequestSecurityTokenResponse").ok_or_else(broken)?;
    let requested = child(response, ns::WST, "RequestedSecurityToken").ok_or_else(broken)?;
    let token = requested.first_element_child().filter(|token| token.next_sibling_element().is_none());
    let mut assertion = Assertion::read(received, token.ok_or_else(broken)?, Some(audience), now)?;
    let expires = child(response, ns::WST, "Lifetime").and_then(|lifetime| child(lifetime, ns::WSU, "Expires"));
    if let Some(expires) = expires {
        let expires = rfc3339::parse(&text_of(expires)).ok_or_else(broken)?;
        assertion.ends = assertion.ends.min(expires);
        if assertion.ends <= now {
            return Err(misbehaved("the token has ended already: compare the clocks"));
        }
    }
    Ok(assertion)
}

/// What a fault in SOAP 1.2 or 1.1 means (WS-Trust 1.3 §11, WSS SOAP Message Security 1.1 §12).
pub(super) fn fault(status: StatusCode, received: &str) -> ConnectorError {
    let code = parse(received).and_then(|document| fault_code(&document));
    let Some((namespace, name)) = code else {
        let unauthorized = status == StatusCode::UNAUTHORIZED;
        return if unauthorized { ConnectorError::Refused } else { by_status("the login", status) };
    };
    match (namespace.as_str(), name.as_str()) {
        (ns::WST | ns::WSSE, "FailedAuthentication") | (ns::WSSE, "InvalidSecurityToken") => ConnectorError::Refused,
        (ns::WST, "RequestFailed") | (ns::SOAP12, "Receiver") | (ns::SOAP11, "Server") => {
            unavailable("the token service had an error")
        }
        _ => misbehaved("the token service answered with a fault that is not about the password"),
    }
}
