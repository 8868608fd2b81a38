//! Writes the messages to a security token service, into memory that is overwritten afterwards.

use gateway_config::HttpUrl;
use gateway_config::connector::{AssertionRenewal, EntityId};
use gateway_domain::time::{Seconds, Timestamp};
use zeroize::Zeroizing;

use crate::rfc3339;
use crate::saml::ns;
use crate::saml::xml::{escaped, is_plain};

/// How long a request is valid.
const FRESH: Seconds = Seconds::new(300);

/// What the service is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// An assertion (WS-Trust 1.3 §4).
    Issue,
    /// An assertion for one that it has issued (WS-Trust 1.3 §5).
    Renew,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Issue => "Issue",
            Self::Renew => "Renew",
        }
    }

    /// The media type of SOAP 1.2, with this action.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Issue => {
                "application/soap+xml; charset=utf-8; \
                 action=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue\""
            }
            Self::Renew => {
                "application/soap+xml; charset=utf-8; \
                 action=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Renew\""
            }
        }
    }
}

/// What all messages have.
pub(super) struct Message<'a> {
    /// What is asked for.
    pub(super) action: Action,
    /// Where the message goes.
    pub(super) url: &'a HttpUrl,
    /// A random identifier.
    pub(super) id: &'a str,
    /// When it is sent.
    pub(super) now: Timestamp,
    /// Whom the assertion is for.
    pub(super) applies_to: &'a EntityId,
}

impl Message<'_> {
    /// A message of somebody with a name and a password. `None` if XML cannot hold them.
    pub(super) fn with_password(
        &self,
        (name, password): (&str, &str),
        renew: Option<&AssertionRenewal>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        if !is_plain(name) || !is_plain(password) {
            return None;
        }
        let (name, password) = (escaped(name), escaped(password));
        let typed = "</o:Username><o:Password Type=\"http://docs.oasis-open.org/wss/2004/01/\
                     oasis-200401-wss-username-token-profile-1.0#PasswordText\">";
        let renewing = match renew {
            None => "",
            Some(renew) if renew.after_end => "<t:Renewing OK=\"true\"/>",
            Some(_) => "<t:Renewing/>",
        };
        let tail = format!("</o:Password></o:UsernameToken>{}{renewing}{}", self.body(), TAIL);
        Some(joined(&[&self.head(), "<o:UsernameToken><o:Username>", &name, typed, &password, &tail]))
    }

    /// A message that renews this assertion, and shows it as well, if so, to say who asks.
    pub(super) fn for_renewal(&self, assertion: &str, shows_it: bool) -> Zeroizing<Vec<u8>> {
        let shown = if shows_it { assertion } else { "" };
        joined(&[&self.head(), shown, &self.body(), "<t:RenewTarget>", assertion, "</t:RenewTarget>", TAIL])
    }

    /// The beginning, up to and with the timestamp in the `Security` header.
    fn head(&self) -> String {
        format!(
            "<s:Envelope xmlns:s=\"{}\" xmlns:a=\"{}\" xmlns:o=\"{}\" xmlns:u=\"{}\"><s:Header>\
             <a:Action s:mustUnderstand=\"1\">{}/RST/{}</a:Action><a:MessageID>urn:uuid:{}</a:MessageID>\
             <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
             <a:To s:mustUnderstand=\"1\">{}</a:To><o:Security s:mustUnderstand=\"1\"><u:Timestamp><u:Created>{}\
             </u:Created><u:Expires>{}</u:Expires></u:Timestamp>",
            ns::SOAP12,
            ns::WSA,
            ns::WSSE,
            ns::WSU,
            ns::WST,
            self.action.name(),
            uuid(self.id),
            *escaped(&self.url.uri().to_string()),
            rfc3339::written(self.now),
            rfc3339::written(self.now.saturating_add(FRESH)),
        )
    }

    /// The end of the header and the request, which is not closed yet.
    fn body(&self) -> String {
        format!(
            "</o:Security></s:Header><s:Body><t:RequestSecurityToken xmlns:t=\"{}\">\
             <t:TokenType>http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0</t:TokenType>\
             <t:RequestType>{}/{}</t:RequestType><p:AppliesTo xmlns:p=\"{}\"><a:EndpointReference><a:Address>{}\
             </a:Address></a:EndpointReference></p:AppliesTo><t:KeyType>{}/Bearer</t:KeyType>",
            ns::WST,
            ns::WST,
            self.action.name(),
            ns::WSP,
            *escaped(self.applies_to.as_str()),
            ns::WST,
        )
    }
}

const TAIL: &str = "</t:RequestSecurityToken></s:Body></s:Envelope>";

/// The parts as one. The capacity is exact, so the buffer never moves and leaves no copy of a password in memory.
fn joined(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        message.extend_from_slice(part.as_bytes());
    }
    message
}

/// An identifier written as a UUID of version 4 (RFC 9562 §5.4).
fn uuid(identifier: &str) -> uuid::Uuid {
    let bits = u128::from_str_radix(identifier.trim_start_matches('_'), 16).unwrap_or_default();
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}
