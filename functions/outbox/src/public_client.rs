//! Sends to addresses of the public Internet alone: tokens to those that applications registered, events to those of the configuration. An address is checked where it is connected to: whoever has a name decides what it resolves to, also between a check and a
//! connection.

use bytes::Bytes;
use gateway_domain::causes;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::public_address::is_public;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{Request, Uri, request};
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// How long an application may take to answer, connecting included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTold {
    #[error("its address is none of the public Internet")]
    NotPublic,
    #[error("it did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answered with the status {0}")]
    Status(u16),
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS: {0}")]
pub struct CannotSetUp(#[from] rustls::Error);

/// The client for such addresses.
#[derive(Debug, Clone)]
pub struct PublicClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    permitted: Permitted,
}

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permitted {
    /// Those of the public Internet, by `https`.
    Public,
    /// Loopback addresses as well, also by `http`: on the machine of a developer alone.
    Loopback,
}

impl Permitted {
    fn permits(self, address: IpAddr) -> bool {
        is_public(address) || (self == Self::Loopback && address.is_loopback())
    }
}

impl PublicClient {
    /// A client that trusts the public authorities, keeps no connection and follows no redirect.
    pub fn new(permitted: Permitted) -> Result<Self, CannotSetUp> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut tcp = HttpConnector::new_with_resolver(Resolver(permitted));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(TIMEOUT));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls.with_webpki_roots().with_no_client_auth());
        let connector = match permitted {
            Permitted::Public => connector.https_only(),
            Permitted::Loopback => connector.https_or_http(),
        };
        let mut builder = Client::builder(TokioExecutor::new());
        let client = builder.pool_max_idle_per_host(0).build(connector.enable_http1().wrap_connector(tcp));
        Ok(Self { client, permitted })
    }

    /// Posts to an application what is of this media type.
    pub(crate) async fn post(&self, uri: &NotificationUri, media_type: &str, body: String) -> Result<(), NotTold> {
        let uri: Uri = uri.as_str().parse().map_err(|error| unreachable(&error))?;
        // A receiver of security events may insist on it (RFC 8935 §2.1).
        let request = Request::post(uri).header(CONTENT_TYPE, media_type).header(ACCEPT, "application/json");
        self.send(request, body, TIMEOUT).await
    }

    /// Sends a request, connecting included within this time. Any 2xx is success; the body of the response is not read.
    pub(crate) async fn send(&self, request: request::Builder, body: String, within: Duration) -> Result<(), NotTold> {
        let request = request.header(CACHE_CONTROL, "no-store").body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| unreachable(&error))?;
        // The connector resolves names alone, and connects to an address that is written as one.
        let host = request.uri().host().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse().is_ok_and(|address| !self.permitted.permits(address)) {
            return Err(NotTold::NotPublic);
        }
        let sent = tokio::time::timeout(within, self.client.request(request)).await;
        let response = sent.map_err(|_| NotTold::TimedOut(within))?.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(NotTold::Status(status.as_u16())) }
    }
}

fn unreachable(error: &(dyn std::error::Error + 'static)) -> NotTold {
    NotTold::Unreachable(causes(error))
}

/// Resolves names to addresses that may be called. The connector gets no others, and connects to nothing else.
#[derive(Debug, Clone, Copy)]
struct Resolver(Permitted);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let permitted = self.0;
        Box::pin(async move {
            // The connector sets the port.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() || !found.iter().all(|address| permitted.permits(address.ip())) {
                return Err(io::Error::other(NotTold::NotPublic));
            }
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn posted(permitted: Permitted, uri: &str) -> String {
        let uri = NotificationUri::parse(uri).unwrap();
        PublicClient::new(permitted).unwrap().post(&uri, "text/plain", String::new()).await.unwrap_err().to_string()
    }

    /// A name is judged by what it resolves to, however it is written.
    #[tokio::test]
    async fn no_address_of_our_own_networks_is_called() {
        for host in ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "[::ffff:127.0.0.1]"] {
            let refused = posted(Permitted::Public, &format!("https://{host}/out")).await;
            assert_eq!(refused, NotTold::NotPublic.to_string(), "{host}");
        }
        for host in ["localhost", "0x7f.1", "2130706433", "127.1"] {
            let refused = posted(Permitted::Public, &format!("https://{host}:9/out")).await;
            assert!(refused.starts_with("it cannot be reached"), "{host}: {refused}");
        }
        let refused = posted(Permitted::Public, "https://localhost:9/out").await;
        assert!(refused.contains(&NotTold::NotPublic.to_string()), "{refused}");
        let private = posted(Permitted::Loopback, "https://10.0.0.1/out").await;
        assert_eq!(private, NotTold::NotPublic.to_string(), "a developer's machine alone");
    }

    #[tokio::test]
    async fn without_tls_only_a_loopback_address_is_called_and_only_where_that_is_permitted() {
        assert_eq!(posted(Permitted::Public, "http://127.0.0.1:9/out").await, NotTold::NotPublic.to_string());
        let refused = posted(Permitted::Loopback, "http://127.0.0.1:9/out").await;
        assert!(refused.starts_with("it cannot be reached"), "{refused}");
    }
}
