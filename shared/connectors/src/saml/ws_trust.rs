//! Logs in at a security token service with name and password (WS-Trust 1.3, WSS Username Token Profile 1.0).

mod request;
mod response;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gateway_config::HttpUrl;
use gateway_config::connector::{AssertionRenewal, Present, RenewedBy, WsTrust as Settings};
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::time::Timestamp;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use zeroize::Zeroizing;

use super::assertion::Assertion;
use super::system::{System, text};
use super::token::{Token, expanded};
use super::{identifier, presenting};
use crate::back_end::BackEndClient;
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, HandedOut, Injection, ResponseStart};
use request::{Action, Message};
use response::Expected;

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
        let (url, id) = (&self.settings.url, identifier(&*self.entropy)?);
        let message = Message { action: Action::Issue, url, id: &id, now, applies_to: &self.settings.applies_to };
        let shown = (login.name(), login.password()?.expose());
        let message = message.with_password(shown, self.settings.renew.as_ref()).ok_or(ConnectorError::Refused)?;
        let assertion = self.ask(Action::Issue, url, message, now).await?;
        match &self.settings.renew {
            // What is encrypted cannot be renewed: the service could not read it.
            Some(renew) if !assertion.is_encrypted => {
                Ok(presenting::keep_renewable(&assertion, now.saturating_add(renew.lasting)))
            }
            Some(_) | None => presenting::keep(&self.settings.present, &self.system, &assertion, now).await,
        }
    }

    async fn renewed(
        &self,
        renew: &AssertionRenewal,
        assertion: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let (url, id) = (renew.url.as_ref().unwrap_or(&self.settings.url), identifier(&*self.entropy)?);
        let message = Message { action: Action::Renew, url, id: &id, now, applies_to: &self.settings.applies_to };
        let message = message.for_renewal(assertion, renew.by == RenewedBy::Assertion);
        let assertion = self.ask(Action::Renew, url, message, now).await?;
        if assertion.is_encrypted {
            return presenting::keep(&self.settings.present, &self.system, &assertion, now).await;
        }
        Ok(presenting::keep_renewable(&assertion, until))
    }

    /// Sends a message to the service and reads the assertion in its response.
    async fn ask(
        &self,
        action: Action,
        url: &HttpUrl,
        message: Zeroizing<Vec<u8>>,
        now: Timestamp,
    ) -> Result<Assertion, ConnectorError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/soap+xml"))]);
        let body = Bytes::from_owner(message);
        let response: Response<Bytes> = self.system.post(url.uri(), action.content_type(), headers, body).await?;
        if response.status() != StatusCode::OK {
            return Err(response::fault(action, response.status(), text(&response).unwrap_or_default()));
        }
        let expected = Expected {
            action,
            applies_to: self.settings.applies_to.as_str(),
            audience: self.settings.audience.as_ref().map(gateway_config::connector::EntityId::as_str),
            passes_encrypted_on: self.settings.present == Present::WsSecurity,
        };
        expected.assertion(text(&response)?, now)
    }
}

#[async_trait]
impl Connector for WsTrust {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        self.system.within(self.log_in(login, now)).await
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        let Some(renew) = &self.settings.renew else { return Err(ConnectorError::Refused) };
        match Token::from_state(state)? {
            Token::Assertion(compressed, Some(until)) if now < until => {
                let assertion = expanded(&compressed)?;
                self.system.within(self.renewed(renew, &assertion, until, now)).await
            }
            Token::Assertion(..) | Token::Cookies(_) | Token::Bearer(_) => Err(ConnectorError::Refused),
        }
    }

    fn inject(&self, state: &[u8], call: Call<'_>) -> Result<Injection, ConnectorError> {
        presenting::inject(&self.settings.present, state, call)
    }

    fn hand_out(&self, state: &[u8]) -> Result<HandedOut, ConnectorError> {
        // Whoever has it could have it renewed, also when the session has ended here.
        if self.settings.renew.as_ref().is_some_and(|renew| renew.by == RenewedBy::Assertion) {
            return Err(ConnectorError::Unfit("whoever has its assertion can have it renewed"));
        }
        presenting::hand_out(state)
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

    fn examines_bodies(&self) -> bool {
        presenting::examines_bodies(&self.settings.present)
    }
}
