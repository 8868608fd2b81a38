//! Sends the requests of one connector's logins, bounded in time and in the size of their responses.

use std::time::Duration;

use bytes::Bytes;
use gateway_domain::time::Seconds;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode, Uri};

use super::{misbehaved, unavailable};
use crate::ConnectorError;
use crate::back_end::{BackEndClient, BackEndError, Bounds, Connection};

/// The largest response to any request of a login, in bytes. It is ten times as long as a large assertion.
const MAX_RESPONSE: usize = 256 * 1024;

/// The client of one connector, with the timeout of its logins.
pub(super) struct System {
    client: BackEndClient,
    timeout: Duration,
}

impl System {
    pub(super) fn new(client: BackEndClient, timeout: Seconds) -> Self {
        Self { client, timeout: Duration::from_secs(timeout.as_u64()) }
    }

    /// Bounds the time of a whole login.
    pub(super) async fn within<T>(
        &self,
        login: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        tokio::time::timeout(self.timeout, login)
            .await
            .unwrap_or_else(|_| Err(unavailable("the login did not end in time")))
    }

    /// Posts a body of this type. Redirects are not followed: they are responses like any other.
    pub(super) async fn post(
        &self,
        uri: &Uri,
        content_type: &'static str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ConnectorError> {
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.send(request).await
    }

    /// Sends a request, on a connection of its own: what is left on it is never read by the login of another user.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ConnectorError> {
        let bounds = Bounds { timeout: self.timeout, max_body: MAX_RESPONSE };
        self.client.send_on(Connection::Single, request, bounds).await.map_err(|error| match error {
            BackEndError::Unreachable | BackEndError::TimedOut => unavailable(&error.to_string()),
            BackEndError::TooLarge | BackEndError::Broken => misbehaved(&error.to_string()),
        })
    }
}

/// The error for a response without success, by its status alone.
pub(super) fn by_status(step: &str, status: StatusCode) -> ConnectorError {
    let text = format!("{step} was answered with status {}", status.as_u16());
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => ConnectorError::Unavailable(text),
        _ if status.is_server_error() => ConnectorError::Unavailable(text),
        _ => ConnectorError::Misbehaved(text),
    }
}

/// The body of a response as text.
pub(super) fn text(response: &Response<Bytes>) -> Result<&str, ConnectorError> {
    std::str::from_utf8(response.body()).map_err(|_| misbehaved("the response is not UTF-8"))
}
