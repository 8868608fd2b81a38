//! Reads from an assertion what the gateway needs: its end and its audience.

use gateway_domain::time::Timestamp;
use roxmltree::Node;
use zeroize::Zeroizing;

use super::xml::{children, cut, text_of};
use super::{misbehaved, ns};
use crate::{ConnectorError, rfc3339};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// An assertion (SAML 2.0 Core §2.3.3).
pub(super) struct Assertion {
    /// The assertion as a document of its own.
    pub(super) xml: Zeroizing<String>,
    /// When a back end stops accepting it.
    pub(super) ends: Timestamp,
    /// When a session that begins with it has to end, if the identity provider sets a time.
    pub(super) session_ends: Option<Timestamp>,
    /// Whether it is encrypted, so that only the back end can read it.
    pub(super) is_encrypted: bool,
}

/// Whether an element is an encrypted assertion (SAML 2.0 Core §2.3.4), or encrypted as any XML can be.
pub(super) fn is_encrypted(node: Node<'_, '_>) -> bool {
    node.has_tag_name((ns::SAML, "EncryptedAssertion")) || node.has_tag_name((ns::XENC, "EncryptedData"))
}

impl Assertion {
    /// Reads an assertion. It must not have ended, and it must be for this audience if there is one.
    pub(super) fn read(
        document: &str,
        node: Node<'_, '_>,
        audience: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, ConnectorError> {
        if !node.has_tag_name((ns::SAML, "Assertion")) || node.attribute("Version") != Some("2.0") {
            return Err(misbehaved("the token is no SAML 2.0 assertion"));
        }
        let conditions = || children(node, ns::SAML, "Conditions");
        let subjects = children(node, ns::SAML, "Subject");
        let confirmations = subjects.flat_map(|subject| children(subject, ns::SAML, "SubjectConfirmation"));
        let bearer = confirmations.filter(|confirmation| confirmation.attribute("Method") == Some(BEARER));
        let data = bearer.flat_map(|confirmation| children(confirmation, ns::SAML, "SubjectConfirmationData"));
        let ends = earliest(conditions().chain(data), "NotOnOrAfter")?
            .ok_or_else(|| misbehaved("the assertion does not say when it ends"))?;
        if ends <= now {
            return Err(misbehaved("the assertion has ended already: compare the clocks"));
        }
        let restrictions = || conditions().flat_map(|one| children(one, ns::SAML, "AudienceRestriction"));
        if let Some(audience) = audience {
            // SAML 2.0 Core §2.5.1.4: every restriction must be met, each by any one of its audiences.
            let mut all = restrictions();
            let meant = |one: Node<'_, '_>| children(one, ns::SAML, "Audience").any(|name| text_of(name) == audience);
            if restrictions().next().is_none() || !all.all(meant) {
                return Err(misbehaved("the assertion is for another audience than configured"));
            }
        }
        let session_ends = earliest(children(node, ns::SAML, "AuthnStatement"), "SessionNotOnOrAfter")?;
        Ok(Self { xml: own_document(document, node)?, ends, session_ends, is_encrypted: false })
    }

    /// Takes an encrypted assertion as it is. Somebody else said when it ends.
    pub(super) fn encrypted(document: &str, node: Node<'_, '_>, ends: Timestamp) -> Result<Self, ConnectorError> {
        Ok(Self { xml: own_document(document, node)?, ends, session_ends: None, is_encrypted: true })
    }
}

fn own_document(document: &str, node: Node<'_, '_>) -> Result<Zeroizing<String>, ConnectorError> {
    cut(document, node).ok_or_else(|| misbehaved("the assertion cannot be cut out"))
}

/// The earliest point in time in this attribute of these elements. `None` if no element has it.
fn earliest<'a, 'i: 'a>(
    nodes: impl Iterator<Item = Node<'a, 'i>>,
    attribute: &str,
) -> Result<Option<Timestamp>, ConnectorError> {
    let mut earliest = None;
    for text in nodes.filter_map(|node| node.attribute(attribute)) {
        let time = rfc3339::parse(text).ok_or_else(|| misbehaved("the assertion has a time that is none"))?;
        earliest = Some(earliest.map_or(time, |earlier: Timestamp| earlier.min(time)));
    }
    Ok(earliest)
}
