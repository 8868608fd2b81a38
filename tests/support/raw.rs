//! HTTP/1.1 in bytes, for requests that no proper client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// Everything that came back; empty if the connection was just closed.
    pub bytes: Vec<u8>,
}

impl RawAnswer {
    /// The status of the (first) answer.
    pub fn status(&self) -> Option<u16> {
        let line = self.text();
        line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// The answer as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends these bytes to `http://…` as they are, and reads until the connection ends, which `Connection: close` in them
/// makes it do.
pub async fn send(base_url: &str, bytes: &[u8]) -> RawAnswer {
    let address = base_url.strip_prefix("http://").unwrap_or(base_url);
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // The other side may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let bytes = tokio::time::timeout(Duration::from_secs(20), exchange).await;
    RawAnswer { bytes: bytes.expect("an end of the answer: send `Connection: close`") }
}
