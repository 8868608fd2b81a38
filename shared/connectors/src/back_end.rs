//! The HTTP client for back ends and legacy logins. It is bounded in time and size, and follows no redirects.

mod body;
mod clients;
mod quiet;
mod tls;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use crate::response_start::RequestUrl;

pub use body::ResponseBody;
pub use clients::BackEndClients;

/// How long a TCP connection may take to open. A back end in the same region accepts one in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections that were idle for this long are not used again: firewalls and load balancers forget theirs after minutes, without
/// a word. One that the back end has closed before is noticed when it would be used.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// The most idle connections to one back end. A function has one call at a time, whose connectors log in side by side.
const MAX_IDLE: usize = 8;

/// The most bytes of a response's head, and of what is received of its body before it is passed on. API Gateway takes 10 KB of
/// fields; a login may set long cookies.
const MAX_HEAD: usize = 128 * 1024;

/// Why the back end gave no response that can be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackEndError {
    /// There is no connection, because of the name, network, port or TLS (502). The reason is in the log.
    #[error("the back end could not be reached")]
    Unreachable,
    /// There was no complete response within the time allowed (504).
    #[error("the back end did not answer in time")]
    TimedOut,
    /// The response's head or body is larger than allowed (502).
    #[error("the back end's response is too large")]
    TooLarge,
    /// The connection ended early, or the response was not valid HTTP (502).
    #[error("the back end's response is broken")]
    Broken,
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS: {0}")]
pub struct CannotSetUp(#[from] rustls::Error);

/// The bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the first byte sent to the last received, connecting included.
    pub timeout: Duration,
    /// The largest body of a response, in bytes.
    pub max_body: usize,
}

/// An HTTP/1.1 client that reuses its connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BackEndClient {
    /// A client that must not connect has the reason instead.
    inner: Result<Connections, Arc<str>>,
}

/// Two clients: one keeps connections for later exchanges, the other closes each connection after one exchange.
#[derive(Clone, Debug)]
struct Connections {
    kept: Client<quiet::Connector, Full<Bytes>>,
    single: Client<quiet::Connector, Full<Bytes>>,
    connector: quiet::Connector,
}

/// The kind of connection that a request is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// One that may have carried other requests, and may carry more later.
    Kept,
    /// A new one, closed after the response. The request is sent at most once.
    Single,
}

impl BackEndClient {
    /// A client that trusts the public certificate authorities.
    pub fn new() -> Result<Self, CannotSetUp> {
        Ok(Self::over(tls::public()?))
    }

    /// A client that never connects, because its TLS setting is not usable.
    fn closed(reason: String) -> Self {
        Self { inner: Err(reason.into()) }
    }

    fn over(config: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp);
        let connector = quiet::Connector(connector);
        let single = builder().pool_max_idle_per_host(0).retry_canceled_requests(false).build(connector.clone());
        Self { inner: Ok(Connections { kept: builder().build(connector.clone()), single, connector }) }
    }

    /// The same client with connections of its own, which end with it: what one login leaves on a connection is then never read
    /// by another one, of another user.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        let own = |connections: &Connections| Connections {
            kept: builder().build(connections.connector.clone()),
            ..connections.clone()
        };
        Self { inner: self.inner.as_ref().map(own).map_err(Arc::clone) }
    }

    /// Sends one request to the authority of its URI and reads the whole response.
    ///
    /// Only the HTTP client sets `Host` and the framing. A request with an idempotent method (RFC 9110 §9.2.2) is sent once
    /// more if its connection ended before any response, since the back end may have closed a reused connection. One of which
    /// nothing was sent, because the back end had closed the connection before, is sent on another one, whatever its method.
    pub async fn send(&self, request: Request<Bytes>, bounds: Bounds) -> Result<Response<Bytes>, BackEndError> {
        self.send_on(Connection::Kept, request, bounds).await
    }

    /// As [`BackEndClient::send`], on a connection of this kind.
    pub async fn send_on(
        &self,
        connection: Connection,
        request: Request<Bytes>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, BackEndError> {
        let whole = async {
            let (head, body) = self.answered(connection, request).await?.into_parts();
            Ok(Response::from_parts(head, body.to_end(bounds.max_body).await?))
        };
        tokio::time::timeout(bounds.timeout, whole).await.unwrap_or(Err(BackEndError::TimedOut))
    }

    /// As [`BackEndClient::send_on`], but no more than the head of the response is waited for, at most as long as `timeout`:
    /// the body is still to be received.
    pub async fn open(
        &self,
        connection: Connection,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<ResponseBody>, BackEndError> {
        let answered = tokio::time::timeout(timeout, self.answered(connection, request)).await;
        answered.unwrap_or(Err(BackEndError::TimedOut))
    }

    async fn answered(
        &self,
        connection: Connection,
        request: Request<Bytes>,
    ) -> Result<Response<ResponseBody>, BackEndError> {
        // After a container was frozen, back ends may have closed its connections: yield once, so that they notice it.
        tokio::task::yield_now().await;
        let mut may_repeat = connection == Connection::Kept && request.method().is_idempotent();
        let mut idle = if connection == Connection::Kept { MAX_IDLE } else { 0 };
        loop {
            match self.exchange(connection, request.clone()).await {
                // Each time one idle connection is given up, and a new one never has this outcome.
                Err(Failure::NotSent) if idle > 0 => idle = idle.saturating_sub(1),
                Err(Failure::Closed) if may_repeat => may_repeat = false,
                outcome => return outcome.map_err(Failure::outcome),
            }
        }
    }

    async fn exchange(
        &self,
        connection: Connection,
        request: Request<Bytes>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let request = with_length(request);
        let host = request.uri().authority().cloned();
        let url = RequestUrl(request.uri().clone());
        let host = host.as_ref().map(Authority::as_str);
        let connections = self.inner.as_ref().map_err(|reason| {
            tracing::error!(host, %reason, "a back end cannot be called");
            Failure::Final(BackEndError::Unreachable)
        })?;
        let client = match connection {
            Connection::Kept => &connections.kept,
            Connection::Single => &connections.single,
        };
        let mut request = request.map(Full::new);
        let used = capture_connection(&mut request);
        let response = client.request(request).await.map_err(|error| {
            let failure = if was_not_sent(&error) {
                return Failure::NotSent;
            } else if is_timeout(&error) {
                BackEndError::TimedOut
            } else if error.is_connect() {
                BackEndError::Unreachable
            } else if is_closed(&error) {
                return Failure::Closed;
            } else if is_too_large(&error) {
                BackEndError::TooLarge
            } else {
                BackEndError::Broken
            };
            let reason = causes(&error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
            tracing::warn!(host, reason, "a back end gave no response");
            Failure::Final(failure)
        })?;
        let (mut head, body) = response.into_parts();
        // Of two framings, another implementation on the way may have believed the other one: what follows is somebody's request
        // or response (RFC 9112 §6.3). No other request is sent on that connection, even if its body has been received.
        let is_framed_twice = head.headers.contains_key(TRANSFER_ENCODING) && head.headers.contains_key(CONTENT_LENGTH);
        if head.status == StatusCode::SWITCHING_PROTOCOLS || is_framed_twice {
            tracing::warn!(host, is_framed_twice, "a back end gave a response that cannot be passed on");
            if let Some(connection) = used.connection_metadata().as_ref() {
                connection.poison();
            }
            return Err(Failure::Final(BackEndError::Broken));
        }
        head.extensions.insert(url);
        Ok(Response::from_parts(head, ResponseBody::new(body)))
    }
}

/// What every client has in common.
fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).pool_max_idle_per_host(MAX_IDLE);
    builder.http1_max_buf_size(MAX_HEAD);
    builder
}

/// A POST, PUT or PATCH without content states so (RFC 9110 §8.6), since some servers otherwise respond with 411.
fn with_length(mut request: Request<Bytes>) -> Request<Bytes> {
    if request.body().is_empty() && matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    request
}

/// How one attempt failed.
enum Failure {
    /// The connection could not be used again, and nothing of the request was sent.
    NotSent,
    /// The connection ended before any byte of a response.
    Closed,
    /// Another attempt would not help, or would not be safe.
    Final(BackEndError),
}

impl Failure {
    const fn outcome(self) -> BackEndError {
        match self {
            Self::NotSent | Self::Closed => BackEndError::Broken,
            Self::Final(error) => error,
        }
    }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn was_not_sent(error: &(dyn StdError + 'static)) -> bool {
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.any(|io| io.get_ref().is_some_and(|inner| inner.downcast_ref::<quiet::NotQuiet>().is_some()))
}

fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large))
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == io::ErrorKind::TimedOut)
}

fn is_closed(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
            || cause
                .downcast_ref::<io::Error>()
                .is_some_and(|io| matches!(io.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
    })
}

#[cfg(test)]
mod tests;
