//! One exchange with a KDC over TCP (RFC 4120 §7.2.2), bounded in time and size.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_config::connector::Kdc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::failure::Failure;

/// The largest response, in bytes. A ticket for a user in a thousand groups has about 50 KB.
const MAX_RESPONSE: u32 = 256 * 1024;

/// The KDCs of a realm.
pub(super) struct Kdcs {
    addresses: Vec<Kdc>,
    /// The index of the KDC that responded last. It is asked first, so a KDC that is down costs its share of the time once
    /// and not at every login.
    last: AtomicUsize,
    /// How long each KDC may take.
    share: Duration,
}

impl Kdcs {
    /// The KDCs at these addresses, which share this timeout equally.
    pub(super) fn new(addresses: &[Kdc], timeout: Duration) -> Self {
        let share = timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        Self { addresses: addresses.to_vec(), last: AtomicUsize::new(0), share }
    }

    /// The response of the first KDC that responds.
    pub(super) async fn ask(&self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        let first = self.last.load(Ordering::Relaxed);
        let mut failure = Failure::Silent("no KDC is configured".to_owned());
        for index in (0..self.addresses.len()).map(|offset| (first + offset) % self.addresses.len()) {
            let Some(kdc) = self.addresses.get(index) else { continue };
            match tokio::time::timeout(self.share, exchange(kdc, request)).await {
                Ok(Ok(response)) => {
                    self.last.store(index, Ordering::Relaxed);
                    return Ok(response);
                }
                Ok(Err(Broken::Io(kind))) => failure = Failure::Silent(format!("KDC {kdc}: {kind}")),
                Ok(Err(Broken::TooLarge)) => return Err(Failure::Broken("the KDC's response is too large")),
                Err(_) => failure = Failure::Silent(format!("KDC {kdc} did not answer in time")),
            }
        }
        Err(failure)
    }
}

enum Broken {
    Io(std::io::ErrorKind),
    TooLarge,
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// Sends one message and receives one. Each is preceded by its length in 4 bytes.
async fn exchange(kdc: &Kdc, request: &[u8]) -> Result<Vec<u8>, Broken> {
    let length = u32::try_from(request.len()).map_err(|_| Broken::TooLarge)?;
    let mut stream = TcpStream::connect((kdc.host(), kdc.port())).await?;
    stream.set_nodelay(true)?;
    let mut framed = Vec::with_capacity(request.len().saturating_add(4));
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(request);
    stream.write_all(&framed).await?;
    let length = stream.read_u32().await?;
    if length > MAX_RESPONSE {
        return Err(Broken::TooLarge);
    }
    let mut response = Vec::new();
    stream.take(length.into()).read_to_end(&mut response).await?;
    if u32::try_from(response.len()) != Ok(length) {
        return Err(Broken::Io(std::io::ErrorKind::UnexpectedEof));
    }
    Ok(response)
}
