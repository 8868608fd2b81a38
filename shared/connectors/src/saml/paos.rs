//! Talks to the service provider in the ECP profile: gets its request, and delivers the response to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use gateway_config::{CookieName, HttpUrl};
use gateway_domain::time::{Seconds, Timestamp};
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use zeroize::Zeroizing;

use super::system::{System, by_status, text};
use super::token::{is_token, sensitive};
use super::xml::{child, cut, escaped, parse};
use super::{misbehaved, ns};
use crate::ConnectorError;

/// The media type of requests and responses in PAOS.
const MEDIA_TYPE: &str = "application/vnd.paos+xml";
/// The value of the header `PAOS` by which a client says that it supports the profile (SAML 2.0 Profiles §4.2.3.1).
const ABLE: &str = "ver=\"urn:liberty:paos:2003-08\";\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\"";

/// A service provider's authentication request, with what is needed to deliver the response.
pub(super) struct Asked {
    /// The service provider's envelope without its header, which is sent to the identity provider.
    pub(super) envelope: String,
    /// The identifier of the request, to which the response must refer.
    pub(super) request: String,
    /// Where the response is delivered.
    pub(super) consumer: HttpUrl,
    /// The header blocks that are delivered with the response.
    header: Zeroizing<String>,
    cookies: Cookies,
}

/// Requests a page as a client of the profile.
pub(super) async fn ask(system: &System, page: &HttpUrl) -> Result<Asked, ConnectorError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = page.uri().clone();
    request.headers_mut().extend([
        (ACCEPT, HeaderValue::from_static("text/html, application/vnd.paos+xml")),
        (HeaderName::from_static("paos"), HeaderValue::from_static(ABLE)),
    ]);
    let response = system.send(request).await?;
    if !response.status().is_success() {
        return Err(by_status("the service provider's page", response.status()));
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.trim_start().starts_with(MEDIA_TYPE) {
        return Err(misbehaved("the service provider did not answer with a request in PAOS: is the profile enabled?"));
    }
    let mut cookies = Cookies::default();
    cookies.take(&response);
    read(text(&response)?, page, cookies)
}

fn read(envelope_text: &str, page: &HttpUrl, cookies: Cookies) -> Result<Asked, ConnectorError> {
    let broken = || misbehaved("the service provider's request is none of the profile");
    let document = parse(envelope_text).ok_or_else(broken)?;
    let envelope = document.root_element();
    let header = child(envelope, ns::SOAP11, "Header").ok_or_else(broken)?;
    let paos = child(header, ns::PAOS, "Request").ok_or_else(broken)?;
    let body = child(envelope, ns::SOAP11, "Body").ok_or_else(broken)?;
    let request = child(body, ns::SAMLP, "AuthnRequest").ok_or_else(broken)?;
    let consumer = paos.attribute("responseConsumerURL").ok_or_else(broken)?;
    let consumer = HttpUrl::try_from(consumer.to_owned()).map_err(|_| broken())?;
    if consumer.origin() != page.origin() {
        return Err(misbehaved("the service provider wants the response sent to another host"));
    }
    let mut back = Zeroizing::new(String::new());
    if let Some(message) = paos.attribute("messageID") {
        let _ = write!(
            back,
            "<paos:Response xmlns:paos=\"{}\" xmlns:soap=\"{}\" soap:mustUnderstand=\"1\" \
             soap:actor=\"http://schemas.xmlsoap.org/soap/actor/next\" refToMessageID=\"{}\"/>",
            ns::PAOS,
            ns::SOAP11,
            *escaped(message)
        );
    }
    if let Some(relay_state) = child(header, ns::ECP, "RelayState") {
        // SAML 2.0 Profiles §4.2.4.1: the relay state is returned unchanged.
        back.push_str(&cut(envelope_text, relay_state).ok_or_else(broken)?);
    }
    let without_header = replaced(envelope_text, header, "").ok_or_else(broken)?;
    Ok(Asked {
        envelope: without_header,
        request: request.attribute("ID").ok_or_else(broken)?.to_owned(),
        consumer,
        header: back,
        cookies,
    })
}

impl Asked {
    /// Delivers the identity provider's response to the service provider, with its body byte for byte. Returns the cookies
    /// of the session as one header, and their end.
    pub(super) async fn finish(
        mut self,
        system: &System,
        response: &str,
        names: &[CookieName],
        now: Timestamp,
    ) -> Result<(Zeroizing<String>, Option<Timestamp>), ConnectorError> {
        let broken = || misbehaved("the identity provider's response cannot be handed on");
        let message = {
            let document = parse(response).ok_or_else(broken)?;
            let header = child(document.root_element(), ns::SOAP11, "Header").ok_or_else(broken)?;
            let ours = format!("<soap:Header xmlns:soap=\"{}\">{}</soap:Header>", ns::SOAP11, *self.header);
            replaced(response, header, &ours).ok_or_else(broken)?
        };
        let mut request = Request::new(Bytes::from(message));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.consumer.uri().clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(cookies) = self.cookies.header() {
            request.headers_mut().insert(COOKIE, sensitive(&cookies)?);
        }
        let response = system.send(request).await?;
        // Only the cookies matter, so a redirect to the page is a success and is not followed.
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(match response.status() {
                StatusCode::FORBIDDEN => ConnectorError::Refused,
                status => by_status("the way back to the service provider", status),
            });
        }
        self.cookies.take(&response);
        self.cookies.only(names, now)
    }
}

/// The document with this element replaced.
fn replaced(document: &str, node: roxmltree::Node<'_, '_>, other: &str) -> Option<String> {
    let range = node.range();
    Some([document.get(..range.start)?, other, document.get(range.end..)?].concat())
}

/// The cookies of one host during a login: value and `Max-Age` by name.
#[derive(Default)]
struct Cookies(BTreeMap<String, (Zeroizing<String>, Option<u64>)>);

impl Cookies {
    /// Keeps the cookies that a response sets. The last cookie of a name counts; an empty one, or one whose `Max-Age` is not
    /// positive, deletes it. `Expires` is not read.
    fn take(&mut self, response: &Response<Bytes>) {
        for text in response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = text.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let ages = parts.filter_map(|attribute| attribute.split_once('='));
            let ages = ages.filter(|(attribute, _)| attribute.trim().eq_ignore_ascii_case("max-age"));
            let age = ages.filter_map(|(_, age)| age.trim().parse::<i64>().ok()).next_back();
            let age = age.map(|age| u64::try_from(age).unwrap_or(0));
            let value = value.trim();
            if value.is_empty() || age == Some(0) {
                self.0.remove(name.trim());
            } else {
                self.0.insert(name.trim().to_owned(), (Zeroizing::new(value.to_owned()), age));
            }
        }
    }

    /// All cookies as one header, if there are any.
    fn header(&self) -> Option<Zeroizing<String>> {
        let pairs = self.0.iter().map(|(name, (value, _))| format!("{name}={}", **value));
        Some(Zeroizing::new(pairs.collect::<Vec<_>>().join("; "))).filter(|text| !text.is_empty())
    }

    /// The cookies of these names as one header, and the earliest end among them. All of them must be present.
    fn only(
        self,
        names: &[CookieName],
        now: Timestamp,
    ) -> Result<(Zeroizing<String>, Option<Timestamp>), ConnectorError> {
        let mut header = Zeroizing::new(String::new());
        let mut ends: Option<Timestamp> = None;
        for name in names {
            let (value, age) = self
                .0
                .get(name.as_str())
                .ok_or_else(|| misbehaved("the service provider did not set the cookies of its session"))?;
            if !is_token(value) {
                return Err(misbehaved("the service provider's cookie is no header value"));
            }
            if !header.is_empty() {
                header.push_str("; ");
            }
            let _ = write!(header, "{}={}", name.as_str(), **value);
            let end = age.map(|age| now.saturating_add(Seconds::new(age)));
            ends = [ends, end].into_iter().flatten().min();
        }
        Ok((header, ends))
    }
}
