//! One request to an issuer, authenticated as its client, and bounded in time and size.

use crate::IssuerError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_config::{ForeignClient, HttpUrl, IssuerAuthentication};
use gateway_connectors::back_end::{BackEndClient, Bounds, Connection};
use gateway_domain::secret::Secret;
use gateway_domain::time::Seconds;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The most bytes of an answer. Tokens of issuers that put groups into them have a few kilobytes, key sets with certificates more.
const MAX_ANSWER: usize = 64 * 1024;

/// Whom a request is sent to, and as whom.
pub(crate) struct Exchange<'a> {
    client: &'a BackEndClient,
    timeout: Seconds,
    mapped: &'a ForeignClient,
    secret: Option<Arc<Secret>>,
}

/// What came back.
pub(crate) struct Posted {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl<'a> Exchange<'a> {
    pub(crate) const fn new(
        client: &'a BackEndClient,
        timeout: Seconds,
        mapped: &'a ForeignClient,
        secret: Option<Arc<Secret>>,
    ) -> Self {
        Self { client, timeout, mapped, secret }
    }

    /// Posts a form as this client. It is sent at most once: whatever it asks may be done by it.
    pub(crate) async fn post(&self, url: &HttpUrl, parameters: &[(&str, &str)]) -> Result<Posted, IssuerError> {
        let id = self.mapped.foreign_client_id.as_str();
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(16 * 1024));
        form.extend_pairs(parameters);
        let mut request = Request::new(Bytes::new());
        match (self.mapped.authentication, &self.secret) {
            (IssuerAuthentication::ClientSecretBasic, Some(secret)) => {
                request.headers_mut().insert(AUTHORIZATION, basic(id, secret)?);
            }
            (IssuerAuthentication::ClientSecretPost, Some(secret)) => {
                form.append_pair("client_id", id).append_pair("client_secret", secret.expose());
            }
            (IssuerAuthentication::None, _) => {
                form.append_pair("client_id", id);
            }
            (IssuerAuthentication::ClientSecretBasic | IssuerAuthentication::ClientSecretPost, None) => {
                return Err(IssuerError::Unusable("the client has no secret".to_owned()));
            }
        }
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        *request.method_mut() = Method::POST;
        *request.body_mut() = Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()));
        self.send(url, request).await
    }

    /// Reads a public document, without authentication.
    pub(crate) async fn get(&self, url: &HttpUrl) -> Result<Posted, IssuerError> {
        self.send(url, Request::new(Bytes::new())).await
    }

    /// Redirects are not followed: they are answers like any other.
    async fn send(&self, url: &HttpUrl, mut request: Request<Bytes>) -> Result<Posted, IssuerError> {
        *request.uri_mut() = url.uri().clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let bounds = Bounds { timeout: Duration::from_secs(self.timeout.as_u64()), max_body: MAX_ANSWER };
        let response = self.client.send_on(Connection::Single, request, bounds).await?;
        let status = response.status();
        Ok(Posted { status, body: response.into_body() })
    }
}

/// Id and secret, each encoded as in a form, in `Authorization` (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, IssuerError> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(id), encoded(secret.expose())));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| IssuerError::Unusable("the client's secret cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_encoded_before_they_are_joined() {
        let value = basic("a:b", &Secret::new("p%q r+\u{e9}".to_owned())).unwrap();
        let decoded = STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"a%3Ab:p%25q+r%2B%C3%A9");
    }
}
