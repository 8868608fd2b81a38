//! Logs in at a SAML 2.0 identity provider that takes name and password by HTTP Basic (SAML 2.0 Profiles §4.2).

mod response;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_config::HttpUrl;
use gateway_config::connector::{Begin, OwnRequest, Present, RefusedPage, SamlEcp as Settings};
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::time::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use zeroize::Zeroizing;

use super::paos::{self, Asked};
use super::system::{System, by_status, text};
use super::token::{Token, sensitive};
use super::xml::{escaped, is_plain};
use super::{identifier, misbehaved, ns, presenting, unavailable};
use crate::back_end::BackEndClient;
use crate::{
    Acquired, Call, Connector, ConnectorError, Credentials, HandedOut, Injection, ResponseStart, charset, reference,
    rfc3339,
};
use response::Expected;

/// A connector of type `saml_ecp`.
pub struct SamlEcp {
    settings: Settings,
    system: System,
    reserved: Reserved,
    entropy: Arc<dyn Entropy>,
}

impl SamlEcp {
    /// A connector for these settings. The identifiers of its requests are made from this entropy.
    pub fn new(settings: Settings, client: BackEndClient, entropy: Arc<dyn Entropy>) -> Self {
        let (system, reserved) = (System::new(client, settings.timeout), presenting::reserved(&settings.present));
        Self { settings, system, reserved, entropy }
    }

    async fn log_in(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let basic = basic(login)?;
        match &self.settings.begin {
            Begin::Own(own) => {
                let request = identifier(&*self.entropy)?;
                let response = self.ask(&basic, own_request(own, &request, now)).await?;
                let audience = self.settings.audience.as_ref().unwrap_or(&own.issuer).as_str();
                let expected = Expected { request: &request, consumer: &own.consumer_url, audience: Some(audience) };
                let assertion = expected.assertion(text(&response)?, now)?;
                presenting::keep(&self.settings.present, &self.system, &assertion, now).await
            }
            Begin::ServiceProvider(begin) => {
                let mut asked = paos::ask(&self.system, &begin.service_provider).await?;
                let response = self.ask(&basic, std::mem::take(&mut asked.envelope)).await?;
                drop(basic);
                self.answered(asked, text(&response)?, now).await
            }
        }
    }

    /// Continues the login with the identity provider's response to a service provider's request.
    async fn answered(&self, asked: Asked, response: &str, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let audience = self.settings.audience.as_ref().map(gateway_config::connector::EntityId::as_str);
        let expected = Expected { request: &asked.request, consumer: &asked.consumer, audience };
        let Present::Cookies(names) = &self.settings.present else {
            let assertion = expected.assertion(response, now)?;
            return presenting::keep(&self.settings.present, &self.system, &assertion, now).await;
        };
        let session_ends = expected.session(response, now)?;
        let (cookies, cookies_end) = asked.finish(&self.system, response, names, now).await?;
        let ends = [session_ends, cookies_end].into_iter().flatten().min();
        Ok(presenting::acquired(&Token::Cookies(cookies), ends))
    }

    /// Sends the request to the identity provider. No other request contains the password.
    async fn ask(&self, basic: &HeaderValue, envelope: String) -> Result<Response<Bytes>, ConnectorError> {
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, basic.clone()),
            (ACCEPT, HeaderValue::from_static("text/xml, application/vnd.paos+xml")),
        ]);
        let url = self.settings.identity_provider.uri();
        let response = self.system.post(url, "text/xml; charset=utf-8", headers, Bytes::from(envelope)).await?;
        if self.settings.refused.as_ref().is_some_and(|page| is_page(&response, page)) {
            return Err(ConnectorError::Refused);
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::UNAUTHORIZED => Err(ConnectorError::Refused),
            status => Err(by_status("the login", status)),
        }
    }

    /// Whether the response redirects to the login page, which the back end may know by its own host, or to the identity provider. The
    /// target is compared as it is resolved (RFC 3986 §5).
    fn is_login(&self, response: &ResponseStart<'_>) -> bool {
        let Some((requested, target)) = response.redirect() else { return false };
        let at_home = reference::same_origin(&requested, &target);
        let is_page = |page: &HttpUrl| {
            reference::url(page.uri()).is_some_and(|page| {
                let there = reference::same_origin(&page, &target);
                let rest = target.path().strip_prefix(page.path().trim_end_matches('/'));
                // What is below the page counts where it is no part of the back end.
                let path = rest.is_some_and(|rest| {
                    matches!(rest, "" | "/") || rest.starts_with(';') || (rest.starts_with('/') && !at_home)
                });
                let query = page.query().is_none_or(|query| target.query().is_some_and(|all| all.starts_with(query)));
                path && query && (there || at_home)
            })
        };
        let provider = reference::url(self.settings.identity_provider.uri());
        self.settings.login_page.as_ref().is_some_and(is_page)
            || provider.is_some_and(|provider| {
                // With the back end on the same host, only what begins as its address is the provider's.
                reference::same_origin(&provider, &target) && (!at_home || target.path().starts_with(provider.path()))
            })
    }
}

fn is_page(response: &Response<Bytes>, page: &RefusedPage) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    response.status().as_u16() == page.status && charset::has(content_type, response.body(), &page.body_has)
}

/// Name and password as `Basic` (RFC 7617), in UTF-8.
fn basic(login: Credentials<'_>) -> Result<HeaderValue, ConnectorError> {
    let (name, password) = (login.name(), login.password()?.expose());
    // RFC 7617 §2: a name has no colon, and neither name nor password has control characters.
    if name.contains(':') || !is_plain(name) || !is_plain(password) {
        return Err(ConnectorError::Refused);
    }
    let mut pair = Zeroizing::new(String::with_capacity(name.len().saturating_add(password.len()).saturating_add(1)));
    for part in [name, ":", password] {
        pair.push_str(part);
    }
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    sensitive(&Zeroizing::new(["Basic ", &encoded].concat()))
}

/// An authentication request in the name of a service provider that does not make its own (SAML 2.0 Core §3.4.1).
fn own_request(own: &OwnRequest, id: &str, now: Timestamp) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"{}\"><soap:Body><samlp:AuthnRequest xmlns:samlp=\"{}\" xmlns:saml=\"{}\" \
         ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:PAOS\" \
         AssertionConsumerServiceURL=\"{}\"><saml:Issuer>{}</saml:Issuer></samlp:AuthnRequest></soap:Body>\
         </soap:Envelope>",
        ns::SOAP11,
        ns::SAMLP,
        ns::SAML,
        rfc3339::written(now),
        *escaped(&own.consumer_url.uri().to_string()),
        *escaped(own.issuer.as_str()),
    )
}

#[async_trait]
impl Connector for SamlEcp {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        self.system.within(self.log_in(login, now)).await
    }

    async fn end(&self, state: &[u8]) -> Result<(), ConnectorError> {
        let (Some(logout), Token::Cookies(cookies)) = (&self.settings.logout, Token::from_state(state)?) else {
            return Ok(());
        };
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::from(logout.method);
        *request.uri_mut() = logout.url.uri().clone();
        request.headers_mut().insert(COOKIE, sensitive(&cookies)?);
        let status = self.system.send(request).await?.status();
        // Any other status means that the session has ended now, or had ended before.
        let refusal = by_status("the logout", status);
        if matches!(refusal, ConnectorError::Unavailable(_)) { Err(refusal) } else { Ok(()) }
    }

    fn inject(&self, state: &[u8], call: Call<'_>) -> Result<Injection, ConnectorError> {
        presenting::inject(&self.settings.present, state, call)
    }

    fn hand_out(&self, state: &[u8]) -> Result<HandedOut, ConnectorError> {
        presenting::hand_out(state)
    }

    fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        presenting::is_dead(&self.settings.present, response) || self.is_login(response)
    }

    fn examines_body(&self, status: StatusCode) -> bool {
        presenting::examines_body(&self.settings.present, status)
    }

    fn examines_bodies(&self) -> bool {
        presenting::examines_bodies(&self.settings.present)
    }
}
