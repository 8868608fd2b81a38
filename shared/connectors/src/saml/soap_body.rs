//! Adds an assertion to the `wsse:Security` header of a SOAP envelope, and reads faults (WSS SAML Token Profile 1.1.1).
//!
//! Every other byte of the envelope stays as the client sent it.

use bytes::Bytes;
use roxmltree::{Document, Node};

use super::ns;
use super::xml::{child, parse, text_of, with_last_child};
use crate::{ConnectorError, ResponseStart, charset};

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The body with the assertion added. `None` for a call without a body, which carries no assertion.
///
/// A call with a security token of its own is refused: only the gateway tells the back end who calls.
pub(super) fn with_assertion(
    body: &Bytes,
    content_type: Option<&str>,
    assertion: &str,
) -> Result<Option<Bytes>, ConnectorError> {
    if body.is_empty() {
        return Ok(None);
    }
    let unfit = |text| ConnectorError::Unfit(text);
    let soap =
        content_type.and_then(version).ok_or(unfit("the body is no SOAP envelope in UTF-8 by its Content-Type"))?;
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_BODY);
    let text = text.ok_or(unfit("the SOAP envelope is larger than 1 MiB or not UTF-8"))?;
    let document = parse(text).ok_or(unfit("the SOAP envelope is not well-formed, or has a DTD"))?;
    let envelope = document.root_element();
    let mut parts = envelope.children().filter(Node::is_element);
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let is = |node: Option<Node<'_, '_>>, name| node.is_some_and(|node| node.has_tag_name((soap, name)));
    let shaped = is(Some(envelope), "Envelope") && third.is_none();
    let with = match (first, second) {
        (Some(header), body) if shaped && is(first, "Header") && is(body, "Body") => {
            in_header(text, soap, header, assertion)?
        }
        (Some(body), None) if shaped && is(first, "Body") => {
            let prefix =
                text.get(envelope.range()).and_then(|tag| tag.get(1..)?.split([' ', '\t', '\r', '\n', '>']).next());
            let prefix = prefix.and_then(|name| name.strip_suffix("Envelope")).unwrap_or_default();
            let header = format!("<{prefix}Header>{}</{prefix}Header>", security(soap, assertion));
            let at = body.range().start;
            text.split_at_checked(at).map(|(before, after)| [before, &header, after].concat())
        }
        _ => return Err(unfit("the body is no SOAP envelope of a Header, at most, and a Body")),
    };
    with.map(|text| Some(Bytes::from(text))).ok_or(unfit("the SOAP envelope cannot be added to"))
}

/// The namespace of SOAP envelopes of this media type. `None` if it is not SOAP or not UTF-8.
fn version(content_type: &str) -> Option<&'static str> {
    let mut parts = content_type.split(';').map(str::trim);
    let soap = match parts.next()?.to_ascii_lowercase().as_str() {
        "text/xml" => ns::SOAP11,
        "application/soap+xml" => ns::SOAP12,
        _ => return None,
    };
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let utf8 = charset.is_none_or(|name| ["utf-8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known)));
    utf8.then_some(soap)
}

/// The envelope with the assertion in its header. It is added to the call's own `Security` block if that has nothing but
/// timestamps and names no actor or role; without such a block it gets a new one.
fn in_header(text: &str, soap: &str, header: Node<'_, '_>, assertion: &str) -> Result<Option<String>, ConnectorError> {
    // A block in any namespace counts, because back ends may still read those of the drafts.
    let mut securities = header.children().filter(|block| block.tag_name().name() == "Security");
    let Some(security_block) = securities.next() else {
        return Ok(with_last_child(text, header, &security(soap, assertion)));
    };
    let ours = security_block.has_tag_name((ns::WSSE, "Security"))
        && securities.next().is_none()
        && !security_block.attributes().any(|attribute| matches!(attribute.name(), "actor" | "role"))
        && security_block.children().filter(Node::is_element).all(|part| part.has_tag_name((ns::WSU, "Timestamp")))
        && child(header, ns::WSSE, "Security").is_some();
    if !ours {
        return Err(ConnectorError::Unfit("the SOAP header says itself who calls: leave that to the gateway"));
    }
    Ok(with_last_child(text, security_block, assertion))
}

/// A header block with the assertion. The back end must understand it or refuse the call (`mustUnderstand`).
fn security(soap: &str, assertion: &str) -> String {
    format!(
        "<wsse:Security xmlns:wsse=\"{}\" xmlns:soap=\"{soap}\" soap:mustUnderstand=\"1\">{assertion}</wsse:Security>",
        ns::WSSE
    )
}

/// The most specific code of a fault in SOAP 1.2 or 1.1, with its namespace.
pub(super) fn fault_code(document: &Document<'_>) -> Option<(String, String)> {
    let envelope = document.root_element();
    let new = || {
        let fault = child(child(envelope, ns::SOAP12, "Body")?, ns::SOAP12, "Fault")?;
        let code = child(fault, ns::SOAP12, "Code")?;
        child(child(code, ns::SOAP12, "Subcode").unwrap_or(code), ns::SOAP12, "Value")
    };
    let old = || {
        let fault = child(child(envelope, ns::SOAP11, "Body")?, ns::SOAP11, "Fault")?;
        fault.children().find(|part| part.has_tag_name("faultcode"))
    };
    let node = new().or_else(old)?;
    let text = text_of(node);
    let (prefix, name) = text.split_once(':').map_or((None, text.as_str()), |(prefix, name)| (Some(prefix), name));
    Some((node.lookup_namespace_uri(prefix).unwrap_or_default().to_owned(), name.to_owned()))
}

/// Whether a response is a fault about the token in the call (WSS SOAP Message Security 1.1 §12). A response longer than
/// its examined start is no complete document, so it does not count as a fault.
pub(super) fn is_about_the_token(response: &ResponseStart<'_>) -> bool {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if !failed {
        return false;
    }
    let body = response.body();
    let text = charset::xml(response.content_type(), &body);
    let code = parse(&text).and_then(|document| fault_code(&document));
    // Apache WSS4J, and WCF with `InvalidSecurity`, tell nobody outside what was wrong with a message's `Security` header.
    code.is_some_and(|(namespace, name)| {
        matches!(
            (namespace.as_str(), name.as_str()),
            (ns::WSSE, "InvalidSecurityToken" | "FailedAuthentication" | "InvalidSecurity")
                | (ns::WSS4J, "SecurityError")
        )
    })
}
