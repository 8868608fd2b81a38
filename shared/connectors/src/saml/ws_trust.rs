//! Gets a SAML 2.0 assertion from a security token service (WS-Trust 1.3), with name and password in a `UsernameToken`.

mod response;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gateway_config::connector::WsTrust as Settings;
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::time::{Seconds, Timestamp};
use http::StatusCode;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::system::{System, text};
use super::xml::{escaped, is_plain};
use super::{identifier, ns, presenting};
use crate::back_end::BackEndClient;
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection, ResponseStart, rfc3339};

/// The media type of SOAP 1.2, with the action of an Issue (WS-Trust 1.3 §4).
const REQUEST: &str = "application/soap+xml; charset=utf-8; \
                       action=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue\"";
/// How long a request is valid.
const FRESH: Seconds = Seconds::new(300);

/// A connector of type `ws_trust`.
pub struct WsTrust {
    settings: Settings,
    system: System,
    reserved: Reserved,
    entropy: Arc<dyn Entropy>,
}

impl WsTrust {
    /// A connector for these settings. The identifiers of its requests are made from this entropy.
    pub fn new(settings: Settings, client: BackEndClient, entropy: Arc<dyn Entropy>) -> Self {
        let (system, reserved) = (System::new(client, settings.timeout), presenting::reserved(&settings.present));
        Self { settings, system, reserved, entropy }
    }

    async fn log_in(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let message = self.request(login, now)?;
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/soap+xml"))]);
        let response = self.system.post(self.settings.url.uri(), REQUEST, headers, Bytes::from_owner(message)).await?;
        if response.status() != StatusCode::OK {
            return Err(response::fault(response.status(), text(&response).unwrap_or_default()));
        }
        let audience = self.settings.audience.as_ref().unwrap_or(&self.settings.applies_to).as_str();
        let assertion = response::assertion(text(&response)?, audience, now)?;
        presenting::keep(&self.settings.present, &self.system, &assertion, now).await
    }

    /// A `RequestSecurityToken`, in memory that is overwritten afterwards.
    fn request(&self, login: Credentials<'_>, now: Timestamp) -> Result<Zeroizing<Vec<u8>>, ConnectorError> {
        let (name, password) = (login.name(), login.password.expose());
        if !is_plain(name) || !is_plain(password) {
            return Err(ConnectorError::Refused);
        }
        let (name, password) = (escaped(name), escaped(password));
        let head = format!(
            "<s:Envelope xmlns:s=\"{}\" xmlns:a=\"{}\" xmlns:o=\"{}\" xmlns:u=\"{}\"><s:Header>\
             <a:Action s:mustUnderstand=\"1\">{}/RST/Issue</a:Action><a:MessageID>urn:uuid:{}</a:MessageID>\
             <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
             <a:To s:mustUnderstand=\"1\">{}</a:To><o:Security s:mustUnderstand=\"1\"><u:Timestamp><u:Created>{}\
             </u:Created><u:Expires>{}</u:Expires></u:Timestamp><o:UsernameToken><o:Username>",
            ns::SOAP12,
            ns::WSA,
            ns::WSSE,
            ns::WSU,
            ns::WST,
            uuid(&identifier(&*self.entropy)?),
            *escaped(&self.settings.url.uri().to_string()),
            rfc3339::written(now),
            rfc3339::written(now.saturating_add(FRESH)),
        );
        let tail = format!(
            "</o:Password></o:UsernameToken></o:Security></s:Header><s:Body><t:RequestSecurityToken xmlns:t=\"{}\">\
             <t:TokenType>http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0</t:TokenType>\
             <t:RequestType>{}/Issue</t:RequestType><p:AppliesTo xmlns:p=\"{}\"><a:EndpointReference><a:Address>{}\
             </a:Address></a:EndpointReference></p:AppliesTo><t:KeyType>{}/Bearer</t:KeyType>\
             </t:RequestSecurityToken></s:Body></s:Envelope>",
            ns::WST,
            ns::WST,
            ns::WSP,
            *escaped(self.settings.applies_to.as_str()),
            ns::WST,
        );
        let typed = "</o:Username><o:Password Type=\"http://docs.oasis-open.org/wss/2004/01/\
                     oasis-200401-wss-username-token-profile-1.0#PasswordText\">";
        let parts = [&head, name.as_str(), typed, password.as_str(), &tail];
        // The capacity is exact, so the buffer never moves and leaves no copy of the password in memory.
        let mut message = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        for part in parts {
            message.extend_from_slice(part.as_bytes());
        }
        Ok(message)
    }
}

/// An identifier written as a UUID of version 4 (RFC 9562 §5.4).
fn uuid(identifier: &str) -> uuid::Uuid {
    let bits = u128::from_str_radix(identifier.trim_start_matches('_'), 16).unwrap_or_default();
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

#[async_trait]
impl Connector for WsTrust {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        self.system.within(self.log_in(login, now)).await
    }

    fn inject(&self, state: &[u8], call: Call<'_>) -> Result<Injection, ConnectorError> {
        presenting::inject(&self.settings.present, state, call)
    }

    fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        presenting::is_dead(&self.settings.present, response)
    }

    fn examines_body(&self, status: StatusCode) -> bool {
        presenting::examines_body(&self.settings.present, status)
    }
}
