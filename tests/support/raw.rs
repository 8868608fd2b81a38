//! Sends HTTP/1.1 in bytes, for requests that no HTTP library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A response in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawResponse {
    /// Everything that was received; empty if the connection was closed without a response.
    pub bytes: Vec<u8>,
}

impl RawResponse {
    /// The status of the first response.
    pub fn status(&self) -> Option<u16> {
        let line = self.text();
        line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// The response as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends these bytes to `http://…` as they are, and reads until the connection is closed. The bytes must ask for that with
/// `Connection: close`.
pub async fn send(base_url: &str, bytes: &[u8]) -> RawResponse {
    let address = base_url.strip_prefix("http://").unwrap_or(base_url);
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // The server may respond and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        response
    };
    let bytes = tokio::time::timeout(Duration::from_secs(20), exchange).await;
    RawResponse { bytes: bytes.expect("an end of the response: send `Connection: close`") }
}
